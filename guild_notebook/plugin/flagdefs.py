"""A notebook's flags as Guild's flag definitions, read once per notebook and change of it.

Guild loads every operation of a project for ``guild operations``, help and completion, so what
is read from a notebook is kept in Guild's cache under the notebook's path, size and time, as long
as it is among what was used last.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from .. import __version__, options
from ..compat import shown_flags
from ..document import reader
from ..errors import OptionError, misspelled, nearest, shown
from ..files import write_whole
from ..secrets import settings

if TYPE_CHECKING:
    from ..flags import discover

Data = dict[str, dict[str, Any]]  # of flags by name, as ``flags:`` of a guild.yml has it, and TYPE
TYPE = "nb-type"  # the key of a flag's own type in its data: Guild has fewer types
ATTRIBUTES = ("nb-replace", settings.ATTRIBUTE)  # of a flag beside Guild's own

OF_GUILD = (
    *("alias", "allow-other", "arg-encoding", "arg-name", "arg-skip", "arg-split", "arg-switch"),
    *("choices", "default", "description", "distribution", "env-encoding", "env-name", "max"),
    *("min", "null-label", "required", "type"),
)
"""The attributes of Guild's flags (guild/guildfile.py, FlagDef)."""

TYPES = ("auto", "string", "int", "float", "boolean", "number", "path", "existing-path")
"""The types of Guild's flags (guild/op_util.py, _coerce_typed_flag_value)."""

NO_DEMANDS: dict[str, Any] = {
    "type": None,
    "choices": [],
    "min": None,
    "max": None,
    "required": False,
}
"""The attributes of Guild's FlagDef that demand something of a value, and what demands nothing."""

MOST_CACHED, MOST_FILES = 20_000_000, 500  # bytes and files that the cache of flags holds at most


@contextlib.contextmanager
def relaxed(demands: Iterable[tuple[Any, str]]) -> Iterator[None]:
    """Guild's flag definitions without ``demands``, each a FlagDef and an attribute of it."""
    kept = [(flagdef, attribute, getattr(flagdef, attribute)) for flagdef, attribute in demands]
    try:
        for flagdef, attribute, _ in kept:
            setattr(flagdef, attribute, NO_DEMANDS[attribute])
        yield
    finally:
        for flagdef, attribute, value in kept:
            setattr(flagdef, attribute, value)


def patterns(opdef: Any) -> dict[str, Any]:
    """The ``nb-replace`` of each flag of an opdef that has one."""
    return {
        flag.name: flag.extra["nb-replace"] for flag in opdef.flags if flag.extra.get("nb-replace")
    }


