"""What a run records of its kernel's environment: in the executed notebook, and in the attributes
in which Guild describes the environment of its own Python."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Sequence
from typing import Any

from ... import packages
from ...errors import UserError
from .run_files import RunFiles, attr_file

KEY = "guild_kernel"  # of the notebook's metadata
PIP_FREEZE = "pip_freeze"  # the run attribute that has the list of packages


class KernelRecord:
    """The record of a kernel in the ``run``. ``error`` is why an attribute could not be written,
    ``problem`` why there is no list of packages, "" where there is one or none is wanted."""

    def __init__(self, run: RunFiles, wants_packages: bool, mask: Callable[[str], str]) -> None:
        self._run = run
        self._wants_packages = wants_packages
        self._mask = mask
        self._description: dict[str, Any] = {}
        self._packages: list[str] | None = None
        self._path: Sequence[str] = ()
        self._python = (0, 0)
        self._modified: list[int] = []
        self._thread: threading.Thread | None = None
        self._unwritten: dict[str, Any] = {}
        self.error: OSError | None = None
        self.problem = ""

    def remove_earlier(self) -> None:
        """Remove the list of packages that is there: it is of an earlier start, of the run that
        this one is made from, or of Guild's environment."""
        self._run.remove(attr_file(PIP_FREEZE))

    def start(self, description: dict[str, Any], path: Sequence[str] = ()) -> None:
        """Record a kernel that is ready: its ``name``, ``interpreter``, ``language``, ``version``
        and so on. The packages of a Python kernel, whose ``sys.path`` is ``path``, are read in a
        thread while cells run."""
        shown = {key: _as_utf8(str(value)) for key, value in description.items()}
        build = shown.pop("build", None)
        self._description = {"platform": shown.get("platform") or platform.platform(), **shown}
        self._write_platform(build)
        if path and self._wants_packages:
            self._path = path
            major, minor = description["version"].split(".")[:2]
            self._python = int(major), int(minor)
            self._read()

    def description(self, gpus: Sequence[str]) -> dict[str, Any]:
        """What the notebook says of the kernel, with the names of its ``gpus``; empty before it is
        ready."""
        description = dict(self._description)
        if description and gpus:
            description["gpus"] = list(gpus)
        if self._packages is not None:
            description["packages"] = self._packages
        return description

    def finish(self, seconds: float) -> None:
        """Read the packages again if the notebook has installed some; wait until they are read, but
        not longer than ``seconds``. Write again what could not be written."""
        if self._thread:
            self._thread.join(seconds)
            if not self._thread.is_alive() and packages.modified(self._path) != self._modified:
                self._read()
                self._thread.join(seconds)
            if self._thread.is_alive():
                self.problem = f"they cannot be read in {seconds:g} s"
        self.error = None
        for name, value in [*self._unwritten.items()]:
            self._write(name, value)

    def _read(self) -> None:
        self.problem = ""
        self._modified = packages.modified(self._path)
        self._thread = threading.Thread(target=self._read_packages, daemon=True)
        self._thread.start()

    def _read_packages(self) -> None:
        try:
            lines = packages.freeze(self._path, self._python)
            lines = [self._mask(_as_utf8(line)) for line in lines]
        except Exception as e:  # what lies in an environment may be anything
            self.problem = f"{type(e).__name__}: {' '.join(str(e).split())}"
            return
        self._packages = lines
        self._write(PIP_FREEZE, lines)

    def _write_platform(self, build: str | None) -> None:
        """Put the kernel's Python, or none, in the place of Guild's (guild/util.py)."""
        try:
            attribute = dict(self._run.attr("platform"))
        except (OSError, UserError):
            return  # not as Guild has written it
        if attribute.pop("python_version", None) is not None:
            added = {"python_version": build.replace("\n", "")} if build else {}
            self._write("platform", {**attribute, **added})

    def _write(self, name: str, value: Any) -> None:
        try:
            self._run.write_attr(name, value)
            self._unwritten.pop(name, None)
        except OSError as e:
            self._unwritten[name], self.error = value, e


def _as_utf8(text: str) -> str:
    """A text in which the bytes of a path that are not UTF-8 are escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
