"""What Guild does to a flag's value between the command line and the run: all of it is here.

Guild decodes what is typed (``flag_util.decode_flag_val``: by the flag's type, else as a number,
a search-space function or YAML), takes a list as trials, coerces the value to the flag's type
(``op_util.coerce_flag_value``), checks choices and bounds (``op_util._check_flag_val``) and
writes it to ``.guild/attrs/flags``. ``flag_data`` is what Guild must be told so that nothing is
lost on that way; ``notebook_value`` is the way back.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import FlagError
from . import validate
from .languages import calls, literals
from .languages.values import MOST_BITS, NotLiteralError, equal, is_number, ordered, same, shortened
from .model import Code, Flag

# "int" and "float" would refuse or change defaults that notebooks have, so a whole number is a
# "number" to Guild and is checked here; dates and expressions are plain text to it.
_GUILD_TYPES: dict[str, str | None] = {
    **dict.fromkeys(("number", "integer", "slider"), "number"),
    **dict.fromkeys(("string", "raw", *(kind.name for kind in calls.KINDS)), "string"),
    "boolean": "boolean",
    "timedelta": None,  # a number, or text
}
_LONGEST_TEXT = 30_000  # Guild passes flags in the environment: 128 KB of UTF-8 for each at most
_NOT_IN_ENVIRONMENT = re.compile("[\x00\ud800-\udfff]")


def flag_data(flag: Flag) -> dict[str, Any]:
    """The Guild flag definition of ``flag``: a dict of plain data with Guild's keys.

    A list, tuple or set is Guild's own convention for one value that is a list
    (``flags_import_util.flag_data_for_val``): text that is split at blanks, so never a grid.
    Where the default is null, a run leaves the source alone, and ``null-label`` shows what the
    source holds: an expression, values that differ by cell, or a value that Guild would lose.
    """
    default = guild_default(flag)
    guild_type = _guild_type(flag)
    data: dict[str, Any] = {"default": default, "type": guild_type}
    if flag.secret:  # neither help nor cache shows anything of the value
        kept = {"type": guild_type, "arg-split": is_list(flag), "description": flag.description}
        return {"default": None, **{key: value for key, value in kept.items() if value}}
    if default is None and (flag.computed or flag.default is not None):
        data["null-label"] = shortened(flag.default_source)
    if is_list(flag):
        data["arg-split"] = True
    if flag.choices:
        data["choices"] = _guild_choices(flag)
        data["allow-other"] = flag.allow_other or None
    elif guild_type == "number" and flag.in_bounds(flag.default):
        data["min"], data["max"] = flag.min, flag.max
    data["description"] = " ".join(
        filter(None, (flag.description, flag.bounds and f"[{flag.bounds}]"))
    )
    return {key: value for key, value in data.items() if value is not None or key == "default"}


def type_in_words(flag: Flag) -> str:
    """The flag's type as help shows it, "" where it is not known."""
    is_mapping = isinstance(flag.default, dict)
    return flag.type or ("list" if is_list(flag) else "mapping" if is_mapping else "")


def is_list(flag: Flag) -> bool:
    """Whether Guild holds a value of the flag as the items of a list in one text."""
    return isinstance(flag.default, (list, tuple, set, frozenset)) and flag.type is None


def _guild_type(flag: Flag) -> str | None:
    """The type by which Guild decodes and coerces; None where it would lose a choice by it."""
    guild_type = _GUILD_TYPES.get(flag.type or "")
    if flag.choices and not all(_fits(guild_type, choice) for choice in _guild_choices(flag)):
        return None
    return guild_type


def _fits(guild_type: str | None, value: Any) -> bool:
    if guild_type == "number":
        return is_number(value)
    if guild_type == "boolean":
        return isinstance(value, bool)
    return guild_type is None or isinstance(value, str)


def guild_default(flag: Flag) -> Any:
    """The default as Guild holds it; None where a run that leaves it leaves the source alone."""
    if flag.computed or flag.mixed or flag.default is None or flag.secret:
        return None
    if len(flag.default_source) > _LONGEST_TEXT:
        return None
    if flag.type == "raw":
        default = _guild_choice(flag.default, flag.default_source) if flag.choices else None
        default = flag.default_source if default is None else default
    elif is_list(flag):
        default = _joined(flag.default, flag)
    else:
        default = _plain(calls.plain(flag.default, flag.default_source))
        default = default if _fits(_GUILD_TYPES.get(flag.type or ""), default) else None
    return default if _can_hold(default) else None


