"""Showing what cells show: text in the run's own output, images as files."""

from __future__ import annotations

import base64
import binascii
import contextlib
import heapq
import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...document.mime import IMAGE_ENDINGS, has_image, text_of
from ...files import free_path, numbered_paths, write_whole
from ...secrets.masking import MASK, Masker
from .progress import StatusLines
from .status import RunStatus
from .stream import Stream
from .updates import Updates, text_of_display


@dataclass(frozen=True)
class RunOutput:
    """What a run writes to: its two streams, this package's own lines in them, and what goes on.
    ``masker`` is of the secret values, which are in nothing that the run writes."""

    out: Stream
    err: Stream
    status_lines: StatusLines
    masker: Masker
    status: RunStatus


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


@dataclass
class CellImage:
    """The image of one output of the cell that ran as the ``number``-th, of a display that may be
    updated. ``position`` counts the cell's images from 0, None while the output holds none;
    ``files`` are its paths by their endings."""

    number: int
    position: int | None = None
    files: dict[str, str] = field(default_factory=dict)


class Images:
    """Saves images beside the notebook at ``notebook_path``: of ``train.ipynb`` the first image of
    the third cell that ran as ``train_3_0.png`` (as Guild's own feature did), or as
    ``train_3_0.2.png`` where a file of that name is a dependency or written by a cell. The files
    are those of the images that the notebook holds. ``register`` is called with each path before it
    is written."""

    def __init__(self, run_dir: str, notebook_path: str, register: Callable[[str], None]) -> None:
        self._run_dir = run_dir
        self._base = os.path.splitext(notebook_path)[0]
        self._register = register
        self._written: set[str] = set()
        self._counts: dict[int, int] = defaultdict(int)
        self._free_positions: dict[int, list[int]] = defaultdict(list)

    def save(self, data: Mapping[str, Any], image: CellImage) -> list[str]:
        """Save the images of a MIME bundle in place of what ``image`` was, one for each format it
        has; returns their paths in the run directory. What is not an image is left out. Raises
        OSError where a file cannot be written."""
        contents: dict[str, bytes] = {}
        for mime, ending in IMAGE_ENDINGS.items():
            content = _content(mime, data[mime]) if mime in data else None
            if content:
                contents[ending] = content
        for ending in set(image.files).difference(contents):
            self._remove_file(image, ending)
        if not contents:
            self._free(image)
        elif image.position is None:
            image.position = self._next_position(image.number)
        for ending, content in contents.items():
            if ending not in image.files:
                base = f"{self._base}_{image.number}_{image.position}"
                path = free_path(numbered_paths(base, f".{ending}"), self._written)
                self._written.add(path)
                image.files[ending] = path
            self._register(image.files[ending])
            write_whole(image.files[ending], content)
        return [os.path.relpath(image.files[ending], self._run_dir) for ending in contents]

    def remove(self, image: CellImage) -> None:
        """Remove an image that its cell has cleared: its position is free for another."""
        for ending in list(image.files):
            self._remove_file(image, ending)
        self._free(image)

    def _remove_file(self, image: CellImage, ending: str) -> None:
        path = image.files.pop(ending)
        self._written.discard(path)
        with contextlib.suppress(OSError):  # the user moved or removed it
            os.unlink(path)

    def _next_position(self, number: int) -> int:
        if self._free_positions[number]:
            return heapq.heappop(self._free_positions[number])
        self._counts[number] += 1
        return self._counts[number] - 1

    def _free(self, image: CellImage) -> None:
        if image.position is not None:
            heapq.heappush(self._free_positions[image.number], image.position)
            image.position = None


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
        self._masker = output.masker
        self._save_errors = save_errors
        self._color = color
        self._status = output.status
        self._status.bar = self._bar
        self._said: set[str] = set()  # files of images
        self.updates = Updates(output.out)

    def _bar(self) -> str:
        """The progress bar that the executing cell shows, "" for none."""
        return self.updates.state or self._streams["stderr"].state or self._streams["stdout"].state

    def finish_cell(self) -> None:
        self.updates.finish()
        for stream in self._streams.values():
            stream.end_line()

    def remove_images(self, images: Iterable[CellImage]) -> None:
        """Remove images that are not in the notebook any more."""
        if self._images is not None:
            for image in images:
                self._images.remove(image)

    def tick(self) -> None:
        """Show text that has waited long enough for the rest of its line."""
        self.updates.tick()
        for stream in self._streams.values():
            stream.tick()
            stream.pipe.tick()
        self._status.tick()

    def show_stream(self, name: str, text: str) -> None:
        stream = self._streams.get(name, self._streams["stdout"])
        for other in self._streams.values():
            if other is not stream:
                other.give_way()
        stream.write(text)

    def show_data(
        self,
        data: dict[str, Any],
        images: Iterable[CellImage],
        replaced: Hashable = None,
        has_text: bool = True,
    ) -> None:
        """Show a MIME bundle: its text form, and once a line for each file that its image is saved
        to, ``images`` being those of each output that shows it. ``replaced`` is a key of the
        display that it is a new state of, None where it is the first. ``has_text`` is false for a
        widget whose content is shown otherwise."""
        text = text_of(data.get("text/plain", ""))
        if has_image(data) and text.startswith("<") and text.endswith(">"):
            has_text = False
        if has_text and replaced is not None:
            texts = {m: v for m, v in data.items() if m in ("text/plain", "text/html")}
            self.updates.add(replaced, lambda: text_of_display(texts), at_once=True)
        elif has_text and text:
            self._streams["stdout"].write_line(text)
        names = [name for name in self.save_images(data, images) if name not in self._said]
        self._said.update(names)
        if names:
            self._status_lines.write(f"image saved to {', '.join(names)} ", "image saved ")

    def save_images(self, data: dict[str, Any], images: Iterable[CellImage]) -> list[str]:
        """Save the image of a MIME bundle for each of ``images``; returns the files' names."""
        if self._images is None:
            return []
        try:
            data = self._masker.data({m: data[m] for m in IMAGE_ENDINGS if m in data})
            for mime in (m for m in data if data[m] == MASK):
                self.write_status(f"an {mime} is left out: the value of a secret flag is in it")
            return [name for image in images for name in self._images.save(data, image)]
        except OSError as e:
            self._save_errors.add("images", e)
            return []

    def write_status(self, line: str) -> None:
        self._status_lines.write(line)

    def show_error(self, traceback: list[str], ename: str, evalue: str) -> None:
        if ename == "SystemExit":
            return  # not a failure: the cell has ended the run, which is reported at its end
        text = "\n".join(traceback) or ": ".join(part for part in (ename, evalue) if part)
        self._streams["stderr"].write_line(text, as_it_is=self._color)
