"""The data of the page that compares runs: plain data that JSON has, each thing in it once.

What repeats (sources, outputs, images) is named by its place in a list. Numbers that JSON lacks are
the texts "nan", "inf" and "-inf", in flags, scalars and curves. ``start``, where it is there, is
what the page opens with, as its addresses have it. The data is::

    {"schema": 1, "title", "made", "version", "live", "start",
     "runs": [{"id", "short", "operation", "label", "tags", "status", "state", "reason", "started",
               "seconds", "flags", "scalars", "name", "section", "failed": SLOT or null,
               "error": {"name", "message"} or null, "report": HREF, "batch",
               "progress": {"cell", "of"} or null}],            newest first
     "flags": [{"name", "varies", "kind": number, text, bool or other, "values", "continuous",
                "log"}],
     "scalars": [{"name", "varies"} and {"ofCell": true}],
     "sections": [{"notebook", "runs": [RUN], "slots": [SLOT]}],
     "slots": [{"name", "section", "change": 0 to 1, "kind", "plots": change of images,
                "failed": NUMBER OF RUNS, "reached": [FLAG] or null, "unexplained",
                "sources": [SOURCE]}],
     "cells": [for each slot [for each run of its section
               {"hole"} and {"n", "state", "seconds", "cpu", "memory", "gpu", "source",
                             "outputs": [OUTPUT]} and {"shared": true}, or null]],
     "sources": [TEXT],
     "outputs": [{"kind": "text", "from", "text", "cut"},       characters that are left out
                 {"kind": "table", "columns", "index", "rows", "cut"},   rows that are left out
                 {"kind": "image", "image": IMAGE, "text"},
                 {"kind": "error", "name", "message", "text", "cut"},
                 {"kind": "figure", "text"}],
     "images": [{"digest", "mime", "bytes", "width", "height", "thumb": URL or ""}],
     "curves": [{"scalar", "run", "points": [[STEP, VALUE]]}]}

Each output has ``same`` besides, a text that those have in common that a reader would call the
same. A text output in which something is no difference (volatile.py) has ``plain``, the text with
words in its place.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .. import __version__
from ..document import states
from ..document.measures import is_measure
from ..run.run_facts import value_text
from ..texts import cut_end, number
from . import matching, ranking, reach, thumbnails
from .differences import fingerprint
from .model import ERROR, FIGURE, IMAGE, TABLE, TEXT, Cell, Image, Output, Run, Scalar, Section
from .volatile import Mask

TEXT_LIMITS = (20_000, 5_000, 1_000, 300)
"""Characters of an output: the most that leave all outputs within MOST_TEXT, or the last."""

MOST_TEXT = 30_000_000
"""Characters of all outputs of a page."""

MOST_ROWS, MOST_CELLS, LONGEST_ENTRY = 200, 20_000, 300
"""Of a table its rows, its entries, and the characters of one."""

MOST_POINTS, FEWEST_POINTS = 300_000, 10
"""Points of all curves of a page, and of one."""

LONGEST_NAME, LONGEST_VALUE = 120, 40
"""Characters of a run's name, and of the value of a flag in it."""

MOST_EXACT = 2**53
"""The largest integer that is a number in JavaScript with all of its digits."""

LONGEST_FLAG = 1_000
"""Characters of a flag's value that is a text, a list or a mapping."""

_FIGURE = "an interactive figure: the report has it"


def page_data(
    runs: Iterable[Run],
    *,
    live: bool = False,
    href: Callable[[Run], str] = lambda run: "",
) -> tuple[dict[str, Any], dict[str, Image]]:
    """The data of a page of ``runs``, and the images that it shows, by their digests. ``href`` is
    asked for the address of each run's report. A page that is ``live`` is asked for often, and has
    no thumbnails."""
    return _PageData(list(runs), href, live).made()


