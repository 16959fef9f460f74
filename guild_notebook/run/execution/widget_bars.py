"""Progress bars that are widgets (tqdm.notebook, ipywidgets): what they show, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..output.updates import Updates, percent, text_of_html

VIEW = "application/vnd.jupyter.widget-view+json"

_PREFIX = "IPY_MODEL_"
_TEXTS = ("HTMLModel", "HTMLMathModel", "LabelModel")
_BARS = ("FloatProgressModel", "IntProgressModel")

_MOST_PARTS = 40
_DEEPEST = 6


class WidgetBars:
    """Follows the widgets that cells display, by their ``states``, which are nbclient's: those that
    hold a progress bar, or are a text."""

    def __init__(self, states: Mapping[str, Any], updates: Updates) -> None:
        self._states = states
        self._updates = updates
        self._displayed: set[str] = set()
        self._parents: dict[str, str] = {}

    def model_name(self, data: Mapping[str, Any]) -> str:
        """The kind of the widget that a MIME bundle displays, "" for none."""
        view = data.get(VIEW)
        model = view.get("model_id") if isinstance(view, dict) else None
        return str(self._state(model).get("_model_name") or "")

    def display(self, data: Mapping[str, Any]) -> bool:
        """A MIME bundle is displayed; returns whether it is a widget with a progress bar, whose
        states are shown as they change."""
        if not self.model_name(data):
            return False
        model = data[VIEW]["model_id"]
        self._displayed.add(model)
        has_bar = any(state.get("_model_name") in _BARS for state in self._parts(model))
        if has_bar:
            self._add(model)
        return has_bar

    def change(self, model: str, changed: Mapping[str, Any]) -> None:
        """The state of a widget has changed."""
        for child in _children(changed):
            self._parents[child] = model
        for _ in range(_DEEPEST):
            if model in self._displayed:
                if self._text(model):
                    self._add(model)
                return
            model = self._parents.get(model, "")

    def close(self, model: str) -> None:
        """A widget is closed, and so removed from where it was displayed."""
        self._displayed.discard(model)
        self._updates.remove(("widget", model))

    def _add(self, model: str) -> None:
        self._updates.add(("widget", model), lambda: self._text(model))

    def _state(self, model: Any) -> Mapping[str, Any]:
        state = self._states.get(model) if isinstance(model, str) else None
        return state if isinstance(state, dict) else {}

    def _parts(self, model: str) -> Iterator[Mapping[str, Any]]:
        """The states of a widget and of those within it, in order."""
        waiting, seen = [model], set[str]()
        while waiting and len(seen) < _MOST_PARTS:
            model = waiting.pop()
            if model not in seen:
                seen.add(model)
                state = self._state(model)
                yield state
                waiting += reversed(_children(state))

    def _text(self, model: str) -> str:
        said, drawn = [], []
        for state in self._parts(model):
            name = state.get("_model_name")
            if name in _TEXTS:
                said.append(text_of_html(str(state.get("value") or "")))
            elif name in _BARS:
                said.append(text_of_html(str(state.get("description") or "")))
                drawn.append(_percent_of(state))
        has_percent = any("%" in text for text in said)
        return " ".join(filter(None, said if has_percent else [*drawn, *said]))


def _children(state: Mapping[str, Any]) -> list[str]:
    """The IDs of the widgets within one."""
    children = state.get("children")
    named = [c for c in children if isinstance(c, str)] if isinstance(children, list) else []
    return [child[len(_PREFIX) :] for child in named if child.startswith(_PREFIX)]


def _percent_of(state: Mapping[str, Any]) -> str:
    try:
        return percent(*(float(state[name]) for name in ("value", "min", "max")))
    except (KeyError, TypeError, ValueError, OverflowError):
        return ""
