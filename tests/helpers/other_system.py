"""What this package sees of its system, made that of another: for tests on Linux of what it does on
macOS and on Windows. Libraries and Python itself see the system as it is.

``begin`` acts in one process. ``site`` makes a folder for PYTHONPATH, so that it acts in each that
is started with it, and in the kernel's supervisor, a Python without it.
"""

from __future__ import annotations

import builtins
import os
import sys
import types
from pathlib import Path
from typing import Any

POSIX_ONLY = {
    "os": (
        "O_NONBLOCK P_ALL WCONTINUED WEXITED WEXITSTATUS WIFSIGNALED WNOHANG WNOWAIT WTERMSIG "
        "chown chroot confstr ctermid fchdir fchmod fchown fork forkpty getegid geteuid getgid "
        "getgroups getloadavg getpgid getpgrp getpriority getresgid getresuid getsid getuid "
        "initgroups killpg lchown lockf major makedev minor mkfifo mknod nice openpty pathconf "
        "posix_spawn posix_spawnp pread preadv pwrite pwritev readv register_at_fork sched_yield "
        "sendfile setegid seteuid setgid setgroups setpgid setpriority setregid setreuid setsid "
        "setuid statvfs sync sysconf tcgetpgrp tcsetpgrp ttyname uname wait wait3 wait4 waitid "
        "writev"
    ),
    "signal": (
        "ITIMER_PROF ITIMER_REAL ITIMER_VIRTUAL SIGALRM SIGBUS SIGCHLD SIGCONT SIGHUP SIGIO SIGKILL"
        " SIGPIPE SIGPROF SIGQUIT SIGSTOP SIGTRAP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGUSR1 SIGUSR2 "
        "SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ SIG_BLOCK SIG_SETMASK SIG_UNBLOCK alarm getitimer pause"
        " pthread_kill pthread_sigmask setitimer siginterrupt sigpending sigwait"
    ),
    "select": "POLLERR POLLHUP POLLIN POLLNVAL POLLOUT POLLPRI poll",
    "socket": "AF_UNIX SCM_RIGHTS socketpair recv_fds send_fds",
    "shutil": "chown",
}
"""Names that Python lacks on Windows."""

LINUX_ONLY = {
    "os": (
        "CLONE_FS EFD_CLOEXEC GRND_NONBLOCK MFD_CLOEXEC O_DIRECT O_LARGEFILE O_NOATIME O_PATH "
        "O_RSYNC O_TMPFILE POSIX_FADV_DONTNEED P_ALL P_PIDFD WEXITED WNOWAIT copy_file_range "
        "eventfd eventfd_read eventfd_write fdatasync getrandom getresgid getresuid getxattr "
        "listxattr memfd_create pidfd_open pipe2 posix_fadvise posix_fallocate "
        "removexattr sched_getaffinity sched_getparam sched_getscheduler sched_rr_get_interval "
        "sched_setaffinity sched_setparam sched_setscheduler setns setresgid setresuid setxattr "
        "splice timerfd_create unshare waitid"
    ),
    "signal": (
        "SIGCLD SIGPOLL SIGPWR SIGRTMAX SIGRTMIN SIGSTKFLT pidfd_send_signal sigtimedwait "
        "sigwaitinfo"
    ),
    "select": "EPOLLERR EPOLLHUP EPOLLIN EPOLLOUT POLLRDHUP epoll",
    "socket": "AF_NETLINK AF_PACKET AF_VSOCK SO_BINDTODEVICE SO_MARK SO_PASSCRED SO_PEERCRED",
    "fcntl": "F_ADD_SEALS F_GETPIPE_SZ F_NOTIFY F_SETPIPE_SZ",
    "resource": "RLIMIT_SIGPENDING RLIMIT_RTPRIO prlimit",
    "time": "CLOCK_BOOTTIME pthread_getcpuclockid",
    "mmap": "MAP_POPULATE",
    "ctypes": "CDLL",  # of which the package takes what Linux alone has, prctl(2)
}
"""Names that Python lacks on macOS, of one release or another."""

NO_MODULES = [
    "crypt", "curses", "fcntl", "grp", "nis", "ossaudiodev", "posix", "pty", "pwd", "readline",
    "resource", "spwd", "syslog", "termios", "tty",
]  # fmt: skip
"""Modules that Python lacks on Windows."""

