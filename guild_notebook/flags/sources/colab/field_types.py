"""Type, choices and bounds of a form field, from its annotation and the literal beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...languages import literals
from ...languages.values import NotLiteralError, as_number, equal, is_number
from ...model import Flag
from ..assignments import annotated_type, literal_type
from .grammar import TYPE_ALIASES, Annotation, Item

_NUMERIC = ("number", "integer", "slider")
_KINDS = {"boolean": "checkbox", "slider": "slider", "date": "date"}


def typed_field(flag: Flag, annotation: Annotation, python_type: str) -> tuple[Flag, list[str]]:
    """``flag`` with what the form's annotation and the text of Python's, "" for none, say of its
    type, choices and bounds; and what is odd about them."""
    warnings = list(annotation.warnings)
    type_ = _declared_type(annotation.options.get("type"), warnings) or annotated_type(python_type)
    if annotation.choices:
        type_ = _type_of_choices(annotation.choices, type_, flag.default, warnings)
    elif type_ is None:
        # The type of an expression's value is not known: another expression may replace it.
        type_ = "raw" if flag.computed else literal_type(flag.default)
    items = annotation.choices or []
    choices = tuple(_choice(item, type_) for item in items)
    min_, max_, step = (
        _bound(key, annotation.options.get(key), warnings) if type_ in _NUMERIC else None
        for key in ("min", "max", "step")
    )
    allow_other = annotation.options.get("allow-input") in (True, "true", "True")
    free = flag.computed or allow_other or not choices
    if not free and not any(equal(flag.default, choice) for choice in choices):
        warnings.append(f"default {literals.display(flag.default)} is none of its choices")
    field = replace(
        flag,
        kind="dropdown" if choices else _KINDS.get(type_ or "", "input"),
        type=type_,
        choices=choices or None,
        choice_sources=tuple(item.text for item in items) if type_ == "raw" else (),
        allow_other=allow_other,
        min=min_,
        max=max_,
        step=step,
    )
    return field, warnings


def _declared_type(name: Any, warnings: list[str]) -> str | None:
    if name is None:
        return None
    known = TYPE_ALIASES.get(str(name).strip(" \\\"'").lower())
    if known is None:
        warnings.append(f"type {name} is unknown")
    return known


def _bound(key: str, value: Any, warnings: list[str]) -> float | None:
    number = as_number(value) if isinstance(value, str) else value
    if is_number(number):
        return number
    if value is not None:
        warnings.append(f"{key} {value} is no number")
    return None


def _type_of_choices(
    items: list[Item], declared: str | None, default: Any, warnings: list[str]
) -> str | None:
    is_text = isinstance(default, str) and any(item.text == default for item in items)
    if declared == "raw" and is_text:
        # an author's slip: as expressions they would be names, and the default is a text
        warnings.append("its raw choices are plain words: they are taken as text")
        return "string"
    types = {literal_type(item.value) for item in items if item.value is not None}
    common = types.pop() if len(types) == 1 else None
    return declared or literal_type(default) or common


def _choice(item: Item, type_: str | None) -> Any:
    """``item`` as a value of the field's type, as it stands where it is not one."""
    if type_ in ("string", "date"):
        return item.text
    if type_ in _NUMERIC:
        return as_number(item.value) if isinstance(item.value, str) else item.value
    if type_ == "boolean":
        return {"true": True, "false": False}.get(item.text.lower(), item.value)
    try:
        return literals.read(item.text)
    except NotLiteralError:
        return item.text if type_ == "raw" else item.value
