"""Which flags of a notebook are shown, and how: in labels, in the confirmation of a run, in help.

Guild shows each flag that has a value in all its length, and quotes text that has quotes already
(guild/op_util.py:707, guild/commands/run_impl.py:2212, guild/help.py:403). A notebook has many more
flags than a script, and its data among them. Needless when Guild asks the plugin of an operation
for the flags of a label, and shortens values.

What a notebook's defaults are is recorded with its run, in the ``flags-extra`` of the attribute
``op``, beside ``nb-replace``: labels are made again for each trial and each restart, which read no
notebook. Runs that were recorded without them, and scripts, have Guild's labels.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import math
import re
import shlex
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from . import with_changes

DEFAULT, LIST, VARIES = "nb-default", "nb-list", "nb-varies"
"""The keys of ``flags-extra``: a flag's default in the notebook, as Guild holds it; whether Guild
holds it as a list's items in one text; and, of a trial, whether the flag varies in the batch."""

TYPE = "nb_type"  # the attribute of Guild's definition of a notebook's flag with its type in words
LONGEST = 40  # characters of a value that is shown
_DIGEST = "sha256:"
_LONGEST_DEFAULT = 200
_MOST_READ = 400  # characters of a text that are read to show its beginning
_AS_IT_IS = re.compile(r"""[^\s"']+""")


def extra(default: Any, is_list: bool) -> dict[str, Any]:
    """What ``flags-extra`` has for a flag with this default. Of a long one it is a digest."""
    text = _exact(default)
    if len(text) > _LONGEST_DEFAULT:
        default = _DIGEST + hashlib.sha256(text.encode("ascii")).hexdigest()
    return {DEFAULT: default, **({LIST: True} if is_list else {})}


def _exact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


def differing(values: Mapping[str, Any], extras: Mapping[str, Any] | None) -> dict[str, str]:
    """Of flag values those that differ from the notebook's defaults, or among the trials of a
    batch, as they are shown."""
    shown = {}
    for name, value in sorted(values.items()):
        known = _known(extras, name)
        is_default = _is_default(value, known[DEFAULT]) if DEFAULT in known else value is None
        if known.get(VARIES) or not is_default:
            shown[name] = value_text(value, bool(known.get(LIST)))
    return shown


def value_text(value: Any, is_list: bool = False) -> str:
    """A flag's value in few characters, as it is typed; text with blanks has quotes. ``is_list``:
    the value is the text of a list's items, which may be lists."""
    if isinstance(value, str):
        items = _items(value) if is_list else []
        if any(isinstance(item, (list, dict)) for item in items):
            return _shortened(_text(items))
        return _quoted(_shortened(value))
    if isinstance(value, list) and is_list:  # of trials
        first = [_items(each) if isinstance(each, str) else each for each in value[:LONGEST]]
        return _shortened(_text(first))
    return _shortened(_text(value))


def _is_of_notebook(extras: Any) -> bool:
    return any(DEFAULT in _known(extras, name) for name in extras or ())


