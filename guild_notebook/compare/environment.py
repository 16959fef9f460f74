"""What differs between the environments of two runs, by what each has recorded of its own: the
kernel, its packages, the machine, the commit, and the files that it was given, by their digests."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import UserError
from ..flags.languages.values import shortened
from ..packages import without_password
from ..run.finished import FinishedRun
from ..run.record import kernel_record, manifest, project_files
from ..run.record.run_files import mapping
from ..run.record.source_files import SOURCECODE_DIR
from ..texts import one_line
from .model import Run

KERNEL, PACKAGES, MACHINE, COMMIT = "kernel", "packages", "machine", "commit"
SOURCES, FILES = "source files", "files"
SUBJECTS = (KERNEL, PACKAGES, MACHINE, SOURCES, FILES, COMMIT)

MOST_IN_A_LINE = 3
"""Packages or files that the short form names."""

_LONGEST = 80
"""Characters of a value that are shown."""

_NO_CAUSE = ("kernel", "interpreter", "commit")
"""What may differ and changes no output by itself: what a kernel is called, where its program lies,
and the commit, of which the source files count."""

_EDITABLE = re.compile(r"# Editable [^(]{0,100}\(([\w.-]{1,200})==([^()\s]{1,200})\)")
_EGG = re.compile(r"[#&]egg=([\w.-]{1,200})")


@dataclass(frozen=True)
class Change:
    """What differs: a ``subject`` of SUBJECTS, the ``name`` in it (of a package, the path of a
    file), and what it was and is, "" where it was or is not there. Files have their digests."""

    subject: str
    name: str
    before: str
    after: str

    @property
    def is_cause(self) -> bool:
        """Whether it may be why an output differs."""
        return self.name not in _NO_CAUSE

    @property
    def text(self) -> str:
        """``numpy 2.0.1 → 2.1.0``, ``scipy 1.14 added``, ``data.csv changed``."""
        digests = self.subject in (SOURCES, FILES)
        before, after = (shortened(one_line(text), _LONGEST) for text in (self.before, self.after))
        name = shortened(one_line(self.name), _LONGEST)
        if self.before and self.after:
            return f"{name} changed" if digests else f"{name} {before} → {after}"
        value = "" if digests else f" {before or after}"
        return f"{name}{value} {'removed' if self.before else 'added'}"


@dataclass(frozen=True)
class EnvironmentDifference:
    """What differs between two environments, in the order of SUBJECTS; how many entries of each
    subject were compared, and lines that say what is not known."""

    changes: Sequence[Change]
    compared: Mapping[str, int]
    unknown: Sequence[str] = ()

    @property
    def causes(self) -> list[Change]:
        """Those of the changes that may be why an output differs."""
        return [change for change in self.changes if change.is_cause]

    @property
    def line(self) -> str:
        """The changes in a line, of the packages and files a few; "" where there are none."""
        parts = []
        for subject in SUBJECTS:
            texts = [change.text for change in self.changes if change.subject == subject]
            rest = len(texts) - MOST_IN_A_LINE
            parts += texts[:MOST_IN_A_LINE]
            parts += [f"{rest} more {subject}"] if rest > 0 else []
        return ", ".join(parts)

    @property
    def same(self) -> str:
        """What of the environment is the same, in a line: ``Python, 83 packages, 2 files``."""
        differ = {change.subject for change in self.changes if change.is_cause}
        names = {PACKAGES: "package", SOURCES: "source file", FILES: "file"}
        parts = []
        for subject in SUBJECTS:
            number = self.compared.get(subject, 0)
            if number and subject not in differ and subject != COMMIT:
                name = names.get(subject)
                parts.append(f"{number} {name}{'s' * (number != 1)}" if name else f"the {subject}")
        return ", ".join(parts)


@dataclass
class Environment:
    """The environment of the run ``name``: values by subject and name; the subjects that it says
    nothing of, with what it has not recorded; lines for folders that it requires, of which it keeps
    no digests."""

    name: str
    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)


def between(before_run: Run, after_run: Run) -> EnvironmentDifference:
    """What differs between the environments of two runs."""
    before, after = environment(before_run), environment(after_run)
    changes: list[Change] = []
    compared, unknown = {}, []
    for subject in SUBJECTS:
        lacking = [each for each in (before, after) if subject in each.unknown]
        if lacking:
            who = f"run {lacking[0].name} has not" if len(lacking) == 1 else "neither run has"
            unknown.append(f"{who} recorded {lacking[0].unknown[subject]}")
        if subject == FILES:
            unknown += dict.fromkeys([*before.folders, *after.folders])
        old, new = before.facts.get(subject, {}), after.facts.get(subject, {})
        # A file that one of them does not name may be among those that are left out.
        absent = old.get(project_files.MORE, ""), new.get(project_files.MORE, "")
        names = dict.fromkeys([*old, *new])
        pairs = ((name, old.get(name, absent[0]), new.get(name, absent[1])) for name in names)
        known = [each for each in pairs if project_files.NONE not in each[1:]]
        compared[subject] = sum(bool(one and other) for _, one, other in known)
        if not lacking:
            changes += [Change(subject, n, one, other) for n, one, other in known if one != other]
    return EnvironmentDifference(changes, compared, unknown)


def environment(of: Run) -> Environment:
    """The environment of a run, as far as it can be read."""
    run, described = FinishedRun(of.dir), of.kernel
    found = Environment(one_line(run.short_id))
    if described:
        found.facts[KERNEL] = dict(_kernel(described))
        gpus = described.get("gpus")
        machine = {"platform": described.get("platform"), "GPUs": gpus or "none"}
        found.facts[MACHINE] = {key: _text(value) for key, value in machine.items() if value}
    else:
        found.unknown[KERNEL] = "its kernel"
    packages = described.get("packages") or run.known_attr(kernel_record.PIP_FREEZE)
    if isinstance(packages, list):
        found.facts[PACKAGES] = dict(packages_of(packages))
    else:
        found.unknown[PACKAGES] = "its packages"
    if commit := str(run.known_attr("vcs_commit") or "").rpartition(":")[2]:
        modified = ", modified" if commit.endswith("*") else ""
        found.facts[COMMIT] = {"commit": f"{commit.rstrip('*')[:12]}{modified}"}
    try:
        _add_files(run, found, bool(described.get("implementation")))
    except OSError:
        found.unknown[SOURCES] = found.unknown[FILES] = "files in a manifest that can be read"
    return found


def _kernel(described: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    language = _text(described.get("language"))
    version = f"{language[:1].upper()}{language[1:]}" or "version"
    keys = {version: "version", "implementation": "implementation", "kernel": "name"}
    for name, key in {**keys, "interpreter": "interpreter"}.items():
        if text := _text(described.get(key)):
            yield name, text


def packages_of(lines: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """The name of each package in the lines of ``pip freeze``, and its version, or where it was
    installed from."""
    editable: tuple[str, str] = "", ""
    for line in lines:
        text = without_password(line.strip()) if isinstance(line, str) else ""
        if comment := _EDITABLE.match(text):
            editable = comment[1], comment[2]
            continue
        name, version, source = "", "", ""
        if text.startswith("-e "):
            source = text[3:].strip()
            egg = _EGG.search(source)
            name, version = editable if editable[0] else (egg[1] if egg else source, "")
        elif " @ " in text:
            name, _, source = text.partition(" @ ")
        elif text and not text.startswith(("#", "-")):
            name, _, version = text.partition("==")
        editable = "", ""
        if name:
            place = f"({source})" if version and source else source
            yield re.sub(r"[-_.]+", "-", name).lower(), " ".join(filter(None, (version, place)))


def _add_files(run: FinishedRun, found: Environment, tells_files: bool) -> None:
    sources, files = found.facts.setdefault(SOURCES, {}), found.facts.setdefault(FILES, {})
    _add_files_read(run, found)
    for kind, path, digest, *origin in (line for line in manifest.read_lines(run) if line[2:]):
        path = os.path.normpath(path)
        if kind == "s":
            sources[path.removeprefix(f"{SOURCECODE_DIR}/")] = digest
        elif kind == "d" and not manifest.is_notebook(origin):
            if digest != "-":
                files[path] = digest
            elif not any(name.startswith(f"{path}/") for name in files):
                found.folders.append(f"{shortened(one_line(path))}: a folder has no digest")
    with contextlib.suppress(OSError, UserError):
        if not tells_files and run.settings("cwd").get("cwd") == "project":
            found.folders.append("files of the project whose paths the notebook computes (nb-cwd)")
    if not files and not found.folders and mapping(run.known_attr("deps")):
        found.unknown[FILES] = "digests of the files that it requires"


def _add_files_read(run: FinishedRun, found: Environment) -> None:
    for path, digest in mapping(run.known_attr(project_files.ATTRIBUTE)).items():
        in_run = path.startswith(project_files.IN_RUN)
        name = path[len(project_files.IN_RUN) :] if in_run else f"{path} of the project"
        lacks = f"{shortened(one_line(name))} has no digest"
        if path == project_files.MORE:
            name, lacks = path, "files that cells have read beside those"
        found.facts[FILES][name] = str(digest)
        if digest == project_files.NONE:
            found.folders.append(lacks)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(one_line(item) for item in value[:100])
    return one_line(value)