class _PageData:
    def __init__(self, runs: list[Run], href: Callable[[Run], str], live: bool) -> None:
        self._live = live
        self._thumbnails = thumbnails.made(_images(runs))  # first, as images are then compared
        self._addresses = {run.id: href(run) for run in runs}
        self._sections = matching.sections(_with_notebooks(runs))
        self._runs = sorted(
            (run for section in self._sections for run in section.runs),
            key=lambda run: run.started.timestamp() if run.started else -math.inf,
            reverse=True,
        )
        self._place = {run.id: index for index, run in enumerate(self._runs)}
        self._limit = _text_limit(self._runs)
        self._flags = _flags(self._runs)
        self._slots: list[dict[str, Any]] = []
        self._cells: list[list[dict[str, Any]]] = []
        self._section_of: dict[str, int] = {}
        self._failed_slot: dict[str, int] = {}
        self._sources: dict[str, int] = {}
        self._outputs: dict[str, int] = {}
        self._images: dict[str, Image] = {}
        self._image_places: dict[str, int] = {}

    def made(self) -> tuple[dict[str, Any], dict[str, Image]]:
        sections = [self._section(number, section) for number, section in enumerate(self._sections)]
        names = run_names(self._runs, [flag["name"] for flag in self._flags if flag["varies"]])
        data = {
            "schema": 1,
            "title": _title(self._runs),
            "made": _iso(datetime.datetime.now(datetime.timezone.utc)),
            "version": __version__,
            "live": self._live,
            "runs": [self._run(run, name) for run, name in zip(self._runs, names)],
            "flags": self._flags,
            "scalars": _scalars(self._runs),
            "sections": sections,
            "slots": self._slots,
            "cells": self._cells,
            "sources": list(self._sources),
            "outputs": [json.loads(text) for text in self._outputs],
            "images": self._listed_images(),
            "curves": _curves(self._runs),
        }
        return data, self._images

    def _section(self, number: int, section: Section) -> dict[str, Any]:
        own: list[int] = []
        masks = {run.id: Mask(run) for run in section.runs}
        changes = ranking.slot_changes(section, masks, reach.reached)
        for slot, change in zip(section.slots, changes):
            found = [slot.cell(run) for run in section.runs]
            if not any(cell and cell.kind == "code" for cell in found):
                continue
            place = len(self._slots)
            own.append(place)
            pairs = zip(section.runs, found)
            failed = [run.id for run, cell in pairs if cell and cell.index == run.failed_cell]
            self._failed_slot.update(dict.fromkeys(failed, place))
            self._cells.append(
                [
                    self._cell(cell, matching.hole(run, slot), masks[run.id])
                    for run, cell in zip(section.runs, found)
                ]
            )
            sources = dict.fromkeys(each["source"] for each in self._cells[-1] if "source" in each)
            reached = change.reached
            self._slots.append(
                {
                    "name": slot.name or next(cell.label for cell in found if cell),
                    "section": number,
                    "change": round(change.amount, 4),
                    "kind": change.kind,
                    "plots": round(change.plots, 4),
                    "failed": len(failed),
                    "reached": None if reached is None else sorted(reached),
                    "unexplained": change.is_unexplained,
                    "sources": list(sources),
                }
            )
        self._section_of.update((run.id, number) for run in section.runs)
        runs = [self._place[run.id] for run in section.runs]
        return {"notebook": section.notebook, "runs": runs, "slots": own}

    def _cell(self, cell: Cell | None, hole: str, mask: Mask) -> dict[str, Any]:
        if cell is None:
            return {"hole": hole}
        made = {
            "n": cell.number,
            "state": cell.state,
            "seconds": cell.seconds,
            "cpu": cell.cpu_seconds,
            "memory": cell.peak_memory,
            "gpu": cell.gpu_memory,
            **({"shared": True} if cell.is_shared else {}),
            "source": self._sources.setdefault(cell.source, len(self._sources)),
            "outputs": [self._output(output, mask) for output in cell.outputs],
        }
        return made if made["outputs"] or hole == "no output" else {"hole": hole, **made}

    def _output(self, output: Output, mask: Mask) -> int:
        data = self._output_data(output)
        prints = repr(fingerprint(output, mask)).encode("utf-8", "replace")
        data["same"] = hashlib.sha256(prints).hexdigest()[:12]
        if data["kind"] == TEXT and (plain := mask(data["text"])) != data["text"]:
            data["plain"] = plain
        text = json.dumps(data)
        return self._outputs.setdefault(text, len(self._outputs))

    def _output_data(self, output: Output) -> dict[str, Any]:
        if output.kind == FIGURE:
            return {"kind": FIGURE, "text": _FIGURE}
        if output.kind == TABLE and output.table:
            table = output.table
            columns = table.columns[: MOST_CELLS // 10]
            most = min(MOST_ROWS, MOST_CELLS // max(1, len(columns)))
            rows = [[_short(e) for e in row[: len(columns)]] for row in table.rows[:most]]
            return {
                "kind": TABLE,
                "columns": [_short(column) for column in columns],
                "index": table.index_columns,
                "rows": rows,
                "cut": len(table.rows) - len(rows),
            }
        if output.kind == IMAGE and output.image:
            digest = output.image.digest
            self._images.setdefault(digest, output.image)
            place = self._image_places.setdefault(digest, len(self._image_places))
            return {"kind": IMAGE, "image": place, "text": _short(output.text)}
        text, cut = _cut(output.text, self._limit)
        if output.is_cut:
            text += "\n[more is left out here: the report has it]"
        if output.kind == ERROR:
            message = _cut(output.message, self._limit)[0]
            about = {"name": _short(output.name), "message": message}
            return {"kind": ERROR, **about, "text": text, "cut": cut}
        return {"kind": TEXT, "from": output.source, "text": text, "cut": cut}

    def _listed_images(self) -> list[dict[str, Any]]:
        images = list(self._images.values())
        made = {} if self._live else self._thumbnails
        return [
            {
                "digest": image.digest,
                "mime": image.mime,
                "bytes": image.size,
                **dict(zip(("width", "height"), thumbnails.size(image))),
                "thumb": made.get(image.digest, ""),
            }
            for image in images
        ]

    def _run(self, run: Run, name: str) -> dict[str, Any]:
        to_run = [cell for cell in run.cells if cell.state]
        done = sum(cell.state not in (states.NOT_RUN, states.RUNNING) for cell in to_run)
        progress = {"cell": min(done + 1, len(to_run)), "of": len(to_run)}
        return {
            "id": run.id,
            "short": run.short_id,
            "operation": run.operation,
            "label": run.label,
            "tags": list(run.tags),
            "status": run.status,
            "state": "running" if run.is_going_on else run.state,
            "reason": run.reason,
            "started": _iso(run.started) if run.started else "",
            "seconds": run.seconds,
            "flags": {key: _flag_json(value) for key, value in run.flags.items()},
            "scalars": {key: _number(each.value) for key, each in run.scalars.items()},
            "name": name,
            "section": self._section_of[run.id],
            "failed": self._failed_slot.get(run.id),
            "error": _error(run),
            "report": self._addresses[run.id],
            "batch": run.batch,
            "progress": progress if run.is_going_on and to_run else None,
        }


def _with_notebooks(runs: Iterable[Run]) -> list[Run]:
    """The runs, of which those that have no notebook yet are of that of their operation."""
    runs = list(runs)
    known = {run.operation: run.notebook for run in runs if run.notebook}
    return [
        run if run.notebook else dataclasses.replace(run, notebook=known.get(run.operation, ""))
        for run in runs
    ]


def _images(runs: Iterable[Run]) -> list[Image]:
    outputs = (output for run in runs for cell in run.cells for output in cell.outputs)
    return list({each.image.digest: each.image for each in outputs if each.image}.values())


def _error(run: Run) -> dict[str, str] | None:
    """The exception with which a run has ended."""
    if run.failed_cell is None:
        return None
    for each in reversed(run.cells[run.failed_cell].outputs):
        if each.kind == ERROR:
            return {"name": _short(each.name), "message": _short(each.message)}
    return None


def _title(runs: Sequence[Run]) -> str:
    names = dict.fromkeys(run.operation or run.notebook for run in runs)
    return f"{', '.join(filter(None, names))}: {len(runs)} run{'s' * (len(runs) != 1)}"


def _iso(time: datetime.datetime) -> str:
    utc = time.astimezone(datetime.timezone.utc)
    return utc.isoformat(timespec="seconds").replace("+00:00", "Z")


# Flags and the names of runs


def run_names(runs: Sequence[Run], varying: Sequence[str]) -> list[str]:
    """What each run is called by its flags that vary, or by its ID where they say nothing. Names
    that are the same have the ID behind them."""
    names = []
    for run in runs:
        parts = [
            f"{name}={cut_end(_few_digits(run.flags[name]), LONGEST_VALUE)}"
            for name in varying
            if name in run.flags
        ]
        names.append(cut_end(" ".join(parts), LONGEST_NAME))
    times = Counter(names)
    return [
        (name if times[name] == 1 else f"{name} {run.short_id}") if name else run.short_id
        for run, name in zip(runs, names)
    ]


def _flags(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The flags of all runs, in the order in which the newest run has them."""
    names = list(dict.fromkeys(name for run in runs for name in run.flags))
    found: list[dict[str, Any]] = []
    for name in names:
        values = [_flag_json(run.flags[name]) for run in runs if name in run.flags]
        distinct = list({json.dumps(value): value for value in values}.values())
        kind = _kind(distinct)
        is_number = kind == "number"
        distinct.sort(key=_number_of if is_number else value_text)
        finite = [_number_of(v) for v in distinct if is_number and math.isfinite(_number_of(v))]
        found.append(
            {
                "name": name,
                "varies": len(distinct) > 1 or len(values) < len(runs),
                "kind": kind,
                "values": distinct,
                "continuous": is_number and len(distinct) >= 5 and 2 * len(distinct) > len(values),
                "log": len(finite) > 2 and finite[0] > 0 and finite[-1] / finite[0] >= 100,
            }
        )
    varying = [flag for flag in found if flag["varies"]]
    if len(varying) == 1 and len(varying[0]["values"]) <= 12:
        varying[0]["continuous"] = False  # a sweep of one flag has a column for each of its values
    return found


def _kind(values: Sequence[Any]) -> str:
    if all(isinstance(value, bool) for value in values):
        return "bool"
    if all(
        (isinstance(value, (int, float)) and not isinstance(value, bool))
        or value in ("nan", "inf", "-inf")
        for value in values
    ):
        return "number"
    return "text" if all(isinstance(value, str) for value in values) else "other"


def _number_of(value: Any) -> float:
    number = float(value)
    return -math.inf if math.isnan(number) else number


def _few_digits(value: Any) -> str:
    """As ``value_text``, of what a search has drawn in few digits."""
    return number(value) if isinstance(value, float) else value_text(value)


def _flag_json(value: Any) -> Any:
    """A flag's value in JSON: lists and mappings are texts, as Guild shows them."""
    if isinstance(value, float):
        return _number(value)
    if value is None or (isinstance(value, int) and abs(value) <= MOST_EXACT):
        return value
    return cut_end(value_text(value), LONGEST_FLAG)


def _number(value: float) -> float | str:
    """A number in JSON, those that it lacks as texts."""
    return value if math.isfinite(value) else str(float(value))


# Scalars


def _scalars(runs: Sequence[Run]) -> list[dict[str, Any]]:
    names = dict.fromkeys(name for run in runs for name in run.scalars)
    found: list[dict[str, Any]] = []
    for name in sorted(names, key=is_measure):
        values = {repr(run.scalars[name].value) for run in runs if name in run.scalars}
        has_all = all(name in run.scalars for run in runs)
        of_cell = {"ofCell": True} if is_measure(name) else {}
        found.append({"name": name, "varies": len(values) > 1 or not has_all, **of_cell})
    return found


def _curves(runs: Sequence[Run]) -> list[dict[str, Any]]:
    series = [
        (index, scalar)
        for index, run in enumerate(runs)
        for scalar in run.scalars.values()
        if len(scalar.points) > 1
    ]
    most = max(FEWEST_POINTS, MOST_POINTS // max(1, len(series)))
    return [
        {"scalar": scalar.name, "run": index, "points": _points(scalar, most)}
        for index, scalar in series
    ]


def _points(scalar: Scalar, most: int) -> list[list[Any]]:
    """At most so many points of a curve, the first and the last among them."""
    points = scalar.points
    number = min(most, len(points))
    chosen = [points[round(i * (len(points) - 1) / (number - 1))] for i in range(number)]
    return [[step, _number(float(f"{value:.7g}"))] for step, value in chosen]


# Texts


def _text_limit(runs: Iterable[Run]) -> int:
    lengths = [len(each.text) for run in runs for cell in run.cells for each in cell.outputs]
    fitting = (n for n in TEXT_LIMITS if sum(min(each, n) for each in lengths) <= MOST_TEXT)
    return next(fitting, TEXT_LIMITS[-1])


def _cut(text: str, most: int) -> tuple[str, int]:
    """The beginning and the end of a text that is longer, and how many characters are left out."""
    if len(text) <= most:
        return text, 0
    left_out, half = len(text) - most, most // 2
    said = f"[{left_out:,} characters are left out here: the report has them]"
    return f"{text[:half]}\n{said}\n{text[len(text) - half :]}", left_out


def _short(text: str) -> str:
    return cut_end(text, LONGEST_ENTRY)
