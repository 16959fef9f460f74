"""The ``guild`` command of an environment, driven as a user does, and what it may not print."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.helpers.project import LIMIT, free_port

COMPLAINT = re.compile(r"WARNING|Warning\b|Traceback|ERROR|\w*Error\b|no data to display")


@dataclass(frozen=True)
class Result:
    """A command that has ended: its exit status and all that it printed."""

    command: str
    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """Why the command did not go well, in a few lines; empty if it did."""
        lines = f"{self.out}\n{self.err}".splitlines()
        found = [line for line in lines if COMPLAINT.search(line)]
        if self.status == 0 and not found:
            return ""
        return "\n  ".join([f"{self.command}: exit status {self.status}", *(found or lines)[-8:]])


class Guild:
    """Runs ``guild`` of the environment whose commands are in ``bin_dir``.

    The project is ``folder``/project, the Guild home ``folder``/home. The environment variables
    are few, so that nothing of the surrounding Python shows through.
    """

    def __init__(self, bin_dir: Path, folder: Path, path: str = "") -> None:
        self.bin_dir = bin_dir
        self.project = folder / "project"
        self.home = folder / "home"
        self.project.mkdir(exist_ok=True)
        self.home.mkdir(exist_ok=True)
        self.env = {
            "PATH": os.pathsep.join([str(bin_dir), path or os.defpath]),
            "HOME": str(folder),
            "GUILD_HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "COLUMNS": "200",
        }

    def __call__(self, command: str, stdin: str = "", folder: str = ".", **env: str) -> Result:
        return self.program("guild", command, stdin, folder, **env)

    def program(
        self, name: str, command: str, stdin: str = "", folder: str = ".", **env: str
    ) -> Result:
        """Run any program of the environment, in a folder of the project."""
        ended = subprocess.run(
            [str(self.bin_dir / name), *shlex.split(command)],
            cwd=self.project / folder,
            env={**self.env, **env},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
        )
        return Result(f"{name} {command}", ended.returncode, ended.stdout, ended.stderr)

    def last(self) -> str:
        """The ID of the run that was started last."""
        return self("select").out.strip()

    def runs(self) -> list[dict[str, Any]]:
        """The runs so far, the last started first, without those of batches and optimizers."""
        runs: list[dict[str, Any]] = json.loads(self("api runs").out)
        return runs

    def serve(
        self, command: str, path: str = "/", until: Callable[[str], bool] = lambda _: True
    ) -> Result:
        """Start a server, ask it for ``path`` until what it answers is as wanted, then end it as
        Ctrl-C does. ``out`` is the answer."""
        port = free_port()
        with (
            (self.home / "server.out").open("w+") as out,
            subprocess.Popen(
                [str(self.bin_dir / "guild"), *shlex.split(command), "--port", str(port)],
                cwd=self.project,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            ) as server,
        ):
            try:
                answer = _answer(f"http://127.0.0.1:{port}{path}", server, until)
            finally:
                server.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.wait(20)
                server.kill()
            out.seek(0)
            printed = out.read()
            return Result(f"guild {command}", int(answer is None), answer or "", printed)

    def on_terminal(self, command: str, keys: str, texts: Iterable[str]) -> Result:
        """Run a command that needs a terminal, press ``keys`` once it has drawn ``texts``, and
        wait until it has ended."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.project)
            guild = str(self.bin_dir / "guild")
            os.execve(guild, [guild, *shlex.split(command)], self.env)
        drawn = _read_until(terminal, lambda drawn: all(text in drawn for text in texts))
        os.write(terminal, keys.encode())
        drawn += _read_until(terminal, lambda _drawn: False)
        os.close(terminal)
        _pid, status = os.waitpid(pid, 0)
        return Result(f"guild {command}", os.waitstatus_to_exitcode(status), drawn, "")


def _answer(url: str, server: subprocess.Popen[bytes], until: Callable[[str], bool]) -> str | None:
    limit = time.monotonic() + LIMIT
    while time.monotonic() < limit and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                text = response.read().decode("utf-8")
            if until(text):
                return text
        except OSError:
            pass
        time.sleep(0.2)
    return None


def _read_until(terminal: int, is_enough: Callable[[str], bool]) -> str:
    """What the program draws until it is enough, or until it has ended."""
    os.set_blocking(terminal, False)
    drawn, limit = b"", time.monotonic() + LIMIT
    while time.monotonic() < limit and not is_enough(drawn.decode("utf-8", "replace")):
        try:
            new = os.read(terminal, 65536)
        except BlockingIOError:
            time.sleep(0.05)
            continue
        except OSError:  # the program has closed its end
            break
        if not new:
            break
        drawn += new
    return drawn.decode("utf-8", "replace")
