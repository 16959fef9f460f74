"""The trials of a notebook share the cells before the first one that differs (``nb-fork``).

A trial finds in its attribute ``varying_flags`` which flags have not the same value in all trials,
and the process that has executed the shared cells by the host (fork_host.py) of who starts it.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..fork_host import ALIKE, COUNTS, VARIABLE, VARYING, Host, opened

log = logging.getLogger("guild")


def option(command: Sequence[str] | None, name: str) -> str:
    """The value of an option (options.py) in the command of a run, "" where it has none: the last
    counts."""
    value = ""
    for word, following in zip(command or (), [*(command or ())[1:], ""]):
        spelling, equals, text = word.partition("=")
        if spelling in (f"--{name}", f"nb-{name}"):
            value = text if equals else following
    return value


def is_wanted(run: Any) -> bool:
    """Whether the trials that have the command of ``run`` share cells."""
    return option(run.get("cmd"), "fork") in ("yes", "verify")


def record(
    runs: Sequence[Any], names: Iterable[str], flags: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Let each of ``runs`` know the ``names`` of the flags that vary; none share cells where there
    are none, since repeated runs are there to differ by chance. Where these are all trials, which
    have these ``flags``, let it know how many there are with which values."""
    found = sorted(names)
    values = {name: [repr(trial.get(name)) for trial in flags] for name in found}
    trials = {name: Counter(values[name]) for name in found}
    counts = {"": len(flags), **{name: len(trials[name]) for name in found}}
    for number, run in enumerate(runs if found else ()):
        run.write_attr(VARYING, found)
        if flags:
            run.write_attr(COUNTS, counts)
            alike = {name: trials[name][values[name][number]] for name in found}
            run.write_attr(ALIKE, alike)


def start_host(own_folder: str, say: Callable[[str], None] = lambda line: None) -> Host | None:
    """Be the host of the trials that this process starts from now on (see Host); None where it
    cannot be."""
    host = opened(own_folder, log.warning, say)
    if host:
        os.environ[VARIABLE] = host.folder
    return host
