"""Which environment variables of a run are read while shared cells are executed, and which are set.

Loaded from its file by a process of the kernel's Python (prefix.py).
"""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable, Collection, Iterator
from typing import Any

_OF_ENVIRON = {"os", "_collections_abc", "collections.abc"}
"""The modules that ``os.environ`` is made of."""


class Environment:
    """The environment of this process, watched until ``end``. ``read`` are the names of the
    ``run_variables`` that cells, modules of the project and libraries have read; one that ends with
    ``*`` stands for all that begin so. That a library copies the whole environment, as before it
    starts a process, does not count: it is not said to use them. ``is_library`` is that of
    libraries.py."""

    def __init__(self, run_variables: Collection[str], is_library: Callable[[str], bool]) -> None:
        self.read: list[str] = []
        self._exact = {name for name in run_variables if not name.endswith("*")}
        self._beginnings = tuple(name[:-1] for name in run_variables if name.endswith("*"))
        self._is_library = is_library
        self._copying: set[types.CodeType] = set()
        self._before = dict(os.environ)
        plain: Any = type(os.environ)
        self._plain, note, note_all = plain, self._note, self._note_all

        class _Environ(plain):  # type: ignore[misc]
            __module__ = plain.__module__
            __qualname__ = plain.__qualname__

            def __getitem__(self, key: Any) -> Any:
                if isinstance(key, (str, bytes)):
                    note(os.fsdecode(key))
                return super().__getitem__(key)

            def __iter__(self) -> Iterator[Any]:
                note_all()
                return iter(list(super().__iter__()))

            def __repr__(self) -> str:
                note_all()
                return str(super().__repr__())

        os.environ.__class__ = os.environb.__class__ = _Environ

    def end(self) -> None:
        os.environ.__class__ = os.environb.__class__ = self._plain

    def set_variables(self) -> dict[str, str]:
        """The variables that have other values now than at first."""
        return {name: now for name, now in os.environ.items() if self._before.get(name) != now}

    def _note(self, name: str) -> None:
        if name in self._exact or name.startswith(self._beginnings):
            reader = _reader()
            if reader and reader.f_code not in self._copying:
                self.read.append(name)

    def _note_all(self) -> None:
        reader = _reader()
        if reader is None:
            return
        path = reader.f_code.co_filename
        if self._is_library(path) and "/IPython/" not in path:  # which shows them: %env
            self._copying.add(reader.f_code)
        else:
            self.read.append("the variables")


def _reader() -> types.FrameType | None:
    """The frame that reads the environment, None where that is this package's own."""
    frame: types.FrameType | None = sys._getframe(2)
    while frame and (
        frame.f_globals is globals() or frame.f_globals.get("__name__") in _OF_ENVIRON
    ):
        frame = frame.f_back
    if frame and os.path.dirname(frame.f_code.co_filename) == os.path.dirname(__file__):
        return None
    return frame
