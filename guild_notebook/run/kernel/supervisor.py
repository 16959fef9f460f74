"""The parent of a kernel's process: when the kernel or the run ends, in whatever way, it ends
every process that the kernel has started.

Started as a script with a bare interpreter, so it is up in some milliseconds and imports nothing
of this package: ``python -I -S supervisor.py LIVENESS STATUS FOLDER COMMAND…``. LIVENESS is the
read end of a pipe that the run keeps open: the system closes it even when the run is killed.
STATUS is a pipe for one line, the kernel's exit status. FOLDER is removed at the end.

As a "child subreaper" (prctl(2), Linux) the supervisor becomes the parent of each process that a
cell has started and whose own parent has ended, so all can be found. Elsewhere it ends the
kernel's process group.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 0.5


def main(liveness_pipe: int, status_pipe: int, folder: str, command: list[str]) -> None:
    _become_subreaper()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # meant for the kernel, whose group this is
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    kernel = _start(command, (liveness_pipe, status_pipe, wake_read, wake_write))
    status = None
    while status is None:
        ready, _, _ = select.select([liveness_pipe, wake_read], [], [])
        if wake_read in ready:
            os.read(wake_read, 4096)
            status = _reap(kernel)
        elif liveness_pipe in ready:
            _kill(kernel)  # the run has ended
            break
    if status is not None:
        os.write(status_pipe, f"{status}\n".encode())
    _end_descendants()
    _remove(folder)


def _become_subreaper() -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _start(command: list[str], not_for_kernel: tuple[int, ...]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        for fd in not_for_kernel:
            os.close(fd)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        # ipykernel ends when its parent is another than this.
        os.environ["JPY_PARENT_PID"] = str(os.getppid())
        os.execvp(command[0], command)
    except OSError as e:
        os.write(2, f"{command[0]}: {e.strerror}\n".encode())
    finally:
        os._exit(127)


def _reap(kernel: int) -> int | None:
    """Wait for all processes that have ended; returns the kernel's status as subprocess has it
    (below 0: the signal), None while it runs. Raises ChildProcessError if no process is left."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            if found is None:
                raise
            return found
        if pid == 0:
            return found
        if pid == kernel:
            ended_by_signal = os.WIFSIGNALED(status)
            found = -os.WTERMSIG(status) if ended_by_signal else os.WEXITSTATUS(status)


def _end_descendants() -> None:
    """End the processes that are left, with SIGTERM, then with SIGKILL, until there are none."""
    term_until = time.monotonic() + GRACE_SECONDS
    deadline = term_until + 10
    terminated: set[int] = set()
    while time.monotonic() < deadline:
        try:
            _reap(0)
        except ChildProcessError:
            return  # the one sure sign: a scan may miss a process whose parent just ends
        for pid in _descendants():
            if time.monotonic() > term_until:
                _kill(pid)
            elif pid not in terminated:
                _kill(pid, signal.SIGTERM)
                terminated.add(pid)
        time.sleep(0.01)


def _descendants() -> list[int]:
    if sys.platform != "linux":
        return []
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as f:
                    fields = f.read().rsplit(b")", 1)[1].split()
            except OSError:
                continue  # it has ended
            if fields[0] != b"Z":
                children.setdefault(int(fields[1]), []).append(int(name))
    found: list[int] = []
    todo = [os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def _kill(pid: int, number: int = signal.SIGKILL) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        pass  # it has ended


def _remove(folder: str) -> None:
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        try:
            os.unlink(os.path.join(folder, name))
        except OSError:
            pass
    try:
        os.rmdir(folder)
    except OSError:
        pass
    if sys.platform != "linux":
        os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
