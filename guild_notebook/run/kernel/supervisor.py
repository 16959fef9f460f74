"""The parent of a kernel's process: when the kernel or the run ends, in whatever way, it ends
every process that the kernel has started.

On Linux, where the run has one thread yet, it is a fork of that (``fork``). Else it is started as a
script with a bare interpreter, so it is up in some milliseconds and imports nothing of this
package: ``python -I -S supervisor.py LIBRARIES LIVENESS STATUS FOLDER COMMAND…``. LIBRARIES
is where psutil lies, LIVENESS the read end of a pipe that the run keeps open: the system closes it
even when the run is killed. STATUS is a pipe for two lines, the kernel's process id and its exit
status. FOLDER is removed at the end; until then the link ``pid`` in it has the process id.

A run that has failed may have its kernel kept (nb-keep-kernel): it writes the number of seconds to
LIVENESS before it ends, and the supervisor goes on. It has a lock on the file ``kept`` in FOLDER,
which says until when, so that anyone sees whether it is alive (kernel_folders.py). It ends the
kernel when the time is over, when the file is removed, and when the run's directory is not there.

The kernel leads a session and a process group, as jupyter_client starts it, so a signal that a cell
sends to its group reaches what it reaches in Jupyter. The supervisor, in a session of its own,
blocks all signals and heeds its pipe only.

On Linux the supervisor is a "child subreaper" (prctl(2)): it becomes the parent of each process
that a cell has started and whose own parent has ended, so all can be found. The kernel is killed
when the supervisor is, and a supervisor that was stopped goes on when the run is killed. The run is
a subreaper as well, and ends in the same way what a supervisor leaves that was killed or stopped.

Elsewhere the supervisor looks at the table of processes every second (Snapshots). The run does what
it does on Linux, except that a supervisor stays stopped when the run is killed, and that a kernel
whose supervisor and run are both killed is left to end itself, as ipykernel does.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections import namedtuple
from collections.abc import Callable, Iterable

TYPE_CHECKING = False  # typing.TYPE_CHECKING, which takes long to import
if TYPE_CHECKING:
    import psutil

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
FIRST_SECONDS = 0.1  # in which what is found gets SIGTERM: not what is started later, to end well
GRACE_SECONDS = 0.5  # until SIGKILL once the run waits no more, or all that is left ignores SIGTERM
LONGEST_SECONDS = 10.0  # time after which no more is tried


LOOK_SECONDS = 0.5  # between two looks at whether a kernel is still to be kept
SNAPSHOT_SECONDS = 1.0  # between two looks at the table of processes, where they are needed


def arguments(liveness_pipe: int, status_pipe: int, folder: str) -> list[str]:
    """The command that starts this module, but for the COMMAND."""
    import importlib.util

    psutil = importlib.util.find_spec("psutil")  # Guild has it
    libraries = os.path.dirname(os.path.dirname(str(psutil and psutil.origin)))
    pipes = [str(liveness_pipe), str(status_pipe)]
    return [sys.executable, "-I", "-S", __file__, libraries, *pipes, folder]


def fork(
    liveness_pipe: int,
    status_pipe: int,
    folder: str,
    command: list[str],
    output: int,
    cwd: str,
    env: dict[str, str],
) -> int:
    """Start a supervisor as a fork of this process, which must have one thread. ``command`` is
    started in the folder ``cwd`` with the variables ``env``, and writes to ``output``. Returns the
    supervisor's process id. Raises OSError where there is no room for another process."""
    pid = -1
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid:
            return pid
        os.setsid()
        keep_only([liveness_pipe, status_pipe], output)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        main(liveness_pipe, status_pipe, folder, lambda pipes: _start(command, pipes))
        os._exit(0)
    finally:
        if pid:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        else:
            os._exit(1)


def main(
    liveness_pipe: int, status_pipe: int, folder: str, start: Callable[[tuple[int, ...]], int]
) -> None:
    """Supervise a kernel until it has ended. ``start`` forks it, is given the descriptors that are
    not for it, and returns its process id."""
    since = time.time()
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_PDEATHSIG, signal.SIGCONT)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    kernel = start((liveness_pipe, status_pipe, wake_read, wake_write))
    _tell(status_pipe, kernel)
    try:
        os.symlink(str(kernel), os.path.join(folder, "pid"))
    except OSError:
        pass  # it only serves to find the kernel
    descendants = descendants_of(kernel, os.getpid(), since)
    status = kept = None
    while status is None:
        if kept:
            ready = readable([wake_read, *kept.output], LOOK_SECONDS)
        else:
            ready = readable([liveness_pipe, wake_read], descendants.seconds)
        if descendants.seconds:
            descendants.find()  # before their parents end
        if wake_read in ready:
            os.read(wake_read, 4096)
            status = dict(iter(lambda: ended(-1), (0, 0))).get(kernel)  # of all that have ended
        elif liveness_pipe in ready:
            told = os.read(liveness_pipe, 100)
            if not told:
                _kill(kernel)  # the run has ended
                break
            kept = Kept(folder, float(told))
        elif kept and not kept.goes_on():
            break
    if status is not None:
        _tell(status_pipe, status)
    end_descendants(descendants, lambda: bool(readable([liveness_pipe], 0)))
    _remove(folder)


