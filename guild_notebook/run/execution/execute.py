"""Executing the cells of a notebook, and how the execution ends."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from nbclient.exceptions import CellExecutionError, DeadKernelError

from ...document.cell_limits import CellLimit
from ...document.cells import cell_label, cell_names, short_name
from ...document.measures import Measures, memory_text
from ...document.reader import cells_of
from ...document.shared_cells import SharedCells
from ...document.states import NOT_RUN, RUNNING, indexes_to_run
from ..kernel import oom
from ..kernel.memory import OWN_PEAK
from ..kernel.process import Kernel
from ..kernel.usage import MEMORY_SECONDS, Usage
from ..output.progress import StatusLines
from ..output.status import RunStatus
from ..output.stream import without_escapes
from . import missing_files, missing_modules
from .client import RunClient
from .stop import Stop

if TYPE_CHECKING:
    from .values import Values

TICK_SECONDS = 0.1
FAR_OVER = 1.25  # times the limit, beyond which an interrupted cell's kernel is killed at once
GRACE_SECONDS = 5.0  # time that an interrupted cell has to end before the kernel is killed
LEAST_GRACE_SECONDS = 0.5  # the same however much memory it takes
STOP_SECONDS = 1.5  # the same when the run is stopped: Guild stops what is left after 5 seconds
SAME_STOP_SECONDS = 0.25  # after the kernel's end, in which a request to stop the run is its cause

REPLY_SECONDS = 10.0
"""Time that a kernel has for its reply once it has sent that it is idle after a cell. Kernels send
the reply first, and no message tells that none will come."""

MOST_LAST_LINES = 40  # lines of a dead kernel's stderr that are shown, a crash's Python stack too
MOST_ERRORS = 3  # cells that the last line of a run names of those after whose error it went on
MOST_ADVICE = 8  # sentences of advice after which none is added, where a run goes on after errors
_IS_RAISED = re.compile(r"[\w.]+: ")  # how a line of a traceback begins that is not of the source
T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """How an execution ended: the ``exit_status`` of the process, the index of the cell that ended
    it (``failed_cell``, None if all cells ran), what the last that ran is called (``where``), and
    the ``reason`` as a line for the user.
    ``errors`` are those after which it went on (nb-allow-errors), by the index of the cell.
    ``advice`` is what there is to do: sentences, each with lines that are to be copied."""

    exit_status: int = 0
    failed_cell: int | None = None
    reason: str = ""
    where: str = ""
    errors: Mapping[int, str] = field(default_factory=dict)
    advice: Sequence[missing_files.Advice] = ()

    @property
    def line(self) -> str:
        """How the execution ended, "" where there is nothing to say: its first errors, and what
        ended it."""
        first = [*self.errors.values()][:MOST_ERRORS]
        rest = len(self.errors) - len(first)
        more = [f"{rest} more cells failed"] if rest else []
        return ", ".join([*first, *more, *([self.reason] if self.reason else [])])

    @property
    def why(self) -> str:
        """Why the run has failed, with the cell: also one that has called ``sys.exit``."""
        why = self.reason or self.line
        if self.failed_cell is None or self.where in why:
            return why
        if why:
            return f"{self.where}: {why}"
        return f"{self.where} exited with status {self.exit_status}"


@dataclass(frozen=True)
class _RunningCell:
    """The cell that executes, by the ``task``; ``where`` says which it is."""

    task: asyncio.Future[object]
    index: int
    where: str


@dataclass
class Execution:
    """Executes those of the notebook's ``cells`` that have the ``indexes``, in order, until all are
    executed, that which is called ``until`` is, or a cell ends the run. ``states`` has the state of
    each by its index, ``measures`` what it took. The limits are seconds for a cell and for all
    cells, and bytes of memory, None for none; ``own_limits`` are those of cells that have one, by
    their index. ``places`` are where the project is.
    ``status`` is told of each cell, and with it of what ``last_times`` has of it. ``shared`` are
    the cells that were executed for several runs. Where it has the ``scalar_names`` of
    cells, what these took are scalars of the run. ``values`` are read from the kernel after cells,
    and at the end."""

    client: RunClient
    kernel: Kernel
    skip_tags: Sequence[str]
    until: str | None
    status_lines: StatusLines
    stop: Stop
    cell_limit: float | None
    run_limit: float | None
    own_limits: Mapping[int, CellLimit]
    memory_limit: int | None
    cell_starts: Callable[[], None]
    places: missing_files.Places
    status: RunStatus
    last_times: Callable[[], Mapping[int, float]]
    shared: SharedCells
    scalar_names: Sequence[str] | None
    values: Values | None = None

    def __post_init__(self) -> None:
        self.cells = cells_of(self.client.nb)
        self.indexes = indexes_to_run(self.cells, self.skip_tags, self.until)
        self.states = dict.fromkeys(self.indexes, NOT_RUN)
        self.measures: dict[int, Measures] = {}
        self._names = cell_names(self.cells)
        named = zip(self.cells, self.scalar_names or ())
        code = {index: name for index, (cell, name) in enumerate(named) if cell.is_code}
        self._scalar_names = dict(zip(code, self.client.scalars.names(code.values())))
        self._where = ""
        self._errors: dict[int, str] = {}
        self._advice: list[missing_files.Advice] = []
        self._input_requested = asyncio.Event()
        self._input_prompt = ""
        self._over_memory, self._far_over_memory = asyncio.Event(), asyncio.Event()
        self._held_over = 0
        self._waiting: dict[asyncio.Event, asyncio.Future[object]] = {}

    async def run(self, *background: Coroutine[Any, Any, None]) -> Outcome:
        """Execute the cells, with the ``background`` coroutines running meanwhile."""
        self._kills_before = oom.kills()
        reads_own = any(OWN_PEAK.search(self.cells[index].source) for index in self.indexes)
        supervisor = self.kernel.supervisor_pid
        self._usage = Usage(self.kernel.pid, supervisor, may_reset=not reads_own)
        watching = [self._refresh(), self._look_closely(), self._watch_input(), *background]
        if self.memory_limit and self.kernel.pid:
            watching.append(self._watch_memory(self.memory_limit))
        elif self.memory_limit:
            text = "the memory of this kernel is not limited (nb-memory-limit)"
            self.status_lines.write(f"{text}: its process is not known on this machine", text)
        try:
            outcome = await run_with_background(self._execute_all(), *watching)
        except BackgroundError as e:
            index = next((i for i, state in self.states.items() if state == "stopped"), None)
            outcome = Outcome(1, index, f"the run was ended by an error of this package: {e}")
        finally:
            self._usage.close()
        return replace(outcome, where=self._where, errors=self._errors, advice=self._advice)

    async def _execute_all(self) -> Outcome:
        if self.values:
            await self.values.prepare()
        deadline = time.monotonic() + self.run_limit if self.run_limit else None
        outcome = await self._execute_cells(deadline)
        is_over = self.kernel.ended.is_set() or self.stop.requested.is_set()
        if self.values and not is_over and not self.values.ended_by:
            self._limit_values(CellLimit(self.cell_limit, "nb-cell-timeout"), deadline)
            await self.values.finish()
            if outcome.exit_status:
                return outcome
            self.values.say_missing()
            return self._end_by_values() or outcome
        return outcome

    def _limit_values(self, limit: CellLimit, deadline: float | None) -> None:
        """Let reading the values take no longer than a cell, nor than all of them."""
        assert self.values
        ends = [(time.monotonic() + limit.seconds, limit)] if limit.seconds else []
        ends += [(deadline, CellLimit(self.run_limit, "nb-timeout"))] if deadline else []
        self.values.limits = ends

    def _end_by_values(self) -> Outcome | None:
        """How reading the values has ended the execution, None if it goes on."""
        limit = self.values.ended_by if self.values else None
        if not limit:
            return None
        text = "the kernel was killed, since it has not told the values of nb-scalars"
        return Outcome(1, None, f"{text}: over {limit.seconds:g} s ({limit.option})")

    async def _execute_cells(self, deadline: float | None) -> Outcome:
        for number, index in enumerate(self.indexes, 1):
            if self.stop.requested.is_set():  # while values of the last cell were read
                return Outcome(1, None, f"stopped by {self.stop.name}")
            outcome = await self._execute(index, number, deadline)
            if outcome:
                return outcome
        return Outcome()

    async def _watch_input(self) -> None:
        """A kernel may request input though it was told that it gets none (IRkernel does), and
        waits for the answer for ever."""
        while True:
            message = await self.kernel.client.stdin_channel.get_msg()
            if message["msg_type"] == "input_request":
                self._input_prompt = str(message["content"].get("prompt") or "").strip()
                self._input_requested.set()

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.client.display.tick()
            self._usage.sample()
            self.kernel.client.wakeups.send_if_due()

    async def _look_closely(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if self._usage.needs_close_look:
                await asyncio.to_thread(self._usage.close_look)

    async def _watch_memory(self, limit: int) -> None:
        while True:
            await asyncio.sleep(MEMORY_SECONDS)
            held = self._usage.held(limit)
            if held > limit and not self._over_memory.is_set():
                self._held_over = held
                self._over_memory.set()
            if held > FAR_OVER * limit:
                self._far_over_memory.set()

    async def _execute(self, index: int, number: int, deadline: float | None) -> Outcome | None:
        name = self._names[index]
        self.client.start_cell(index, number)
        self.states[index] = RUNNING
        self.cell_starts()
        running = f"[{number}/{len(self.indexes)}] {name}"
        self.status.begin(running, lambda: self.last_times().get(index))
        started = time.monotonic()
        self._input_requested.clear()
        node = self.client.nb.cells[index]
        for event in (self._over_memory, self._far_over_memory):
            event.clear()
        self._usage.begin()
        task = asyncio.ensure_future(
            self.client.async_execute_cell(node, index, execution_count=number)
        )
        self._where = cell_label(index + 1, name, number)
        cell = _RunningCell(task, index, self._where)
        try:
            outcome, state = await self._wait_for_end(cell, started, deadline)
        except asyncio.CancelledError:  # something in the background has failed
            await self._interrupt(task, STOP_SECONDS)
            self.states[index] = "stopped"
            raise
        finally:
            took = Measures(time.monotonic() - started, **self._usage.end())
            took = self.measures[index] = self.shared.measures.get(index, took)
        self.states[index] = state
        self.client.display.finish_cell()
        characters, displays = self.client.outputs.left_out(index)
        if characters:
            shown = f", {displays:,} displays" if displays else ""
            text = f"the notebook has not all output of {cell.where} (nb-output-limit)"
            self.status_lines.write(f"{text}: it lacks {characters:,} characters{shown}", text)
        shown_state = "shared" if index in self.shared.measures else ""
        shown_state = shown_state if state == "completed" else state
        seconds = took.seconds or 0.0
        self.status_lines.write_cell_end(number, len(self.indexes), name, seconds, shown_state)
        for what, value in took.scalars() if self._scalar_names else ():
            self.client.scalars.add(f"cell/{self._scalar_names[index]}/{what}", value)
        if self.values and outcome is None:
            self._limit_values(self._limit_of(index), deadline)
            await self.values.after_cell(index)
            outcome = self._end_by_values()
        self.client.scalars.save()
        if state == "failed":
            await self._advise(index)
        return outcome

    async def _advise(self, index: int) -> None:
        """Find out what is to do about a file or module that a cell has not found, for the end of
        the run and for the outputs of the cell."""
        if len(self._advice) > MOST_ADVICE:
            return
        error, text = self.client.error or "", self.client.error_text
        # The kernel of a shell has one stream, and names no error.
        names = ("stderr",) if error else ("stderr", "stdout")
        nodes = self.client.outputs.nodes(index)
        printed = "".join(node.text for node in nodes if node.get("name") in names)
        for node in nodes:  # an error may have others as its causes
            lines = "\n".join(node.get("traceback") or ()).splitlines()
            raised = filter(_IS_RAISED.match, map(without_escapes, lines))
            printed += "".join(f"\n{line}" for line in raised)
        about = error, text, printed, self.places, self.cells[index].source
        advice = await asyncio.to_thread(missing_files.advice, *about)
        if not advice and error == "ModuleNotFoundError":
            line = missing_modules.advice(text, self.kernel.python, self.kernel.path)
            advice = [(line, "")] if line else []
        if advice:
            self._advice += advice if advice[0] not in self._advice else []
            note = "\n".join(line for said in advice for line in said if line)
            self.client.outputs.add_note(index, note)

    async def _wait_for_end(
        self, cell: _RunningCell, started: float, deadline: float | None
    ) -> tuple[Outcome | None, str]:
        """Wait until something ends the cell; returns how the execution ended, None if it goes on,
        and the cell's state."""
        limit = self._limit_of(cell.index)
        cell_deadline = started + limit.seconds if limit.seconds else None
        first = min((d for d in (cell_deadline, deadline) if d is not None), default=None)
        await self._wait(cell.task, first)
        if self.kernel.ended.is_set() and not self.stop.requested.is_set():
            # Who ends all processes of a run signals the kernel too, which is the first to end.
            stop_by = time.monotonic() + SAME_STOP_SECONDS
            await self._first_of(self._waiting[self.stop.requested], [], stop_by)
        if self.stop.requested.is_set():
            await self._interrupt(cell.task, STOP_SECONDS)
            text = f"{cell.where} was stopped by {self.stop.name}"
            return Outcome(1, cell.index, text), "stopped"
        if not cell.task.done() and not self.kernel.ended.is_set():
            if self._input_requested.is_set():
                return await self._end_by_input_request(cell)
            if self._over_memory.is_set():
                return await self._end_by_memory(cell)
            if first is None or time.monotonic() < first:
                return await self._end_without_reply(cell)
            if first == cell_deadline:
                return await self._end_by_timeout(cell, limit.seconds, limit.option)
            return await self._end_by_timeout(cell, self.run_limit, "nb-timeout")
        return await self._result(cell)

    def _limit_of(self, index: int) -> CellLimit:
        return self.own_limits.get(index) or CellLimit(self.cell_limit, "nb-cell-timeout")

    async def _wait(self, task: asyncio.Future[object], deadline: float | None) -> None:
        """Wait until the task is done, the kernel has ended, a stop or input is requested, or the
        deadline is over; or until a kernel that is idle has had its time to reply."""
        ends = [self.kernel.ended, self.stop.requested, self._input_requested, self._over_memory]
        await self._first_of(task, [*ends, self.client.idle], deadline)
        if not task.done() and not any(end.is_set() for end in ends):
            late = time.monotonic() + REPLY_SECONDS
            await self._first_of(task, ends, late if deadline is None else min(deadline, late))

    async def _first_of(
        self, task: asyncio.Future[object], events: Sequence[asyncio.Event], deadline: float | None
    ) -> None:
        """Wait for the first of these. What waits for an event goes on from cell to cell."""
        for event in events:
            waiting = self._waiting.get(event)
            if waiting is None or (waiting.done() and not event.is_set()):
                self._waiting[event] = asyncio.ensure_future(event.wait())
        first = [task, *(self._waiting[event] for event in events)]
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        await asyncio.wait(first, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

    async def _interrupt(self, task: asyncio.Future[object], seconds: float) -> bool:
        """Interrupt the cell, and kill the kernel if the cell goes on for ``seconds`` or takes far
        more memory than it may; returns whether it was killed."""
        until = time.monotonic() + seconds
        await self.kernel.interrupt()
        await self._first_of(task, [], time.monotonic() + min(seconds, LEAST_GRACE_SECONDS))
        await self._first_of(task, [self._far_over_memory], until)
        if task.done():
            task.exception()  # KeyboardInterrupt of the cell
            return False
        await self.kernel.kill()
        await _abandon(task)
        return True

    async def _end_by_input_request(self, cell: _RunningCell) -> tuple[Outcome, str]:
        await self._interrupt(cell.task, STOP_SECONDS)
        prompt = f" ({self._input_prompt!r})" if self._input_prompt else ""
        text = (
            f"a run has no keyboard to answer what the cell asks for{prompt}: assign the value to "
            "a variable in the notebook and give it as a flag, guild run NOTEBOOK name=value"
        )
        self.client.add_error(cell.index, "NoKeyboard", text)
        return Outcome(1, cell.index, f"{cell.where} failed with NoKeyboard"), "failed"

    async def _end_without_reply(self, cell: _RunningCell) -> tuple[Outcome, str]:
        await _abandon(cell.task)
        lines = await self.kernel.last_output_lines(1)
        text = f"the kernel is done with {cell.where} but has not replied in {REPLY_SECONDS:g} s"
        text += f": {lines[0]}" if lines else ""
        self.client.add_error(cell.index, "NoReply", text)
        return Outcome(1, cell.index, text), "failed"

    async def _end_by_timeout(
        self, cell: _RunningCell, seconds: float | None, option: str
    ) -> tuple[Outcome, str]:
        how = "killed" if await self._interrupt(cell.task, GRACE_SECONDS) else "interrupted"
        text = f"{cell.where} was {how}: over {seconds:g} s ({option})"
        self.client.add_error(cell.index, "Timeout", text)
        return Outcome(1, cell.index, text), "timed out"

    async def _end_by_memory(self, cell: _RunningCell) -> tuple[Outcome, str]:
        assert self.memory_limit
        how = "killed" if await self._interrupt(cell.task, GRACE_SECONDS) else "interrupted"
        sizes = memory_text(self._held_over), memory_text(self.memory_limit)
        text = f"{cell.where} was {how}: {sizes[0]} of memory, over {sizes[1]} (nb-memory-limit)"
        self.client.add_error(cell.index, "MemoryLimit", text)
        return Outcome(1, cell.index, text), "over memory"

    async def _result(self, cell: _RunningCell) -> tuple[Outcome | None, str]:
        if not cell.task.done():  # the kernel has ended, its last messages may still arrive
            await asyncio.wait([cell.task], timeout=0.2)
        if not cell.task.done():
            await _abandon(cell.task)
            return await self._end_by_dead_kernel(cell)
        try:
            cell.task.result()
        except CellExecutionError as e:
            if e.ename == "SystemExit":
                status, message = exit_status(e.evalue)
                return Outcome(status, cell.index if status else None, message), "exit"
            return Outcome(1, cell.index, _error_line(cell, e.ename)), "failed"
        except DeadKernelError:
            return await self._end_by_dead_kernel(cell)
        except UnicodeEncodeError as e:  # before it was sent
            text = f"{cell.where} holds {e.object[e.start]!a}, half a character: take it out"
            self.client.add_error(cell.index, "UnicodeError", text)
            return Outcome(1, cell.index, text), "failed"
        if self.client.exit_requested:
            return Outcome(), "exit"
        if self.client.error is not None:
            self._errors[cell.index] = _error_line(cell, self.client.error)
            return None, "failed"
        return None, "completed"

    async def _end_by_dead_kernel(self, cell: _RunningCell) -> tuple[Outcome, str]:
        await self.client.drain(self.kernel)
        text = f"the kernel died in {cell.where}: {self.kernel.how_it_ended}"
        if self.kernel.was_killed and oom.kills() > self._kills_before:
            limit = oom.limit()
            text += f", out of memory ({limit})" if limit else ", out of memory"
        lines = await self.kernel.last_output_lines(MOST_LAST_LINES)
        self.client.add_error(cell.index, "DeadKernel", text, lines)
        return Outcome(1, cell.index, text), "kernel died"


def _error_line(cell: _RunningCell, error: str) -> str:
    cause = f" with {short_name(error)}" if error else ""  # a shell's kernel names no error
    return f"{cell.where} failed{cause}"


class BackgroundError(Exception):
    """A background task has failed; its text is one line, the cause is the task's exception."""


async def run_with_background(
    work: Coroutine[Any, Any, T], *background: Coroutine[Any, Any, None]
) -> T:
    """The result of ``work``, with the ``background`` coroutines running until it has ended. One
    that returns is not missed; once one raises, ``work`` is cancelled and BackgroundError raised.
    (asyncio.TaskGroup needs Python 3.11.)"""
    main = asyncio.ensure_future(work)
    tasks: list[asyncio.Future[Any]] = [main, *map(asyncio.ensure_future, background)]
    pending = set(tasks)
    try:
        while not main.done():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception() if main not in done else None
                if error:
                    text = " ".join(str(error).split())
                    raise BackgroundError(f"{type(error).__name__}: {text}") from error
        return main.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _abandon(task: asyncio.Future[object]) -> None:
    task.cancel()
    await asyncio.wait([task], timeout=1.0)
    if task.done() and not task.cancelled():
        task.exception()


def exit_status(text: str) -> tuple[int, str]:
    """The process status of ``sys.exit(x)`` and the message that Python would print, from
    ``str(x)``: a kernel sends only the text of the exception."""
    text = text.strip()
    if text in ("", "None", "False"):
        return 0, ""
    if text == "True":
        return 1, ""
    try:
        return int(text) & 0xFF, ""
    except ValueError:
        return 1, text
