"""The secret values of a run: where they come from, how they reach the kernel, what masks them."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, TextIO

from ..secrets import settings
from ..secrets.masking import SHORTEST, Masker, lines_of, texts_of
from .record.run_files import RunFiles, mapping

if TYPE_CHECKING:
    from ..flags.apply import Assignment
    from ..flags.discover import Discovered

GUILD_FILES = {
    "attrs/env": re.compile(r"'?([^\s':]+)'?:"),
    "ENV": re.compile(r"export ([^\s=]+)="),
    **dict.fromkeys(("attrs/label", "attrs/run_params", "attrs/tags", "attrs/comments")),
}
"""Files below ``.guild`` in which Guild may have written a value: the environment of a run that was
staged or is started again, with the beginning of an entry, and words of its command line."""


class RunSecrets:
    """The secret flags of a run: ``variables`` are their environment variables, by flag, as the
    run's operation had them, ``values`` are those that are known. ``masker`` is false for none."""

    def __init__(self, record: RunFiles) -> None:
        self._record = record
        self.variables: dict[str, str] = {}
        if record.attr_names("op", settings.ATTRIBUTE):
            extra = mapping(record.attr("op").get("flags-extra"))
            self.variables = settings.variables(extra, "the run")
        self.values: dict[str, Any] = {}
        self.masker = Masker(())
        self._texts: list[str] = []
        self._not_masked: list[str] = []
        if not self.variables:
            return
        self._flags = record.attr("flags")
        for name, variable in self.variables.items():
            value = self._flags.get(name)
            if value in (None, settings.PLACEHOLDER):
                value = settings.environment_value(name, variable, os.environ)
            if value is not None:
                self._add(name, value)
        self._names = settings.secret_variable_names(os.environ)
        for name in self._names:
            if not settings.is_switch_or_path(os.environ[name]):
                self._mask([os.environ[name]], f"variable {name}")
        self.masker = Masker(self._texts)

    def _add(self, name: str, value: Any) -> None:
        self.values[name] = value
        if value != "":
            self._mask(texts_of(value), f"flag {name}")

    def _mask(self, texts: list[str], what: str) -> None:
        self._texts += texts
        self._not_masked += [] if any(map(lines_of, texts)) else [what]

    def check_values(self) -> None:
        """Raise FlagError where a value is missing that the run does not keep."""
        for name, variable in self.variables.items():
            if self._flags.get(name) is not None and name not in self.values:
                raise settings.missing_value_error(name, variable)

    def assignments(self, found: Discovered) -> list[Assignment]:
        """What the run assigns: its flag values and the secret ones, those of the notebook's own
        literals too. Puts the secret ones into the environment, where the kernel is to have them.
        Raises FlagError."""
        from ..flags import apply
        from ..flags.discover import has_secret_default
        from ..flags.source_text import environment_text

        for name in [name for name in self.variables if name not in self.values]:
            flag = found.flags.get(name)
            if flag and has_secret_default(flag) and not flag.mixed:
                self._add(name, flag.default)
        cmd_flags = mapping(mapping(self._record.attr("op").get("op-cmd")).get("cmd-flags"))
        assigned = apply.assignments(found, {**self._record.attr("flags"), **self.values})
        converted = {assignment.flag.name: assignment.value for assignment in assigned}
        for name, value in self.values.items():
            written = converted.get(name, value)  # as it is where the notebook has no such flag
            text = environment_text(found.flags.get(name), written)
            self._texts += _texts(written)
            os.environ[self.variables[name]] = text
            # As Guild passes any flag's value (guild/op_cmd.py, _flag_env_name).
            named = mapping(cmd_flags.get(name)).get("env-name")
            os.environ[str(named or "FLAG_" + re.sub("[^A-Z0-9_]", "_", name.upper()))] = text
        self.masker = Masker(self._texts)
        for variable in self.variables.values():
            os.environ.pop(settings.HANDOFF_PREFIX + variable, None)
        return assigned

    @property
    def notice(self) -> str:
        """A line that names what cannot be masked, "" where all can."""
        if not self._not_masked:
            return ""
        return (
            f"guild-notebook: not masked in what cells show, since it has fewer than {SHORTEST} "
            f"characters or is no text: secret {', '.join(self._not_masked)} "
        )

    def mask_guild_files(self) -> None:
        """Mask the values in what Guild has written of this start of the run (GUILD_FILES)."""
        if not self.variables:
            return
        variables = self.variables.values()
        names = {*self._names, *variables, *(settings.HANDOFF_PREFIX + name for name in variables)}
        for name, entry in GUILD_FILES.items():
            path = f".guild/{name}"
            try:
                text = self._record.read(path).decode("utf-8", "surrogateescape")
            except FileNotFoundError:
                continue
            masked = self.masker.text(_without(text, names, entry) if entry else text)
            if masked != text:
                self._record.write_file(path, masked.encode("utf-8", errors="surrogateescape"))


def mask_writes(file: TextIO, masker: Masker) -> None:
    """Leave the values of ``masker`` out of what is written to ``file``: for stderr, to which
    Python itself writes tracebacks and warnings."""
    write = file.write
    file.write = lambda text: write(masker.text(text))  # type: ignore[method-assign]


def _texts(value: Any) -> list[str]:
    from ..flags.languages import literals
    from ..flags.languages.values import NotLiteralError
    from ..flags.model import Code

    if not isinstance(value, Code):
        return texts_of(value)
    try:
        return [value.text, *texts_of(literals.read(value.text))]
    except NotLiteralError:
        return [value.text]


def _without(text: str, names: Collection[str], entry: re.Pattern[str]) -> str:
    """``text`` without the entries called ``names`` or named like a secret. A line that does not
    begin an entry belongs to the one before it."""
    kept = []
    dropped = False
    for line in text.splitlines(keepends=True):
        if beginning := entry.match(line):
            dropped = beginning[1] in names or bool(settings.secret_variable_names([beginning[1]]))
        kept += [] if dropped else [line]
    return "".join(kept)
