"""Values into the source: every edit is a span of the cell's own text, all are made at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..document.reader import Notebook
from ..errors import FlagError
from . import guild_values
from .discover import Discovered
from .model import Flag, Site


class Edit(NamedTuple):
    """Replace ``start`` to ``end`` of a cell by ``text``, for the flag called ``name``."""

    start: int
    end: int
    text: str
    name: str


def edited(notebook: Notebook, discovered: Discovered, values: Mapping[str, Any]) -> dict[int, str]:
    """The new sources, by cell index, of the cells that ``values`` change.

    ``values`` are those of the run's ``.guild/attrs/flags``; names that the notebook does not
    hold are ignored. Raises FlagError for a value that a flag does not take, for a pattern
    that cannot be used, and where edits overlap.
    """
    for error in discovered.errors.values():
        raise FlagError(error)
    changed = {
        name: flag
        for name, flag in discovered.flags.items()
        if name in values and not guild_values.unchanged(flag, values[name])
    }
    edits: dict[int, list[Edit]] = defaultdict(list)
    for name, flag in changed.items():
        text = guild_values.source_text(flag, guild_values.from_guild(flag, values[name]))
        for site in _own_sites(flag, changed):
            edits[site.cell].append(Edit(site.start, site.end, text, name))
    sources = {cell.index: cell.source for cell in notebook.cells}
    new = {cell: _replaced(cell, sources[cell], cell_edits) for cell, cell_edits in edits.items()}
    return {cell: source for cell, source in new.items() if source != sources[cell]}


def _own_sites(flag: Flag, changed: Mapping[str, Flag]) -> list[Site]:
    """The flag's sites but for those that a flag for one place (``name@place``) sets."""
    others = {
        site
        for name, other in changed.items()
        if name.startswith(f"{flag.name}@")
        for site in other.sites
    }
    return [site for site in flag.sites if site not in others]


def _replaced(cell: int, source: str, edits: list[Edit]) -> str:
    parts = []
    done = Edit(0, 0, "", "")
    for edit in sorted(edits):
        if done.name and (edit.start < done.end or edit[:2] == done[:2]):
            names = " and ".join(dict.fromkeys((done.name, edit.name)))
            raise FlagError(
                f"flag {names} would change the same text of cell {cell} "
                f"({source[edit.start : edit.end]!r}) - make their patterns apart"
            )
        parts += [source[done.end : edit.start], edit.text]
        done = edit
    return "".join([*parts, source[done.end :]])
