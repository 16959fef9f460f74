"""Prints what held where: ``python tests/matrix/table.py`` after ``nox`` has run sessions."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

RESULTS = Path(__file__).parents[2] / ".nox" / "results"


@dataclass(frozen=True)
class Environment:
    """What held in one environment: ``holds``, ``fails`` or ``-`` (left out) by check."""

    name: str
    checks: dict[str, str]
    seconds: float
    form: str
    notes: list[str]


def read(path: Path) -> Environment:
    """Read pytest's report of one session, and what noxfile.py has written about it."""
    (suite,) = ElementTree.parse(path).getroot()
    about = json.loads(path.with_suffix(".json").read_text())
    checks = {}
    for case in suite.iter("testcase"):
        kinds = {child.tag for child in case}
        name = case.get("name", "").partition("[")[2][:-1]
        checks[name] = "fails" if kinds & {"failure", "error"} else "-" if kinds else "holds"
    seconds = float(suite.get("time", "0"))
    return Environment(path.stem, checks, seconds, about["form"], about["notes"])


def table(environments: list[Environment]) -> list[str]:
    """Rows are checks, columns environments (numbered, and named below)."""
    checks = list(dict.fromkeys(name for env in environments for name in env.checks))
    width = max(map(len, checks))
    lines = [" " * width + "".join(f"{i + 1:>7}" for i in range(len(environments)))]
    for check in checks:
        cells = [env.checks.get(check, "") for env in environments]
        lines.append((check.ljust(width) + "".join(f"{cell:>7}" for cell in cells)).rstrip())
    lines.append("")
    for number, env in enumerate(environments, 1):
        ended = [result for result in env.checks.values() if result != "-"]
        held = f"{ended.count('holds')} of {len(ended)} hold"
        lines.append(f"{number:>3}  Python {env.name}: {held}, {env.form}, {env.seconds:.0f} s")
        lines += [f"       {note} (no wheel for this Python)" for note in env.notes]
    return lines


def main() -> int:
    environments = [read(path) for path in RESULTS.glob("*.xml")]
    if not environments:
        print("no results - run nox first")
        return 1
    environments.sort(key=lambda env: _parts(env.name))
    print("\n".join(table(environments)))
    return 0


def _parts(name: str) -> list[tuple[int, str]]:
    parts = name.replace(".", " ").split()
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]


if __name__ == "__main__":
    sys.exit(main())
