"""What a browser does for the Output widgets of ipywidgets.

A widget asks the browser to capture the outputs of a request (``msg_id`` in its state) and is told
the ``outputs`` that it has then (packages/jupyterlab-manager/src/output.ts of ipywidgets). nbclient
does it too, but sends all outputs to the kernel with each new one, and loses those that the widget
itself appends.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from nbformat import from_dict

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
            self._set_outputs(comm_id, widget, outputs, number)
            if knows_all:
                self._outputs.unsent.discard(comm_id)

    def _set_outputs(self, comm_id: str, widget: _Widget, outputs: list[Any], number: int) -> None:
        """The widget has appended outputs to those that it knows, or replaced all."""
        known = len(widget.in_kernel)
        if outputs[:known] != widget.in_kernel:
            self._outputs.clear(comm_id)
            known = 0
        self._outputs.changed.add(comm_id)
        widget.in_kernel = outputs
        for output in outputs[known:]:
            self._outputs.add(comm_id, from_dict(output), number)

    def unsent(self) -> list[tuple[str, list[Any]]]:
        """The IDs and outputs of widgets that have captured some since the last call. The kernel is
        to be told of them between two cells: it reads nothing before."""
        changed = [(comm_id, self._outputs.nodes(comm_id)) for comm_id in self._outputs.unsent]
        self._outputs.unsent.clear()
        for comm_id, nodes in changed:
            self._widgets[comm_id].in_kernel = nodes
        return changed
