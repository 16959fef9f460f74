"""Checking flag values before a run has a directory, in the words of the notebook.

Guild checks values itself, against the flag definitions that it got from us, but in messages of
several lines that do not name a cell, and it makes ``true`` of any text for a boolean flag
(guild/op_util.py, _coerce_typed_flag_value). So while Guild looks at the values of the operation
that is about to run, its definitions demand nothing that only the notebook does; then they are
put back, and the notebook's own checks are made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ..document.reader import Notebook
from ..flags import apply, guild_values
from ..flags.discover import Discovered
from ..secrets import settings
from . import search_space

FREE: dict[str, Any] = {"type": None, "choices": [], "min": None, "max": None}
"""Attributes of Guild's FlagDef that demand something, and their values that demand nothing."""

_KEYS = {"choices": ("choices", "allow-other")}


class Checks:
    """The checks of one operation that is about to run, with what is in its notebook."""

    def __init__(self, opdef: Any, found: Discovered, notebook: Notebook) -> None:
        self._opdef = opdef
        self._found = found
        self._notebook = notebook
        self._set_aside: list[tuple[Any, str, Any]] = []

    def set_aside(self) -> None:
        """Take from Guild's flag definitions what the notebook demands and guild.yml does not."""
        in_guildfile = self._opdef.as_data().get("flags") or {}
        for flagdef in self._opdef.flags:
            if flagdef.name not in self._found.flags:
                continue
            data = in_guildfile.get(flagdef.name)
            said = data if isinstance(data, dict) else {}
            for attribute, free in FREE.items():
                if not any(key in said for key in _KEYS.get(attribute, (attribute,))):
                    self._set_aside.append((flagdef, attribute, getattr(flagdef, attribute)))
                    setattr(flagdef, attribute, free)

    def put_back(self) -> None:
        for flagdef, attribute, value in self._set_aside:
            setattr(flagdef, attribute, value)
        self._set_aside = []

    def fill_in(self, *trials: dict[str, Any]) -> None:
        """Fill in search spaces that leave something to the flag, in values as Guild holds them,
        and make Guild's definitions fit to be searched; raises FlagError."""
        for flagdef in self._opdef.flags:
            flag = self._found.flags.get(flagdef.name)
            if flag is None:
                continue
            for trial in trials:
                if trial.get(flagdef.name) is not None:
                    trial[flagdef.name] = search_space.completed(flag, flagdef, trial[flagdef.name])
            search_space.prepare(flag, flagdef)

    def check(self, values: dict[str, Any]) -> None:
        """Raise FlagError for the first value that its flag does not take, and coerce the others
        in ``values`` as Guild would have done. A list is a grid: each of its items counts."""
        apply.check_patterns(self._found)
        flagdefs = {flagdef.name: flagdef for flagdef in self._opdef.flags}
        assigned = []
        is_batch = False
        for name in dict.fromkeys([*flagdefs, *values]):
            flag = self._found.flags.get(name)
            if flag is None or name not in values:
                continue
            value = values[name]
            is_batch = is_batch or _is_of_batch(value)
            for single in value if isinstance(value, list) else [value]:
                # Guild draws the values of a search space later.
                if not guild_values.is_search_space(single):
                    assigned.append(apply.assignment(flag, single))
            values[name] = _coerced(value, flagdefs.get(name))
        if not is_batch:  # each trial of a batch has edits of its own
            apply.edited_sources(self._notebook, filter(None, assigned))

    def warnings(self, values: dict[str, Any]) -> list[str]:
        """What is odd about the notebook's flags and these values, a line each."""
        lines = self._found.warnings_for(values)
        return lines + [
            f"flag {name} changes nothing: it is not in the notebook, and nothing else of the "
            "operation uses it"
            for name in sorted(values)
            if name not in self._found.flags and not self._is_used(name)
        ]

    def _is_used(self, name: str) -> bool:
        """Whether something beside the notebook's flags may use a flag: a dependency, a reference
        (``${name}``), or the notebook through the environment (``FLAG_NAME``)."""
        data = {key: value for key, value in self._opdef.as_data().items() if key != "flags"}
        word = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
        flagdef = self._opdef.get_flagdef(name)
        variable = getattr(flagdef, "env_name", None) or f"FLAG_{_env_name(name)}"
        destination = str(self._opdef.flags_dest or "")
        return bool(
            re.search(word, json.dumps(data, default=str))
            or any(variable in cell.source for cell in self._notebook.cells)
            or bool(flagdef and self._is_read_as_secret(flagdef))
            or destination.startswith("config:")
            or not flagdef  # it is forced
            or any(_takes(source, name) for source in self._sources())
        )

    def _is_read_as_secret(self, flagdef: Any) -> bool:
        """Whether the notebook reads a secret flag's variable by itself."""
        variable = settings.variables({flagdef.name: flagdef.extra}, "").get(flagdef.name)
        return any(variable in cell.source for cell in self._notebook.cells if variable)

    def _sources(self) -> Iterator[Any]:
        """What the operation's dependencies resolve."""
        from guild import op_dep

        for dependency in self._opdef.dependencies:
            try:
                resource, _location = op_dep.resource_def(dependency, {})
            except op_dep.OpDependencyError:
                continue  # Guild says so itself
            yield from resource.sources


def _takes(source: Any, name: str) -> bool:
    """Whether a flag chooses what a source resolves to (``operation:train``), for which Guild adds
    it (guild/plugins/resource_flags.py), or is written into it, as all are into a ``config``
    (guild/resolver.py, ConfigResolver)."""
    from guild import op_dep

    return source.parsed_uri.scheme == "config" or name in op_dep.source_flag_name_candidates(
        source
    )


def _coerced(value: Any, flagdef: Any) -> Any:
    """``value`` as Guild coerces it, as far as it does: Guild's type is only the nearest to the
    notebook's, which takes the value."""
    from guild import op_util

    try:
        return op_util.coerce_flag_value(value, flagdef)
    except (ValueError, TypeError):
        return value


def _is_of_batch(value: Any) -> bool:
    return isinstance(value, list) or guild_values.is_search_space(value)


def _env_name(name: str) -> str:
    return re.sub("[^A-Z0-9_]", "_", name.upper())