def _guild_choices(flag: Flag) -> list[Any]:
    """The choices as Guild compares them with what it decodes, the default among them."""
    choices = list(flag.choices or ())
    if flag.type == "raw":
        choices = [_guild_choice(*pair) for pair in zip(choices, flag.choice_sources)]
    default = guild_default(flag)
    if default is not None and not any(equal(default, choice) for choice in choices):
        choices.append(default)
    return choices


def _guild_choice(value: Any, source: str) -> Any:
    """A raw choice: numbers, booleans and text decode to themselves, all else is its source."""
    return value if isinstance(value, (bool, int, float, str)) else source


def _can_hold(value: Any) -> bool:
    """Whether ``value`` comes through Guild as it is: YAML, the environment, and no text that
    Guild takes for a search space."""
    if isinstance(value, str):
        return (
            len(value) <= _LONGEST_TEXT
            and not _NOT_IN_ENVIRONMENT.search(value)
            and not is_search_space(value)
        )
    if isinstance(value, dict):
        return all(isinstance(k, str) and _can_hold(k) and _can_hold(v) for k, v in value.items())
    if isinstance(value, list):
        return all(map(_can_hold, value))
    if isinstance(value, int):
        return value.bit_length() <= MOST_BITS
    return value is None or isinstance(value, float)


def is_search_space(value: Any) -> bool:
    """Whether Guild takes ``value`` for a search-space function: ``[0:1]``, ``uniform[0:1]``."""
    if not isinstance(value, str) or "[" not in value:
        return False
    from guild import flag_util  # in Guild's process it is there; elsewhere only for such text

    try:
        return bool(flag_util.is_flag_function(value))
    except Exception:  # it decodes YAML on the way, which may raise anything for odd text
        return False


def _joined(items: Any, flag: Flag) -> str | None:
    """A list as Guild's convention holds it, in one spelling; None where it would not come back the
    same."""
    plain = _plain(calls.plain(ordered(items), flag.default_source))
    try:
        for write in (_short, _shortest):
            text = " ".join(write(item, flag.default) for item in plain)
            with contextlib.suppress(ValueError):  # a quote that does not close
                if same(_split(text, flag.default), plain) and _can_hold(text):
                    return text
    except Exception:  # PyYAML raises what the value happens to make it raise
        return None
    return None


def _flow(item: Any) -> str:
    from guild import yaml_util  # with Guild's own rules for numbers

    text: str = yaml_util.yaml.safe_dump(item, default_flow_style=True, width=math.inf)
    return text.strip().removesuffix("\n...")


def _short(item: Any, _default: Any) -> str:
    return item if isinstance(item, str) else _flow(item).replace(", ", ",")


def _shortest(item: Any, default: Any) -> str:
    """One item, without quotes where it comes back the same without."""
    for text in (_short(item, default), _flow(item)):
        with contextlib.suppress(ValueError):
            if text and same(_split(text, default), [item]):
                return text
    return shlex.quote(_flow(item))


def _plain(value: Any) -> Any:
    """``value`` as what YAML holds: tuples and sets are lists."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in ordered(value)]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _split(text: str, default: Any) -> list[Any]:
    """The items of a list as Guild's convention holds it. Where all items of the default are
    text, so are these: a text stays a text though it looks like a number, as a date always does."""
    from guild import flag_util

    only_text = bool(default) and all(
        isinstance(item, str) or calls.kind_of(item) for item in default
    )
    items = []
    for part in shlex.split(text):
        item = flag_util.decode_flag_val(part)
        is_text = only_text or isinstance(item, datetime.date)
        items.append(part if is_text and not isinstance(item, str) else item)
    return items


def list_of(flag: Flag, value: Any) -> Any:
    """``value`` as a list, where the flag is one and Guild holds it as text; else as it is."""
    if is_list(flag) and isinstance(value, str):
        with contextlib.suppress(ValueError):  # a quote that does not close
            return _split(value, flag.default)
    return value


def read_nulls(values: dict[str, Any], texts: Iterable[str], flags: Mapping[str, Flag]) -> None:
    """Make null, in ``values`` as Guild has read them from assignments, of the ``null`` that is
    typed for text: Guild takes it for text, as it does ``"null"`` in quotes. A form's field and
    choices stay text, as does what only takes the place of an expression."""
    for text in texts:
        name, _, typed = text.partition("=")
        flag = flags.get(name)
        if (
            typed == "null"
            and flag
            and validate.takes_null(flag)
            and guild_default(flag) is not None
        ):
            values[name] = None


def is_unchanged(flag: Flag, value: Any) -> bool:
    """Whether ``value``, as Guild holds it, leaves the source as it is: it is the default, in
    type and value. Null does where Guild's default is null."""
    default = guild_default(flag)
    if same(value, default):
        return True
    if flag.secret or flag.mixed:
        return False
    if flag.computed:
        return isinstance(value, str) and value.strip() == flag.default_source
    if isinstance(value, str) and (flag.type == "raw" or calls.kind_of(flag.default)):
        with contextlib.suppress(NotLiteralError):
            if same(literals.read(value), flag.default):
                return True
    try:
        return same(notebook_value(flag, value), flag.default)
    except FlagError:
        return False


