"""A run directory read as data: what a run is, with its flags, scalars, cells and their outputs.

Whatever a run directory holds, reading it ends with a Run. What runs have in common is read once:
their notebook by its digest, and images, of which those that are the same are one object.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import struct
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from ..document import cells as named_cells
from ..document import reader, states
from ..document.measures import is_measure, measures_of
from ..errors import UserError, said
from ..flags.sources import parameters
from ..run import again, run_scalars
from ..run.finished import FinishedRun
from ..run.record import kernel_record
from ..run.record.run_files import mapping
from ..run.run_facts import STATES, time_of
from ..secrets.masking import MASK
from ..texts import cut_end, one_line
from . import outputs
from .model import Cell, Image, Output, Run, Scalar

LARGEST = 500_000_000
"""Bytes of a notebook that is read."""

LARGEST_ATTRIBUTE = 1_000_000
"""Bytes of an attribute of a run that is read."""

MOST_VALUES = 1_000
"""Values in a flag that is a list or a mapping. YAML's aliases make very many of a few lines."""

LONGEST_REASON = 300
"""Characters of why a run is not completed."""

_FILES = (
    *("flags", "label", "tags", "started", "stopped", "exit_status", "op"),
    *("../manifest", "../LOCK", "../LOCK.remote", "../PENDING", "../STAGED"),
)
"""Files whose change makes another Run, from ``.guild/attrs`` on."""


def read_run(run_dir: str) -> Run:
    """The run in ``run_dir``. Where it cannot be read, its ``reason`` says why."""
    return RunCache().read([run_dir])[0]


def read_runs(run_dirs: Iterable[str]) -> list[Run]:
    """The runs in ``run_dirs``, in this order. No two of them have the same id."""
    return RunCache().read(run_dirs)


def read_notebook(path: str) -> Run:
    """The notebook file at ``path`` as a run without flags, whose operation is the path, and the id
    a digest of that. Raises NotebookError."""
    notebook = reader.read(path)
    names, nodes = named_cells.cell_names(notebook.cells), notebook.data["cells"]
    shared = Shared()
    cells = [
        _cell(cell, node, cell.source, name, str(node.get("id") or ""), shared)
        for cell, node, name in zip(notebook.cells, nodes, names)
    ]
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
    return Run(digest, "", path, notebook=path, cells=cells)


class RunCache:
    """Runs that have been read, each as long as its files stay as they were. What they have in
    common is ``shared`` with other caches."""

    def __init__(self, shared: Shared | None = None) -> None:
        self._runs: dict[str, tuple[Any, Run]] = {}
        self._shared = shared or Shared()

    def read(self, run_dirs: Iterable[str]) -> list[Run]:
        """As ``read_runs``; what is not among ``run_dirs`` any more is forgotten."""
        dirs = [os.path.abspath(run_dir) for run_dir in run_dirs]
        self._shared.batches.clear()
        kept, self._runs = self._runs, {}
        for run_dir in dirs:
            if run_dir not in self._runs:
                self._runs[run_dir] = self._read(run_dir, kept.get(run_dir))
        runs, ids = [], set()
        for run_dir in dirs:
            run = self._runs[run_dir][1]
            if run.id in ids:  # a copy with another name
                run = dataclasses.replace(run, id=run_dir)
            ids.add(run.id)
            runs.append(run)
        return runs

    def _read(self, run_dir: str, kept: tuple[Any, Run] | None) -> tuple[Any, Run]:
        files = FinishedRun(run_dir)
        stamp = _stamp(files)
        if kept and kept[0] == stamp:
            return kept
        try:
            return stamp, _RunReader(files, self._shared).run()
        except Exception as e:  # of what a run directory may hold
            name, why = os.path.basename(run_dir), _line(f"cannot be read: {said(e)}")
            return stamp, Run(name, run_dir, state="failed", reason=why)


def _stamp(run: FinishedRun) -> Any:
    """What differs as soon as a run has been written to."""
    paths = [os.path.join(run.dir, ".guild", "attrs", name) for name in _FILES]
    with contextlib.suppress(OSError):
        paths.append(run.path(run.executed_notebook()))
    paths += [*run_scalars.guild_event_files(run), *run_scalars.event_files(run.dir)]
    status = status_of(run)
    if status == "running":
        paths.append(os.path.join(run.dir, ".guild", "output"))
    stats = []
    for path in paths:
        try:
            found = os.stat(path)
            stats.append((path, found.st_ino, found.st_size, found.st_mtime_ns))
        except (OSError, ValueError):
            stats.append((path, 0, 0, 0))
    return status, stats


