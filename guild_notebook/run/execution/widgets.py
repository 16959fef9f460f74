"""The widgets of a run: what Output widgets capture, and the states that the notebook keeps.

An Output widget asks the browser to capture the outputs of a request (``msg_id`` in its state) and
is told the ``outputs`` that it has then (packages/jupyterlab-manager/src/output.ts of ipywidgets).
nbclient does it too, but sends all outputs to the kernel with each new one, and loses those that
the widget itself appends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbformat import from_dict

from ...document.limits import Limits, characters_of
from .outputs import Outputs

MODEL = ("@jupyter-widgets/output", "OutputModel")


@dataclass
class _Widget:
    request: str = ""
    in_kernel: list[Any] = field(default_factory=list)


class OutputWidgets:
    """Keeps what the widgets capture in ``outputs``."""

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs
        self._widgets: dict[str, _Widget] = {}
        self._capturing: dict[str, list[str]] = defaultdict(list)

    def capturing(self, request: str) -> str | None:
        """The ID of the widget that captures the outputs of a request, if any does."""
        widgets = self._capturing.get(request)
        return widgets[-1] if widgets else None

    def set_state(self, comm_id: str, state: dict[str, Any], number: int) -> None:
        """Do what a widget of any kind wants by its new state, while the ``number``-th cell
        runs."""
        if (state.get("_model_module"), state.get("_model_name")) == MODEL:
            self._widgets[comm_id] = _Widget()
        widget = self._widgets.get(comm_id)
        if widget is None:
            return
        if "msg_id" in state:
            if comm_id in self._capturing[widget.request]:
                self._capturing[widget.request].remove(comm_id)
            widget.request = str(state["msg_id"] or "")
            if widget.request:
                self._capturing[widget.request].append(comm_id)
        outputs = state.get("outputs")
        if isinstance(outputs, list):
            knows_all = comm_id not in self._outputs.unsent
            # It has appended outputs to those that it knows, or replaced all.
            known = len(widget.in_kernel)
            if outputs[:known] != widget.in_kernel:
                self._outputs.clear(comm_id)
                known = 0
            self._outputs.changed.add(comm_id)
            widget.in_kernel = outputs
            for output in outputs[known:]:
                self._outputs.add(comm_id, from_dict(output), number)
            if knows_all:
                self._outputs.unsent.discard(comm_id)

    def unsent(self) -> list[tuple[str, list[Any]]]:
        """The IDs and outputs of widgets that have captured some since the last call. The kernel is
        to be told of them between two cells: it reads nothing before."""
        changed = [(comm_id, self._outputs.nodes(comm_id)) for comm_id in self._outputs.unsent]
        self._outputs.unsent.clear()
        for comm_id, nodes in changed:
            self._widgets[comm_id].in_kernel = nodes
        return changed


SMALL = 40  # characters that each entry of a state counts at least: a slider has a hundred entries


class WidgetStates:
    """Bounds ``states`` and ``buffers``, which are nbclient's, by the widgets' IDs. A widget whose
    state would be too much is left out, one that has been closed before others."""

    def __init__(self, states: dict[str, Any], buffers: dict[str, Any], limits: Limits) -> None:
        self._states = states
        self._buffers = buffers
        self._limits = limits
        self._sizes: dict[str, dict[Any, int]] = defaultdict(dict)
        self._size = 0
        self._closed: dict[str, None] = {}
        self._left_out: set[str] = set()

    def count(self, comm_id: str, data: Mapping[str, Any], buffers: Sequence[Any]) -> bool:
        """Count what a message has put into the state of a widget; returns whether the state is
        left out because of it."""
        if comm_id not in self._states:
            return False
        if comm_id in self._left_out:
            self._remove(comm_id)
            return False
        parts = {key: characters_of(value) for key, value in (data.get("state") or {}).items()}
        paths = data.get("buffer_paths") or []
        parts.update((str(path), 2 * len(buffer)) for path, buffer in zip(paths, buffers))
        sizes = self._sizes[comm_id]
        for part, size in parts.items():
            self._size += max(SMALL, size) - sizes.get(part, 0)
            sizes[part] = max(SMALL, size)
        while self._is_over() and self._closed:
            self._remove(next(iter(self._closed)))
        if not self._is_over():
            return False
        self._remove(comm_id)
        self._left_out.add(comm_id)
        return True

    def close(self, comm_id: str) -> None:
        """A widget has been closed: Jupyter would not keep its state."""
        if comm_id in self._states:
            self._closed[comm_id] = None

    def _is_over(self) -> bool:
        return self._size > self._limits.data or len(self._states) > self._limits.models

    def _remove(self, comm_id: str) -> None:
        self._size -= sum(self._sizes.pop(comm_id, {}).values())
        self._states.pop(comm_id, None)
        self._buffers.pop(comm_id, None)
        self._closed.pop(comm_id, None)
