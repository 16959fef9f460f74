"""``guild-notebook check``: what would go wrong in a run of a notebook; executes nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Generator, Sequence

from ..analysis import checks
from ..analysis.findings import LEVELS, NOTE, Finding
from ..document.reader import Notebook
from ..flags.discover import Discovered

_GITHUB = {"error": "error", "warning": "warning", "note": "notice"}


def lines(nb: Notebook, found: Discovered, form: str) -> Generator[str, None, int]:
    """What there is to say of a notebook, in the ``form`` "text", "json" or "github"; returns 1
    where there are errors or warnings, else 0."""
    findings = checks.findings(nb, found)
    if form == "json":
        yield json.dumps({"notebook": nb.path, "findings": list(map(dataclasses.asdict, findings))})
    elif form == "github":
        yield from (_annotation(nb, each) for each in findings)
    else:
        yield from (_line(nb, each) for each in findings)
        yield _summary(findings)
    return int(any(each.level != NOTE for each in findings))


def _line(nb: Notebook, each: Finding) -> str:
    place = f"{nb.path}:cell {each.cell + 1}:{each.line}:{each.column}"
    return f"{place}: {each.level}: {each.text} ({each.rule})"


def _summary(findings: Sequence[Finding]) -> str:
    said = [level for each in LEVELS if (level := _counted(findings, each))]
    return ", ".join(said) or "nothing is found that would go wrong in a run"


def _counted(findings: Sequence[Finding], level: str) -> str:
    number = sum(each.level == level for each in findings)
    return f"{number} {level}{'s' * (number != 1)}" if number else ""


def _annotation(nb: Notebook, each: Finding) -> str:
    """A command of a GitHub workflow, which shows what is found at the file."""
    text = each.text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    path = nb.path.replace("%", "%25").replace(",", "%2C").replace(":", "%3A")
    return f"::{_GITHUB[each.level]} file={path},title={each.rule}::{text}"