SYSTEMS = {
    "darwin": ("posix", LINUX_ONLY, []),
    "win32": ("nt", POSIX_ONLY, NO_MODULES),
}
"""The values of sys.platform here; of each os.name, the names and the modules that it lacks."""

LINUX_FILES = ("/proc", "/sys", "/dev/shm")
OF_PATHS = ("access", "listdir", "lstat", "open", "readlink", "scandir", "stat")

SUPERVISOR = os.path.join("run", "kernel", "supervisor.py")


def begin(platform: str) -> None:
    name, lacking, no_modules = SYSTEMS[platform]
    others = {"sys": _changed(sys, platform=platform)}
    changed_os: dict[str, Any] = {"name": name}
    changed_os.update((of_path, _refusing(getattr(os, of_path))) for of_path in OF_PATHS)
    tests = {test: _refusing(getattr(os.path, test), False) for test in ("exists", "isdir")}
    changed_os["path"] = _changed(os.path, **tests)
    import_, open_ = builtins.__import__, builtins.open

    def import_there(module: str, names: Any = None, *args: Any, **options: Any) -> Any:
        if not _is_of_package(names or {}):
            return import_(module, names, *args, **options)
        if module in no_modules:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        if module not in others and module in lacking:
            changes = changed_os if module == "os" else {}
            gone = lacking[module].split()
            others[module] = _changed(import_(module), gone, **changes)
        return others.get(module) or import_(module, names, *args, **options)

    def open_there(*args: Any, **options: Any) -> Any:
        is_of_package = _is_of_package(sys._getframe(1).f_globals)
        return (_refusing(open_) if is_of_package else open_)(*args, **options)

    builtins.__import__, builtins.open = import_there, open_there


def _is_of_package(names: dict[str, Any]) -> bool:
    package = str(names.get("__package__") or "").split(".")[0]
    return package == "guild_notebook" or str(names.get("__file__")).endswith(SUPERVISOR)


def _changed(module: Any, gone: Any = (), **changes: Any) -> types.ModuleType:
    """A module like ``module``, whose names are looked up there when they are asked for."""
    made = types.ModuleType(module.__name__)
    vars(made).update(changes)

    def look_up(name: str) -> Any:
        if name in gone:
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        return getattr(module, name)

    vars(made)["__getattr__"] = look_up
    return made


def _refusing(function: Any, *answer: Any) -> Any:
    """``function``, for which there are no files that only Linux has."""

    def refusing(path: Any, *args: Any, **options: Any) -> Any:
        if not isinstance(path, int) and os.fspath(path).startswith(LINUX_FILES):
            if answer:
                return answer[0]
            raise FileNotFoundError(2, "No such file or directory", path)
        return function(path, *args, **options)

    return refusing


_SITE = """
import sys
if not sys.flags.isolated:
    with open({this!r}) as _f:
        _there = {{"__name__": "other_system", "__file__": {this!r}}}
        exec(compile(_f.read(), {this!r}, "exec"), _there)
    _there["begin"]({platform!r})
    _there["supervise_by"]({wrapper!r})
"""
_WRAPPER = """
import runpy, sys
exec(compile(open({this!r}).read(), {this!r}, "exec"), there := {{"__name__": "other_system"}})
there["begin"]({platform!r})
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def site(folder: Path, platform: str) -> str:
    """A folder for PYTHONPATH of processes that are to see another system."""
    wrapper = folder / "wrapper.py"
    values = {"this": __file__, "platform": platform, "wrapper": str(wrapper)}
    wrapper.write_text(_WRAPPER.format(**values))
    (folder / "sitecustomize.py").write_text(_SITE.format(**values))
    return str(folder)


def supervise_by(wrapper: str) -> None:
    """Let the kernel's supervisor be started by a script, which sets up what it sees."""
    import subprocess

    init: Any = subprocess.Popen.__init__

    def start(self: Any, args: Any, *rest: Any, **options: Any) -> None:
        if isinstance(args, list):
            at = [i for i, arg in enumerate(args) if str(arg).endswith(SUPERVISOR)]
            args = [*args[: at[0]], wrapper, *args[at[0] :]] if at else args
        init(self, args, *rest, **options)

    subprocess.Popen.__init__ = start  # type: ignore[method-assign]
