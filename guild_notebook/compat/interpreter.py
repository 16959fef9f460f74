"""The start and the end of a command of Guild, as far as no work is done there."""

from __future__ import annotations

import atexit
import gc
from typing import Any

_MANY_OBJECTS = 20_000


def leave_absl_out(log: Any) -> None:
    """Do not import absl.logging, which takes as long as click, for each command.

    Guild does so (guild/log.py:124) before it configures logging, since releases of absl before
    0.10, of 2020, add a handler to the root logger; current ones add none. Needless when Guild asks
    for the release.
    """
    log._preempt_logging_mods = lambda: None


def collect_rarely(_main: Any) -> None:
    """Let the process of a command look for unreachable objects after 20,000 new ones in place of
    some hundreds, most of which are modules, and at its end, when its memory is freed anyway, for
    none. Needless where Python does so."""
    if gc.get_threshold()[0] < _MANY_OBJECTS:
        gc.set_threshold(_MANY_OBJECTS, *gc.get_threshold()[1:])
        atexit.register(gc.freeze)
