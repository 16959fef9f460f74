"""The values of literals, whatever their language: comparing, converting and shortening them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

MOST_BITS = 14_000
"""Of an integer that is written as digits: Python takes no more than 4,300 (sys.int_info), so
Guild's YAML and JSON cannot hold a longer one."""

LONGEST_STATEMENT = 200_000
"""Characters of a statement that is read: a longer one is data and no flag, and of 14 MB the
syntax tree alone takes more than 2 GB."""


class NotLiteralError(ValueError):
    """The text is not one of the literals that can be a flag's value."""


def literal_or_computed(read: Callable[..., Any], *arguments: Any) -> tuple[Any, bool]:
    """What ``read``, a reader of literals, returns, and False; None and True where it raises
    NotLiteralError, for any other expression."""
    try:
        return read(*arguments), False
    except NotLiteralError:
        return None, True


def is_number(value: object) -> TypeGuard[float]:
    """Whether ``value`` is an int or a float, and not a bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def same(a: Any, b: Any) -> bool:
    """Equal in type and value at every level: ``True`` is not 1, 1 not 1.0; nan is nan. The order
    of a dict's keys does not count."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (float, complex)):
        return repr(a) == repr(b)  # nan, -0.0
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        others = {(type(key), key): value for key, value in b.items()}
        pairs = ((value, others.get((type(key), key), ...)) for key, value in a.items())
        return len(a) == len(b) and all(same(value, other) for value, other in pairs)
    if isinstance(a, (set, frozenset)):
        return same(ordered(a), ordered(b))
    return bool(a == b)


def equal(a: Any, b: Any) -> bool:
    """Equal by value: 1 is 1.0, but no number equals a boolean or a text."""
    if is_number(a) and is_number(b):
        return bool(a == b)
    return same(a, b)


def as_number(text: str) -> Any:
    """``text`` as an int, else as a float, else as it is."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def number_of(value: Any) -> float | None:
    """``value``, a number or the text of one, as a number; None for anything else."""
    number = as_number(value) if isinstance(value, str) else value
    return number if is_number(number) else None


def ordered(items: Any) -> list[Any]:
    """The items of a list, tuple or set; a set's by their text, the same in every process."""
    return sorted(items, key=repr) if isinstance(items, (set, frozenset)) else list(items)


def shortened(text: str, length: int = 60) -> str:
    """``text`` on one line, cut where it is longer than ``length``."""
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 3] + "..."
