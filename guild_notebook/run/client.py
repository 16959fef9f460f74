"""Executing cells with nbclient, with what they show passed on while they run.

nbclient hands each message of the executing cell to ``process_message`` and each new output to
``output``: the two methods that are extended here. Its callbacks are of no use for this:
``on_cell_complete`` comes when a request is sent, and none when the kernel dies.
"""

from __future__ import annotations

import logging
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from .images import Images, has_image, text_of
from .kernel import Kernel
from .progress import Notes
from .stream import Stream

__all__ = ["CellExecutionError", "Client", "DeadKernelError", "Display"]


class Display:
    """Shows outputs of cells in the run's own output: ``out`` and ``err`` are its streams."""

    def __init__(
        self, out: Stream, err: Stream, notes: Notes, images: Images | None, color: bool = False
    ) -> None:
        self._streams = {"stdout": out, "stderr": err}
        self._notes = notes
        self._images = images
        self._color = color
        self._number = 0
        self._position = 0

    def begin_cell(self, number: int) -> None:
        self._number = number
        self._position = 0

    def end_cell(self) -> None:
        for stream in self._streams.values():
            stream.end_line()

    def clear(self) -> None:
        """The cell has cleared its outputs: the next image takes the place of its first."""
        self._position = 0

    def tick(self) -> None:
        for stream in self._streams.values():
            stream.tick()

    def stream(self, name: str, text: str) -> None:
        self._streams.get(name, self._streams["stdout"]).write(text)

    def data(self, data: dict[str, Any], position: int | None = None) -> int | None:
        """Show a MIME bundle: its text form, and a line for the file an image is saved to.

        Returns the position of its image in the cell, for later updates of the same display.
        """
        text = text_of(data.get("text/plain", ""))
        image = has_image(data)
        if text and not (image and text.startswith("<") and text.endswith(">")):
            self._streams["stdout"].write_line(text)
        if not image or not self._images:
            return None
        if position is None:
            position = self._position
            self._position += 1
        paths = self._images.save(data, self._number, position)
        names = ", ".join(self._images.name(path) for path in paths)
        if names:
            self._notes.say(f"image saved to {names} ", "image saved ")
        return position

    def error(self, traceback: list[str], ename: str, evalue: str) -> None:
        if ename == "SystemExit":
            return  # no failure: what the cell asks for is done and said when it has ended
        text = "\n".join(traceback) or f"{ename}: {evalue}"
        self._streams["stderr"].write_line(text, as_it_is=self._color)


class Client(NotebookClient):  # type: ignore[misc]  # nbclient's base has no types
    """nbclient's client for one notebook on a kernel that ``kernel`` has started."""

    def __init__(self, nb: Any, kernel: Kernel, display: Display, **options: Any) -> None:
        super().__init__(nb, km=kernel.manager, on_cell_executed=self._note_reply, **options)
        self.kc = kernel.client
        self.log.setLevel(logging.CRITICAL)  # what it says there is said by this package
        self.asked_to_exit = False
        self.display = display
        self._positions: dict[str, int | None] = {}

    def _note_reply(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        """``exit()`` and ``quit()`` in a cell end no process but ask the client to end it."""
        for payload in execute_reply["content"].get("payload") or []:
            if payload.get("source") == "ask_exit":
                self.asked_to_exit = True

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        content = msg["content"]
        if msg["msg_type"] == "update_display_data":
            display_id = (content.get("transient") or {}).get("display_id")
            self._show(content.get("data") or {}, display_id)
        elif msg["msg_type"] == "clear_output":
            self.display.clear()
        return super().process_message(msg, cell, cell_index)

    def output(self, outs: list[Any], msg: Any, display_id: str | None, cell_index: int) -> Any:
        content = msg["content"]
        kind = msg["msg_type"]
        if kind == "stream":
            self.display.stream(content["name"], content["text"])
            if self._extends(outs, content):
                return None
        elif kind in ("display_data", "execute_result"):
            self._show(content.get("data") or {}, display_id)
        elif kind == "error":
            self.display.error(content["traceback"], content["ename"], content["evalue"])
        return super().output(outs, msg, display_id, cell_index)

    def _show(self, data: dict[str, Any], display_id: str | None) -> None:
        position = self._positions.get(display_id) if display_id else None
        position = self.display.data(data, position)
        if display_id:
            self._positions[display_id] = position

    def _extends(self, outs: list[Any], content: Any) -> bool:
        """Add text to the last output where that is of the same stream, as Jupyter does."""
        parent_has_hook = any(self.output_hook_stack.values())
        last = outs[-1] if outs and not self.clear_before_next_output else None
        if parent_has_hook or last is None or last.get("output_type") != "stream":
            return False
        if last.get("name") != content["name"]:
            return False
        last["text"] += content["text"]
        return True