@dataclass
class _Version:
    """A version of a notebook, by its kept source: what there is of each cell that a run has, in
    which secret values are masked, and its flags in their order."""

    digest: str = ""
    sources: Sequence[str] = ()
    names: Sequence[str] = ()
    ids: Sequence[str] = ()
    flags: Sequence[str] = ()


class Shared:
    """What runs have in common: images by their digest, and versions of notebooks; the batch whose
    trial each run in a folder is, by the run's name, unless it looks for no batches, which takes a
    look at all runs of the folder."""

    def __init__(self, has_batches: bool = True) -> None:
        self._has_batches = has_batches
        self.images: MutableMapping[str, Image] = WeakValueDictionary()
        self.versions: dict[Any, _Version] = {}
        self.batches: dict[str, dict[str, str]] = {}

    def batch(self, run_dir: str) -> str:
        home, name = os.path.split(run_dir)
        if not self._has_batches:
            return ""
        if home not in self.batches:
            self.batches[home] = dict(_trials(home))
        return self.batches[home].get(name, "")

    def output(self, output: Output) -> Output:
        """The output with the image that is the same as its own."""
        if not output.image:
            return output
        image = self.images.setdefault(output.image.digest, output.image)
        return output if image is output.image else dataclasses.replace(output, image=image)


def _trials(home: str) -> Iterator[tuple[str, str]]:
    """The name of each trial of the batches in a folder, and that of its batch, which has a link
    for each (guild/batch_util.py, _link_to_trial)."""
    try:
        with os.scandir(home) as entries:
            runs = sorted(entry.path for entry in entries)
    except OSError:
        return
    for run_dir in runs:
        if os.path.isdir(os.path.join(run_dir, ".guild", "proto")):
            with contextlib.suppress(OSError), os.scandir(run_dir) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        yield entry.name, os.path.basename(run_dir)


