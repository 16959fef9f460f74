"""The flags of a notebook: which source declares them, which others it has, and the warnings of
defaults that a run should not use as they are: blanks to fill in, and secrets."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..document.cells import cell_label
from ..document.reader import Notebook
from ..errors import FlagError
from ..secrets.settings import names_secret
from . import guild_values, validate
from .languages.language import ASSIGNS, LOOPS, REPEATS, Change
from .model import Flag, Found, Skipped
from .sources import assignments, parameters
from .sources.assignments import CodeCell, code_cells
from .sources.colab import form
from .sources.patterns import pattern_flag

SOURCES: dict[str, Callable[[Iterable[CodeCell]], Found]] = {
    "colab-forms": form.find,
    "parameters": parameters.find,
    "assignments": assignments.find,
}
"""The sources of flags, in the order in which they are asked; the first that finds a flag declares
those of the notebook. A source is a function that is given the notebook's code cells and returns
what it finds in them: to add one, write its module in ``sources/`` and a line here."""

_FILL_IN = re.compile(
    r"""
      \[ [^\W\d] [^\[\],\n]* [-_ ] [^\[\],\n]* \]      # [your-project]
    | <  [^\W\d] [^<>=/\n]*  [-_ ] [^<>=/\n]*  >       # <your key>
    | [\[<{(]* (?:your|YOUR|Your) [-_] .*              # YOUR_API_KEY
    | .* (?:^|[^A-Za-z]) (?:your[-_][a-z]|YOUR[-_][A-Z]) .*   # gs://your-bucket
    | [\[<{]+ (?i:your) \b .* [\]>}]+                  # {your name}
    | (?i:change|replace|fill)[-_ ]?(?i:me|this)       # CHANGE_ME
    | (?i:insert|enter|put|paste|fill\ in)\b .* \b(?i:here)\W*  # insert your key here
    """,
    re.VERBOSE,
)

MOST_NAMED = 5  # cells that a warning names, of more


@dataclass
class Discovered:
    """The flags of a notebook. ``source`` is the one source that declares them: colab-forms,
    parameters, assignments or none. ``flags`` are those it declares, all flags with nb-replace
    patterns, and the wanted names that were found in later sources. ``errors`` has one line for
    each flag whose patterns cannot be used."""

    source: str = "none"
    flags: dict[str, Flag] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    cells: list[CodeCell] = field(default_factory=list, repr=False)

    def passed_over(self, name: str) -> Skipped | None:
        """What was passed over that assigns to ``name``, None where that is a flag, or nothing."""
        if name in self.flags:
            return None
        begins = re.compile(rf"{re.escape(name)}(?!\w)")
        named = [skipped for skipped in self.skipped if skipped.name == name]
        return next(iter(named), None) or next(
            (s for s in self.skipped if not s.name and begins.match(s.source)), None
        )

    def warnings_for(self, values: Mapping[str, Any]) -> list[str]:
        """The warnings that hold for a run with ``values`` (as Guild holds them): not those of
        blanks that the values fill in, or of secrets that are empty. A flag whose value is set and
        that is assigned again later is one more."""
        needless = set()
        changed = []
        for flag in self.flags.values():
            value = values.get(flag.name, guild_values.guild_default(flag))
            if not guild_values.is_unchanged(flag, value):
                changed.append(flag)
                if is_fill_in(flag):
                    needless.add(fill_in_warning(flag))
            empty = value in ("", None) and flag.default in ("", None)
            if is_named_like_secret(flag) and empty and not flag.secret:
                needless.add(secret_warning(flag))
        warnings = [warning for warning in self.warnings if warning not in needless]
        again = assigned_again(changed, self.cells)
        return warnings + [assigned_again_warning(*each) for each in again]


def discover(
    notebook: Notebook,
    patterns: Mapping[str, str | list[str]] | None = None,
    wanted: Collection[str] = (),
    secrets: Mapping[str, str] | None = None,
) -> Discovered:
    """Find the flags of ``notebook`` without running any of it.

    ``patterns`` are the nb-replace patterns of guild.yml by flag; ``wanted`` are the names that
    guild.yml lists in flags-import or defines as flags; ``secrets`` are the environment variables
    of secret flags (nb-secret) by flag. Never raises for what cells hold.
    """
    result = Discovered()
    with warnings.catch_warnings(), _without_garbage_collection():
        warnings.simplefilter("ignore")  # of invalid escapes in cells, of which the kernel warns
        result.cells = code_cells(notebook)
        _fill(result, result.cells, patterns or {}, set(wanted))
    _mark_secrets(result.flags, secrets or {})
    for flag in result.flags.values():
        result.warnings += _warnings_of(flag)
    return result


def _mark_secrets(flags: dict[str, Flag], secrets: Mapping[str, str]) -> None:
    """Make those of ``flags`` that have a variable in ``secrets`` secret. Their cells are called by
    their positions, since the name of a cell may be the line that holds the value."""
    cells = {site.cell for name in secrets.keys() & flags.keys() for site in flags[name].sites}
    for name, flag in flags.items():
        where = "" if flag.sites and flag.sites[0].cell in cells else flag.where
        flags[name] = dataclasses.replace(flag, secret=secrets.get(name, ""), where=where)


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Python looks for garbage whenever many objects have been made. Of a large notebook all are
    in use, and looking takes longer than reading it."""
    is_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_enabled:
            gc.enable()


def _fill(
    result: Discovered,
    cells: list[CodeCell],
    patterns: Mapping[str, str | list[str]],
    wanted: set[str],
) -> None:
    for name, pattern in patterns.items():
        try:
            result.flags[name] = pattern_flag(name, pattern, cells)
        except FlagError as e:
            result.errors[name] = str(e)
    missing = wanted - set(patterns)
    for name, find in SOURCES.items():
        if result.source != "none" and not missing:
            break
        found = find(cells)
        flags = {flag.name: flag for flag in found.flags}
        if result.source == "none":
            # What an earlier source passes over is reported even where it declares nothing.
            known = {(skipped.cell, skipped.line) for skipped in result.skipped}
            result.skipped += [s for s in found.skipped if (s.cell, s.line) not in known]
            result.warnings += found.warnings
            is_named = not missing.isdisjoint(found.where_named)
            result.source = name if flags or is_named else "none"
            result.flags.update((key, flags[key]) for key in flags if key not in patterns)
        for key in missing & flags.keys():
            result.flags[key] = flags[key]
        for key in missing & found.where_named.keys() - flags.keys():
            result.flags[key] = found.where_named[key]()
        missing -= set(result.flags)


def assigned_again(
    flags: Iterable[Flag], cells: Iterable[CodeCell]
) -> Iterator[tuple[Flag, list[tuple[CodeCell, Change]]]]:
    """Each of ``flags`` that the notebook assigns something else to after all that it sets, and
    where: not what is made of its value, or depends on it."""
    by_name = {flag.name: flag for flag in flags if flag.sites and flag.kind != "pattern"}
    found: dict[str, list[tuple[CodeCell, Change]]] = {name: [] for name in by_name}
    for cell in cells if by_name else ():
        for change in cell.changes(by_name.keys()):
            sites = [(site.cell, site.start) for site in by_name[change.name].sites]
            start, end = (cell.index, change.start), (cell.index, change.end)
            is_own = any(start <= site < end for site in sites)
            if change.kind in (ASSIGNS, LOOPS, REPEATS) and min(sites) < start and not is_own:
                found[change.name].append((cell, change))
    yield from ((by_name[name], again) for name, again in found.items() if again)


def assigned_again_warning(flag: Flag, changes: Iterable[tuple[CodeCell, Change]]) -> str:
    # The name of a cell may be the line that holds a secret value.
    labels = (cell_label(cell.index + 1) if flag.secret else cell.label for cell, _ in changes)
    cells = list(dict.fromkeys(labels))
    if len(cells) > MOST_NAMED + 1:
        cells = [*cells[:MOST_NAMED], f"{len(cells) - MOST_NAMED} more"]
    listed = " and ".join(filter(None, [", ".join(cells[:-1]), cells[-1]]))
    return (
        f"flag {flag.label} is set, and assigned again in {listed}: its value holds until "
        "there - take out what assigns it again, or set that too by nb-replace in guild.yml"
    )


def _warnings_of(flag: Flag) -> list[str]:
    found = [fill_in_warning(flag)] if is_fill_in(flag) else []
    if taken := validate.refused_default(flag):
        found.append(type_warning(flag, taken))
    if has_secret_default(flag) if flag.secret else is_named_like_secret(flag):
        found.append(secret_warning(flag))
    return found


def is_fill_in(flag: Flag) -> bool:
    """Whether the default is a blank for a person to fill in, like ``"[your-project]"``."""
    text = flag.default
    return isinstance(text, str) and len(text) < 200 and bool(_FILL_IN.fullmatch(text.strip()))


def is_named_like_secret(flag: Flag) -> bool:
    """Whether the flag's name says that its value is a secret (``api_key``), or that it sets a
    variable of the environment, and its type does not say otherwise."""
    if flag.type not in ("string", "bytes", "raw", None) or flag.choices:
        return False
    return flag.name.startswith("os.environ[") or names_secret(flag.name)


def has_secret_default(flag: Flag) -> bool:
    """Whether the notebook itself holds the value of a secret flag."""
    return flag.default not in ("", None) and not is_fill_in(flag)


def fill_in_warning(flag: Flag) -> str:
    return f"flag {flag.label}: {flag.default} is to be filled in - set {flag.name}=VALUE"


def type_warning(flag: Flag, taken: str) -> str:
    default = validate.shown(flag, flag.default)
    return f"flag {flag.label}: default {default} is not what its type takes, {taken}"


def secret_warning(flag: Flag) -> str:
    if flag.secret:
        return (
            f"flag {flag.label}: its secret value stands in the notebook, which every run copies "
            f"- take it out, and give it as {flag.name}=VALUE or as {flag.secret} in the "
            "environment"
        )
    return (
        f"flag {flag.label} looks like a secret: its value is kept in the run and its notebook - "
        "say 'nb-secret: yes' for this flag in guild.yml"
    )
