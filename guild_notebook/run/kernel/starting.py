"""Starting the kernel of a run.

A kernel takes longer to start than all the rest of a small run, so this module, which starts it,
imports nothing that takes long, and what talks to the kernel (:mod:`.process`) is imported while it
starts. Only a Python kernel is started here. For others free ports have to be found, and some
kernelspecs name a program of their own that starts the kernel: jupyter_client does that.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from ... import socket_dir
from ...errors import KernelError
from ...kernels import interpreters
from ...kernels.kernelspecs import OWN_PYTHON, KernelSpecs, choose
from . import environment, launcher, supervisor

HISTORY = "--HistoryManager.hist_file=:memory:"
"""The argument for an IPython kernel, as nbclient has it: else all runs write to the user's own
history."""

PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


class Child:
    """A process that was forked, by this one, with what is used here of subprocess.Popen."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin = self.stdout = self.stderr = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        with self._lock:
            if self.returncode is None:
                try:
                    pid, status = os.waitpid(self.pid, os.WNOHANG)
                except ChildProcessError:
                    # Where SIGCHLD is ignored no status is kept: it is 0, as to subprocess.Popen.
                    pid, status = self.pid, 0
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
            return self.returncode

    def wait(self) -> int:
        while self.poll() is None:
            with contextlib.suppress(ChildProcessError):  # another thread has its status by now
                if sys.platform == "linux":  # elsewhere nothing is forked
                    os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        return self.returncode or 0

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # of a parent that is not this process
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Pipes:
    """The pipes of a kernel's supervisor (supervisor.py): ``output``, of what the kernel's process
    itself writes, and ``status`` are to be read, ``liveness`` is to be kept open."""

    def __init__(self, folder: str) -> None:
        self.output, self._output_end = os.pipe()
        liveness_end, self.liveness = os.pipe()
        self.status, status_end = os.pipe()
        self._folder = folder
        self._ends = liveness_end, status_end

    @property
    def arguments(self) -> list[str]:
        """The command that starts the supervisor, but for that of the kernel."""
        return supervisor.arguments(*self._ends, self._folder)

    @property
    def options(self) -> dict[str, Any]:
        """Those of subprocess.Popen for it."""
        output = self._output_end
        return {"stdout": output, "stderr": output, "pass_fds": self._ends}

    @property
    def ends(self) -> list[int]:
        """Those of a supervisor that is a fork of another process: of liveness, of status, and what
        the kernel's process writes to."""
        return [*self._ends, self._output_end]

    def fork(self, command: list[str], cwd: str, env: dict[str, str]) -> Child:
        """Start it as a fork. Raises ValueError for what no process can be given."""
        if any(b"\0" in os.fsencode(word) for word in [*command, *env, *env.values()]):
            raise ValueError("embedded null byte")
        if any(not name or "=" in name for name in env):
            raise ValueError("illegal environment variable name")
        output = self._output_end
        return Child(supervisor.fork(*self._ends, self._folder, command, output, cwd, env))

    def close_ends(self) -> None:
        """Close the ends that are the supervisor's."""
        for fd in (self._output_end, *self._ends):
            os.close(fd)


