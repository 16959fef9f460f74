"""Executing cells with nbclient, and showing their outputs while they run.

nbclient calls ``process_message`` with each message of the executing cell and ``output`` with each
new output: these methods are extended here. Its callbacks do not serve for this:
``on_cell_complete`` is called when a request is sent, and none when the kernel dies.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from queue import Empty
from typing import Any

from nbclient import NotebookClient
from nbclient.client import CellExecutionComplete
from nbformat import from_dict
from nbformat.v4 import output_from_msg

from ...secrets.masking import Masker
from ..kernel.messages import OUTPUTS, Message
from ..kernel.process import Kernel
from ..output.display import Display
from .cell_outputs import CellOutputs

DRAIN_SECONDS = 0.05
"""Time without a message after which a kernel that has ended has no more messages."""


class RunClient(NotebookClient):  # type: ignore[misc]  # nbclient's base has no types
    """nbclient's client for the notebook ``nb`` on a kernel that has been started. Of each cell's
    text outputs it keeps ``limit`` characters, which ``sync`` puts into ``nb``. ``idle`` is set
    when the kernel has sent that it is idle after the executing cell, ``exit_requested`` when a
    cell has called ``exit()``."""

    def __init__(
        self, nb: Any, kernel: Kernel, display: Display, limit: int, masker: Masker, **options: Any
    ) -> None:
        super().__init__(
            nb,
            km=kernel.manager,
            on_cell_executed=self._on_reply,
            on_cell_complete=self._on_request,
            iopub_timeout=1_000_000,  # IopubChannel has its own rule: SILENCE
            **options,
        )
        self._masker = masker
        self.log.setLevel(logging.CRITICAL)  # this package reports the same in its own words
        self.display = display
        self.exit_requested = False
        self.idle = asyncio.Event()
        self._outputs: dict[int, CellOutputs] = defaultdict(lambda: CellOutputs(limit))
        self._changed: set[int] = set()
        self._displays: dict[str, list[tuple[int, Any]]] = defaultdict(list)
        self._positions: dict[str, int | None] = {}
        self._clear_next: set[int] = set()
        self._cell_of: dict[str, int] = {}
        self._current: int | None = None
        self.kc = kernel.connect(self, masker)

    @property
    def has_changed(self) -> bool:
        """Whether outputs have arrived since the last ``sync``."""
        return bool(self._changed)

    def sync(self) -> set[int]:
        """Put all outputs into the notebook; returns the indexes of the cells that have changed
        since the last time."""
        changed, self._changed = self._changed, set()
        for index in changed:
            self.nb.cells[index].outputs = self._outputs[index].nodes()
        return changed

    def add_error(self, index: int, name: str, text: str, before: Sequence[str] = ()) -> None:
        """Add an error of this package to a cell's outputs and show it, ``before`` it lines of the
        kernel."""
        lines = self._masker.data([*before, f"{name}: {text}"])
        text = self._masker.text(text)
        self.display.show_error(lines, name, text)
        error = {"output_type": "error", "ename": name, "evalue": text, "traceback": lines}
        self._outputs[index].add(from_dict(error))
        self._changed.add(index)

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
            else:
                if message["msg_type"] in OUTPUTS:
                    self.show_late(message)

    def _on_reply(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        """``exit()`` and ``quit()`` in a cell do not end the kernel: they ask its client to."""
        self._changed.add(cell_index)  # nbclient has put times there
        for payload in execute_reply["content"].get("payload") or []:
            if payload.get("source") == "ask_exit":
                self.exit_requested = True

    def _on_request(self, cell: Any, cell_index: int) -> None:
        self._cell_of[self.kc.requests[-1]] = cell_index
        self._current = cell_index
        self.idle.clear()
        self.kc.wakeups.start()
        self._changed.add(cell_index)  # nbclient has put an empty list there

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
        if msg["msg_type"] == "update_display_data":
            self._update(msg)
            return None
        try:
            return super().process_message(msg, cell, cell_index)
        except CellExecutionComplete:
            self.idle.set()
            raise
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as e:
            # Mostly messages of widgets, whose states may be anything.
            self.display.write_status(
                f"a message of the kernel cannot be used: {msg['msg_type']}: {e!r}"
            )
            return None

    def output(self, outs: list[Any], msg: Any, display_id: str | None, cell_index: int) -> Any:
        content = msg["content"]
        kind = msg["msg_type"]
        into_widget = bool(self.output_hook_stack[msg["parent_header"].get("msg_id")])
        if not into_widget:  # before it is shown, which may wait for the reader
            self._keep(msg, kind, display_id, cell_index)
        if kind == "stream":
            self.display.show_stream(content["name"], content["text"])
        elif kind in ("display_data", "execute_result"):
            self._show(content.get("data") or {}, display_id)
        elif kind == "error":
            self.display.show_error(content["traceback"], content["ename"], content["evalue"])
        return super().output(outs, msg, display_id, cell_index) if into_widget else None

    def _keep(self, msg: Any, kind: str, display_id: str | None, index: int) -> None:
        outputs = self._outputs[index]
        if index in self._clear_next:
            self._clear_next.discard(index)
            self._clear(index)
        self._changed.add(index)
        if kind == "stream":
            outputs.add_text(msg["content"]["name"], msg["content"]["text"])
            return
        try:
            node = output_from_msg(msg)
        except ValueError:
            return  # not a kind of output
        if display_id:
            self._update(msg)  # a display that is shown again changes everywhere, as in Jupyter
            self._displays[display_id].append((index, node))
        outputs.add(node)

    def _update(self, msg: Any) -> None:
        content = msg["content"]
        display_id = (content.get("transient") or {}).get("display_id")
        if display_id not in self._displays:
            return
        if msg["msg_type"] == "update_display_data":
            self._show(content.get("data") or {}, display_id)
        for index, node in self._displays[display_id]:
            node["data"] = from_dict(content.get("data") or {})
            node["metadata"] = from_dict(content.get("metadata") or {})
            self._changed.add(index)

    def _show(self, data: dict[str, Any], display_id: str | None) -> None:
        position = self._positions.get(display_id) if display_id else None
        position = self.display.show_data(data, position)
        if display_id:
            self._positions[display_id] = position

    def clear_output(self, outs: list[Any], msg: Any, cell_index: int) -> None:
        if self.output_hook_stack[msg["parent_header"].get("msg_id")]:
            super().clear_output(outs, msg, cell_index)
        elif msg["content"].get("wait"):
            self._clear_next.add(cell_index)
        else:
            self._clear(cell_index)

    def _clear(self, index: int) -> None:
        self._outputs[index].clear()
        self._changed.add(index)
        if index == self._current:
            self.display.restart_images()
