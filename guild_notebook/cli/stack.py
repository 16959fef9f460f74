"""`guild-notebook stack`: where the kernel of a run is, by py-spy where that is installed, else by
the signal for which a Python kernel of a run has a handler (run/kernel/ipython_setup.py)."""

from __future__ import annotations

import contextlib
import json
import linecache
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..document.cells import cell_label, cell_names
from ..document.reader import Notebook
from ..document.states import RUNNING
from ..errors import UserError
from ..kernel_folders import KernelFolder
from ..run.finished import FinishedRun
from ..texts import printable
from .run_kernel import kernel_of

PY_SPY_SECONDS = 20.0
ANSWER_SECONDS = 3.0
"""Time that a kernel has to write its stack: its handler does not wait for Python."""

WRITTEN_SECONDS = 0.1
"""Time without a new line after which the stack is taken to be there."""

MOST_READ = 1_000_000
"""Bytes of the end of what a kernel has written."""

_SIGNAL = 29 if sys.platform == "darwin" else 58
"""That of run/kernel/ipython_setup.py."""

_OF_CELL = re.compile(r"[/\\]ipykernel_\d+[/\\](\d+)\.py$")
"""The file that ipykernel says a cell's code is in."""

_THREAD = re.compile(r"(?:Current thread|Thread) 0x")
_FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')


@dataclass(frozen=True)
class Frame:
    """A call: the ``line``, from 1 on, of a ``file``, in a ``function``."""

    file: str
    line: int
    function: str


Stack = Sequence[Frame]
"""The calls of a thread, the last one last."""


def lines(name: str) -> Iterator[str]:
    """What the command prints. Raises UserError where it cannot be known."""
    run, folder = kernel_of(name)
    if folder.pid is None:
        raise UserError("the kernel is being started - say it again in a moment")
    labels, running = _cells(run)
    stacks, how = _stacks(folder, folder.pid)
    of_cells = [stack for stack in stacks if any(_OF_CELL.search(f.file) for f in stack)]
    shown = run.short_id
    if not of_cells:
        awaits = "awaits something, no line of a cell is being executed"
        yield f"run {shown}: {f'{running} {awaits}' if running else 'no cell is running'} ({how})"
    for number, stack in enumerate(of_cells):
        first = next(i for i, frame in enumerate(stack) if _OF_CELL.search(frame.file))
        called = f"run {shown} is here" if not number else "and another thread here"
        yield f"{called}, the last call comes last ({how}):"
        for frame in stack[first:]:
            yield from _frame_lines(frame, labels, running)


def _frame_lines(frame: Frame, labels: dict[str, Any], running: str) -> Iterator[str]:
    in_cell = _OF_CELL.search(frame.file)
    if in_cell:
        # Of cells with the same text, the one that is running.
        cells = labels.get(in_cell[1], [])
        label, source = next((c for c in cells if c[0] == running), (cells or [("", "")])[0])
        code = source.splitlines()[frame.line - 1 : frame.line]
        place = label or "code that is not a cell's"
    else:
        place, code = frame.file, [linecache.getline(frame.file, frame.line)]
    yield printable(f"  {place}, line {frame.line}, in {frame.function}")
    for line in code:
        if line.strip():
            yield f"    {printable(line.strip())}"


def _cells(run: FinishedRun) -> tuple[dict[str, list[tuple[str, str]]], str]:
    """What the run's cells are called, with their source, by the names that ipykernel gives them;
    and which is running, "" for none."""
    from ipykernel.compiler import get_tmp_hash_seed, murmur2_x86

    found: dict[str, list[tuple[str, str]]] = {}
    running, number = "", 0
    with contextlib.suppress(UserError, OSError):
        nb: Notebook = run.notebook(run.executed_notebook())
        for cell, name in zip(nb.cells, cell_names(nb.cells)):
            metadata = nb.data["cells"][cell.index].get("metadata")
            state = metadata.get("guild") if isinstance(metadata, dict) else None
            if not isinstance(state, dict) or "status" not in state:
                continue  # it is not to run
            number += 1
            label, source = cell_label(cell.index + 1, name, number), str(cell.source)
            hashed = str(murmur2_x86(source, get_tmp_hash_seed()))
            found.setdefault(hashed, []).append((label, source))
            if state.get("status") == RUNNING:
                running = label
    return found, running