@contextlib.contextmanager
def _no_signals() -> Iterator[None]:
    """Let signals wait: who would remove a folder is not there yet where one ends this process."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class KernelStart:
    """The kernel of a run from the choice on, which is the ``option`` or what the notebook has
    ``named``: ``spec`` of that ``name``, with a ``notice`` where it takes another's place, or the
    ``error`` that there is none. ``supervisor`` and the ``pipes`` are of a process that has been
    started, with what it is told in ``connection``; they are None where jupyter_client starts it.
    ``folder`` is for its sockets, ``language`` tells the notebook's, the kernel works in ``cwd``,
    ``folders`` are those from which cells import (environment.Environment).

    A kernel that ``waits`` is an IPython one, which imports its modules and goes no further
    (launcher.py) until it is ``waiting`` for a kernel that is started just so. One that
    ``is_chosen_only`` has no folder yet, and is started by ``begin``."""

    def __init__(
        self,
        option: str | None,
        named: str,
        language: Callable[[], str],
        cwd: str,
        run_dir: str,
        folders: list[str],
        waiting: KernelStart | None = None,
        waits: bool = False,
        is_chosen_only: bool = False,
        fails_on_command: bool = False,
    ) -> None:
        self.cwd, self.name, self._run_dir = cwd, option or named, run_dir
        self.folder = self.notice = ""
        self.error: Exception | None = None
        self.pipes: Pipes | None = None
        self.supervisor: Any = None  # as subprocess.Popen, or Child
        self.connection: dict[str, Any] = {}
        self.started = time.time()
        self._wait_pipe = -1
        self._waits_for: Any = None
        # See supervisor.py. Its fork needs what this imports as well.
        supervisor.prctl(supervisor.PR_SET_CHILD_SUBREAPER, 1)
        with self._errors():
            if not os.path.isabs(cwd) or not os.path.isdir(cwd):
                raise KernelError(
                    f"nb-cwd: the notebook's folder in the project, {cwd}, is not on this machine "
                    "- nb-cwd=notebook has the cells work in the run's copy of it"
                )
            specs = KernelSpecs(os.environ.get("PROJECT_DIR", ""))
            self.name, self.notice = choose(specs, option, named, language)
            self.spec = specs.get_kernel_spec(self.name)
            self.env = environment.Environment(folders, fails_on_command)
            if waiting:
                if waiting._waits_for == self._description() and waiting.is_alive:
                    self._take(waiting)
                    return
                waiting.__exit__()
            if not is_chosen_only:
                self.begin(waits)

    def begin(self, waits: bool = False, fork: Callable[..., Any] | None = None) -> None:
        """Start it, unless jupyter_client is to; by ``fork`` where that is given
        (forking.Prefix). Why it cannot be started is its ``error``."""
        if waits and not self.is_plain_ipython:
            return
        try:
            with self._errors(), contextlib.nullcontext() if fork else _no_signals():
                self._begin(waits, fork)
        except KeyboardInterrupt:
            self.__exit__()
            raise

    def _begin(self, waits: bool, fork: Callable[..., Any] | None) -> None:
        self.__exit__()  # what was made where it has not begun
        self.error, self.folder = None, socket_dir.make(self._run_dir)
        os.symlink(os.path.abspath(self._run_dir), os.path.join(self.folder, socket_dir.RUN))
        if self.is_local and not self._has_provisioner:
            self._start(waits, fork)
        elif fork:
            raise KernelError("the paths of its sockets are too long")

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (KernelError, OSError) as e:
            self.error = e
        except (ValueError, TypeError) as e:  # of a variable, which may be anything
            self.error = self._cannot_be_started(e)

    @property
    def can_be_forked(self) -> bool:
        """Whether it is a kernel as prefix_kernel.py makes one."""
        return self.is_plain_ipython and not self._has_provisioner

    def _cannot_be_started(self, error: Exception) -> KernelError:
        return KernelError(f"kernel '{shown_name(self.name)}' cannot be started: {error}")

    @property
    def output_address(self) -> str:
        return f"ipc://{os.path.join(self.folder, socket_dir.OUTPUT)}"

    @property
    def _has_provisioner(self) -> bool:
        """Whether a class of jupyter_client, or of somebody else, is named that is to start it
        (jupyter_client/provisioning/factory.py)."""
        usual = "local-provisioner"
        default = os.environ.get("JUPYTER_DEFAULT_PROVISIONER_NAME", usual)
        return "kernel_provisioner" in self.spec.metadata or default != usual

    @property
    def is_alive(self) -> bool:
        return self.supervisor is not None and self.supervisor.poll() is None

    def _description(self) -> Any:
        """What is the same of two kernels that are started in the same way."""
        return self.name, self.notice, self.spec, self.cwd, self.env.folders, self.variables()

    def _take(self, waiting: KernelStart) -> None:
        """Let ``waiting`` begin, and be this kernel from now on."""
        os.write(waiting._wait_pipe, b"1")
        for name in ("folder", "supervisor", "connection", "started", "_wait_pipe"):
            setattr(self, name, getattr(waiting, name))
        self.pipes, waiting.folder = waiting.take(), ""

    @property
    def program(self) -> str:
        """The path of the program that is the kernel, its interpreter where it is a Python one: of
        a command that starts the kernel in a way of its own, like ``conda run``, that command."""
        return interpreters.program_of(self.spec.argv) or self.spec.argv[0]

    @property
    def is_local(self) -> bool:
        """Whether the kernel has Unix sockets, so that two runs never want the same port, and other
        users cannot connect. Only ipykernel and the kernels built on it are known to support
        them."""
        return interpreters.is_python(self.program) and socket_dir.fits_sockets(self.folder)

    @property
    def is_plain_ipython(self) -> bool:
        """Whether the command starts an IPython kernel with no setting that may change it."""
        at = interpreters.module_at(self.spec.argv)
        plain = ["-f", "{connection_file}"]
        names = ("ipykernel_launcher", "ipykernel")
        return self.spec.argv[at] in names and self.spec.argv[at + 1 :] == plain

    @property
    def sockets(self) -> str:
        """How the paths of the kernel's sockets begin."""
        return os.path.join(self.folder, socket_dir.SOCKETS)

    @property
    def extra_arguments(self) -> list[str]:
        return [HISTORY] if environment.is_ipython(self.spec.argv) else []

    def _start(self, waits: bool, fork: Callable[..., Any] | None) -> None:
        if waits:
            pipe = os.path.join(self.folder, launcher.WAITS)
            os.mkfifo(pipe, 0o600)
            self._wait_pipe = os.open(pipe, os.O_RDWR)  # open until this process ends
            self._waits_for = self._description()
        file = os.path.join(self.folder, "kernel.json")
        self.connection = {port: number for number, port in enumerate(PORTS, 1)}
        self.connection["ip"] = self.sockets
        self.connection["key"] = os.urandom(32).hex()
        self.connection["transport"] = "ipc"
        self.connection["signature_scheme"] = "hmac-sha256"
        self.connection["kernel_name"] = self.name
        self.connection["jupyter_session"] = os.environ.get("JPY_SESSION_NAME", "")
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
            json.dump(self.connection, f, indent=2)
        # So that nothing that cleans up temporary files takes it away (jupyter_client/connect.py).
        os.chmod(self.folder, 0o700 | stat.S_ISVTX)
        self.pipes = Pipes(self.folder)
        command = self.env.command(self._command(file), self.output_address)
        try:
            if fork:
                self.supervisor = fork(self.pipes, self.cwd, self.variables(), file, self.folder)
            elif sys.platform == "linux" and threading.active_count() == 1:
                self.supervisor = self.pipes.fork(command, self.cwd, self.variables())
            else:
                import subprocess

                self.supervisor = subprocess.Popen(
                    [*self.pipes.arguments, *command],
                    cwd=self.cwd,
                    env=self.variables(),
                    stdin=subprocess.PIPE,
                    start_new_session=True,
                    **self.pipes.options,
                )
        except OSError as e:
            raise self._cannot_be_started(e) from e
        finally:
            self.pipes.close_ends()
        if self.supervisor.stdin:
            self.supervisor.stdin.close()

    def _command(self, connection_file: str) -> list[str]:
        """The kernelspec's command, as jupyter_client/manager.py, format_kernel_cmd, has it."""
        values = {
            "connection_file": os.path.realpath(connection_file),
            "prefix": sys.prefix,
            "resource_dir": self.spec.resource_dir,
        }
        argv = [*self.spec.argv, *self.extra_arguments]
        if os.sep not in argv[0] and self.program == sys.executable:
            argv[0] = self.program  # `python`
        return [re.sub(r"\{(\w+)\}", lambda m: values.get(m[1], m[0]), word) for word in argv]

    def variables(self) -> dict[str, str]:
        """The kernel's variables."""
        variables = interpreters.with_own(self.env.variables(self.spec.argv), self.spec.env)
        if self.spec.language.lower().startswith("python"):
            variables.pop("PYTHONEXECUTABLE", None)
        return variables

    def take(self) -> Pipes | None:
        """The pipes of a process that has been started, for who ends it from now on."""
        pipes, self.pipes = self.pipes, None
        return pipes

    def __enter__(self) -> KernelStart:
        return self

    def __exit__(self, *_error: object) -> None:
        """End a kernel that nobody has taken, and all that it has started."""
        if self.supervisor and self.pipes:
            os.close(self.pipes.liveness)
            self.supervisor.wait()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def shown_name(name: str) -> str:
    return "python" if name == OWN_PYTHON else name
