"""A dask cluster of real processes on loopback, each worker in a folder and home of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.helpers.project import GUILD, LIMIT, Project, Run, start, wait_for

NEEDS_DASK = pytest.mark.skipif(
    not importlib.util.find_spec("distributed"), reason="dask is not installed"
)


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
        wait_for(self._has_address)
        for name in names:
            self.add(name, resources=resources, threads=threads)
        if names:
            self.wait_for_workers(len(names))
        return self

    @property
    def file(self) -> Path:
        return self.folder / "scheduler.json"

    def _has_address(self) -> bool:
        """Whether the scheduler's file is there and whole: it is not written at once."""
        return self.file.exists() and self.file.read_text().rstrip().endswith("}")

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


LONG = pytest.mark.cluster


SHARED = pytest.mark.parametrize("shared", [pytest.param("yes", marks=LONG), "no"])


def stage(project: Project, *args: str) -> list[Run]:
    """Stage an operation, or its trials; the runs in the order in which they were staged."""
    done = project.guild("run", "-y", *args)
    assert done.status == 0, done.stderr
    runs = [run for run in done.runs if (run.dir / ".guild" / "STAGED").exists()]
    return sorted(runs, key=lambda run: run.attr("started"))


def run_cluster(project: Project, cluster: Cluster, *flags: str) -> subprocess.CompletedProcess:
    command = ["run", "-y", "dask:cluster", f"scheduler-file={cluster.file}", "run-once=yes"]
    return subprocess.run(
        [*GUILD, *command, *flags],
        cwd=project.dir,
        env=project.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=LIMIT,
        text=True,
    )


def start_cluster(project: Project, cluster: Cluster, *flags: str) -> subprocess.Popen:
    command = ["run", "-y", "dask:cluster", f"scheduler-file={cluster.file}"]
    return start(project, *command, "poll-interval=0.5", *flags)


def end(process: subprocess.Popen) -> str:
    """Stop a ``dask:cluster`` and wait for its end."""
    interrupt(process)
    return process.communicate(timeout=LIMIT)[0]


def interrupt(process: subprocess.Popen) -> None:
    """What Ctrl-C does to the process of the operation."""
    for child in psutil.Process(process.pid).children():
        child.send_signal(signal.SIGINT)


def status(project: Project, run: Run) -> str:
    listed = project.guild("api", "runs")
    assert listed.status == 0, listed.stderr
    return next(found["status"] for found in json.loads(listed.stdout) if found["id"] == run.id)


def processes_of(run: Run) -> list[psutil.Process]:
    """Kernels and operations that work in a run's directory, wherever it is."""
    found = []
    for process in psutil.process_iter():
        try:
            if run.id in process.cwd() or any(run.id in part for part in process.cmdline()):
                found.append(process)
        except psutil.Error:
            pass
    return found