def notebook_value(flag: Flag, value: Any) -> Any:
    """The value that the cell must hold for ``value``, which is as Guild holds it; Code for an
    expression. Raises FlagError, which names the flag, its cell and what is allowed."""
    if is_list(flag) and value is not None and not isinstance(value, (list, tuple, set, dict)):
        try:
            value = _split(value, flag.default) if isinstance(value, str) else [value]
        except ValueError as e:  # a quote that does not close
            raise FlagError(
                f"flag {flag.label} takes a list, items separated by blanks, not "
                f"{validate.shown(flag, value)}: {e}"
            ) from None
    _check_keys(flag, value)
    return validate.converted(flag, value)


def coerced(flag: Flag, flagdef: Any, value: Any) -> Any:
    """``value`` in the one spelling in which runs record it, so that equal values are equal in
    labels and comparisons, coerced by Guild to the type of its own definition as far as it can."""
    from guild import op_util

    if flag.secret:  # no record has it, and to Guild any text of its variable is true
        return value
    with contextlib.suppress(FlagError):  # a value that is refused
        spelled = _spelled(flag, value)
        if not is_unchanged(flag, spelled) or is_unchanged(flag, value):  # null may be no value
            value = spelled
    with contextlib.suppress(ValueError, TypeError):  # Guild's type is only the nearest
        value = op_util.coerce_flag_value(value, flagdef)
    return _in_order(value)


class _Mapping(dict):  # type: ignore[type-arg]
    """A dict that YAML writes in its own order, where Guild sorts its keys (yaml_util.py)."""


def _in_order(value: Any) -> Any:
    import yaml  # here, as guild-notebook does without it

    if isinstance(value, list):
        return [_in_order(item) for item in value]
    if not isinstance(value, dict):
        return value
    pairs = [(key, _in_order(item)) for key, item in value.items()]
    with contextlib.suppress(TypeError):
        if list(value) == sorted(value):
            return dict(pairs)
    yaml.SafeDumper.add_representer(
        _Mapping, lambda dumper, data: dumper.represent_dict(list(data.items()))
    )
    return _Mapping(pairs)


def _check_keys(flag: Flag, value: Any) -> None:
    """Refuse a mapping whose keys Guild cannot sort, which it does for labels (flag_util.py)."""
    if isinstance(value, dict):
        try:
            sorted(value)
        except TypeError:
            raise FlagError(
                f"flag {flag.label} takes a mapping whose keys are all text or all numbers, not "
                f"{validate.shown(flag, value)}"
            ) from None
    if isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            _check_keys(flag, item)


def _spelled(flag: Flag, value: Any) -> Any:
    if value is None:
        return value
    if not flag.mixed and is_unchanged(flag, value):
        default = guild_default(flag)
        is_lost = default is None and flag.default is not None
        return value if is_lost else default
    new = notebook_value(flag, value)
    if isinstance(new, Code) and flag.choices and new.text in flag.choice_sources:
        index = flag.choice_sources.index(new.text)
        return _guild_choice((flag.choices)[index], new.text)
    if isinstance(new, Code):
        return value.strip() if isinstance(value, str) else new.text
    if is_list(flag) and not isinstance(new, dict):
        joined = _joined(new, flag)
        is_same = joined is not None and same(notebook_value(flag, joined), new)
        return joined if is_same else _plain(new)
    with_sets = calls.plain(new, flag.default_source)
    plain = _plain(with_sets)
    # YAML has sets and bytes, and where the default has none a list or text would be one
    return next((v for v in (plain, with_sets) if same(notebook_value(flag, v), new)), new)
