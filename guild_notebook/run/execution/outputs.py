"""The outputs of a run: kept for the notebook and shown, where a cell or a widget has them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Union

from nbformat import from_dict

from ...document.mime import has_image, text_of
from ..output.display import CellImage, Display
from .cell_outputs import CellOutputs

Owner = Union[int, str]
"""What outputs stand in: the cell with an index, or the Output widget with an ID."""


@dataclass
class _Area:
    """The outputs of an owner, the images and the display IDs among them. With ``clear_next`` the
    next output replaces all (``clear_output(wait=True)``)."""

    outputs: CellOutputs
    images: list[CellImage] = field(default_factory=list)
    display_ids: set[str] = field(default_factory=set)
    clear_next: bool = False


@dataclass
class _Shown:
    """One output of a display, which has as many as it was shown."""

    owner: Owner
    node: Any
    image: CellImage


class Outputs:
    """Keeps of each owner up to ``limit`` characters of text. ``changed`` are the owners whose
    outputs have changed since it was emptied, ``unsent`` the widgets of which the kernel has not
    been told."""

    def __init__(self, display: Display, limit: int) -> None:
        self._display = display
        self._areas: dict[Owner, _Area] = defaultdict(lambda: _Area(CellOutputs(limit)))
        self._shown: dict[str, list[_Shown]] = defaultdict(list)
        self.changed: set[Owner] = set()
        self.unsent: set[str] = set()

    def nodes(self, owner: Owner) -> list[Any]:
        return self._areas[owner].outputs.nodes()

    def add(self, owner: Owner, node: Any, number: int, display_id: str | None = None) -> None:
        """Add an output, that of the cell that ran as the ``number``-th."""
        area = self._areas[owner]
        if area.clear_next:
            self.clear(owner)
        self._mark(owner)
        kind = node["output_type"]
        if kind == "stream":  # kept before it is shown, which may wait for the reader
            text = text_of(node["text"])
            area.outputs.add_text(node["name"], text)
            self._display.show_stream(node["name"], text)
            return
        area.outputs.add(node)
        if kind == "error":
            self._display.show_error(node["traceback"], node["ename"], node["evalue"])
            return
        image = CellImage(number)
        images = [image]
        if display_id:  # a display that is shown again changes everywhere, as in Jupyter
            images = [*self._replaced(display_id, node), image]
            self._shown[display_id].append(_Shown(owner, node, image))
            area.display_ids.add(display_id)
        if display_id or has_image(node["data"]):
            area.images.append(image)
        self._display.show_data(node["data"], images)

    def update(self, display_id: str, content: dict[str, Any]) -> None:
        """Replace what a display shows, wherever it stands."""
        images = list(self._replaced(display_id, content))
        if images:
            self._display.show_data(content["data"], images)

    def _replaced(self, display_id: str, content: Any) -> Iterator[CellImage]:
        """The images of a display, whose outputs get the data of ``content``."""
        for shown in self._shown.get(display_id, ()):
            shown.node["data"] = from_dict(content["data"])
            shown.node["metadata"] = from_dict(content["metadata"])
            self._mark(shown.owner)
            yield shown.image

    def clear(self, owner: Owner, wait: bool = False) -> None:
        """Remove all outputs of an owner, with ``wait`` once it gets a new one."""
        area = self._areas[owner]
        area.clear_next = wait
        if wait:
            return
        area.outputs.clear()
        self._display.remove_images(area.images)
        area.images = []
        for display_id in area.display_ids:
            left = [shown for shown in self._shown[display_id] if shown.owner != owner]
            self._shown[display_id] = left
        area.display_ids = set()
        self._mark(owner)

    def _mark(self, owner: Owner) -> None:
        self.changed.add(owner)
        if isinstance(owner, str):
            self.unsent.add(owner)