class _RunReader:
    """Reads a run by its ``files``."""

    def __init__(self, files: FinishedRun, shared: Shared) -> None:
        self._files, self._dir, self._shared = files, files.dir, shared
        self._problems: list[str] = []

    def run(self) -> Run:
        files = self._files
        if not os.path.isdir(os.path.join(self._dir, ".guild")):
            raise UserError("it is not a run's directory")
        for path in (".guild/attrs/op", ".guild/attrs/flags", ".guild/manifest", ".guild/opref"):
            self._check_size(path, 10 * LARGEST_ATTRIBUTE)
        status = status_of(files)
        name = os.path.basename(self._dir)
        given_id = self._attribute("id")
        started, stopped = self._attribute("started"), self._attribute("stopped")
        label, tags = self._attribute("label"), self._attribute("tags")
        run = Run(
            id=name if _is_id(name) or not isinstance(given_id, str) else given_id,
            dir=self._dir,
            operation=again.operation(files)[0],
            label="" if label is None else str(label),
            tags=[str(tag) for tag in tags] if isinstance(tags, list) else [],
            status=status,
            state=STATES.get(status, status),
            started=time_of(started),
            seconds=None if status == "running" else _seconds(started, stopped),
            flags=self._flags(),
            scalars=self._scalars(status),
            report=next(iter(files.reports()), ""),
            batch=self._shared.batch(self._dir),
        )
        return self._with_notebook(run)

    def _check_size(self, path: str, most: int) -> None:
        """Raise UserError where a file of the run has more bytes."""
        with contextlib.suppress(OSError):  # it is not there, or not a file of the run
            if os.stat(self._files.path(path)).st_size > most:
                raise UserError(f"{path} is larger than {most // 1_000_000} MB")

    def _attribute(self, name: str) -> Any:
        """A run attribute of any kind, None where it cannot be read."""
        with contextlib.suppress(OSError):
            path = self._files.path(f".guild/attrs/{name}")
            if os.stat(path).st_size <= LARGEST_ATTRIBUTE:
                return self._files.known_attr(name)
            self._problems.append(f"its attribute {name} is too large")
        return None

    def _flags(self) -> dict[str, Any]:
        values = mapping(self._attribute("flags"))
        try:
            secret = self._files.secret_flags()
        except (UserError, OSError):  # which are secret is not known
            secret = set(values)
        return {
            str(name): MASK if name in secret and value not in (None, "") else _bounded(value)
            for name, value in values.items()
        }

    def _scalars(self, status: str) -> dict[str, Scalar]:
        files = self._files
        if status == "running":  # Guild's event files may lack the last
            op = mapping(self._attribute("op"))
            config = op.get("output-scalars")
            ignored = mapping(self._attribute("flags")) if config is None else ()
            written = run_scalars.event_files(self._dir)
            found, more, _ = run_scalars.of_run(files, config, ignored, written)
        else:
            found, more = run_scalars.of_ended_run(files)
        if more:
            self._problems.append(f"{more} of its scalars are left out, beyond {run_scalars.MOST}")
        found.sort(key=lambda each: is_measure(each.name))  # the notebook's own are the first
        return {
            each.name: Scalar(each.name, shortest(each.value), each.step, each.points)
            for each in found
        }

    def _with_notebook(self, run: Run) -> Run:
        """The run with all that its executed notebook says."""
        path = self._files.executed_notebook()
        if not path:
            why = "" if run.is_going_on else "it has no executed notebook"
            return dataclasses.replace(run, reason=self._and_problems(why))
        try:
            self._check_size(path, LARGEST)
            notebook = self._files.notebook(path)
        except (OSError, UserError) as e:
            return dataclasses.replace(run, notebook=path, reason=self._and_problems(str(e)))
        raw, metadata = notebook.data["cells"], mapping(notebook.data.get("metadata"))
        version = self._version(path)
        if len(version.sources) != len(raw):  # it is not the notebook that was executed
            texts = [cell.source for cell in notebook.cells]
            names = named_cells.cell_names(notebook.cells)
            version = dataclasses.replace(version, sources=texts, names=names, ids=[""] * len(raw))
        cells = [
            _cell(cell, node, source, name, own_id, self._shared)
            for cell, node, source, name, own_id in zip(
                notebook.cells, raw, version.sources, version.names, version.ids
            )
        ]
        in_order = dict.fromkeys([*version.flags, *run.flags])  # Guild's is that of the alphabet
        run = dataclasses.replace(
            run,
            notebook=path,
            source_digest=version.digest,
            kernel=mapping(metadata.get(kernel_record.KEY)),
            flags={name: run.flags[name] for name in in_order if name in run.flags},
            cells=cells,
        )
        run = _ended(run, mapping(metadata.get("guild")))
        return dataclasses.replace(run, reason=self._and_problems(run.reason))

    def _and_problems(self, reason: str) -> str:
        return _line("; ".join(filter(None, [reason, *self._problems])))

    def _version(self, executed: str) -> _Version:
        path = self._files.kept_source(executed)
        if not path:
            return _Version()
        try:
            self._check_size(path, LARGEST)
            content = self._files.read(path)
            settings = self._files.read(".guild/attrs/op")
            names = tuple(sorted(map(str, self._files.attr("flags"))))
            key = path, hashlib.sha256(content).hexdigest(), settings, names
            if key not in self._shared.versions:
                self._shared.versions[key] = self._read_version(path, key[1])
            return self._shared.versions[key]
        except (OSError, UserError) as e:
            self._problems.append(f"its source is not readable: {e}")
            return _Version()

    def _read_version(self, path: str, digest: str) -> _Version:
        notebook = self._files.notebook(path)
        found = self._files.discovered(notebook)
        sources = {cell.index: cell.source for cell in parameters.kept_cells(notebook)}
        sites = [s for flag in found.flags.values() if flag.secret for s in flag.sites]
        for site in sorted(sites, key=lambda site: site.start, reverse=True):
            source = sources[site.cell]
            sources[site.cell] = f"{source[: site.start]}{MASK}{source[site.end :]}"
        shown = [dataclasses.replace(notebook.cells[i], source=sources[i]) for i in sources]
        raw = notebook.data["cells"]
        has_ids = path.endswith(".ipynb") and (notebook.data.get("nbformat_minor") or 0) >= 5
        ids = [str(raw[index].get("id") or "") if has_ids else "" for index in sources]
        names = named_cells.cell_names(shown)
        return _Version(digest, list(sources.values()), names, ids, list(found.flags))


