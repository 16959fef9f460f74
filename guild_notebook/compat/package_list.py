"""The list of packages that Guild records for a script, ``pip_freeze`` of its run.

Guild runs ``pip freeze`` before it starts the operation (guild/plugins/python_script.py:673), which
is a quarter of the time of a short script. Here the list is read while the operation runs, and
without pip where pip's text is known. Needless when Guild lists packages beside the run.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

_OPTIONS = (
    *("all", "exclude", "exclude-editable", "local"),
    *("path", "python", "requirement", "user"),
)
"""The options of ``pip freeze`` that change its text, and may stand in a file or a variable."""

_VENDORED = os.path.join("setuptools", "_vendor")
"""The end of a folder that pkg_resources of setuptools 71 to 81 adds to ``sys.path``."""


def wait_for_the_operation(python_script: Any) -> None:
    """Let the plugin of Python operations leave the list to ``guild.op``, which tells it when the
    operation has started."""

    def maybe_pip_freeze(run: Any, op: Any) -> None:
        if python_script._pip_freeze_required(op):
            op._lists_packages = run

    python_script._maybe_pip_freeze = maybe_pip_freeze


def list_beside_the_run(op: Any) -> None:
    """Read the list once an operation's process is started, or was not to be started, and have it
    before the run is shown to be at its end. In the background it is another process of Guild that
    does both."""
    op._start_by_guild, op._wait_by_guild = op._op_start_proc, op._op_wait_for_proc
    op._op_start_proc, op._op_wait_for_proc = _start, _wait


def _start(op: Any, *args: Any) -> Any:
    from guild import op as oplib

    try:
        return oplib._start_by_guild(op, *args)
    finally:
        run = getattr(op, "_lists_packages", None)
        if run:  # no sooner, since a thread that is made before a fork cannot start after it
            op._package_list = threading.Thread(target=_write, args=(run,))
            op._package_list.start()


def _wait(op: Any, *args: Any) -> Any:
    from guild import op as oplib

    try:
        return oplib._wait_by_guild(op, *args)
    finally:
        reading = getattr(op, "_package_list", None)
        if reading:
            with contextlib.suppress(KeyboardInterrupt):  # the run has ended: so will this
                reading.join()


def _write(run: Any) -> None:
    from guild import pip_util

    lines = _lines()
    with contextlib.suppress(FileNotFoundError):  # the operation has deleted its run
        run.write_attr("pip_freeze", pip_util.freeze() if lines is None else lines)


def _lines() -> list[str] | None:
    """What the ``pip freeze`` that Guild would start prints; None where only pip knows."""
    from importlib import util

    from .. import packages

    try:
        path = _path()
        if path is None or not util.find_spec("pip") or _is_configured():
            return None
        text = "\n".join(packages.pip_freeze(path, sys.version_info[:2]))
        return text.encode().decode().splitlines()
    except Exception:  # what lies in an environment may be anything
        return None


def _path() -> list[str] | None:
    """``sys.path`` of that pip: without the project's folders, which Guild has from PYTHONPATH
    (:mod:`guild_notebook.start`). None where one of these holds packages, which are on it if they
    are installed in place."""
    from importlib import metadata

    given, copied = (
        os.environ.get(variable, "").split(os.pathsep)
        for variable in ("PYTHONPATH", "GUILD_SOURCECODE")
    )
    own = {os.getcwd(), *(os.path.abspath(p) for p in given if not os.path.isabs(p) or p in copied)}
    path = []
    for entry in sys.path:
        if entry.endswith(_VENDORED):
            continue
        if os.path.abspath(entry) not in own:
            path.append(entry)
        elif any(metadata.distributions(path=[entry])):
            return None
    return path


def _is_configured() -> bool:
    """Whether pip has a setting that changes the text."""
    import configparser

    if any(f"PIP_{option.upper().replace('-', '_')}" in os.environ for option in _OPTIONS):
        return True
    settings = configparser.RawConfigParser()
    settings.read(_configuration_files())
    names = {
        name.replace("_", "-").lstrip("-") for section in settings for name in settings[section]
    }
    return not names.isdisjoint(_OPTIONS)


def _configuration_files() -> Iterator[str]:
    """Where pip looks (pip/_internal/configuration.py): globally, for the user and here."""
    home = os.path.expanduser("~")
    shared = os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep)
    own = os.environ.get("XDG_CONFIG_HOME", os.path.join(home, ".config"))
    support = "Library/Application Support"  # of macOS
    for folder in (*shared, own, f"/{support}", os.path.join(home, support)):
        yield os.path.join(folder, "pip", "pip.conf")
    yield "/etc/pip.conf"
    yield os.path.join(home, ".pip", "pip.conf")
    yield os.path.join(sys.prefix, "pip.conf")
    yield os.environ.get("PIP_CONFIG_FILE", "")
