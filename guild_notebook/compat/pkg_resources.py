"""What Guild and TensorBoard use of setuptools' pkg_resources, on importlib.metadata.

setuptools has dropped it in version 82, while Guild imports it in nine modules, and TensorBoard
2.20 in tensorboard/default.py:30 and data/server_ingester.py:25. They get this one where there is
no other (:mod:`~guild_notebook.compat.import_hooks`). Names and signatures are those of
pkg_resources. Needless when both use importlib.metadata themselves.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import os
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from typing import Any, Callable


class DistributionNotFound(Exception):  # noqa: N818
    """No distribution of that name is installed."""


def __getattr__(name: str) -> Any:
    """What few commands use: to import packaging takes as long as to read a project."""
    if name == "parse_version":
        from packaging.version import parse

        return parse
    if name not in ("Requirement", "RequirementParseError"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from packaging import requirements

    if name == "RequirementParseError":
        return requirements.InvalidRequirement
    parse_one = staticmethod(requirements.Requirement)
    return type(name, (requirements.Requirement,), {"parse": parse_one})


def parse_requirements(lines: Iterable[str]) -> Iterator[Any]:
    """Yield the requirement of each line. Raises RequirementParseError if it is something else."""
    for line in lines:
        text = re.sub(r"(^|\s)#.*", "", line).strip()
        if text:
            yield __getattr__("Requirement")(text)


@dataclasses.dataclass(eq=False)
class EntryPoint:
    """An object that a distribution offers under a name."""

    name: str
    module_name: str
    attrs: Sequence[str] = ()
    dist: Any = None

    def __str__(self) -> str:
        return f"{self.name} = {self.module_name}:{'.'.join(self.attrs)}"

    def resolve(self) -> Any:
        return functools.reduce(getattr, self.attrs, importlib.import_module(self.module_name))


class Distribution:
    """What is installed in ``location``, or what a finder tells of a path."""

    def __init__(
        self,
        location: str | None = None,
        metadata: metadata.Distribution | None = None,
        project_name: str | None = None,
    ) -> None:
        self.location = location
        self._metadata = metadata
        self._name = project_name

    @property
    def project_name(self) -> str:
        name = _name(self._metadata) if self._metadata else self._name
        return re.sub("[^A-Za-z0-9.]+", "-", name or "Unknown")

    @property
    def key(self) -> str:
        return self.project_name.lower()

    @property
    def version(self) -> str:
        return self._metadata.version if self._metadata else ""

    def __str__(self) -> str:
        return f"{self.project_name} {self.version or '[unknown version]'}"

    def get_metadata(self, name: str) -> str:
        """The text of a file beside METADATA. Raises FileNotFoundError if there is none."""
        text = self._metadata.read_text(name) if self._metadata else None
        if text is None:
            raise FileNotFoundError(name)
        return text

    def get_metadata_lines(self, name: str) -> Iterator[str]:
        lines = (line.strip() for line in self.get_metadata(name).splitlines())
        return (line for line in lines if line and not line.startswith("#"))

    @functools.cached_property
    def _entry_points(self) -> str:
        return (self._metadata and self._metadata.read_text("entry_points.txt")) or ""

    def get_entry_map(self, group: str) -> dict[str, EntryPoint]:
        """The entry points of a group by name."""
        # Most have none of it: reading the text is quicker than parsing it.
        if not self._metadata or group not in self._entry_points:
            return {}
        found = {}
        for point in self._metadata.entry_points:
            if point.group == group:
                attrs = point.attr.split(".") if point.attr else ()
                found[point.name] = EntryPoint(point.name, point.module, attrs, self)
        return found


def _name(found: metadata.Distribution) -> str:
    """The name in the header of the metadata: importlib.metadata would parse a README too."""
    header = (found.read_text("METADATA") or "").partition("\n\n")[0]
    match = re.search(r"^Name:[ \t]*(\S+)[ \t]*$", header, re.MULTILINE)
    return match[1] if match else found.metadata["Name"]


_finders: dict[type, Callable[..., Iterable[Any]]] = {}


def register_finder(importer_type: type, finder: Callable[..., Iterable[Any]]) -> None:
    """Let ``finder(importer, path)`` tell the distributions of each path that an importer of that
    type is in charge of."""
    _finders[importer_type] = finder


def _find_distributions(path: str) -> Iterator[Any]:
    importer = pkgutil.get_importer(path)
    if type(importer) in _finders:
        yield from _finders[type(importer)](importer, path)
    elif os.path.isdir(path or ".") or os.path.isfile(path):  # a pipe would be read without end
        yield from _installed(os.path.abspath(path))


@functools.lru_cache
def _installed(path: str) -> list[Distribution]:
    """What is installed on a path, read once: Guild asks for plugins and then for models."""
    return [Distribution(path, found) for found in metadata.distributions(path=[path])]


class WorkingSet:
    """What is installed on the paths of ``entries``; of each name the first counts."""

    def __init__(self, entries: Iterable[str] | None = None) -> None:
        self.entries = list(sys.path if entries is None else entries)

    def iter_entry_points(self, group: str) -> Iterator[EntryPoint]:
        """Yield the entry points of a group, sorted for each path by distribution."""
        seen = set()
        for entry in self.entries:
            found = [(d, d.get_entry_map(group)) for d in _find_distributions(entry)]
            for dist, points in sorted((f for f in found if f[1]), key=lambda f: str(f[0].key)):
                if dist.key not in seen:
                    seen.add(dist.key)
                    yield from points.values()


working_set = WorkingSet()


def iter_entry_points(group: str) -> Iterator[EntryPoint]:
    return working_set.iter_entry_points(group)


def get_distribution(name: str) -> Distribution:
    """The installed distribution of that name. Raises DistributionNotFound if there is none."""
    for entry in working_set.entries:
        for found in metadata.distributions(name=name, path=[entry]):
            return Distribution(entry, found)
    raise DistributionNotFound(name)


def resource_filename(package: str, resource_name: str) -> str:
    """The path of a file of a package."""
    folder = os.path.dirname(str(importlib.import_module(package).__file__))
    return os.path.join(folder, resource_name) if resource_name else folder


def fixup_namespace_packages(path_item: str) -> None:
    """pytest's ``monkeypatch.syspath_prepend`` calls it where this is loaded; none needs it."""
