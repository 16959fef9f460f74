"""The kernel of a run: which one, its start, its end.

Starts as soon as possible, since a kernel needs longer to come up than all the rest of a small
run: what the runner imports and prepares happens meanwhile.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pkgutil
import shutil
import sys
import tempfile
import threading
import time
from collections import deque
from typing import IO, Any

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from jupyter_client.manager import AsyncKernelManager

from ..errors import KernelError

OWN_PYTHON = "guild-notebook-own-python"
"""The name under which the interpreter that runs this is had as a kernel."""

LONGEST_SOCKET_PATH = 100
"""Bytes: a Unix socket's path is limited to 104 (macOS) or 108 (Linux), its end included."""

SHUTDOWN_SECONDS = 5.0
"""Time that a kernel has to end by itself, exit handlers included, before it is killed."""

READY_SECONDS = 0.1
"""Time in which the output of a request must come after its reply, else the kernel's output is
not connected yet and the request is sent again."""


class KernelSpecs(KernelSpecManager):  # type: ignore[misc]  # jupyter_client carries no types
    """Installed kernels, and this very interpreter."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        if kernel_name != OWN_PYTHON:
            return super().get_kernel_spec(kernel_name)
        if importlib.util.find_spec("ipykernel") is None:
            raise KernelError(
                f"there is no ipykernel for {sys.executable} - "
                f"install it: {sys.executable} -m pip install ipykernel"
            )
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


def choose(specs: KernelSpecs, option: str | None, named: str, language: str) -> tuple[str, str]:
    """The kernel to start, and a line to say where that is not the one that was ``named``.

    Raises KernelError where ``option`` (nb-kernel) or the notebook names a kernel that is not
    installed, and this interpreter cannot take its place.
    """
    wanted = option or named
    if not wanted:
        if language != "python":
            raise KernelError(
                f"the notebook is written in {language} and names no kernel - "
                f"set nb-kernel to one of: {_installed(specs)}"
            )
        return OWN_PYTHON, ""
    try:
        specs.get_kernel_spec(wanted)
    except NoSuchKernel:
        if option or language != "python":
            raise KernelError(
                f"kernel '{wanted}' is not installed - install it, or set nb-kernel to one of: "
                f"{_installed(specs)}"
            ) from None
        specs.get_kernel_spec(OWN_PYTHON)  # raises where it cannot take the place
        return OWN_PYTHON, f"kernel '{wanted}' is not installed, using {sys.executable}"
    except (OSError, ValueError) as e:
        raise KernelError(f"the kernelspec of '{wanted}' cannot be read: {e}") from None
    return wanted, ""


def _installed(specs: KernelSpecs) -> str:
    return ", ".join(sorted(specs.find_kernel_specs())) or "none is installed"


class Kernel:
    """A kernel process and the client that talks to it.

    Its connection file and sockets lie in a directory that only the user can enter.
    """

    def __init__(self, specs: KernelSpecs, name: str, cwd: str, env: dict[str, str]) -> None:
        self._dir = tempfile.mkdtemp(prefix="guild-nb-")
        self._cwd = cwd
        self._env = env
        # With ZeroMQ's default a client looks for the kernel's sockets every 100 ms.
        context = zmq.asyncio.Context()
        context.setsockopt(zmq.RECONNECT_IVL, 10)
        # No limit to what waits here to be read: past it messages would be lost (see inside.py).
        context.setsockopt(zmq.RCVHWM, 0)
        self.manager = AsyncKernelManager(
            kernel_name=name,
            kernel_spec_manager=specs,
            connection_file=os.path.join(self._dir, "kernel.json"),
            context=context,
        )
        self.client: Any = None
        self._asked = False
        self._context = context
        self._messages: deque[bytes] = deque(maxlen=100)
        self._reader: threading.Thread | None = None

    @property
    def last_words(self) -> str:
        """The last lines of what the kernel's process itself wrote to stderr or stdout."""
        return b"".join(self._messages).decode("utf-8", errors="replace").strip()

    async def __aenter__(self) -> Kernel:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.shut_down()

    async def start(self) -> None:
        """Start the process; raises KernelError where its command cannot be run."""
        self._use_sockets_of_files()
        read_end, write_end = os.pipe()
        try:
            await self.manager.start_kernel(
                cwd=self._cwd, env=self._env, stdout=write_end, stderr=write_end
            )
        except (OSError, ValueError, TypeError) as e:
            os.close(read_end)
            self.remove_files()
            raise KernelError(f"kernel '{self._display_name()}' cannot be started: {e}") from e
        finally:
            os.close(write_end)
        self._reader = threading.Thread(
            target=self._read, args=(os.fdopen(read_end, "rb"),), daemon=True
        )
        self._reader.start()

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                self._messages.append(line[-10_000:])

    def _use_sockets_of_files(self) -> None:
        """Use ``ipc``, with which no port is fought over and nobody else can connect, for kernels
        that are known to have it: ipykernel and what is built on it."""
        spec = self.manager.kernel_spec
        base = os.path.join(self._dir, "s")
        is_python = bool(spec.argv) and "python" in os.path.basename(spec.argv[0]).lower()
        if os.name == "posix" and is_python and len(base) + 4 < LONGEST_SOCKET_PATH:
            self.manager.transport = "ipc"
            self.manager.ip = base

    def _display_name(self) -> str:
        name = self.manager.kernel_name
        return "python" if name == OWN_PYTHON else str(name)

    async def ready(self, seconds: float) -> dict[str, Any]:
        """Wait until the kernel answers and its output is connected; returns its kernel_info.

        Raises KernelError when it ends or ``seconds`` are over.
        """
        self.manager.client_factory = AsyncKernelClient
        self.client = client = self.manager.client()
        client.start_channels(stdin=False, hb=False)
        client.allow_stdin = False
        deadline = time.monotonic() + seconds
        request = client.kernel_info()
        while True:
            reply = await self._answer(client.shell_channel, request, 1.0)
            if reply and reply["msg_type"] == "kernel_info_reply":
                if await self._answer(client.iopub_channel, request, READY_SECONDS):
                    self._prepare(reply["content"])
                    return dict(reply["content"])
                request = client.kernel_info()
            if not await self.manager.is_alive():
                raise KernelError(self._failure("ended before it was ready"))
            if time.monotonic() > deadline:
                raise KernelError(
                    self._failure(f"was not ready after {seconds:g} seconds (nb-startup-timeout)")
                )

    def _prepare(self, info: dict[str, Any]) -> None:
        if info.get("implementation") == "ipython":
            # The kernel waits rather than drop output, so the usual limit bounds memory.
            self.client.iopub_channel.socket.setsockopt(zmq.RCVHWM, 1000)
            self.client.execute(_code_inside(), silent=True, store_history=False)

    async def _answer(self, channel: Any, request: str, seconds: float) -> dict[str, Any] | None:
        """The next message of a channel that answers ``request``, None after ``seconds``."""
        from queue import Empty

        deadline = time.monotonic() + seconds
        while True:
            try:
                message = await channel.get_msg(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                return None
            if message["parent_header"].get("msg_id") == request:
                return dict(message)

    def _failure(self, what: str) -> str:
        words = self.last_words.splitlines()
        reason = f": {words[-1]}" if words else ""
        return f"kernel '{self._display_name()}' {what}{reason}"

    def ask_to_end(self) -> None:
        """Ask the kernel to end by itself, which lets exit handlers run."""
        if self.client and not self._asked:
            self._asked = True
            self.client.shutdown()

    async def shut_down(self) -> None:
        """End the kernel: ask it, wait for it, kill it."""
        try:
            if self.client and await self.manager.is_alive():
                self.ask_to_end()
                deadline = time.monotonic() + SHUTDOWN_SECONDS
                while await self.manager.is_alive() and time.monotonic() < deadline:
                    await asyncio.sleep(0.01)
            if self.manager.has_kernel:
                await self.manager.shutdown_kernel(now=True)
        finally:
            if self.client:
                self.client.stop_channels()
            self._context.destroy(linger=0)
            self.remove_files()

    def remove_files(self) -> None:
        shutil.rmtree(self._dir, ignore_errors=True)


def _code_inside() -> str:
    """One expression that runs inside.py in a namespace of its own, not the notebook's."""
    text = pkgutil.get_data(__package__, "inside.py")
    assert text is not None
    name = "guild_notebook.inside"
    namespace = f"{{'__name__': {name!r}, 'get_ipython': get_ipython}}"
    return f"exec(compile({text.decode('utf-8')!r}, '<{name}>', 'exec'), {namespace})"


def environment(paths: list[str]) -> dict[str, str]:
    """The kernel's environment: ``paths`` are importable first, and as absolute paths, since the
    notebook may change its directory."""
    env = dict(os.environ)
    inherited = [p for p in env.get("PYTHONPATH", "").split(os.pathsep) if p]
    every = dict.fromkeys(os.path.abspath(p) for p in [*paths, *inherited])
    env["PYTHONPATH"] = os.pathsep.join(every)
    # Else the debugger of ipykernel warns of frozen modules on every start (Python 3.11+).
    env.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    return env
