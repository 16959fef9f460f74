"""Several trials of a batch at once (``nb-jobs``).

Guild starts a trial and waits for its end, one after the other. Here the start returns while the
trial goes on in a thread, as soon as fewer run than may, so that whoever makes trials, a grid or an
optimizer, makes the next one. Each is prepared by itself up to the start of its process, since
Guild prepares one at a time.
"""

from __future__ import annotations

import logging
import statistics
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import Any

from ..compat import batches, with_changes
from .next_trial import stay_pending

KILL_SECONDS = 30.0
"""The longest that trials are waited for after Ctrl-C, which they get as well: as Guild does
(guild/op.py:37)."""

log = logging.getLogger("guild")


class Stopped(BaseException):
    """No further trial is to be started: the batch ends with the exit status ``code``. Guild takes
    a SystemExit for the end of the trial that it starts then."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Jobs:
    """Runs up to ``count`` trials of ``batch_run`` at once."""

    def __init__(self, batch_run: Any, count: int) -> None:
        self.count = count
        self._batch_run = batch_run
        self._changed = threading.Condition()
        self._running: dict[str, Any] = {}
        self._error: BaseException | None = None
        self._is_ending = False
        self._starts = threading.Lock()
        self._lock = batches.running_lock()
        self._prepares = threading.Lock()
        self._thread = threading.local()
        if count > 1:
            from guild import op

            self._popen = op.subprocess.Popen
            op.subprocess = with_changes(op.subprocess, Popen=self._start_process)
            batches.add_results(self._results)

    def run(self, run: Any, by_guild: Callable[[], None]) -> None:
        """Have a trial run: with a count of 1 to its end, else by a thread. Raises SystemExit of
        the trial where it has ended, and Stopped."""
        if self.count == 1:
            with self._lock:  # for which another thread waits that then ends this process
                by_guild()
            return
        self._wait(self.count - 1)
        with self._changed:
            if not self._running:
                self._lock.acquire()
            self._running[run.id] = run
        threading.Thread(target=self._run, args=(run, by_guild), daemon=True).start()

    def wait(self) -> None:
        """Wait for the end of all that run. Raises Stopped."""
        self._wait(0)

    def _wait(self, most: int) -> None:
        """Wait until no more than ``most`` trials run."""
        from guild import exit_code

        try:
            with self._changed:
                self._changed.wait_for(lambda: len(self._running) <= most)
        except KeyboardInterrupt:
            self._end()
            raise Stopped(exit_code.KEYBOARD_INTERRUPT) from None
        if self._error:
            error, self._error = self._error, None
            with self._changed:
                self._changed.wait_for(lambda: not self._running)
            raise error

    def _end(self) -> None:
        """Wait for the end of trials that were interrupted, and let those stay pending that have no
        process yet, which is not interrupted."""
        from guild import util

        with self._starts:
            self._is_ending = True
        log.info("Stopping batch")
        with self._changed:
            if self._changed.wait_for(lambda: not self._running, KILL_SECONDS):
                return
            running = [*self._running.values()]
        for run in running:
            if run.pid:
                util.kill_process_tree(run.pid, force=True)
        with self._changed:
            self._changed.wait_for(lambda: not self._running, KILL_SECONDS)

    def _run(self, run: Any, by_guild: Callable[[], None]) -> None:
        from guild import batch_util

        self._prepares.acquire()
        self._thread.prepares = True
        try:
            try:
                by_guild()
            except SystemExit as error:
                batch_util.handle_trial_system_exit(error, self._batch_run, run)
        except SystemExit as error:
            self._error = Stopped(error.code if isinstance(error.code, int) else 1)
        except BaseException as error:
            self._error = error
        finally:
            self._has_prepared()
            with self._changed:
                del self._running[run.id]
                if not self._running:
                    self._lock.release()
                self._changed.notify_all()

    def _start_process(self, *args: Any, **options: Any) -> subprocess.Popen[bytes]:
        try:
            with self._starts:
                if self._is_ending:
                    stay_pending(options["cwd"])
                process: subprocess.Popen[bytes] = self._popen(*args, **options)
            return process
        finally:
            self._has_prepared()

    def _has_prepared(self) -> None:
        if getattr(self._thread, "prepares", False):
            self._thread.prepares = False
            self._prepares.release()

    def _results(self, results: Sequence[Any]) -> list[Any]:
        """What an optimizer goes by: the ``results`` of the trials that have completed, and those
        that run as though each had given their mean, since it would propose the same again."""
        known = [values[0] for _flags, values in results if values[0] is not None]
        with self._changed:
            running = [run.get("flags") for run in self._running.values()] if known else []
        return [*results, *((flags, [statistics.fmean(known)]) for flags in running)]