def _cell(
    cell: named_cells.Cell,
    node: Mapping[str, Any],
    source: str,
    name: str,
    own_id: str,
    shared: Shared,
) -> Cell:
    guild = mapping(mapping(node.get("metadata")).get("guild"))
    state = guild.get("status")
    took = measures_of(node)
    return Cell(
        index=cell.index,
        kind=cell.kind,
        label=named_cells.cell_label(cell.index + 1, name, cell.number),
        name=name,
        source=source,
        executed=cell.source,
        id=own_id,
        number=cell.number,
        state=state if isinstance(state, str) else "",
        seconds=took.seconds,
        cpu_seconds=took.cpu_seconds,
        peak_memory=took.memory,
        gpu_memory=took.gpu,
        is_shared=states.is_shared(node),
        outputs=[*map(shared.output, outputs.cell_outputs(node))] if cell.is_code else [],
    )


def _ended(run: Run, told: Mapping[str, Any]) -> Run:
    """The run with how it has ended, which its executed notebook has ``told``."""
    status = told.get("status")
    if run.is_going_on:
        return run
    index = told.get("failed_cell")
    failed = index if type(index) is int and 0 <= index < len(run.cells) else None
    if status == "completed":
        if run.status == "completed":
            return run
        return dataclasses.replace(run, reason="all cells ran, and not everything could be saved")
    if status == states.RUNNING:  # it was killed
        failed = next((cell.index for cell in run.cells if cell.state == states.RUNNING), None)
        where = f" in {run.cells[failed].label}" if failed is not None else ""
        return dataclasses.replace(run, failed_cell=failed, reason=f"it was killed{where}")
    if failed is None:
        return dataclasses.replace(run, reason="it ended before its first cell")
    cell = run.cells[failed]
    state = STATES.get(cell.state, cell.state) or run.state
    return dataclasses.replace(run, state=state, failed_cell=failed, reason=_why(cell))


def _why(cell: Cell) -> str:
    """How a cell ended, as run/execution/execute.py says it."""
    errors = [output for output in cell.outputs if output.name]
    if errors and (errors[-1].name == "NoReply" or cell.state in states.ENDED_BY_RUN):
        return errors[-1].message
    if cell.state == "stopped":
        return f"{cell.label} was stopped"
    if cell.state == "exit":
        return f"{cell.label} exited" + (f": {errors[-1].message}" if errors else "")
    return f"{cell.label} failed" + (f" with {errors[-1].name}" if errors else "")


def shortest(value: float) -> float:
    """A number as it was written, of the digits that an event file has of it: 0.1 is 0.10000000149
    there, in single precision."""
    with contextlib.suppress(OverflowError):
        value = struct.unpack("<f", struct.pack("<f", value))[0]
    for digits in (7, 8, 9):
        short = float(f"{value:.{digits}g}")
        with contextlib.suppress(OverflowError):
            if struct.unpack("f", struct.pack("f", short))[0] == value:
                return short
    return value


def status_of(run: FinishedRun) -> str:
    """The status of a run (guild/run.py, status), of files that may be anything."""
    told = {"LOCK.remote": "running", "PENDING": "pending", "STAGED": "staged"}
    for name, status in told.items():
        if os.path.lexists(os.path.join(run.dir, ".guild", name)):
            return status
    with contextlib.suppress(OSError):
        exit_status = run.attr_value("exit_status")
        if type(exit_status) is int:
            return {0: "completed"}.get(exit_status, "error" if exit_status > 0 else "terminated")
        from guild import util

        with contextlib.suppress(ValueError, OverflowError):
            if util.pid_exists(int(run.read(".guild/LOCK")[:10])):
                return "running"
    return "error"


def _seconds(started: Any, stopped: Any) -> float | None:
    """How long a run took by times of Guild's."""
    if type(started) is not int or type(stopped) is not int or stopped < started:
        return None
    return (stopped - started) / 1e6


def _bounded(value: Any) -> Any:
    """The value of a flag as plain data, a text in its place where it is too large."""
    if value is None or isinstance(value, (bool, float, str)):
        return value
    left, count = [value], 0
    while left and count <= MOST_VALUES:
        each = left.pop()
        count += 1
        if isinstance(each, dict):
            left += [*each.keys(), *each.values()]
        elif isinstance(each, (list, tuple)):
            left += each
    if count > MOST_VALUES:
        return f"({type(value).__name__} of more than {MOST_VALUES:,} values)"
    try:
        json.dumps(value, default=str)
    except (ValueError, RecursionError):  # an integer of very many digits, lists in lists
        return f"({type(value).__name__} that is too large)"
    return value if isinstance(value, (int, list, dict)) else str(value)


def _is_id(name: str) -> bool:
    return len(name) == 32 and all(c in "0123456789abcdef" for c in name)


def _line(text: str) -> str:
    return cut_end(one_line(" ".join(text.split())), LONGEST_REASON)
