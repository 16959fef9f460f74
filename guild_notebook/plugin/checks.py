"""Checking flag values before a run has a directory, in the words of the notebook.

Guild checks values itself, against the flag definitions that it got from us, but in messages of
several lines that do not name a cell, and it makes ``true`` of any text for a boolean flag
(guild/op_util.py, _coerce_typed_flag_value). So while Guild looks at the values of the operation
that is about to run, its definitions are relaxed (``notebook_demands``); then they are restored,
and the checks here are made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..compat import shown_flags
from ..document.reader import Notebook
from ..errors import FlagError, nearest
from ..flags import apply, guild_values
from ..flags.discover import Discovered
from ..flags.languages.values import is_number
from ..secrets import settings
from . import search_space

_KEYS = {"type": ["type"], "choices": ["choices", "allow-other"], "min": ["min"], "max": ["max"]}
"""The attributes of Guild's FlagDef by which a notebook demands something of values, each with the
keys by which guild.yml does so itself."""


class Checks:
    """The checks of one operation that is about to run, by what its notebook holds."""

    def __init__(self, opdef: Any, found: Discovered, notebook: Notebook) -> None:
        self._opdef = opdef
        self._found = found
        self._notebook = notebook

    def notebook_demands(self) -> Iterator[tuple[Any, str]]:
        """What Guild's flag definitions demand since the notebook does and guild.yml does not: each
        definition and attribute."""
        in_guildfile = self._opdef.as_data().get("flags") or {}
        for flagdef in self._opdef.flags:
            if flagdef.name not in self._found.flags:
                continue
            data = in_guildfile.get(flagdef.name)
            stated = data if isinstance(data, dict) else {}
            for attribute, keys in _KEYS.items():
                if not any(key in stated for key in keys):
                    yield flagdef, attribute

    def complete_search_spaces(self, *trials: dict[str, Any]) -> None:
        """Complete search spaces that leave a bound to the flag, in values as Guild holds them, and
        make Guild's definitions fit to be searched; raises FlagError."""
        for flagdef in self._opdef.flags:
            flag = self._found.flags.get(flagdef.name)
            if flag is None:
                continue
            for trial in trials:
                if trial.get(flagdef.name) is not None:
                    trial[flagdef.name] = search_space.completed(flag, flagdef, trial[flagdef.name])
            search_space.fit_bounds(flag, flagdef)

    def check_is_searched(self, values: dict[str, Any]) -> None:
        """Raise FlagError where an optimizer would have nothing to search."""
        for flagdef in self._opdef.flags:
            value = values.get(flagdef.name)
            has_bounds = flagdef.min is not None and flagdef.max is not None
            is_searched = isinstance(value, list) or guild_values.is_search_space(value)
            if is_searched or flagdef.choices or has_bounds:
                return
        numbers = [n for n, flag in self._found.flags.items() if is_number(flag.default)]
        raise FlagError(
            "an optimizer searches a range, and no flag has one - say NAME=[MIN:MAX], as "
            f"{numbers[0] if numbers else 'lr'}=[0.01:1]"
        )

    def check(self, values: dict[str, Any]) -> None:
        """Raise FlagError for the first value that its flag does not take, or where values would
        change the same text, and spell each of ``values`` as Guild records it. A list is a grid:
        each of its items counts."""
        apply.check_patterns(self._found)
        flagdefs = {flagdef.name: flagdef for flagdef in self._opdef.flags}
        assigned = []
        is_batch = False
        for name in dict.fromkeys([*flagdefs, *values]):
            flag = self._found.flags.get(name)
            if flag is None or name not in values:
                continue
            value = values[name]
            if value == []:
                raise FlagError(f"flag {name}: an empty list gives no trial - write {name}='[[]]'")
            singles = value if isinstance(value, list) else [value]
            is_batch = is_batch or singles is value
            coerced = []
            for single in singles:
                if guild_values.is_search_space(single):
                    is_batch = True  # Guild draws its values later
                    coerced.append(single)
                else:
                    assigned.append(apply.assignment(flag, single))
                    coerced.append(guild_values.coerced(flag, flagdefs.get(name), single))
            values[name] = coerced if singles is value else coerced[0]
        if not is_batch:  # each trial of a batch has edits of its own
            apply.edited_sources(self._notebook, filter(None, assigned))

    def with_defaults(
        self, extras: Mapping[str, Any] | None, values: Mapping[str, Any]
    ) -> dict[str, Any]:
        """``extras``, what is recorded of flags beside their ``values``, and the defaults that they
        have in the notebook."""
        with_defaults = dict(extras or {})
        for name, flag in self._found.flags.items():
            if name in values and not flag.secret:
                default = guild_values.guild_default(flag)
                of_notebook = shown_flags.extra(default, guild_values.is_list(flag))
                with_defaults[name] = {**(with_defaults.get(name) or {}), **of_notebook}
        return with_defaults

    def warnings(self, values: dict[str, Any]) -> list[str]:
        """What is odd about the notebook's flags and these values, a line each."""
        warnings = self._found.warnings_for(values)
        for name in sorted(values):
            if name not in self._found.flags and not self._is_used(name):
                near = nearest(name, self._found.flags)
                hint = f" - did you mean '{near}'?" if near else ""
                warnings.append(
                    f"flag {name} changes nothing: it is not in the notebook, and nothing else of "
                    f"the operation uses it{hint}"
                )
        return warnings

    def _is_used(self, name: str) -> bool:
        """Whether something beside the notebook's flags may use a flag: a dependency, a reference
        (``${name}``), or the notebook through the environment (``FLAG_NAME``)."""
        data = {key: value for key, value in self._opdef.as_data().items() if key != "flags"}
        word = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
        flagdef = self._opdef.get_flagdef(name)
        variable = getattr(flagdef, "env_name", None) or "FLAG_" + re.sub(
            "[^A-Z0-9_]", "_", name.upper()
        )
        secret = flagdef and settings.variables({name: flagdef.extra}, "").get(name)
        return bool(
            re.search(word, json.dumps(data, default=str))
            or any(variable in cell.source for cell in self._notebook.cells)
            or any(secret and secret in cell.source for cell in self._notebook.cells)
            or str(self._opdef.flags_dest or "").startswith("config:")
            or not flagdef  # --force-flags
            or any(_uses_flag(source, name) for source in self._dependency_sources())
        )

    def _dependency_sources(self) -> Iterator[Any]:
        """The sources (guild/resourcedef.py) of the resources that the operation requires."""
        from guild import op_dep

        for dependency in self._opdef.dependencies:
            try:
                resource, _location = op_dep.resource_def(dependency, {})
            except op_dep.OpDependencyError:
                continue  # Guild says so itself
            yield from resource.sources


def _uses_flag(source: Any, name: str) -> bool:
    """Whether a flag chooses what a resource's source resolves to (``operation:train``), for which
    Guild adds it (guild/plugins/resource_flags.py), or is written into it, as all are into a
    ``config`` (guild/resolver.py, ConfigResolver)."""
    from guild import op_dep

    return source.parsed_uri.scheme == "config" or name in op_dep.source_flag_name_candidates(
        source
    )
