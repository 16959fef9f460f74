"""Executing cells with nbclient, and showing their outputs while they run.

nbclient calls ``process_message`` with each message of the executing cell and ``output`` with each
new output: these methods are extended here. Its callbacks do not serve for this:
``on_cell_complete`` is called when a request is sent, and none when the kernel dies.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from queue import Empty
from typing import Any

from nbclient import NotebookClient
from nbclient.client import CellExecutionComplete
from nbformat import from_dict

from ...document.limits import Limits
from ..kernel.messages import OUTPUTS, Message
from ..kernel.process import Kernel
from ..output.display import Display
from ..output.scalars import Scalars
from .outputs import Outputs, Owner
from .widget_bars import WidgetBars
from .widgets import MODEL, OutputWidgets, WidgetStates

_FIELDS = {
    "stream": ("name", "text"),
    "display_data": ("data", "metadata"),
    "execute_result": ("data", "metadata", "execution_count"),
    "error": ("ename", "evalue", "traceback"),
}
"""What an output of the notebook has of the message that it is made of, by the message's kind."""

DRAIN_SECONDS = 0.05  # without a message, after which a kernel that has ended has no more of them


class RunClient(NotebookClient):  # type: ignore[misc]  # nbclient's base has no types
    """nbclient's client for the notebook ``nb`` on a kernel that has been started. It keeps of each
    cell what is within ``limits`` (``outputs``); ``sync`` puts it and widgets' states into ``nb``.
    ``idle`` is set when the kernel has sent that it is idle after the executing cell,
    ``exit_requested`` when a cell has called ``exit()``. ``error`` is the name of the exception of
    the last cell, "" where the kernel names none, None where nothing was raised or the cell has
    the tag that allows it, ``error_text`` is its text. ``gpus`` are the names of those that the
    notebook's libraries use (ipython_setup.py), ``scalars`` are those of the run,
    ``results`` has the number of each cell that has ended with a result, by its index,
    ``on_files_read`` gets what the kernel says of the files that it has read (files_read.py)."""

    def __init__(
        self,
        nb: Any,
        kernel: Kernel,
        display: Display,
        limits: Limits,
        scalars: Scalars,
        **options: Any,
    ) -> None:
        super().__init__(
            nb,
            km=kernel.manager,
            on_cell_executed=self._on_reply,
            on_cell_complete=self._on_request,
            on_cell_error=self._on_error,
            iopub_timeout=1_000_000,  # IopubChannel has its own rule: SILENCE
            **options,
        )
        self.log.setLevel(logging.CRITICAL)  # this package reports the same in its own words
        self.display = display
        self.scalars = scalars
        self.exit_requested = False
        self.error: str | None = None
        self.error_text = ""
        self.gpus: list[str] = []
        self.results: dict[int, int | None] = {}
        self.on_files_read: Callable[[Any], None] = lambda _content: None
        self.idle = asyncio.Event()
        self.widget_registry: dict[str, Any] = {}  # nbclient has none: OutputWidgets is for them
        self.outputs = Outputs(display, limits)
        self._widgets = OutputWidgets(self.outputs)
        self._states = WidgetStates(self.widget_state, self.widget_buffers, limits)
        self._bars = WidgetBars(self.widget_state, display.updates)
        self._states_changed = False
        self._said: set[str] = set()
        self._numbers: dict[int, int] = {}
        self._cell_of: dict[str, int] = {}
        self._current: int | None = None
        self.kc = kernel.connect(self)

    def is_asked(self, request: str) -> None:
        """What the kernel puts out for a request that is not a cell's is of the last cell: of its
        threads."""
        if self._current is not None:
            self._cell_of[request] = self._current

    @property
    def has_changed(self) -> bool:
        """Whether outputs or states of widgets have arrived since the last ``sync``."""
        return bool(self.outputs.changed) or self._states_changed

    def sync(self) -> set[int]:
        """Put all outputs and states of widgets into the notebook; returns the indexes of the cells
        that have changed since the last time."""
        self.outputs.save_images()
        changed = set(self.outputs.changed)
        self.outputs.changed.clear()
        cells = {owner for owner in changed if isinstance(owner, int)}
        for index in cells:
            self.nb.cells[index].outputs = self.outputs.nodes(index)
        for comm_id in {owner for owner in changed if isinstance(owner, str)}:
            outputs = self.outputs.nodes(comm_id)
            if comm_id in self.widget_state:
                self.widget_state[comm_id]["outputs"] = outputs
            self._count_state(comm_id, {"state": {"outputs": outputs}})
            if comm_id not in self.widget_state:
                self.outputs.forget(comm_id)
        if self._states_changed or len(changed) > len(cells):
            self._states_changed = False
            self.set_widgets_metadata()
        return cells

    def start_cell(self, index: int, number: int) -> None:
        """The cell with this index is executed next, as the ``number``-th."""
        self._numbers[index] = number
        self.idle.clear()
        for comm_id, outputs in self._widgets.unsent():
            data = {"method": "update", "state": {"outputs": outputs}, "buffer_paths": []}
            content = {"comm_id": comm_id, "data": data}
            self.kc.shell_channel.send(self.kc.session.msg("comm_msg", content))

    def add_error(self, index: int, name: str, text: str, before: Sequence[str] = ()) -> None:
        """Add an error of this package to a cell's outputs and show it, ``before`` it lines of the
        kernel."""
        lines = [*before, f"{name}: {text}"]
        error = {"output_type": "error", "ename": name, "evalue": text, "traceback": lines}
        self.outputs.add(index, from_dict(error), self._numbers[index])

    async def drain(self, kernel: Kernel) -> None:
        """Show the outputs that arrive until the kernel has ended: of threads, of exit handlers."""
        channel = self.kc.iopub_channel
        while True:
            ended = kernel.ended.is_set()
            try:
                message = await channel.get_msg(timeout=DRAIN_SECONDS)
            except Empty:
                if ended:
                    return
                if channel.has_closed:
                    await kernel.ended.wait()
                    return
            else:
                if message["msg_type"] in OUTPUTS:
                    self.show_late(message)

    def _on_reply(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        """``exit()`` and ``quit()`` in a cell do not end the kernel: they ask its client to."""
        self.outputs.changed.add(cell_index)  # nbclient has put times there
        for payload in execute_reply["content"].get("payload") or []:
            if payload.get("source") == "ask_exit":
                self.exit_requested = True

    def _on_error(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        if "raises-exception" not in (cell.metadata.get("tags") or ()):
            self.error = str(execute_reply["content"].get("ename") or "")
            self.error_text = str(execute_reply["content"].get("evalue") or "")

    def _on_request(self, cell: Any, cell_index: int) -> None:
        self.error = None
        self._cell_of[self.kc.requests[-1]] = cell_index
        self._current = cell_index
        self.kc.wakeups.start()
        self.outputs.changed.add(cell_index)  # nbclient has put an empty list there

    def is_late(self, message: Message) -> bool:
        requests: list[str] = self.kc.requests
        return [message["parent_header"].get("msg_id")] != requests[-1:]

    def replied_at(self) -> float | None:
        request, when = self.kc.shell_channel.answered
        return when if [request] == self.kc.requests[-1:] else None

    def show_late(self, message: Message) -> None:
        """Show an output of an earlier cell as that cell's, or as the executing cell's where the
        message does not tell (of a process that was forked)."""
        request = message["parent_header"].get("msg_id")
        index = self._cell_of.get(request, self._current)
        if index is None:
            return  # an output of the kernel's start
        self.process_message(message, self.nb.cells[index], index)

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        if not self.is_late(msg):
            self.kc.wakeups.stop()
        if msg["msg_type"] == "guild_notebook_gpus":
            gpus = msg["content"].get("gpus")
            named = [str(gpu) for gpu in gpus] if isinstance(gpus, list) else []
            # Several libraries name the same ones.
            self.gpus[:] = (Counter(self.gpus) | Counter(named)).elements()
            return None
        if msg["msg_type"] == "guild_notebook_files":
            self.on_files_read(msg["content"])
            return None
        if msg["msg_type"] == "update_display_data":
            display_id = msg["content"]["transient"].get("display_id")
            self.outputs.update(display_id, msg["content"])
            return None
        try:
            return super().process_message(msg, cell, cell_index)
        except CellExecutionComplete:
            self.idle.set()
            raise
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as e:
            # Mostly messages of widgets, whose states may be anything.
            kind = msg["msg_type"]
            self._say_once(kind, f"a message of the kernel cannot be used: {kind}: {e!r}")
            return None

    def _say_once(self, subject: str, line: str) -> bool:
        """Write a line if it is the first about its subject; returns whether it is."""
        if subject in self._said:
            return False
        self._said.add(subject)
        self.display.write_status(line)
        return True

    def _owner(self, msg: Any, cell_index: int) -> Owner:
        request = str(msg["parent_header"].get("msg_id"))
        return self._widgets.capturing(request) or cell_index

    def output(self, outs: list[Any], msg: Any, display_id: str | None, cell_index: int) -> None:
        kind, content = msg["header"]["msg_type"], msg["content"]
        if kind not in _FIELDS:
            return  # not a kind of output
        # As by nbformat's output_from_msg, which validates what checked_message has made valid.
        node = from_dict({"output_type": kind, **{name: content[name] for name in _FIELDS[kind]}})
        if kind == "execute_result":
            self.results[cell_index] = node["execution_count"]
        owner = self._owner(msg, cell_index)
        data = node.get("data", {})
        # What an Output widget captures is shown when it captures it.
        has_text = self._bars.model_name(data) != MODEL[1] and not self._bars.display(data)
        self.outputs.add(owner, node, self._numbers[cell_index], display_id, has_text)
        if kind == "display_data":
            self.scalars.add_scraps(data)

    def clear_output(self, outs: list[Any], msg: Any, cell_index: int) -> None:
        self.outputs.clear(self._owner(msg, cell_index), wait=bool(msg["content"].get("wait")))

    def handle_comm_msg(self, outs: list[Any], msg: Any, cell_index: int) -> None:
        super().handle_comm_msg(outs, msg, cell_index)
        comm_id, data = msg["content"]["comm_id"], msg["content"]["data"]
        self._states_changed = True
        self._count_state(comm_id, data, msg.get("buffers") or ())
        if msg["msg_type"] == "comm_close":
            self._states.close(comm_id)
            self._bars.close(comm_id)
        if data.get("method") != "echo_update":  # of what start_cell has sent
            number, state = self._numbers[cell_index], data.get("state") or {}
            self._widgets.set_state(comm_id, state, number)
            self._bars.change(comm_id, state)

    def _count_state(self, comm_id: str, data: Any, buffers: Sequence[Any] = ()) -> None:
        if not self._states.count(comm_id, data, buffers):
            return
        text = "the notebook has not the states of all widgets: they are over nb-output-limit"
        if self._say_once("states", text) and self._current is not None:
            self.outputs.add_note(self._current, f"[{text}]")
