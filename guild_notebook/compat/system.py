"""What Guild asks of the machine before a run, with fewer imports and processes.

Each of these is a hundredth of a run's start or more. Needless when Guild asks as here.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from typing import Any


def count_processors_without_psutil(util: Any) -> None:
    """Let the attribute ``platform`` of a run have the number of processors from where psutil has
    it on Linux (psutil/_pslinux.py, cpu_count_logical; guild/util.py:1335)."""
    count = util._platform_psutil_info

    @functools.wraps(count)
    def count_processors() -> Any:
        return {"cpus": os.sysconf("SC_NPROCESSORS_ONLN")} if _has_psutil() else count()

    util._platform_psutil_info = count_processors


def look_for_commands_without_a_process(util: Any) -> None:
    """Look for a command as ``which`` does, which Guild starts (guild/util.py:607) to see whether
    there is a GPU (guild/plugins/gpu.py:88)."""
    import shutil

    util.which = shutil.which


def look_for_psutil(plugin: Any) -> None:
    """Let the plugins that may add the use of processors, memory and disks to a script's summaries
    (guild/plugins/cpu.py:23) look whether there is psutil, and not import it: the script's process
    does that if it writes some."""
    for name, kind in vars(plugin).items():
        if name.endswith("Plugin") and kind.__module__ == plugin.__name__:
            kind.enabled_for_op = _enabled_with_psutil(kind.enabled_for_op)


def _enabled_with_psutil(enabled: Any) -> Any:
    @functools.wraps(enabled)
    def is_enabled(plugin: Any, opdef: Any) -> tuple[bool, str]:
        return (True, "psutil available") if _has_psutil() else enabled(plugin, opdef)

    return is_enabled


def _has_psutil() -> bool:
    """Whether there is psutil, and it does here what is done above."""
    return sys.platform == "linux" and importlib.util.find_spec("psutil") is not None
