"""Flags and source differences as ``guild-notebook`` prints them, for people and machines."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from ..document.reader import Notebook
from ..flags import languages, validate
from ..flags.discover import Discovered
from ..flags.languages import literals
from ..flags.languages.scanner import NEWLINE
from ..flags.languages.source import Source
from ..flags.languages.values import MOST_BITS, shortened
from ..flags.model import Flag, Site, Skipped

_WIDEST = 40


def json_data(nb: Notebook, found: Discovered) -> dict[str, Any]:
    """The flags of a notebook as JSON data. Cells count from 0, lines from 1, columns are
    characters from 0, the end of a span is exclusive."""
    sources: dict[int, Source] = {}
    for flag in found.flags.values():
        for site in flag.sites:
            sources.setdefault(site.cell, Source(nb.cells[site.cell].source))
    return {
        "notebook": nb.path,
        "language": languages.name_of(nb),
        "source": found.source,
        "flags": [_flag_data(flag, sources) for flag in found.flags.values()],
        "skipped": [
            {"cell": s.cell, "line": s.line, "source": s.source, "reason": s.reason}
            for s in found.skipped
        ],
        "warnings": found.warnings,
    }


def _flag_data(flag: Flag, sources: Mapping[int, Source]) -> dict[str, Any]:
    return {
        "name": flag.name,
        "kind": flag.kind,
        "type": flag.type,
        "default": _json(flag.default),
        "default_source": flag.default_source,
        "computed": flag.computed,
        "choices": None if flag.choices is None else [_json(choice) for choice in flag.choices],
        "allow_other": flag.allow_other,
        "min": _json(flag.min),
        "max": _json(flag.max),
        "step": _json(flag.step),
        "description": flag.description,
        "group": flag.group,
        "sites": [_site_data(site, sources[site.cell]) for site in flag.sites],
    }


def _site_data(site: Site, source: Source) -> dict[str, Any]:
    first, last = source.position(site.start), source.position(site.end)
    return {"cell": site.cell, "line": first[0], "span": [*first, *last]}


def _json(value: Any) -> Any:
    """``value`` in JSON's types; what JSON lacks is a list, or the text of the literal."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return literals.write(value)
    if isinstance(value, (set, frozenset)):
        return [_json(item) for item in sorted(value, key=repr)]
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {k if isinstance(k, str) else literals.write(k): _json(v) for k, v in value.items()}
    return value


def json_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """``document`` as JSON text, each item of its lists on a line; json's own indenting is slow."""
    yield "{"
    last = list(document)[-1]
    for key, value in document.items():
        comma = "" if key == last else ","
        if not isinstance(value, list) or not value:
            yield f' "{key}": {json.dumps(value)}{comma}'
            continue
        yield f' "{key}": ['
        yield from (f"  {json.dumps(item)}," for item in value[:-1])
        yield f"  {json.dumps(value[-1])}"
        yield f" ]{comma}"
    yield "}"


def text_lines(nb: Notebook, found: Discovered) -> Iterator[str]:
    """The table of flags, then what was passed over with the reason, then the warnings."""
    if found.flags:
        rows = [("FLAG", "TYPE", "DEFAULT", "ALLOWED", "DESCRIPTION", "CELL")]
        yield from _table(rows + [_row(flag) for flag in found.flags.values()])
    else:
        yield f"{nb.path} has no flags"
    if found.skipped:
        yield ""
        yield "Passed over:"
        yield from map(_skipped_line, found.skipped)
    if found.warnings:
        yield ""
        yield from (f"Warning: {warning}" for warning in found.warnings)


def _row(flag: Flag) -> tuple[str, ...]:
    cells = dict.fromkeys(site.cell for site in flag.sites)
    return (
        flag.name,
        flag.type or "",
        shortened(flag.default_source, _WIDEST) + (" (differs)" if flag.mixed else ""),
        shortened(_allowed(flag), _WIDEST),
        shortened(flag.description, _WIDEST),
        ", ".join(map(str, cells)),
    )


def _allowed(flag: Flag) -> str:
    if flag.choices is None:
        return validate.bounds_text(flag)
    choices = flag.choice_sources or [literals.display(choice) for choice in flag.choices]
    return ", ".join(choices) + (", or other" if flag.allow_other else "")


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip()


def _skipped_line(skipped: Skipped) -> str:
    source = shortened(skipped.source, 60)
    return f"  cell {skipped.cell}, line {skipped.line}: {source} ({skipped.reason})"


def diff_lines(nb: Notebook, sources: Mapping[int, str]) -> Iterator[str]:
    """Unified diffs from the notebook's own cells to their new ``sources``, by cell index."""
    for index, new in sorted(sources.items()):
        old = NEWLINE.split(nb.cells[index].source)
        name = f"{nb.path} cell {index}"
        yield from difflib.unified_diff(old, NEWLINE.split(new), name, name, lineterm="")
