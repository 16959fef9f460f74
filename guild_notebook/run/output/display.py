"""Showing what cells show: text in the run's own output, images as files."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...document.mime import IMAGE_ENDINGS, has_image, text_of
from ...files import free_path, numbered_paths, write_whole
from ...secrets.masking import Masker
from .progress import StatusLines
from .stream import Stream


@dataclass(frozen=True)
class RunOutput:
    """What a run writes to: its two streams and this package's own lines in them. ``masker`` is of
    the secret values, which are in nothing that the run writes."""

    out: Stream
    err: Stream
    status_lines: StatusLines
    masker: Masker


class SaveErrors:
    """The files of a run that cannot be written now, by a name for each: each is reported once.
    True where there are any, or the run directory has been deleted: the run is in error then."""

    def __init__(self, run_dir: str, status_lines: StatusLines) -> None:
        self._run_dir = run_dir
        self._status_lines = status_lines
        self._names: set[str] = set()
        self._is_deleted = False

    def __bool__(self) -> bool:
        return self._is_deleted or bool(self._names)

    def check_run_dir(self) -> None:
        """Raise FileNotFoundError where the run directory has been deleted: writing a file would
        make a directory that is not a run."""
        if not os.path.isdir(os.path.join(self._run_dir, ".guild")):
            raise FileNotFoundError(2, "the run directory has been deleted")

    def add(self, name: str, error: OSError) -> None:
        """Report that a file cannot be written. The run goes on."""
        try:
            self.check_run_dir()
        except FileNotFoundError:
            if not self._is_deleted:
                said = "the run directory has been deleted"
                self._status_lines.write(
                    f"guild-notebook: {said}, nothing more of the run is saved", said
                )
            self._is_deleted = True
            return
        if name not in self._names:
            why = error.strerror or str(error)
            self._status_lines.write(f"guild-notebook: cannot save {name}: {why} ", "cannot save ")
        self._names.add(name)

    def remove(self, name: str) -> None:
        """The file could be written after all."""
        self._names.discard(name)


class Images:
    """Saves images beside the notebook at ``notebook_path``: of ``train.ipynb`` the first image of
    the third cell that ran as ``train_3_0.png`` (as Guild's own feature did), or as
    ``train_3_0.2.png`` where a file of that name is a dependency or written by a cell.
    ``register`` is called with each path before it is written."""

    def __init__(self, run_dir: str, notebook_path: str, register: Callable[[str], None]) -> None:
        self._run_dir = run_dir
        self._base = os.path.splitext(notebook_path)[0]
        self._register = register
        self._written: set[str] = set()

    def save(self, data: Mapping[str, Any], number: int, position: int) -> list[str]:
        """Save the images of a MIME bundle, one for each format it has; returns their paths in the
        run directory. What is not an image is left out. Raises OSError where a file cannot be
        written."""
        saved = []
        for mime, ending in IMAGE_ENDINGS.items():
            content = _content(mime, data[mime]) if mime in data else None
            if content:
                base = f"{self._base}_{number}_{position}"
                path = free_path(numbered_paths(base, f".{ending}"), self._written)
                self._written.add(path)
                self._register(path)
                write_whole(path, content)
                saved.append(os.path.relpath(path, self._run_dir))
        return saved


def _content(mime: str, value: Any) -> bytes | None:
    text = text_of(value)
    if mime == "image/svg+xml":
        return text.encode("utf-8", errors="replace")
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return None


class Display:
    """Shows outputs on the streams that Guild reads, in ``color`` where they have it."""

    def __init__(
        self, output: RunOutput, images: Images | None, save_errors: SaveErrors, color: bool
    ) -> None:
        self._streams = {"stdout": output.out, "stderr": output.err}
        self._status_lines = output.status_lines
        self._images = images
        self._save_errors = save_errors
        self._color = color
        self._number = self._position = 0

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
        """Show a MIME bundle: its text form, and a line for the file an image is saved to. Returns
        the position of its image in the cell, for later updates of the same display."""
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
            names = ", ".join(self._images.save(data, self._number, position))
        except OSError as e:
            self._save_errors.add("images", e)
            return position
        if names:
            self._status_lines.write(f"image saved to {names} ", "image saved ")
        return position

    def write_status(self, line: str) -> None:
        self._status_lines.write(line)

    def show_error(self, traceback: list[str], ename: str, evalue: str) -> None:
        if ename == "SystemExit":
            return  # not a failure: the cell has ended the run, which is reported at its end
        text = "\n".join(traceback) or ": ".join(part for part in (ename, evalue) if part)
        self._streams["stderr"].write_line(text, as_it_is=self._color)
