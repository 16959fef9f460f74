"""A console (jupyter_console) on a kernel that it does not own.

A run that goes on is not disturbed: what is typed is executed between its cells and changes no
number of theirs, and an error there does not keep the next cell from being executed. The kernel
does not end with the console.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
from queue import Empty
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_console.app import JupyterConsoleApp, ZMQTerminalIPythonApp
from jupyter_console.ptshell import ZMQTerminalInteractiveShell

from ..errors import UserError
from ..kernel_folders import KernelFolder

COUNT_SECONDS = 5.0
"""Time that an idle kernel has to say which number the next cell has."""

_EXIT = re.compile(r"(?:exit|quit)(?:[ \t]*\([^()]*\))?[ \t]*;?")
"""What the console itself heeds: the kernel would end of it."""


def open_on(folder: KernelFolder) -> None:
    """Open the console, until it is left or the kernel has ended. Raises UserError where the
    kernel's connection cannot be read."""
    sys.stdout.flush()
    app = App()
    app.folder = folder
    try:
        app.initialize(["--existing", folder.connection_file])
        app.start()
    except (KeyboardInterrupt, _KernelEndedError):  # while a cell of the run goes on
        print()
    except SystemExit:  # it has said why
        raise UserError(
            f"no console can be opened on {folder.connection_file} - see what it says above"
        ) from None


class _KernelEndedError(Exception):
    """Raised to leave the console."""


class Client(BlockingKernelClient):  # type: ignore[misc]  # jupyter_client has no types
    request = ""
    """The last one to execute something."""

    @property
    def _folder(self) -> KernelFolder:
        folder: KernelFolder = self.parent.folder
        return folder

    @property
    def is_idle(self) -> bool:
        """Whether no run has cells for the kernel."""
        return bool(self._folder.until)

    def execute(self, code: str, silent: bool = False, **options: Any) -> Any:
        # A cell of the run that waits would be given up after an error of another client.
        options.update(stop_on_error=False, store_history=self.is_idle and not silent)
        self.request = super().execute(code, silent, **options)
        return self.request

    def is_alive(self) -> bool:
        """By its folder: the heart of a kernel does not beat where a library does not let it."""
        return self._folder.is_there

    def get_shell_msg(self, *args: Any, **options: Any) -> Any:
        if not self._folder.is_there:
            raise _KernelEndedError
        return super().get_shell_msg(*args, **options)


class Shell(ZMQTerminalInteractiveShell):  # type: ignore[misc]
    is_executing = False
    """Whether what the kernel executes was typed here."""

    next_number = 1

    def init_kernel_info(self) -> None:
        super().init_kernel_info()
        if self.client.is_idle:
            self.client.execute("", silent=True)
            with contextlib.suppress(Empty, LookupError, TypeError):
                content = self.client.get_shell_msg(timeout=COUNT_SECONDS)["content"]
                self.next_number = content["execution_count"] + 1

    def mainloop(self) -> None:
        """Without what the base class says of a kernel that it has started itself."""
        self.execution_count = self.next_number
        while self.keep_running:
            with contextlib.suppress(KeyboardInterrupt):  # between two requests
                asyncio.run(self._main_task())

    def run_cell(self, cell: str, store_history: bool = True) -> None:
        if _EXIT.fullmatch(cell.strip()) or not self.client.is_alive():
            self.ask_exit()
            return
        self.is_executing = False
        try:
            super().run_cell(cell, store_history)
        except KeyboardInterrupt:  # of interrupt
            self._executing = False
            print("\nit is executed when the run's cell has ended", file=sys.stderr)
        if not self.client.is_alive():
            self.ask_exit()

    def check_complete(self, code: str) -> Any:
        """Without the kernel where that is possible: it may be executing a cell of the run."""
        if self.kernel_info.get("language_info", {}).get("name") != "python":
            return super().check_complete(code)
        from IPython.core.inputtransformer2 import TransformerManager

        manager: Any = TransformerManager
        status, indent = manager().check_complete(code)
        return status == "incomplete", " " * (indent or 0)

    def include_output(self, msg: Any) -> Any:
        if msg["msg_type"] == "execute_input" and self.from_here(msg):
            self.is_executing = True
        of_other = msg["parent_header"].get("msg_id") != self.client.request
        if msg["msg_type"] == "status" and of_other:  # the end of one that Ctrl-C has left
            return False
        return super().include_output(msg)

    def interrupt(self) -> None:
        """What Ctrl-C does while a request goes on; a cell of the run is not interrupted."""
        if not self.is_executing:
            raise KeyboardInterrupt
        session, channel = self.client.session, self.client.control_channel
        session.send(channel.socket, session.msg("interrupt_request", {}))


class App(ZMQTerminalIPythonApp):  # type: ignore[misc]
    kernel_client_class = Client
    folder: KernelFolder

    def init_shell(self) -> None:
        with contextlib.suppress(ValueError):  # not in the main thread
            signal.signal(signal.SIGINT, self.handle_sigint)
        JupyterConsoleApp.initialize(self)
        self.shell = None
        self.shell = Shell.instance(
            parent=self, client=self.kernel_client, confirm_exit=False, kernel_timeout=float("inf")
        )
        self.shell.own_kernel = False

    def handle_sigint(self, *_args: Any) -> None:
        if self.shell is None or not self.shell._executing:
            raise KeyboardInterrupt
        self.shell.interrupt()
