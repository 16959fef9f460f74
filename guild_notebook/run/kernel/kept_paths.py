"""Whether what the shared cells have left leads to a path that each trial has another of: that of
the folder in which the cells ran, or of a temporary file that they have made.

Loaded from its file by a process of the kernel's Python (prefix.py): it imports nothing of this
package, and nothing but the standard library.
"""

from __future__ import annotations

import collections
import gc
import itertools
import logging
import os
import pathlib
import re
import sys
import tempfile
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

MOST_OBJECTS = 200_000
"""Objects in which a path is looked for, those near to a name first. A path that trials would
write to is near to a name; data, which is not, would take seconds and finds nothing."""

MOST_ENTRIES = 1_000  # of a container that are looked at, at equal distances: a list has one kind
LONGEST_PATH = 4_096  # characters: a longer text is not a path (PATH_MAX of Linux)

OF_IPYTHON = re.compile(r"_+|_i+|_i?\d+|_[io]h|_dh|In|Out|exit|quit|get_ipython|open|__\w+__")
"""Names that IPython keeps in the namespace: what cells were, and have shown."""

NOT_ENTERED = {
    *("IPython", "ipykernel", "traitlets", "zmq", "jupyter_client", "comm", "tornado"),
    *("asyncio", "_asyncio", "threading", "_thread", "_io"),
}
"""Packages whose objects lead to the kernel itself, which knows its folder."""

SCALARS = (int, float, complex, type(None), types.CodeType, types.FrameType, types.ModuleType)


class KeptPaths:
    """Looks for paths of the folder ``cwd`` and of temporary files that are made from now on.
    ``is_library`` is that of libraries.py."""

    def __init__(self, cwd: str, is_library: Callable[[str], bool]) -> None:
        self._folders = {os.path.abspath(cwd), os.path.realpath(cwd)}
        self._is_library = is_library
        self._temporary = _watch_temporary_names()

    def problem(self, namespace: Mapping[str, Any], variables: Mapping[str, str]) -> str:
        """What keeps such a path, as a clause, "" where nothing does. ``namespace`` holds the names
        of the cells, ``variables`` are those of the environment that they have set."""
        finalizers: Any = weakref.finalize._registry  # type: ignore[attr-defined]
        for finalizer in list(finalizers):
            found: Any = finalizer.peek()
            if found and found[1].__qualname__ == "TemporaryDirectory._cleanup":
                return f"a temporary folder is removed when a trial ends ({found[2][0]})"
        named = [(f"the variable {name}", value) for name, value in variables.items()]
        for name, text in self._texts(itertools.chain(named, self._roots(namespace))):
            if any(_is_in(folder, text) for folder in self._folders):
                return f"{name} keeps the path of the folder in which the shared cells ran"
            if new := self._new_temporary(text):
                return f"{name} keeps the path of a temporary file that a cell has made ({new})"
        return ""

    def _new_temporary(self, text: str) -> str:
        """The temporary file that a text names, "" where it names none."""
        for name in self._temporary:
            before, found, after = text.partition(name)
            path = before + found + after.partition(os.sep)[0]
            if found and os.path.lexists(path):
                return path
        return ""

    def _roots(self, namespace: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """The names of the cells and the global names of the project's modules, with their
        values."""
        for name, value in list(namespace.items()):
            if isinstance(name, str) and not OF_IPYTHON.fullmatch(name):
                yield name, value
        for name, module in list(sys.modules.items()):
            if name != "__main__" and self._is_of_project(module):
                for key, value in list(vars(module).items()):
                    if not (key.startswith("__") and key.endswith("__")):
                        yield f"{name}.{key}", value
        yield "tempfile.tempdir", tempfile.tempdir
        for handler in list(logging._handlerList):  # type: ignore[attr-defined]
            yield "a handler of logging", handler()

    def _is_of_project(self, module: Any) -> bool:
        path = getattr(module, "__file__", None)
        return isinstance(path, str) and not (
            self._is_library(path) or module.__name__.startswith("guild_notebook")
        )

    def _texts(self, roots: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, str]]:
        """Each text or path that can be reached from the roots, with the name of its root. Nearest
        first; neither through libraries' modules and classes nor through arrays of numbers."""
        seen = {id(vars(module)) for module in sys.modules.values() if hasattr(module, "__dict__")}
        left = collections.deque(roots)
        count = 0
        while left and count < MOST_OBJECTS:
            name, value = left.popleft()
            count += 1
            text = _text(value)
            if text is not None:
                if len(text) <= LONGEST_PATH:
                    yield name, text
            elif not isinstance(value, SCALARS) and id(value) not in seen:
                seen.add(id(value))
                if len(left) < MOST_OBJECTS:
                    left.extend((name, part) for part in self._parts(value))

    def _parts(self, value: Any) -> Iterable[Any]:
        kind = type(value)
        package = str(getattr(kind, "__module__", "")).partition(".")[0]
        if isinstance(value, type):
            module = sys.modules.get(value.__module__)
            if value.__module__ != "__main__" and not self._is_of_project(module):
                return ()
            return [part for key, part in vars(value).items() if not key.startswith("__")]
        if package in NOT_ENTERED:
            return ()
        if isinstance(value, types.FunctionType):
            captured = gc.get_referents(*(value.__closure__ or ()))
            return [*captured, value.__defaults__, value.__kwdefaults__, value.__dict__]
        if package == "numpy" and hasattr(value, "flat"):
            flat = value.flat if value.dtype.kind in "OUS" else ()
            return [flat[i] for i in _indexes(len(flat))] if len(flat) else ()
        if package == "pyarrow" and hasattr(value, "null_count"):
            return [value[i].as_py() for i in _indexes(len(value))[::10]]
        if isinstance(value, dict) and len(value) > MOST_ENTRIES:
            step = _indexes(len(value)).step
            return itertools.chain(*itertools.islice(value.items(), 0, None, step))
        if kind not in (list, tuple):
            value = gc.get_referents(value)
        return [value[i] for i in _indexes(len(value))]


def _is_in(folder: str, text: str) -> bool:
    """Whether the text names the folder or what lies in it."""
    _, found, after = text.partition(folder)
    return bool(found) and (not after or not (after[0].isalnum() or after[0] in "._-"))


def _watch_temporary_names() -> list[str]:
    """The random parts of names that ``tempfile`` makes from now on. Each trial would have made
    files of its own."""
    module: Any = tempfile
    names: list[str] = []

    class _RandomNameSequence(module._RandomNameSequence):  # type: ignore[misc]
        def __next__(self) -> str:
            names.append(super().__next__())
            return names[-1]

    module._name_sequence = _RandomNameSequence()
    return names


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, pathlib.PurePath):
        return str(value)
    if isinstance(value, bytes):
        return os.fsdecode(value[: LONGEST_PATH + 1])
    return None


def _indexes(length: int) -> range:
    """At equal distances, which are odd: a dict refers to keys and values in turn."""
    return range(0, length, length // MOST_ENTRIES | 1)
