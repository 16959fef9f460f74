"""Type, choices and bounds of a form field, from its annotation and the literal beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...languages import literals
from ...languages.values import NotLiteralError, as_number, equal, is_number
from ..assignments import annotated_type, literal_type
from .grammar import TYPE_ALIASES, Item, Spec

_KNOWN_KEYS = {"type", "min", "max", "step", "allow-input", "placeholder", "istemplate"}
_NUMERIC = ("number", "integer", "slider")


@dataclass
class FieldType:
    """What an annotation says of its field. What Flag has too means what it means there;
    ``placeholder`` is an example of a value."""

    type: str | None
    kind: str = "input"
    choices: tuple[Any, ...] | None = None
    choice_sources: tuple[str, ...] = ()
    allow_other: bool = False
    min: float | None = None
    max: float | None = None
    step: float | None = None
    placeholder: str = ""
    warnings: list[str] = field(default_factory=list)


def field_type(spec: Spec, annotation: str, value: Any, computed: bool) -> FieldType:
    """The type of a field with the annotation ``spec`` and the Python type ``annotation`` ("" for
    none), whose default is ``value``, or an expression where ``computed``."""
    options = {key.lower(): option for key, option in spec.options.items()}
    warnings = [
        f"option {key} is unknown" for key in spec.options if key.lower() not in _KNOWN_KEYS
    ]
    declared = _declared_type(options.get("type"), warnings) or annotated_type(annotation)
    result = FieldType(declared, warnings=spec.warnings + warnings)
    if spec.choices:
        _set_choices(result, spec.choices, value, computed)
    elif declared is None:
        # The type of an expression's value is not known: another expression may replace it.
        result.type = "raw" if computed else literal_type(value)
    result.kind = _kind(result)
    result.allow_other = options.get("allow-input") in (True, "true", "True")
    result.placeholder = str(options.get("placeholder") or "")
    if result.type in _NUMERIC:
        for key in ("min", "max", "step"):
            setattr(result, key, _bound(key, options.get(key), result.warnings))
    free = computed or result.allow_other or not result.choices
    if not free and not any(equal(value, choice) for choice in result.choices or ()):
        result.warnings.append(f"default {literals.display(value)} is none of its choices")
    return result


def _declared_type(name: Any, warnings: list[str]) -> str | None:
    if name is None:
        return None
    known = TYPE_ALIASES.get(str(name).strip(" \\\"'").lower())
    if known is None:
        warnings.append(f"type {name} is unknown")
    return known


def _kind(result: FieldType) -> str:
    if result.choices:
        return "dropdown"
    return {"boolean": "checkbox", "slider": "slider", "date": "date"}.get(
        result.type or "", "input"
    )


def _bound(key: str, value: Any, warnings: list[str]) -> float | None:
    number = as_number(value) if isinstance(value, str) else value
    if is_number(number):
        return number
    if value is not None:
        warnings.append(f"{key} {value} is no number")
    return None


def _set_choices(result: FieldType, items: list[Item], value: Any, computed: bool) -> None:
    words = isinstance(value, str) and any(item.text == value for item in items)
    if result.type == "raw" and words:
        # an author's slip: as expressions they would be names, and the default is a text
        result.type = "string"
        result.warnings.append("its raw choices are plain words: they are taken as text")
    elif result.type is None:
        result.type = literal_type(value) or _common_type(items)
    if result.type == "raw":
        result.choice_sources = tuple(item.text for item in items)
    result.choices = tuple(_choice(item, result.type) for item in items)


def _common_type(items: list[Item]) -> str | None:
    types = {literal_type(item.value) for item in items if item.value is not None}
    return types.pop() if len(types) == 1 else None


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