def secret_variables(opdef: Any, kept: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The environment variable of each secret flag of an opdef, or else as it is ``kept`` by a run
    that is started again: attributes by flag. Raises OptionError."""
    kept = kept or {}
    attributes = {flag.name: flag.extra or kept.get(flag.name) for flag in opdef.flags}
    return settings.variables({**kept, **attributes}, f"operation '{opdef.fullname}'")


def check_attributes(opdef: Any) -> None:
    """Raise OptionError for a flag's ``nb-…`` attribute that is unknown or has an invalid value,
    and for a name in ``flags-import`` or ``flags-import-skip`` that is not text."""
    for key in ("flags-import", "flags-import-skip"):
        for name in _as_list(opdef.as_data().get(key)):
            if not isinstance(name, (str, bool, type(None))):
                raise OptionError(
                    f"operation '{opdef.fullname}': '{key}' takes names of flags, not "
                    f"'{shown(name)}' - put quotes around a name that YAML takes for something else"
                )
    for flag in opdef.flags:
        for key in flag.extra:
            if not isinstance(key, str) or key in (*ATTRIBUTES, *OF_GUILD):
                continue
            is_ours = key.startswith(options.PREFIX)
            near = nearest(key, ATTRIBUTES) if is_ours else misspelled(key, OF_GUILD)
            if near or is_ours:
                hint = f"did you mean '{near}'?" if near else f"there are {', '.join(ATTRIBUTES)}"
                raise OptionError(
                    f"operation '{opdef.fullname}', flag {flag.name}: "
                    f"unknown attribute '{key}' - {hint}"
                )
        if flag.type and flag.type not in TYPES:
            near = nearest(shown(flag.type), TYPES)
            hint = f"did you mean '{near}'?" if near else f"there are {', '.join(TYPES)}"
            raise OptionError(
                f"operation '{opdef.fullname}', flag {flag.name}: unknown type "
                f"'{shown(flag.type)}' - {hint}"
            )
    secret_variables(opdef)


def unknown_imports(opdef: Any, found: discover.Discovered) -> list[tuple[str, str]]:
    """The names in ``flags-import`` and ``flags-import-skip``, each with that attribute, that are
    not flags of the notebook or of guild.yml. One that is to be left out and is passed over is as
    it was meant."""
    own = {flag.name for flag in opdef.flags}
    return [
        (key, name)
        for key in ("flags-import", "flags-import-skip")
        for name in sorted(listed_names(opdef.as_data().get(key)) - own - found.flags.keys())
        if key == "flags-import" or not found.passed_over(name)
    ]


def wanted_names(opdef: Any) -> list[str]:
    """Names of flags that an opdef defines or lists in ``flags-import``."""
    return sorted({flag.name for flag in opdef.flags} | listed_names(opdef.flags_import))


def listed_names(value: Any) -> set[str]:
    """The names that ``flags-import`` or ``flags-import-skip`` lists."""
    return {name for name in _as_list(value) if isinstance(name, str) and name != "all"}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def discovered(opdef: Any, path: str, name: str) -> tuple[reader.Notebook, discover.Discovered]:
    """The notebook of an opdef and its flags; raises NotebookError, which calls it ``name``."""
    from ..flags import discover  # not where the cache has all flags of a project

    nb = _read(path, name, _state(path))
    found = discover.discover(nb, patterns(opdef), wanted_names(opdef), secret_variables(opdef))
    return nb, found


@lru_cache(maxsize=1)
def _read(path: str, name: str, _file: object) -> reader.Notebook:
    return reader.read(path, name)


def _state(path: str) -> tuple[int, int] | None:
    """Size and time of a file, which change with it, None where there is none."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def flag_data(opdef: Any, path: str, name: str) -> Data:
    """Flag data of an opdef's notebook, from the cache where it holds; raises NotebookError, which
    calls it ``name``."""
    cached = _cache_path(path, [patterns(opdef), wanted_names(opdef), secret_variables(opdef)])
    with contextlib.suppress(OSError, ValueError, RecursionError), open(cached or "", "rb") as f:
        kept = json.load(f)
        if isinstance(kept, dict) and all(isinstance(each, dict) for each in kept.values()):
            with contextlib.suppress(OSError):
                os.utime(f.fileno())  # the files that were used last are kept
            return kept
    from ..flags import guild_values

    _nb, found = discovered(opdef, path, name)
    data = {
        flag.name: {**guild_values.flag_data(flag), TYPE: guild_values.type_in_words(flag)}
        for flag in found.flags.values()
    }
    with contextlib.suppress(OSError, TypeError, ValueError):
        content = json.dumps(data).encode("ascii")
        if cached and len(content) <= MOST_CACHED:
            write_whole(cached, content)
            _prune(os.path.dirname(cached))
    return data


def _prune(folder: str) -> None:
    """Remove what was used longest ago from the cache, where it holds more than MOST_CACHED bytes
    or MOST_FILES files. Other processes may read it meanwhile, add to it and prune it as well."""
    files = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                stat = entry.stat(follow_symlinks=False)
                files.append((stat.st_mtime_ns, stat.st_size, entry.path))
    size = 0
    for number, (_, file_size, path) in enumerate(sorted(files, reverse=True)):
        size += file_size
        if size > MOST_CACHED or number >= MOST_FILES:
            with contextlib.suppress(OSError):
                os.unlink(path)


def merge(opdef: Any, data: Data) -> None:
    """Merge flag data into an opdef by Guild's own rules (``flags-import``, ``-skip``; as
    guild/plugins/flags_import_util.py, apply_flags).

    Guild copies each flag that is merged with all that it refers to: with its own helper that is
    the guild.yml and every flag merged before, here the flag alone.

    A flag with ``nb-replace`` is always a flag of the notebook: its default is the notebook's even
    where guild.yml imports nothing.
    """
    from guild import guildfile

    merged = []
    for name in _to_import(opdef, data):
        of_guild = {key: value for key, value in data[name].items() if key != TYPE}
        coerced = guildfile.coerce_flag_data(name, of_guild, opdef.guildfile)
        flagdef = guildfile.FlagDef(name, coerced, SimpleNamespace(guildfile=None))
        flagdef.opdef = None
        merged.append(flagdef)
    opdef.merge_flags(SimpleNamespace(flags=merged))
    for flag in opdef.flags:
        setattr(flag, shown_flags.TYPE, data.get(flag.name, {}).get(TYPE))
        if flag.extra.get("nb-replace") and flag.default is None and flag.name in data:
            flag.default = data[flag.name].get("default")
            opdef.set_flag_value(flag.name, flag.default)


def _to_import(opdef: Any, data: Data) -> list[str]:
    listed = opdef.flags_import
    if listed in (False, []):
        return []
    if listed in (True, "all") or "all" in _as_list(listed):
        chosen = set(data)
    elif listed is None:
        chosen = {flag.name for flag in opdef.flags}
    else:
        chosen = listed_names(listed)
    skipped = listed_names(opdef.flags_import_skip)
    return [name for name in data if name in chosen - skipped]


def _cache_path(path: str, settings_read: list[Any]) -> str | None:
    """The file of Guild's cache for the flag data of a notebook as it is now, read with these
    settings of guild.yml; None where there is no notebook."""
    from guild import var

    state = _state(path)
    if state is None:
        return None
    key = [__version__, os.path.abspath(path), *state, settings_read]
    digest = hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()
    folder: str = var.cache_dir("notebook-flags")
    return os.path.join(folder, digest)
