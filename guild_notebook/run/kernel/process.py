"""The kernel of a run once it has been started: the client that talks to it, its end."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
import os
import secrets
import shutil
import signal
import socket
import sys
import threading
import time
from io import BufferedReader
from typing import IO, Any

import zmq.asyncio
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from traitlets import Type

from ... import kernel_folders, socket_dir
from ...errors import KernelError
from ...kernels import interpreters
from . import environment, launcher, supervisor
from .channels import IopubListener, KernelClient
from .starting import PORTS, KernelStart, Pipes, shown_name

SHUTDOWN_SECONDS = 5.0  # that a kernel has to end by itself, with exit handlers, until it is killed
LEFTOVER_SECONDS = 2.0  # that what cells have started has to end of SIGTERM after the kernel
ANSWER_SECONDS = 12.0  # until a supervisor is ended that should have: a little over what it takes
KEEP_SECONDS = 5.0  # time that a supervisor has to say that it keeps its kernel
WATCH_SECONDS = 0.25  # between two looks at whether a supervisor was stopped

READY_SECONDS = 0.1
"""Time in which the output of a request must come after its reply, else the kernel's output is
not connected yet and the request is sent again."""

QUIET_SECONDS = 0.05  # without output of the kernel's process, after which it has written all
MOST_QUIET_SECONDS = 2.0  # the longest that a process that goes on writing is waited for

STARTS_ELSEWHERE = ("ssh", "docker", "podman", "kubectl", "srun")
"""Programs that start a kernel on another machine, or in a container with numbers of its own for
processes."""

MOST_PARENTS = 10  # programs between the one that was started and the kernel
FIRST_PORT, END_OF_PORTS = 10_000, 32_768  # below those that systems give to who wants any
LAST_OUTPUT = 100_000  # last bytes that are kept of what the kernel's process itself writes
LAST_OF_LINE = 10_000  # characters of the end of a line of these that are shown


class _OneKernelSpec(KernelSpecManager):  # type: ignore[misc]  # jupyter_client has no types
    start: KernelStart

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(**dataclasses.asdict(self.start.spec))


class SupervisedManager(AsyncKernelManager):  # type: ignore[misc]
    """Manages the kernel of ``start``: one that has been started, or starts it, supervised through
    ``pipes``. ``output_address`` is for launcher.py."""

    client_factory = Type(KernelClient)
    start: KernelStart
    pipes: Pipes
    output_address = ""

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        command = super().format_kernel_cmd(extra_arguments)
        return [*self.pipes.arguments, *self.start.env.command(command, self.output_address)]

    def take(self) -> None:
        """Manage the process of ``start``."""
        self.load_connection_info(self.start.connection)
        spec, connection = self.kernel_spec, self.start.connection
        provisioner = LocalProvisioner(parent=self, kernel_spec=spec, connection_info=connection)
        provisioner.process = self.start.supervisor
        self.provisioner = provisioner


def _free_ports(ip: str) -> list[int]:
    """A port for each of a kernel's sockets that nobody has, and that no system gives to who wants
    any: some kernels start for seconds before they take theirs, and another process would have it
    by then."""
    with contextlib.ExitStack() as stack:
        ports: list[int] = []
        for _ in range(100):  # where there are none, jupyter_client looks for others
            if len(ports) == len(PORTS):
                break
            probe = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind((ip, FIRST_PORT + secrets.randbelow(END_OF_PORTS - FIRST_PORT)))
                ports.append(int(probe.getsockname()[1]))
        return ports


class Kernel:
    """The kernel of ``start``, of a ``language``, and its client, with connection file and sockets
    where only the user gets. It works in ``cwd``. ``supervisor_failure`` is, at the end, why the
    run itself has ended what was left, "" else. Once it is ready, ``setup_error`` is what the setup
    code has raised, and ``python`` what an IPython kernel says of its Python
    (environment.ASK_PYTHON)."""

    def __init__(self, start: KernelStart) -> None:
        self._start = start
        self._env = start.env
        self.cwd, self.language = start.cwd, start.spec.language.lower()
        self._context = zmq.asyncio.Context()
        # With ZeroMQ's default a client looks for the kernel's sockets every 100 ms.
        self._context.setsockopt(zmq.RECONNECT_IVL, 10)
        specs = _OneKernelSpec()
        specs.start = start
        self.manager = SupervisedManager(
            kernel_name=start.name,
            kernel_spec_manager=specs,
            connection_file=os.path.join(start.folder, "kernel.json"),
            context=self._context,
        )
        self.manager.start = start
        self._output = self._context.socket(zmq.PULL)
        self._output.setsockopt(zmq.RCVHWM, launcher.WAITING_MESSAGES)
        self.client: Any = None
        self._setup_request = ""
        self.ended = asyncio.Event()
        self.supervisor_failure = self.setup_error = ""
        self.python: dict[str, Any] = {}
        self._nothing_left = asyncio.Event()
        self._pid: int | None = None
        self._told_pid: int | None = None
        self._status: int | None = None
        self._died_with_supervisor = ""
        self._last_output = b""
        self._liveness_pipe: int | None = None
        self._shutdown_requested = self._is_kept = False

    async def __aenter__(self) -> Kernel:
        """Start the process if it has not been; raises KernelError where its command cannot be
        run."""
        address = self._start.output_address if self._start.is_local else "tcp://127.0.0.1:*"
        pipes = self._start.take()
        try:
            self._output.bind(address)
        except zmq.ZMQError:
            if not pipes:
                raise
            # The kernel has ended, and the supervisor has removed the folder.
        self.manager.output_address = str(self._output.get_string(zmq.LAST_ENDPOINT))
        if pipes:
            self.manager.take()
        else:
            pipes = await self._started()
        self._liveness_pipe = pipes.liveness
        self._in_thread(self._read_output, pipes.output)
        self._in_thread(self._watch, pipes.status, asyncio.get_running_loop())
        # A kernel drops output that is not taken from it, but for what launcher.py sends.
        self._context.setsockopt(zmq.RCVHWM, 0)
        self.client = self.manager.client(context=self._context, direct=self._output)
        # The others connect when they are used: a socket looks for the kernel's every 10 ms.
        self.client.start_channels(stdin=False, control=False, hb=False)
        self.client.allow_stdin = False
        if self._start.is_plain_ipython:  # it is set up as soon as it is there
            self._setup_request = self._send_setup("ipython")
        return self

    async def _started(self) -> Pipes:
        """Let jupyter_client start the process."""
        self.manager.pipes = pipes = Pipes(self._start.folder)
        if self._start.is_local:
            self.manager.transport = "ipc"
            self.manager.ip = self._start.sockets
        else:
            self.manager.cache_ports = False
            for name, port in zip(PORTS, _free_ports(self.manager.ip)):
                setattr(self.manager, name, port)
        try:
            await self.manager.start_kernel(
                cwd=self._start.cwd,
                env=self._env.variables(self._start.spec.argv),
                extra_arguments=self._start.extra_arguments,
                **pipes.options,
            )
        except (OSError, ValueError, TypeError) as e:
            self._context.destroy(linger=0)
            raise KernelError(f"kernel '{self.name}' cannot be started: {e}") from e
        finally:
            pipes.close_ends()
        return pipes

    @property
    def name(self) -> str:
        return shown_name(self._start.name)

    @property
    def folder(self) -> str:
        """A folder into which only the user gets, and which goes with the kernel."""
        return self._start.folder

    @property
    def path(self) -> list[str]:
        """``sys.path`` of an IPython kernel, without the folders that the run has put there."""
        return [path for path in self.python.get("path", ()) if path not in self._env.folders]

    def description(self, language_info: dict[str, Any]) -> dict[str, Any]:
        """What the ready kernel is: its name and language, and its interpreter as far as known."""
        described = {"name": self.name, "language": language_info.get("name", "")}
        if self.python:
            return {**described, **{k: v for k, v in self.python.items() if k != "path"}}
        if language_info.get("version"):
            described["version"] = language_info["version"]
        # Of another language's kernel that is a Python program the interpreter is not known.
        if described["language"] == "python" or not interpreters.is_python(self.program):
            described["interpreter"] = self.program
        return described

    @property
    def program(self) -> str:
        return self._start.program

    @property
    def pid(self) -> int | None:
        """The kernel's process on this machine once it is ready, None where it is not known: what
        was started may be a program that starts the kernel (``conda run``), also elsewhere."""
        if self._told_pid is None:
            return None if os.path.basename(self.program) in STARTS_ELSEWHERE else self._pid
        pid: int | None = self._told_pid
        for _ in range(MOST_PARENTS):
            if pid is None or pid == self._pid:
                break
            process = supervisor.process_of(pid)
            pid = process.parent if process else None
        return self._told_pid if pid == self._pid else None

    @property
    def supervisor_pid(self) -> int | None:
        """The process that has started the kernel's, None where that is not known."""
        process = supervisor.process_of(self._pid) if self._pid else None
        return process.parent if process else None

    @staticmethod
    def _in_thread(read: Any, fd: int, *args: Any) -> None:
        threading.Thread(target=read, args=(os.fdopen(fd, "rb"), *args), daemon=True).start()

    def _read_output(self, pipe: BufferedReader) -> None:
        with pipe:
            while part := pipe.read1(LAST_OUTPUT):
                self._last_output = (self._last_output + part)[-LAST_OUTPUT:]

    def _watch(self, pipe: IO[bytes], loop: asyncio.AbstractEventLoop) -> None:
        """Wait until the supervisor has ended the kernel and all that it has started, or do it in
        its place if it was killed or, when it is needed, does not answer."""
        provisioner: Any = self.manager.provisioner
        process = provisioner.process
        try:
            with pipe:
                end = self._wait_for_supervisor(pipe, provisioner, loop)
            if self._is_kept or process.poll() == 0:
                return
            # A kernel is killed in the moment in which its supervisor is.
            was_killed = process.returncode is not None
            has_died = self._status is None and (was_killed or not self._kernel_has_ended())
            process.kill()
            process.wait()
            args = self._pid or 0, process.pid, self._start.started
            statuses = supervisor.end_descendants(supervisor.descendants_of(*args), lambda: True)
            if self._status is None:
                self._status = statuses.get(args[0])
            if has_died and self._liveness_pipe is not None and not self._shutdown_requested:
                self._died_with_supervisor = end
            else:
                self.supervisor_failure = end
        finally:
            provisioner.pgid = None
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(self.ended.set)
                loop.call_soon_threadsafe(self._nothing_left.set)

    def _wait_for_supervisor(
        self, pipe: IO[bytes], provisioner: Any, loop: asyncio.AbstractEventLoop
    ) -> str:
        """Read what the supervisor writes until it has ended or, when it is needed, does not
        answer; returns which in words."""
        supervisor_pid = provisioner.process.pid
        text, late = b"", math.inf
        while time.monotonic() < late:
            if supervisor.readable([pipe.fileno()], WATCH_SECONDS):
                new = os.read(pipe.fileno(), 100)
                if not new:
                    return f"ended ({_end_in_words(provisioner.process.wait())})"
                text += new
                numbers = [int(line) for line in text.splitlines()]
                self._pid = provisioner.pgid = numbers[0]  # which an interrupt is sent to
                if len(numbers) > 1:
                    self._status, provisioner.pgid = numbers[1], None
                    loop.call_soon_threadsafe(self.ended.set)
            elif self._is_kept:
                return ""
            elif self._liveness_pipe is None or self._kernel_has_ended():
                late = min(late, time.monotonic() + ANSWER_SECONDS)
                state = supervisor.process_of(supervisor_pid)
                if state and state.state in "Tt":
                    return "was stopped"
        return "did not answer"

    def _kernel_has_ended(self) -> bool:
        """Whether the kernel's process has, though the supervisor has not told."""
        process = supervisor.process_of(self._pid) if self._pid else None
        return bool(process and process.state == "Z")

    def connect(self, listener: IopubListener) -> KernelClient:
        """The client that talks to the kernel, whose output ``listener`` gets."""
        client: KernelClient = self.client
        client.iopub_channel.listener = listener
        return client

    def _send_setup(self, implementation: object) -> str:
        """Send the setup code, if the kernel needs some; returns the id of the request."""
        code = self._env.setup_code(implementation, self.manager.output_address)
        asked = {"python": environment.ASK_PYTHON}
        options: dict[str, Any] = {"silent": True, "store_history": False}
        return code and self.client.execute(code, user_expressions=asked, **options)

    async def ready(self, seconds: float) -> dict[str, Any]:
        """Wait until the kernel answers ``client``, its output is connected and the setup code has
        been executed; returns its kernel_info, of an IPython kernel perhaps its language_info
        alone. Raises KernelError when it ends or ``seconds`` are over."""
        client = self.client
        deadline = time.monotonic() + seconds
        info: dict[str, Any] = {}
        request = self._setup_request or client.kernel_info()
        while True:
            reply = await client.shell_channel.answer(request, 1.0, self.ended)
            if reply and reply["msg_type"] == "kernel_info_reply":
                if await client.iopub_channel.answer(request, READY_SECONDS, self.ended):
                    info = dict(reply["content"])
                    # Its reply is waited for: channels.Wakeups has the reason.
                    request = self._send_setup(info.get("implementation"))
                    if not request:
                        self.setup_error = ""  # it is another kernel than its command tells
                        return info
                else:
                    request = client.kernel_info()
            elif reply:
                error = reply["content"].get("ename")
                self.setup_error = f"{error}: {reply['content'].get('evalue')}" if error else ""
                self.python = environment.python_of(reply["content"])
                self._told_pid = self.python.pop("pid", None)
                language = self.python.pop("language_info", None)
                # Once set up, it sends its output to the run's own socket, which loses nothing.
                info = info or ({"language_info": language} if language else {})
                if info:
                    return info
                request = client.kernel_info()  # it was not set up
            if self.ended.is_set() or not await self.manager.is_alive():
                lack = await asyncio.to_thread(self._lack)
                if lack:
                    raise KernelError(f"kernel '{self.name}' does not start: {lack}")
                what = "ended before it was ready"
            elif time.monotonic() > deadline:
                what = f"was not ready after {seconds:g} seconds (nb-startup-timeout)"
            else:
                continue
            lines = await self.last_output_lines(1)
            said = f"kernel '{self.name}' {what}{': '.join(['', *lines])}"
            raise KernelError(f"{said} - it was started by {self.program}")

    def _lack(self) -> str:
        """What the kernel's Python lacks to start it, "" where it is not known."""
        spec = self._start.spec
        module = interpreters.module_of(spec.argv)
        names = [module, "zmq", *["ipykernel.kernelapp"] * ("ipykernel" in module)]
        env = {**self._env.variables(spec.argv), **spec.env}
        return module and interpreters.lack(self.program, names, names, env)

    async def last_output_lines(self, count: int) -> list[str]:
        """The last lines that the kernel's process itself has written to stderr or stdout. Waits
        until it writes no more, but not for ever."""
        seen, until = None, time.monotonic() + MOST_QUIET_SECONDS
        while seen is not self._last_output and time.monotonic() < until:
            seen = self._last_output
            await asyncio.sleep(QUIET_SECONDS)
        text = self._last_output.decode("utf-8", errors="replace")
        return [line.rstrip()[-LAST_OF_LINE:] for line in text.strip().splitlines()[-count:]]

    @property
    def was_killed(self) -> bool:
        return self._status == -signal.SIGKILL

    @property
    def how_it_ended(self) -> str:
        """What ended the process, in words: an exit status or a signal."""
        if self._died_with_supervisor:
            end = self._died_with_supervisor
            return f"its supervisor {end}, the run has ended what was left of the kernel"
        return "it has ended" if self._status is None else _end_in_words(self._status)

    async def interrupt(self) -> None:
        """Interrupt the executing cell, as Jupyter's stop button does."""
        with contextlib.suppress(Exception):  # it has ended meanwhile
            await self.manager.interrupt_kernel()

    def request_shutdown(self) -> None:
        """Ask the kernel to end by itself, so that its exit handlers run."""
        if self.client and not self._shutdown_requested and not self.ended.is_set():
            self._shutdown_requested = True
            self.client.shutdown()

    @property
    def ends(self) -> bool:
        """Whether the process has ended, or is being killed."""
        return self._liveness_pipe is None or self.ended.is_set()

    async def keep(self, seconds: float) -> bool:
        """Let the kernel live on for ``seconds`` when this process has ended; returns whether it
        does: its supervisor (supervisor.py) sees to that."""
        if self._liveness_pipe is None or not kernel_folders.can_be_found(self._start.folder):
            return False
        with contextlib.suppress(BrokenPipeError):  # it has ended
            os.write(self._liveness_pipe, str(seconds).encode())
        until = time.monotonic() + KEEP_SECONDS
        while not self.ended.is_set() and time.monotonic() < until:
            if os.path.exists(os.path.join(self._start.folder, kernel_folders.KEPT)):
                self._is_kept = True
                return True
            await asyncio.sleep(0.01)
        return False

    async def kill(self) -> None:
        """End the process and all that it has started, at once: the supervisor does."""
        if self._liveness_pipe is not None:
            os.close(self._liveness_pipe)
            self._liveness_pipe = None

    async def __aexit__(self, *_error: object) -> None:
        """End the kernel: ask it, wait for it, kill it. One that is kept is left alone."""
        if self._is_kept:
            with contextlib.suppress(OSError):  # by which the kernel sees that nobody reads
                os.unlink(os.path.join(self._start.folder, socket_dir.OUTPUT))
            self._start.folder = ""
            self._context.destroy(linger=0)
            return
        try:
            if self.client and not self.ends:
                self.request_shutdown()
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self.ended.wait(), SHUTDOWN_SECONDS)
            if self._liveness_pipe is not None:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._nothing_left.wait(), LEFTOVER_SECONDS)
            await self.kill()
            await self._nothing_left.wait()
        finally:
            if self.client:
                self.client.stop_channels()
                self.client.wakeups.close()
            if self.manager.has_kernel:
                with contextlib.suppress(Exception):
                    await self.manager.shutdown_kernel(now=True)
            self._context.destroy(linger=0)
            shutil.rmtree(self._start.folder, ignore_errors=True)


def _end_in_words(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    number = -status
    try:
        return f"signal {signal.Signals(number).name}"
    except ValueError:
        if sys.platform != "linux":
            return f"signal {number}"
        # a real-time signal
        return f"signal SIGRTMIN{number - signal.SIGRTMIN:+}"
