"""A dask cluster of real processes on loopback, each worker in a folder and home of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.helpers.project import LIMIT, wait_for


@dataclass
class Cluster:
    """The scheduler's file is ``folder``/scheduler.json; workers have names."""

    folder: Path
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)
    host: str = "127.0.0.1"

    def start(self, *names: str, resources: str = "", threads: int = 1) -> Cluster:
        self.folder.mkdir(exist_ok=True)
        program = ["distributed.cli.dask_scheduler", "--host", self.host, "--port", "0"]
        self._start("scheduler", *program, "--scheduler-file", self.file, "--no-dashboard")
        wait_for(self.file.exists)
        for name in names:
            self.add(name, resources=resources, threads=threads)
        if names:
            self.wait_for_workers(len(names))
        return self

    @property
    def file(self) -> Path:
        return self.folder / "scheduler.json"

    @property
    def address(self) -> str:
        return json.loads(self.file.read_text())["address"]

    def add(self, name: str, *, resources: str = "", threads: int = 1, inside: tuple = ()) -> None:
        """Start a worker; ``inside`` is a command that its command is given to."""
        options = ["--name", name, "--nthreads", str(threads), "--no-nanny", "--no-dashboard"]
        options += ["--local-directory", ".", "--resources", resources]
        program = ["distributed.cli.dask_worker", self.address, *options]
        self._start(name, *program, inside=inside)

    def wait_for_workers(self, count: int) -> None:
        from distributed import Client

        with Client(self.address) as client:
            client.wait_for_workers(count, timeout=LIMIT)

    def _start(self, name: str, *program: object, inside: tuple = ()) -> None:
        home = self.folder / name
        home.mkdir()
        env = {k: v for k, v in os.environ.items() if k != "GUILD_HOME"}
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [*inside, sys.executable, "-m", *map(str, program)],
                cwd=home,
                env={**env, "HOME": str(home), "NO_PIP_FREEZE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text("utf-8", errors="replace")

    def kill(self, name: str) -> None:
        """End a process as a machine's end would: at once."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """The workers first: one whose scheduler ends while it does may take long."""
        for name in sorted(self.processes, key=lambda name: name == "scheduler"):
            process = self.processes[name]
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
