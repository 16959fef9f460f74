"""Flags whose values do nothing, or not all that they seem to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from ..document.reader import Notebook
from ..flags import languages
from ..flags.discover import Discovered, assigned_again, assigned_again_warning
from ..flags.languages.source import Source
from ..flags.sources import parameters
from .findings import NOTE, WARNING, Finding

_BY_OTHER_NAMES = re.compile(
    r"\b(?:globals|locals|vars|dir|exec|eval|get_ipython|environb?|getenv|__main__|inspect|argv"
    r"|_getframe|FLAG_\w*)\b|sys\.modules|(?:^|\n)[ \t]*%(?:run|store|who|whos|save)\b|/proc/"
)
"""What may read a variable that it does not name, or the values of flags elsewhere."""

_NAME = re.compile(r"[^\W\d]\w*")


def findings(
    notebook: Notebook, found: Discovered, given: Collection[str] = ()
) -> Iterator[Finding]:
    """What there is to say of the flags of a notebook of Python. Those that are ``given`` values,
    or that the notebook declares, are meant to be used: of others it is good to know."""
    if languages.name_of(notebook) != "python":
        return
    declared = found.source not in ("assignments", "none")
    levels = {name: WARNING if declared or name in given else NOTE for name in found.flags}
    yield from _reaching_nothing(notebook, found, levels)
    for flag, changes in assigned_again(found.flags.values(), found.cells):
        cell, change = changes[0]
        line, column = Source(cell.text).position(change.start)
        text = assigned_again_warning(flag, changes)
        level = levels[flag.name]
        yield Finding(cell.index, line, column + 1, "flag-assigned-again", level, text)


def _reaching_nothing(
    notebook: Notebook, found: Discovered, levels: dict[str, str]
) -> Iterator[Finding]:
    cells = parameters.kept_cells(notebook)
    if any(cell.is_code and _BY_OTHER_NAMES.search(cell.source) for cell in cells):
        return
    flags = {
        name: flag
        for name, flag in found.flags.items()
        if _NAME.fullmatch(name) and flag.kind != "pattern" and flag.sites
    }
    counts = dict.fromkeys(flags, 0)
    for cell in cells if flags else ():
        if cell.is_code:
            source = Source(cell.source)
            text, comments = source.plain, source.scan.comments if source.is_python else []
            ends = [0, *(end for _, end in comments)]
            starts = [*(start for start, _ in comments), len(text)]
            text = " ".join(text[end:start] for end, start in zip(ends, starts))
            for match in _NAME.finditer(text):
                if match.group() in counts:
                    counts[match.group()] += 1
    for name, flag in flags.items():
        if counts[name] <= len(flag.sites):
            site = flag.sites[0]
            line, column = Source(notebook.cells[site.cell].source).position(site.start)
            text = (
                f"flag {flag.label} reaches no cell: nothing reads {flag.name} - use it where its "
                "value is to count, or take it out"
            )
            yield Finding(
                site.cell, line, column + 1, "flag-reaches-nothing", levels[flag.name], text
            )