def _known(extras: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    known = (extras or {}).get(name)
    return known if isinstance(known, Mapping) else {}


def _is_default(value: Any, default: Any) -> bool:
    if isinstance(default, str) and default.startswith(_DIGEST):
        value = extra(value, False)[DEFAULT]
    if type(value) in (int, float) and type(default) in (int, float) and value == default:
        return True  # 1 and 1.0
    return _exact(value) == _exact(default)


def _items(text: str) -> list[Any]:
    from guild import flag_util

    if len(text) > _MOST_READ:
        text = text[:_MOST_READ].rpartition(" ")[0]
    try:
        return [flag_util.decode_flag_val(part) for part in shlex.split(text)]
    except ValueError:  # a quote that does not close
        return []


def _text(value: Any) -> str:
    """A value in one line, text without quotes of its own; of a long one enough to be cut."""
    from guild import yaml_util

    if value is None:
        return "null"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        exact = repr(value)
        return exact if len(exact) <= 9 else f"{value:.6g}"
    if isinstance(value, list):
        return f"[{', '.join(map(value_within, value[:LONGEST]))}]"
    if isinstance(value, dict):
        first = islice(value.items(), LONGEST)
        return (
            f"{{{', '.join(f'{value_within(key)}: {value_within(each)}' for key, each in first)}}}"
        )
    if isinstance(value, str):
        return value
    text: str = yaml_util.encode_yaml(value, default_flow_style=True)
    return " ".join(text.split())


def value_within(value: Any, longest: int | None = _MOST_READ) -> str:
    """A value within a list or a mapping, where text that reads as something else has quotes."""
    if not isinstance(value, str):
        return _text(value)
    import yaml  # which Guild has read by then

    text = yaml.safe_dump(
        [value[:longest]], default_flow_style=True, allow_unicode=True, width=math.inf
    )
    return str(text).strip()[1:-1]


def _shortened(text: str) -> str:
    """``text``, cut where it is longer than LONGEST: a path's end is kept, else the beginning. The
    dots are three for terminals without an ellipsis, and for TensorBoard, which takes none."""
    if len(text) <= LONGEST:
        return text
    if "/" in text and not re.search(r"[\s,\[{]", text):
        return f"...{text[3 - LONGEST :]}"
    return f"{text[: LONGEST - 3]}..."


def _quoted(text: str) -> str:
    if _AS_IT_IS.fullmatch(text) and text.isprintable():
        return text
    if text.isprintable():
        for quote in ("'", '"'):
            if quote not in text:
                return f"{quote}{text}{quote}"
    return repr(text)


def _label(template: str | None, values: Mapping[str, Any], extras: Any) -> str:
    """A run's label, as ``op_util.run_label`` makes it."""
    from guild import op_util

    if not _is_of_notebook(extras):
        return str(op_util.run_label(template, values))
    label = " ".join(f"{name}={text}" for name, text in differing(values, extras).items())
    if template is not None:
        label = op_util._render_label_template(template, values, label)
    return label


def label_by_defaults(run_impl: Any) -> None:
    """Label runs, and ask before them, with what differs from the notebook's defaults."""

    def op_init_label(op: Any) -> None:
        op._label = _label(op._label_template, op._op_flag_vals, op._flags_extra)
        if not op._label and _is_of_notebook(op._flags_extra):
            op.run_attrs["label"] = ""  # not that of an earlier start, and as trials have it

    confirmed_by_guild = run_impl._preview_user_flags

    def preview_user_flags(state: Any) -> str:
        op = state.user_op
        if not _is_of_notebook(op._flags_extra):
            return str(confirmed_by_guild(state))
        return "".join(f"  {line}\n" for line in _lines(op))

    run_impl._op_init_label = op_init_label
    run_impl._preview_user_flags = preview_user_flags


def _lines(op: Any) -> Iterator[str]:
    values = op._op_flag_vals
    flagdefs = op._opdef.flags if op._opdef else ()
    types = {flag.name: getattr(flag, TYPE, None) for flag in flagdefs}
    shown = differing(values, op._flags_extra)
    for name, text in shown.items():
        known = _known(op._flags_extra, name)
        default = known.get(DEFAULT)
        is_long = isinstance(default, str) and default.startswith(_DIGEST)
        before = "" if default is None or is_long else value_text(default, bool(known.get(LIST)))
        about = ", ".join(filter(None, (types.get(name), before and f"{before} in the notebook")))
        yield f"{name}: {text}" + (f" ({about})" if about else "")
    others = len(values) - len(shown)
    if others:
        yield f"{others} flag{'s' if others > 1 else ''} as in the notebook"


def label_trials_by_defaults(batch_util: Any) -> None:
    """Do so for the trials of a batch (guild/batch_util.py:176), also where it tells of each. Their
    labels have each flag that varies in it."""
    varying: set[str] = set()  # as far as trials are known beforehand
    init_by_guild, op_by_guild = batch_util._init_trial_runs, batch_util._trial_op_attr
    desc_by_guild = batch_util._trial_flags_desc

    def init_trial_runs(batch_run: Any, trials: list[dict[str, Any]]) -> Any:
        names = {name for flags in trials for name in flags}
        varying.update(n for n in names if len({_exact(flags.get(n)) for flags in trials}) > 1)
        return init_by_guild(batch_run, trials)

    def extras_of(proto_run: Any, values: Mapping[str, Any]) -> Any:
        extras: Any = (proto_run.get("op") or {}).get("flags-extra")
        given = proto_run.get("flags") or {}  # of one that varies several, or how they are drawn
        if not _is_of_notebook(extras):
            return extras
        return {
            **extras,
            **{
                name: {**_known(extras, name), VARIES: True}
                for name, value in values.items()
                if name in varying or _exact(given.get(name)) != _exact(value)
            },
        }

    def trial_label(proto_run: Any, values: dict[str, Any]) -> str:
        template = (proto_run.get("op") or {}).get("label-template")
        return _label(template, values, extras_of(proto_run, values))

    def trial_op_attr(proto_run: Any, values: dict[str, Any]) -> Any:
        data, extras = op_by_guild(proto_run, values), extras_of(proto_run, values)
        return {**data, "flags-extra": extras} if extras else data

    def trial_flags_desc(run: Any) -> str:
        extras = (run.get("op") or {}).get("flags-extra")
        values = run.get("flags") or {}
        if not _is_of_notebook(extras):
            return str(desc_by_guild(run))
        return ", ".join(f"{name}={text}" for name, text in differing(values, extras).items())

    batch_util._init_trial_runs, batch_util._trial_op_attr = init_trial_runs, trial_op_attr
    batch_util._trial_label = trial_label
    batch_util._trial_flags_desc = trial_flags_desc


class _Shown(str):
    """A value as it is shown."""


def describe_flags(help_: Any) -> None:
    """Show types in the help of notebook operations, and defaults in few characters."""
    described_by_guild, format_by_guild = help_._format_flag_desc, help_.flag_util.format_flag

    def format_flag(value: Any) -> str:
        return value if isinstance(value, _Shown) else str(format_by_guild(value))

    @functools.wraps(described_by_guild)
    def format_flag_desc(flag: Any, max_flag_len: int) -> str:
        shown = copy.copy(flag)
        if _is_notebooks(flag) and flag.default is not None:
            shown.default = _Shown(value_text(flag.default, bool(flag.arg_split)))
        elif _is_notebooks(flag) and flag.null_label:
            shown.null_label = _Shown(value_text(flag.null_label))
        described: str = described_by_guild(shown, max_flag_len)
        first, break_, rest = described.partition("\n\n")
        kind = getattr(flag, TYPE, None)
        return f"{first} [{kind}]".lstrip() + break_ + rest if kind else described

    help_.flag_util = with_changes(help_.flag_util, format_flag=format_flag)
    help_._format_flag_desc = format_flag_desc


def list_flags(operations_impl: Any) -> None:
    """Do so where operations are listed with flags (guild/commands/operations_impl.py:80)."""
    by_guild = operations_impl._format_flag_default

    def format_flag_default(flag: Any) -> str:
        if not _is_notebooks(flag):
            return str(by_guild(flag))
        return f" (default is {value_text(flag.default, bool(flag.arg_split))})"

    operations_impl._format_flag_default = format_flag_default


def _is_notebooks(flagdef: Any) -> bool:
    return hasattr(flagdef, TYPE)