def _stacks(folder: KernelFolder, pid: int) -> tuple[list[Stack], str]:
    """The stacks of the kernel's threads, and how they were found."""
    how = "py-spy is not installed"
    if py_spy := _py_spy():
        found, why = _by_py_spy(py_spy, pid)
        if found:
            return found, "py-spy"
        how = f"py-spy says: {why}"
    python = next((each for each in _with_children(pid) if _has_handler(each)), None)
    if python is None:
        raise UserError(
            f"the kernel, process {pid}, is not a Python kernel that a run has prepared ({how}) - "
            "stack knows no others"
        )
    return _by_signal(folder, python), how


def _py_spy() -> str | None:
    own = os.path.join(os.path.dirname(sys.executable), "py-spy")
    return own if os.access(own, os.X_OK) else shutil.which("py-spy")


def _by_py_spy(program: str, pid: int) -> tuple[list[Stack], str]:
    """The stacks, or why there are none."""
    try:
        done = subprocess.run(
            [program, "dump", "--json", "--pid", str(pid)],
            capture_output=True,
            timeout=PY_SPY_SECONDS,
        )
        threads = json.loads(done.stdout) if not done.returncode else []
        found = [
            [Frame(f["filename"], f["line"], f["name"]) for f in reversed(thread["frames"])]
            for thread in reversed(threads)
        ]
    except (OSError, subprocess.TimeoutExpired, ValueError, LookupError, TypeError) as e:
        return [], str(e)
    said = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines()]
    reasons = [line for line in said if line] or [f"exit status {done.returncode}"]
    return list(found), reasons[-1] if not found else ""


def _with_children(pid: int) -> Iterator[int]:
    """The process, and those below it: it may be a program that has started the kernel."""
    import psutil

    yield pid
    with contextlib.suppress(psutil.Error):
        yield from (child.pid for child in psutil.Process(pid).children(recursive=True))


def _has_handler(pid: int) -> bool:
    """Whether the process heeds the signal: another would end of it, but for macOS's."""
    if sys.platform != "linux":
        return True
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", "rb") as file:
        caught = [int(line.split()[1], 16) for line in file if line.startswith(b"SigCgt")]
        return any(mask >> (_SIGNAL - 1) & 1 for mask in caught)
    return False


def _by_signal(folder: KernelFolder, pid: int) -> list[Stack]:
    try:  # opened before, since the cell, and the run, may end meanwhile
        with open(os.path.join(folder.path, "stack"), encoding="utf-8", errors="replace") as file:
            before = file.seek(0, os.SEEK_END)
            os.kill(pid, _SIGNAL)
            written = _written(file, before)
    except OSError as e:
        raise UserError(
            f"the kernel, process {pid}, cannot be asked: {e} - see whether it is yours: "
            f"ps -fp {pid}"
        ) from None
    if not written:
        raise UserError(
            f"the kernel, process {pid}, has not answered - install py-spy, which asks the system: "
            "pip install py-spy"
        )
    return _parsed(written)


def _written(file: Any, before: int) -> str:
    """What is added to the file behind ``before``, once no more is."""
    size, until = before, time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < until:
        now = os.fstat(file.fileno()).st_size
        if now == size != before:
            break
        size = now
        time.sleep(WRITTEN_SECONDS)
    file.seek(max(before, size - MOST_READ))
    return str(file.read())


def _parsed(text: str) -> list[Stack]:
    """What faulthandler has written: the last call comes first there."""
    stacks: list[list[Frame]] = []
    for line in text.splitlines():
        if _THREAD.match(line):
            stacks.append([])
        elif stacks and (frame := _FRAME.match(line)):
            stacks[-1].insert(0, Frame(frame[1], int(frame[2]), frame[3]))
    return list(reversed(stacks))  # the main thread is the last
