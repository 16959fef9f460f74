"""``guild-notebook check``: what would go wrong in a run of a notebook; executes nothing."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import os
from collections import Counter
from collections.abc import Generator, Mapping, Sequence

from .. import options
from ..analysis import checks, paths, reach
from ..analysis.findings import ERROR, LEVELS, NOTE, Finding
from ..document.reader import Notebook, is_inside
from ..errors import KernelError
from ..flags import apply, languages
from ..flags.apply import Assignment
from ..flags.discover import Discovered
from ..kernels import startup
from ..texts import columns, printable
from . import notebook_lines

MOST_CHARACTERS = 500_000
"""Of a notebook, up to which it is said which cells each flag reaches: a second of reading."""

_MOST_OF_GUILD_YML = 1_000_000

_GITHUB = {"error": "error", "warning": "warning", "note": "notice"}


def lines(
    nb: Notebook,
    found: Discovered,
    assigned: Mapping[str, Assignment | None],
    arguments: Sequence[str],
    form: str,
) -> Generator[str, None, int]:
    """What there is to say of a notebook, in the ``form`` "text", "json" or "github"; returns 1
    where there are errors or warnings, else 0. ``assigned`` is by the flags that are given values,
    ``arguments`` are options of the run. Raises UserError for what these are wrong in."""
    settings = {**options.defaults(), **options.from_arguments(arguments, nb.path)}
    folder = os.path.dirname(os.path.abspath(nb.path))
    findings: list[Finding] = []
    checked = checks.Checked(
        nb,
        found,
        folders=[os.getcwd(), folder],
        sources=apply.edited_sources(nb, filter(None, assigned.values())),
        given=list(assigned),
        startup=startup.code(),
        skip_tags=settings["skip-tags"],
        until=settings["until"],
        project=_project(folder, is_in_place=settings["cwd"] == "project"),
    )
    about = functools.partial(_lacking, nb, folder, settings["kernel"], findings)
    findings += checks.findings(checked, about)
    reaches = _reaches(nb, found)
    if form == "json":
        said = list(map(dataclasses.asdict, findings))
        yield json.dumps({"notebook": nb.path, "findings": said, "reaches": reaches}, indent=1)
    elif form == "github":
        places = notebook_lines.lines(nb.path) if findings else {}
        yield from (_annotation(nb, each, places) for each in findings)
    else:
        yield from (_line(nb, each) for each in findings)
        if reaches:
            if findings:
                yield ""
            rows = [(name, _said(cells, checked.indexes)) for name, cells in reaches.items()]
            yield from columns([("FLAG", "REACHES"), *rows])
            yield ""
        yield _summary(findings)
    return int(any(each.level != NOTE for each in findings))


def _project(folder: str, is_in_place: bool) -> paths.Project:
    """Where a notebook in a folder lies: ``guild run PATH`` takes the current folder for the
    project."""
    current = os.getcwd()
    root = current if is_inside(folder, current) else folder
    try:
        with open(os.path.join(root, "guild.yml"), encoding="utf-8", errors="replace") as f:
            brings = f.read(_MOST_OF_GUILD_YML)
    except OSError:
        brings = ""
    return paths.Project(root, folder, brings, is_in_place)


def _lacking(
    nb: Notebook, folder: str, option: str | None, said: list[Finding], modules: Sequence[str]
) -> Mapping[str, str]:
    """Which modules the kernel does not have, each with what to do about it. What there is to say
    of the kernel itself is put into ``said``."""
    from ..kernels.modules import lacking

    try:
        found = lacking(option, nb.kernel_name, languages.name_of(nb), folder, modules)
    except KernelError as e:
        said.append(Finding(0, 1, 1, "missing-kernel", ERROR, str(e)))
        return {}
    if found.why:
        text = f"imports are not checked: {found.why}"
        said.append(Finding(0, 1, 1, "not-read", NOTE, text))
    return found.said


def _reaches(nb: Notebook, found: Discovered) -> dict[str, list[int] | None]:
    """The indexes of the cells that each flag may reach, None where that is not known."""
    if not found.flags or sum(len(cell.source) for cell in nb.cells) > MOST_CHARACTERS:
        return {}
    by_cell = reach.reached(nb, found)
    if None in by_cell.values() and languages.name_of(nb) != "python":
        return dict.fromkeys(found.flags)
    return {
        name: [cell for cell, flags in by_cell.items() if flags is None or name in flags]
        for name in found.flags
    }


def _said(cells: Sequence[int] | None, indexes: Sequence[int]) -> str:
    """``cells 2, 4-6``: positions as in the places of findings, those that follow each other in a
    run as one."""
    if cells is None:
        return "not known"
    numbers = {index: number for number, index in enumerate(indexes)}
    runs = [cell for cell in cells if cell in numbers]
    parts = []
    for _, group in itertools.groupby(enumerate(runs), lambda each: numbers[each[1]] - each[0]):
        each = [cell + 1 for _, cell in group]
        parts.append(str(each[0]) if len(each) == 1 else f"{each[0]}-{each[-1]}")
    return f"cell{'s' * (len(runs) != 1)} {', '.join(parts)}" if runs else "no cell"


def _line(nb: Notebook, each: Finding) -> str:
    place = f"{nb.path}:cell {each.cell + 1}:{each.line}:{each.column}"
    return printable(f"{place}: {each.level}: {each.text} ({each.rule})")


def _summary(findings: Sequence[Finding]) -> str:
    counts = Counter(each.level for each in findings)
    said = [f"{counts[each]} {each}{'s' * (counts[each] != 1)}" for each in LEVELS if counts[each]]
    return ", ".join(said) or "nothing is found that would go wrong in a run"


def _annotation(nb: Notebook, each: Finding, places: Mapping[tuple[int, int], int]) -> str:
    """A command of a GitHub workflow, which shows what is found at the line of the file."""
    cell = f"cell {each.cell + 1}, line {each.line}: {printable(each.text)} ({each.rule})"
    line = places.get((each.cell, each.line))
    path = nb.path.replace("%", "%25").replace(",", "%2C").replace(":", "%3A")
    path = path.replace("\r", "%0D").replace("\n", "%0A")
    at = f",line={line}" if line else ""
    return f"::{_GITHUB[each.level]} file={path}{at},title={each.rule}::{cell.replace('%', '%25')}"
