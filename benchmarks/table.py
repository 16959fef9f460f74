"""From samples to medians, ratios and tables of Markdown. Nothing here measures."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.workloads import Target

Results = Mapping[str, Mapping[str, Any]]
"""By workload and command the samples of each measure: ``wall``, ``after`` and ``cpu`` in seconds,
``memory`` and ``together`` in megabytes, as measure.py has them; and in ``errors`` what a command
that failed has printed."""

HEAD = (
    "| workload | command | seconds | least–most | CPU seconds | MB | MB of all | "
    "× seconds | × CPU | × MB |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|"
)
TARGETS_HEAD = "| workload | at most | limit | measured | |\n|---|---|--:|--:|---|"
UNITS = {"wall": "s", "cpu": "s", "memory": "MB"}
NAMES = {"wall": "", "cpu": "CPU time", "memory": "memory"}


def medians(samples: Mapping[str, Any]) -> dict[str, float]:
    """Of what was measured: nothing where each try failed."""
    measures = samples.keys() - {"errors"}
    return {measure: statistics.median(samples[measure]) for measure in measures}


def ratio(of: float, to: float) -> float:
    """How many times the one is the other; infinite where that is nothing."""
    return of / to if to else float("inf")


def rows(workload: str, commands: Mapping[str, Any]) -> list[str]:
    """The rows of a workload. The first command is this package, and its measures are divided by
    those of each other."""
    lines = []
    first: dict[str, float] = {}
    for number, (command, samples) in enumerate(commands.items()):
        errors, median = samples.get("errors", []), medians(samples)
        cells = ["" if number else workload, command]
        if errors:
            cells[1] += f", failed {len(errors)} ×: {summary(errors[-1])}"
        if not median:
            cells += [""] * 8
        else:
            cells += [
                f"{median['wall']:.2f}",
                f"{min(samples['wall']):.2f}–{max(samples['wall']):.2f}",
                f"{median['cpu']:.2f}",
                f"{median['memory']:.0f}",
                f"{max(median['memory'], median['together']):.0f}",
            ]
            if number and first:
                for measure in ("wall", "cpu", "memory"):
                    cells.append(f"{ratio(first[measure], median[measure]):.2f}")
            else:
                cells += [""] * 3
            first = median if number == 0 else first
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def summary(error: str) -> str:
    """The line of what a command has printed that says best why it failed."""
    lines = error.strip().splitlines() or [""]
    named = [line for line in lines if re.search(r"\w(Error|Exception)\b.*: ", line)]
    return [*lines, *named][-1].replace("|", "/")


@dataclass
class Verdict:
    limit: float
    measured: float

    @property
    def held(self) -> bool:
        return self.measured <= self.limit


def judged(target: Target, results: Results, own: str) -> Verdict | None:
    """A target held against the medians, or None where something that it needs was not measured."""
    needed = [(target.workload, own), (target.workload, target.against)]
    needed += [(target.plus, own)] if target.plus else []
    found = []
    for workload, command in needed:
        median = medians(results.get(workload, {}).get(command, {}))
        if not median:
            return None
        found.append(median[target.measure])
    measured, against, *more = found
    return Verdict(target.times * against + target.seconds + sum(more), measured)


def targets_table(targets: Sequence[Target], results: Results, own: str) -> str:
    lines = [TARGETS_HEAD]
    for target in targets:
        verdict = judged(target, results, own)
        if verdict:
            unit, digits = UNITS[target.measure], 0 if target.measure == "memory" else 2
            cells = [
                target.workload,
                bound(target),
                f"{verdict.limit:.{digits}f} {unit}",
                f"{verdict.measured:.{digits}f} {unit}",
                "held" if verdict.held else f"missed, {verdict.measured / verdict.limit:.2f} ×",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def bound(target: Target) -> str:
    """A target in words."""
    text = f"{target.times:g} × {target.against}"
    text += f" + {target.seconds:g} s" if target.seconds else ""
    text += f" + {target.plus}" if target.plus else ""
    return f"{NAMES[target.measure]} {text}".strip()


def full_table(results: Results) -> str:
    lines = [HEAD]
    for workload, commands in results.items():
        lines += rows(workload, commands)
    return "\n".join(lines)


def replaced(page: str, content: str, begin: str, end: str) -> str:
    """A page with other content between two lines.

    Raises:
        ValueError: the page has not both of them, each once.
    """
    if page.count(begin) != 1 or page.count(end) != 1:
        raise ValueError(f"the page has not {begin} and {end} once each")
    head, _, rest = page.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}\n\n{content}\n\n{end}{tail}"
