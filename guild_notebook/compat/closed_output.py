"""The end of a run, a sweep or a pipeline whose output nobody reads any more (``guild run
train.ipynb | head``)."""

from __future__ import annotations

import contextlib
import os
import select
import stat
import sys
import threading
import time
from typing import Any

WATCH_SECONDS = 0.5

CHILD_SECONDS = 5.0
"""Time in which the processes of a run end by themselves when it gets SIGTERM, as `guild stop` has
it (guild/commands/runs_impl.py, CHILD_TERM_TIMEOUT)."""


def stop_runs_without_reader(op_util: Any) -> None:
    """Stop a run as ``guild stop`` does when the pipe or socket that is Guild's stdout is closed.

    Guild's threads end when they write there, and then Guild waits for the run for ever, which
    waits for Guild to read (guild/op_util.py:298, _gen_tee_run). Needless when Guild ends.
    """
    output = op_util.RunOutput
    output._open_by_guild, output.open = output.open, _open


def _open(output: Any, process: Any) -> None:
    output._open_by_guild(process)
    if not output._quiet and any(arg.startswith("guild_notebook.") for arg in process.args):
        threading.Thread(target=_watch, args=(process,), daemon=True).start()


def _watch(process: Any) -> None:
    try:
        fd = sys.stdout.fileno()
        while process.poll() is None:
            if has_no_reader(fd):
                _stop(process)
                return
            time.sleep(WATCH_SECONDS)
    except (OSError, ValueError, AttributeError):
        return  # Guild's stdout is not a file of the system, or is closed


def _stop(process: Any) -> None:
    import psutil  # a tenth of a second for each run would be for the few that are stopped so

    # Not by guild.util.kill_process_tree: psutil would wait for the process as Guild does, and only
    # one of the two gets its exit status. To the other it is 0.
    with contextlib.suppress(psutil.NoSuchProcess):  # it has ended
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        for child in psutil.wait_procs(children, timeout=CHILD_SECONDS)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.terminate()


def has_no_reader(fd: int) -> bool:
    """Whether ``fd`` is a pipe or a socket whose other end is closed."""
    mode = os.fstat(fd).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return False
    poll = select.poll()
    poll.register(fd, select.POLLOUT)  # macOS tells nothing to who asks for nothing
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
