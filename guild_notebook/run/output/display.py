"""Showing the outputs of cells in the run's own output."""

from __future__ import annotations

from typing import Any

from ...document.mime import has_image, text_of
from .images import Images
from .progress import StatusLines
from .save_errors import SaveErrors
from .stream import Stream


class Display:
    """Shows outputs on ``out`` and ``err``, the streams that Guild reads."""

    def __init__(
        self,
        out: Stream,
        err: Stream,
        status_lines: StatusLines,
        images: Images | None,
        save_errors: SaveErrors,
        color: bool = False,
    ) -> None:
        self._streams = {"stdout": out, "stderr": err}
        self._status_lines = status_lines
        self._images = images
        self._save_errors = save_errors
        self._color = color
        self._number = 0
        self._position = 0

    def start_cell(self, number: int) -> None:
        self._number = number
        self._position = 0

    def finish_cell(self) -> None:
        for stream in self._streams.values():
            stream.end_line()

    def restart_images(self) -> None:
        """The cell has cleared its outputs: its next image replaces its first one."""
        self._position = 0

    def tick(self) -> None:
        """Show text that has waited long enough for the rest of its line."""
        for stream in self._streams.values():
            stream.tick()

    def show_stream(self, name: str, text: str) -> None:
        self._streams.get(name, self._streams["stdout"]).write(text)

    def show_data(self, data: dict[str, Any], position: int | None = None) -> int | None:
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
        try:
            paths = self._images.save(data, self._number, position)
        except OSError as e:
            self._save_errors.add("images", e)
            return position
        names = ", ".join(self._images.name(path) for path in paths)
        if names:
            self._status_lines.write(f"image saved to {names} ", "image saved ")
        return position

    def write_status(self, line: str) -> None:
        """Write a line of this package about an output."""
        self._status_lines.write(line)

    def show_error(self, traceback: list[str], ename: str, evalue: str) -> None:
        if ename == "SystemExit":
            return  # not a failure: the cell has ended the run, which is reported at its end
        text = "\n".join(traceback) or ": ".join(part for part in (ename, evalue) if part)
        self._streams["stderr"].write_line(text, as_it_is=self._color)
