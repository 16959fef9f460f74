"""The outputs of a run: kept for the notebook and shown, where a cell or a widget has them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Union
from weakref import WeakValueDictionary

from ...document.limits import Limits
from ...document.mime import has_image, text_of
from ..output.display import CellImage, Display
from .cell_outputs import Bundle, CellOutputs

Owner = Union[int, str]
"""What outputs stand in: the cell with an index, or the Output widget with an ID."""


@dataclass
class _Area:
    """The outputs of an owner, the images and the display IDs among them. With ``clear_next`` the
    next output replaces all (``clear_output(wait=True)``). ``displays`` counts those since it was
    cleared, None where it never was."""

    outputs: CellOutputs
    images: list[CellImage] = field(default_factory=list)
    display_ids: set[str] = field(default_factory=set)
    clear_next: bool = False
    displays: int | None = None

    def next_display(self, owner: Owner) -> Hashable:
        """The key of the display that one replaces which is added now, None where it is new."""
        if self.displays is None:
            return None
        self.displays += 1
        return owner, self.displays


class _Shown(Bundle):
    """What a display with an ID shows. Any number of outputs may show it: ``images`` has one image
    for each owner and number of a cell, the newest last."""

    def __init__(self, content: Any, limits: Limits) -> None:
        super().__init__(content, limits)
        self.images: dict[tuple[Owner, int], CellImage] = {}
        self.grown = 0

    @property
    def owners(self) -> set[Owner]:
        return {owner for owner, _ in self.images}


class Outputs:
    """Keeps of each owner what is within ``limits``. ``changed`` are the owners whose outputs have
    changed since it was emptied, ``unsent`` the widgets of which the kernel has not been told."""

    def __init__(self, display: Display, limits: Limits) -> None:
        self._display = display
        self._limits = limits
        self._areas: dict[Owner, _Area] = defaultdict(lambda: _Area(CellOutputs(limits)))
        # As long as an output that is kept shows it.
        self._shown: WeakValueDictionary[str, _Shown] = WeakValueDictionary()
        self._ids: set[str] = set()  # of all displays that have not been cleared
        self._replaced: set[_Shown] = set()  # since the last time that images were saved
        self.changed: set[Owner] = set()
        self.unsent: set[str] = set()

    def nodes(self, owner: Owner) -> list[Any]:
        return self._areas[owner].outputs.nodes()

    def add_note(self, owner: Owner, text: str) -> None:
        """Add a line of this package, which the run's output has already."""
        self._areas[owner].outputs.add_text("stderr", f"\n{text}\n")
        self._mark([owner])

    def forget(self, owner: Owner) -> None:
        """Keep nothing of an owner any more; its images stay."""
        self._areas.pop(owner, None)

    def left_out(self, owner: Owner) -> tuple[int, int]:
        """How much of what an owner has put out is not kept: characters, and displays."""
        return self._areas[owner].outputs.left_out

    def add(
        self,
        owner: Owner,
        node: Any,
        number: int,
        display_id: str | None = None,
        has_text: bool = True,
    ) -> None:
        """Add an output, that of the cell that ran as the ``number``-th. ``has_text`` is false for
        the display of a widget whose content is shown otherwise."""
        area = self._areas[owner]
        if area.clear_next:
            self.clear(owner)
        self._mark([owner])
        kind = node["output_type"]
        if kind == "stream":  # kept before it is shown, which may wait for the reader
            text = text_of(node["text"])
            area.outputs.add_text(node["name"], text)
            self._display.show_stream(node["name"], text)
        elif kind == "error":
            shown = node["traceback"], node["ename"], node["evalue"]
            area.outputs.add(node)
            self._display.show_error(*shown)
        elif display_id:
            bundle = self._shown.get(display_id) or _Shown(node, self._limits)
            self._shown[display_id] = bundle
            self._ids.add(display_id)
            area.display_ids.add(display_id)
            if (owner, number) not in bundle.images:
                area.images.append(bundle.images.setdefault((owner, number), CellImage(number)))
            data = node["data"]
            self._replace(bundle, node)  # it changes everywhere, as in Jupyter
            area.outputs.add(node, bundle)
            images = [bundle.images[owner, number]]
            self._display.show_data(data, images, area.next_display(owner), has_text)
        else:
            images = [CellImage(number)] if has_image(node["data"]) else []
            area.images += images
            data = node["data"]
            area.outputs.add(node)
            self._display.show_data(data, images, area.next_display(owner), has_text)

    def update(self, display_id: str, content: dict[str, Any]) -> None:
        """Replace what a display shows, wherever it stands."""
        bundle = self._shown.get(display_id)
        if bundle:
            self._replace(bundle, content)
            images = list(bundle.images.values())[-1:]
            self._display.show_data(content["data"], images, display_id)
        elif display_id in self._ids:  # the notebook does not keep it, the run's output does
            self._display.show_data(content["data"], [], display_id)

    def _replace(self, bundle: _Shown, content: Any) -> None:
        size = bundle.size
        bundle.replace(content)
        # There may be many places and many updates, so a place is not told of each.
        bundle.grown += max(0, bundle.size - size)
        if bundle.grown > self._limits.half // 4:
            for owner in bundle.owners:
                self._areas[owner].outputs.has_grown(bundle.grown)
            bundle.grown = 0
        if bundle not in self._replaced:
            self._replaced.add(bundle)
            self._mark(bundle.owners)

    def save_images(self) -> None:
        """Save the images of displays that stand in several places: an update saves one of them."""
        for bundle in self._replaced:
            if len(bundle.images) > 1:
                self._display.save_images(bundle.parts["data"], bundle.images.values())
        self._replaced.clear()

    def clear(self, owner: Owner, wait: bool = False) -> None:
        """Remove all outputs of an owner, with ``wait`` once it gets a new one."""
        area = self._areas[owner]
        area.clear_next = wait
        if wait:
            return
        area.outputs.clear()
        area.displays = 0
        self._display.remove_images(area.images)
        area.images = []
        for display_id in area.display_ids:
            bundle = self._shown.get(display_id)
            if bundle:
                for place in [place for place in bundle.images if place[0] == owner]:
                    del bundle.images[place]
            if not bundle or not bundle.images:
                self._ids.discard(display_id)
        area.display_ids = set()
        self._mark([owner])

    def _mark(self, owners: Iterable[Owner]) -> None:
        self.changed.update(owners)
        self.unsent.update(owner for owner in owners if isinstance(owner, str))
