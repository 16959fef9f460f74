"""The start and the end of a command of Guild, as far as no work is done there."""

from __future__ import annotations

import atexit
import functools
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


def collect_rarely(main: Any) -> None:
    """Let the process of a command look for unreachable objects after 20,000 new ones in place of
    some hundreds, most of which are modules, and at its end, when its memory is freed anyway, for
    none. The process of a script, which imports this module too, is left as it is. Needless where
    Python does so."""
    configure = main._configure_help_formatter  # the first that a command does (guild/main.py:28)

    @functools.wraps(configure)
    def collect_rarely_and_configure() -> None:
        gc.set_threshold(max(_MANY_OBJECTS, gc.get_threshold()[0]), *gc.get_threshold()[1:])
        atexit.register(gc.freeze)
        configure()

    main._configure_help_formatter = collect_rarely_and_configure