class Kept:
    """A kernel that is kept for ``seconds`` after its run. What its process writes, which was for
    the run, is read from ``output``: it would have to wait, or would end by SIGPIPE."""

    def __init__(self, folder: str, seconds: float) -> None:
        import fcntl

        self._until = time.time() + seconds
        self._path, self._run = os.path.join(folder, "kept"), os.path.join(folder, "run")
        self.output: list[int] = []
        if sys.platform == "linux":  # elsewhere a pipe's other end is not had from this one
            self.output = [os.open("/proc/self/fd/1", os.O_RDONLY | os.O_NONBLOCK)]
        self._file = os.open(f"{self._path}~", os.O_WRONLY | os.O_CREAT, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        os.write(self._file, f"{self._until} {os.getpid()}".encode())
        os.rename(f"{self._path}~", self._path)

    def goes_on(self) -> bool:
        for fd in self.output:
            try:
                os.read(fd, 1 << 16)
            except BlockingIOError:
                pass
        is_wanted = os.path.exists(self._path) and os.path.isdir(self._run)
        return is_wanted and time.time() < self._until


def keep_only(fds: Iterable[int], output: int) -> None:
    """Make a fork what a started program is: without the other files of the process that it is of
    (pipes of that would not end before this process does), and with ``output`` as its own."""
    os.dup2(os.pipe()[0], 0)  # which is at its end: nobody writes to it
    os.dup2(output, 1)
    os.dup2(output, 2)
    folder = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
    for fd in {int(name) for name in os.listdir(folder)} - {0, 1, 2, *fds}:
        try:
            os.close(fd)
        except OSError:
            pass  # that of the list itself


def readable(fds: list[int], seconds: float | None = None) -> list[int]:
    """Those of ``fds`` from which can be read, once there are any or after ``seconds``. (A worker
    of a cluster may have more descriptors than select.select takes.)"""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return [fd for fd, _ in poll.poll(None if seconds is None else seconds * 1000)]


def prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _start(command: list[str], not_for_kernel: tuple[int, ...]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        for fd in not_for_kernel:
            os.close(fd)
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # What this process ignores is not for the kernel: Python SIGPIPE, a job in the background
        # of a script SIGINT, by which cells are interrupted.
        for number in signal.valid_signals():
            if signal.getsignal(number) == signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        # ipykernel ends when its parent is another than this.
        os.environ["JPY_PARENT_PID"] = str(os.getppid())
        os.execvp(command[0], command)
    except OSError as e:
        os.write(2, f"{command[0]}: {e.strerror}\n".encode())
    finally:
        os._exit(127)


def _tell(pipe: int, number: int) -> None:
    try:
        os.write(pipe, f"{number}\n".encode())
    except OSError:
        pass  # the run has ended


def ended(pid: int) -> tuple[int, int]:
    """The process id of a child that has ended, one or any (-1), and its status as subprocess has
    it (below 0: the signal); 0 for both if there is none."""
    try:
        pid, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return 0, 0
    return pid, -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


# The state is one letter, as in Linux's /proc (proc(5)). (typing.NamedTuple takes long to import.)
Process = namedtuple("Process", "pid state parent group session")
_STATES = {"zombie": "Z", "stopped": "T"}  # the letters for psutil's words


def end_descendants(
    descendants: Children | Snapshots, is_urgent: Callable[[], bool]
) -> dict[int, int]:
    """End the processes that a kernel and its cells have started and itself, until none is left:
    with SIGTERM, then with SIGKILL, ``GRACE_SECONDS`` after it ``is_urgent`` first or SIGTERM is in
    vain. Returns the statuses of those whose parent this process is and that it waited for."""
    statuses: dict[int, int] = {}
    terminated: set[int] = set()
    kill_after = None
    started = time.monotonic()
    while time.monotonic() < started + LONGEST_SECONDS and not descendants.are_gone():
        left = _living(descendants.find(), statuses)
        if not terminated or time.monotonic() < started + FIRST_SECONDS:
            for pid in {process.pid for process in left} - terminated:
                _kill(pid, signal.SIGTERM)
                _kill(pid, signal.SIGCONT)  # one that was stopped would not end
                terminated.add(pid)
        if kill_after is None and (is_urgent() or (left and all(map(_ignores_sigterm, left)))):
            kill_after = time.monotonic() + GRACE_SECONDS
        if kill_after is not None and time.monotonic() > kill_after:
            # A group at once, so that none of it has time to start another process.
            for group in {process.group for process in left} - {os.getpgrp()}:
                _kill(-group)
        time.sleep(0.01)
    return statuses


def _living(processes: list[Process], statuses: dict[int, int]) -> list[Process]:
    """Those that have not ended; of the others, children's ``statuses`` are waited for."""
    left = []
    for process in processes:
        if process.state != "Z":
            left.append(process)
        elif process.parent == os.getpid():
            pid, status = ended(process.pid)
            statuses[pid] = status
    return left


def descendants_of(kernel: int, supervisor: int, since: float) -> Children | Snapshots:
    """All processes that come from a kernel, and itself. ``supervisor`` is the process that has
    started it, at the time ``since``."""
    return Children(kernel) if sys.platform == "linux" else Snapshots(kernel, supervisor, since)


class Children:
    """On Linux: what this process, a subreaper, has below it in another session, as all are that
    come from a kernel, and the ``kernel`` itself, which is in the supervisor's session until it has
    begun one of its own."""

    seconds: float | None = None

    def __init__(self, kernel: int) -> None:
        self._kernel = kernel

    def find(self) -> list[Process]:
        children: dict[int, list[Process]] = {}
        for name in os.listdir("/proc"):
            process = process_of(int(name)) if name.isdigit() else None
            if process:
                children.setdefault(process.parent, []).append(process)
        session = os.getsid(0)
        found = [
            child
            for child in children.get(os.getpid(), [])
            if child.session != session or child.pid == self._kernel
        ]
        for process in found:  # which grows
            found += children.get(process.pid, [])
        return found

    def are_gone(self) -> bool:
        """Whether this process has no children, which is the one sure sign: a scan may miss a
        process whose parent just ends."""
        if sys.platform == "linux":
            try:
                os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return True
        return False


class Snapshots:
    """Elsewhere: what looks at the table of processes show, by psutil. A process whose parent has
    ended belongs to the system, so what a look has found is kept in mind; one whose parent had
    ended before is known by its session, or by the environment that it has inherited, in which
    JPY_PARENT_PID names the kernel's parent."""

    seconds: float | None = SNAPSHOT_SECONDS

    def __init__(self, kernel: int, supervisor: int, since: float) -> None:
        self._kernel = kernel
        self._supervisor = supervisor
        self._since = since - 2.0  # psutil computes times from that of the system's start
        self._known: dict[int, psutil.Process] = {}
        self._others: set[int] = set()
        self._looks_in_vain = 0

    def find(self) -> list[Process]:
        import psutil

        here = set(psutil.pids())
        self._known = {pid: known for pid, known in self._known.items() if known.is_running()}
        self._others &= here  # a number is used again
        new = {}
        for pid in here - self._others - self._known.keys():
            try:
                new[pid] = psutil.Process(pid)
            except psutil.Error:
                pass  # it has ended
        while found := [pid for pid, process in new.items() if self._comes_from_kernel(process)]:
            self._known.update((pid, new.pop(pid)) for pid in found)
        self._others.update(new)
        processes = [process for process in map(process_of, self._known) if process]
        is_any_left = any(process.state != "Z" for process in processes)
        self._looks_in_vain = 0 if is_any_left else self._looks_in_vain + 1
        return processes

    def _comes_from_kernel(self, process: psutil.Process) -> bool:
        import psutil

        parents = {self._supervisor, *self._known}
        try:
            session = os.getsid(process.pid)
            if session == os.getsid(0):
                return False
            if session in {self._kernel, *self._known} or process.ppid() in parents:
                return True
            marked = process.environ().get("JPY_PARENT_PID", "") in {*map(str, parents)}
            return marked and process.create_time() >= self._since
        except (psutil.Error, OSError):
            return False  # it has ended, or is another user's

    def are_gone(self) -> bool:
        """Whether none was left in two looks, since one misses what is started meanwhile."""
        return self._looks_in_vain > 1


def process_of(pid: int) -> Process | None:
    """The process with this id; None if it has ended."""
    if sys.platform != "linux":
        return _process_by_psutil(pid)
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            state, *numbers = f.read().rsplit(b")", 1)[1].split()[:4]
    except OSError:
        return None
    return Process(pid, state.decode(), *map(int, numbers))


def _process_by_psutil(pid: int) -> Process | None:
    import psutil

    try:
        process = psutil.Process(pid)
        state = _STATES.get(process.status(), "R")
        # What has ended has no session any more on macOS.
        group, session = (0, 0) if state == "Z" else (os.getpgid(pid), os.getsid(pid))
        return Process(pid, state, process.ppid(), group, session)
    except (psutil.Error, OSError):
        return None


def _ignores_sigterm(process: Process) -> bool:
    try:
        with open(f"/proc/{process.pid}/status", "rb") as f:
            masks = [int(line.split()[1], 16) for line in f if line[:6] in (b"SigBlk", b"SigIgn")]
    except OSError:
        return False
    return any(mask >> (signal.SIGTERM - 1) & 1 for mask in masks)


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


if __name__ == "__main__":
    sys.path.append(sys.argv[1])
    command = sys.argv[5:]
    main(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], lambda pipes: _start(command, pipes))
