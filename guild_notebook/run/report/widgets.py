"""Widgets in their last state, as HTML that needs no script.

Jupyter's widget manager draws widgets. No Python package has it for pages, so a report loads it
from the network, and would show no widget without. The last state of widgets is in the notebook's
metadata (``application/vnd.jupyter.widget-state+json``, schema in docs/schemas of ipywidgets), and
the widgets of ipywidgets itself are drawn from it here.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from typing import Any

from ...document.mime import IMAGE_ENDINGS, text_of
from .terminal_text import terminal_html

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
DEEPEST = 50  # levels of widgets in widgets: a widget may hold itself
MOST = 10_000  # widgets that are drawn for one output: a widget may hold another more than once
State = dict[str, Any]


class WidgetRenderer:
    """Renders the widgets of ``nb``, a notebook node, from the states in its metadata."""

    def __init__(self, nb: Any) -> None:
        states: Any = nb.metadata
        for name in ("widgets", STATE, "state"):
            states = states.get(name) if isinstance(states, dict) else None
        self._models: dict[str, Any] = states if isinstance(states, dict) else {}
        self._left = MOST

    def widget_html(self, data: dict[str, Any]) -> str:
        """The HTML of the widget that the MIME bundle ``data`` shows, "" for an unknown one."""
        self._left = MOST
        try:
            return (
                (self._draw(data[VIEW].get("model_id"), 0) or _rich(data)) if VIEW in data else ""
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            return ""  # the metadata of a notebook may hold anything

    def _draw(self, model_id: Any, depth: int) -> str:
        model = self._model(model_id)
        if not isinstance(model, dict) or not isinstance(model.get("state"), dict):
            return ""
        state = model["state"]
        self._left -= 1
        if depth > DEEPEST or self._left < 0 or self._is_hidden(state):
            return ""
        name = str(model.get("model_name"))
        if isinstance(state.get("children"), list):
            return self._box(name, state, depth)
        if name == "OutputModel":
            return "".join(self._outputs(state.get("outputs"), depth))
        if name == "ImageModel":
            return _image(state, model.get("buffers"))
        return _RENDERERS[name](state) if name in _RENDERERS else _value(state)

    def _model(self, reference: Any) -> Any:
        """The model with an ID, or with a reference of another model (``IPY_MODEL_ID``)."""
        return self._models.get(str(reference).replace("IPY_MODEL_", "", 1))

    def _is_hidden(self, state: State) -> bool:
        layout = (self._model(state.get("layout")) or {}).get("state") or {}
        return layout.get("display") == "none" or layout.get("visibility") == "hidden"

    def _box(self, name: str, state: State, depth: int) -> str:
        titles = state.get("titles")
        titles = titles if isinstance(titles, (list, tuple)) else []
        parts = []
        for index, child in enumerate(state["children"]):
            drawn = self._draw(child, depth + 1)
            if drawn and index < len(titles):
                drawn = f"<p><strong>{html.escape(str(titles[index]))}</strong></p>{drawn}"
            parts += [f"<div>{drawn}</div>"] if drawn else []
        if name != "HBoxModel" or not parts:
            return "".join(parts)
        return f'<div style="display:flex;gap:0.5em;align-items:center">{"".join(parts)}</div>'

    def _outputs(self, outputs: Any, depth: int) -> Iterator[str]:
        for output in outputs if isinstance(outputs, (list, tuple)) else ():
            data = output.get("data") or {}
            if output.get("output_type") == "stream":
                yield _pre(text_of(output.get("text", "")))
            elif output.get("output_type") == "error":
                yield _pre(f"{output.get('ename')}: {output.get('evalue')}")
            elif VIEW in data:
                yield self._draw(data[VIEW].get("model_id"), depth + 1)
            else:
                yield _rich(data) or _pre(text_of(data.get("text/plain", "")))


def _rich(data: dict[str, Any]) -> str:
    """HTML or an image of a MIME bundle, "" where it has neither."""
    if "text/html" in data or "image/svg+xml" in data:
        return text_of(data.get("text/html") or data["image/svg+xml"])
    images = [mime for mime in IMAGE_ENDINGS if mime in data]
    return _picture(images[0], text_of(data[images[0]])) if images else ""


def _pre(text: str) -> str:
    return f"<pre>{terminal_html(text, with_links=False)}</pre>" if text else ""


def _picture(mime: str, base64: str) -> str:
    source = html.escape(f"data:{mime};base64,{''.join(base64.split())}")
    return f'<img alt="" src="{source}">'


def _image(state: State, buffers: Any) -> str:
    for buffer in buffers if isinstance(buffers, list) else ():
        if buffer.get("path") == ["value"] and buffer.get("encoding") == "base64":
            return _picture(f"image/{state.get('format') or 'png'}", str(buffer.get("data")))
    return ""


def _figure(state: State) -> str:
    """A figure of ipympl, as it was when it was last drawn without a browser."""
    url = str(state.get("_data_url") or "")
    return _picture("image/png", url.rpartition(",")[2]) if url else ""


def _label(state: State) -> str:
    return html.escape(str(state.get("description") or ""))


def _html(state: State) -> str:
    return " ".join(filter(None, (_label(state), str(state.get("value") or ""))))


def _progress(state: State) -> str:
    low, high, value = (float(state.get(key) or 0) for key in ("min", "max", "value"))
    text = f"{value:g} of {high:g}"  # for readers without this element
    bar = f'<progress max="{high - low:g}" value="{value - low:g}">{text}</progress>'
    return f"{_label(state)} {bar}"


def _checkbox(state: State) -> str:
    return f"{'☑' if state.get('value') else '☐'} {_label(state)}"


def _button(state: State) -> str:
    return f"<button disabled>{_label(state)}</button>"


def _choice(state: State) -> str:
    """Selections have the labels of their options, and the index or indexes of the chosen."""
    labels, index = state.get("_options_labels") or [], state.get("index")
    chosen = index if isinstance(index, (list, tuple)) else [index]
    shown = [str(labels[i]) for i in chosen if isinstance(i, int) and 0 <= i < len(labels)]
    return _with_label(state, ", ".join(shown))


def _value(state: State) -> str:
    value = state.get("value")
    if isinstance(value, (list, tuple)):
        value = " – ".join(map(str, value))
    return _with_label(state, "" if value is None else str(value))


def _with_label(state: State, text: str) -> str:
    return ": ".join(filter(None, (_label(state), html.escape(text))))


_NAMES: dict[Callable[[State], str], str] = {
    _html: "HTML HTMLMath",
    _figure: "MPLCanvas",
    _progress: "FloatProgress IntProgress",
    _checkbox: "Checkbox Valid",
    _button: "Button ToggleButton",
    _choice: "Dropdown RadioButtons Select SelectMultiple SelectionRangeSlider SelectionSlider"
    " ToggleButtons",
}
_RENDERERS = {f"{name}Model": draw for draw, names in _NAMES.items() for name in names.split()}
