"""Projects of notebooks, and the real ``guild`` command to run them."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

GUILD = [sys.executable, "-m", "guild.main_bootstrap"]

CHECKOUT = Path(__file__).parents[2]

# A limit for a hang, not a measurement.
LIMIT = 120


def code(source: str, **fields: Any) -> dict[str, Any]:
    """A code cell of a notebook file; ``tags`` may be given."""
    metadata = {"tags": fields.pop("tags")} if "tags" in fields else {}
    cell = {"cell_type": "code", "metadata": metadata, "source": source}
    return {**cell, "outputs": [], "execution_count": None, **fields}


def markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def notebook(*cells: dict[str, Any] | str, **fields: Any) -> dict[str, Any]:
    """A notebook document; a plain text is a code cell."""
    made = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    document = {"cells": made, "metadata": PYTHON, "nbformat": 4, "nbformat_minor": 4}
    return {**document, **fields}


@dataclass
class Command:
    """A finished command: its output as text, and the run that it made, if any."""

    stdout: str
    stderr: str
    status: int
    run_dirs: list[Path] = field(default_factory=list)

    @property
    def run(self) -> Run:
        assert len(self.run_dirs) == 1, (self.run_dirs, self.stdout, self.stderr)
        return Run(self.run_dirs[0])

    @property
    def runs(self) -> list[Run]:
        return [Run(path) for path in self.run_dirs]

    @property
    def trials(self) -> list[Run]:
        return [run for run in self.runs if not run.is_batch]


@dataclass
class Run:
    """A run directory."""

    dir: Path

    @property
    def id(self) -> str:
        return self.dir.name

    def attr(self, name: str) -> Any:
        path = self.dir / ".guild" / "attrs" / name
        return yaml.safe_load(path.read_text("utf-8")) if path.exists() else None

    @property
    def is_batch(self) -> bool:
        """Whether it is the run of a batch, and not one of its trials."""
        return (self.dir / ".guild" / "proto").exists()

    @property
    def op_name(self) -> str:
        return (self.dir / ".guild" / "opref").read_text("utf-8").split()[-1].strip("'\"")

    @property
    def flags(self) -> dict[str, Any]:
        return self.attr("flags")

    @property
    def output(self) -> str:
        return (self.dir / ".guild" / "output").read_text("utf-8", errors="replace")

    @property
    def manifest(self) -> list[str]:
        return (self.dir / ".guild" / "manifest").read_text("utf-8").splitlines()

    def notebook(self, name: str) -> dict[str, Any]:
        return json.loads((self.dir / name).read_text("utf-8"))

    def source(self, name: str) -> bytes:
        return (self.dir / ".guild" / "sourcecode" / name).read_bytes()

    def sources(self, name: str) -> list[str]:
        """The sources of a notebook's code cells."""
        cells = self.notebook(name)["cells"]
        return ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]


@dataclass
class Project:
    """A folder with notebooks and a Guild home of its own."""

    dir: Path
    home: Path
    env: dict[str, str] = field(default_factory=dict)

    def bash_kernel(self) -> dict[str, Any]:
        """Install a kernel of bash; returns the metadata of a notebook for it."""
        spec = {"display_name": "Bash", "language": "bash"}
        argv = [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"]
        file = self.jupyter / "kernels" / "bash" / "kernel.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"argv": argv, **spec}))
        return {"kernelspec": {"name": "bash", **spec}}

    @property
    def jupyter(self) -> Path:
        """Jupyter's folder of what is the user's own."""
        return self.home / "jupyter"

    def notebook(self, name: str, *cells: dict[str, Any] | str, **fields: Any) -> Path:
        return self.file(name, json.dumps(notebook(*cells, **fields), indent=1))

    def file(self, name: str, text: str | bytes) -> Path:
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
        return path

    def guildfile(self, text: str) -> Path:
        return self.file("guild.yml", text)

    def without_reports(self, *names: str) -> None:
        """Make operations of notebooks' own names, so that their runs spend no time on reports."""
        each = "{}:\n  notebook: {}\n  flags-import: all\n  nb-report: none\n"
        self.guildfile("".join(each.format(name, name) for name in names))

    def guild(self, *args: str, cwd: str = ".", limit: float = LIMIT, **env: str) -> Command:
        """Run ``guild ARGS`` in the project, or in ``cwd`` below it."""
        before = self.run_dirs()
        done = subprocess.run(
            [*GUILD, *args],
            cwd=self.dir / cwd,
            env={**self.environment(), **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limit,
            text=True,
            errors="replace",
        )
        made = sorted(self.run_dirs() - before, key=lambda path: path.stat().st_mtime)
        return Command(done.stdout, done.stderr, done.returncode, made)

    def run(self, *args: str, **options: Any) -> Command:
        """``guild run ARGS`` that must succeed."""
        done = self.guild("run", "-y", *args, **options)
        assert done.status == 0, done.stdout + done.stderr
        return done

    def run_dirs(self) -> set[Path]:
        runs = self.home / "runs"
        return {p for p in runs.iterdir() if not p.is_symlink()} if runs.exists() else set()

    def environment(self) -> dict[str, str]:
        # What pip lists is of no interest here and takes half a second of every run.
        settings = {"GUILD_HOME": str(self.home), "NO_PIP_FREEZE": "1", "COLUMNS": "200"}
        settings["JUPYTER_DATA_DIR"] = str(self.jupyter)
        # ipykernel treats descriptors in another way where it sees that it is under test, and
        # each of a thousand processes would compile the package without its files of bytecode.
        but = ("PYTEST_CURRENT_TEST", "PYTHONDONTWRITEBYTECODE")
        inherited = {k: v for k, v in os.environ.items() if k not in but}
        return {**inherited, **settings, **self.env}


def wait_for(condition: Callable[[], Any], seconds: float = LIMIT) -> None:
    """Wait until a condition holds; the seconds are a limit for a hang."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def free_port() -> int:
    """A port of loopback that nobody listens on now, and that no system gives to who asks for any:
    kernels of other tests would have it before it is used."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def start(project: Project, *args: str, **options: Any) -> subprocess.Popen:
    """Start ``guild ARGS`` and do not wait for it."""
    return subprocess.Popen(
        [*GUILD, *args],
        cwd=project.dir,
        env=project.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def new_project(folder: Path) -> Project:
    """An empty project in ``folder``, and a Guild home beside it."""
    made = Project(folder / "project", folder / "home")
    made.dir.mkdir()
    made.home.mkdir()
    return made


BROKEN_EXPORTER = """
from nbconvert.exporters import MarkdownExporter
class Broken(MarkdownExporter):
    def from_notebook_node(self, nb, **options):
        raise ValueError("odd")
"""
"""The module of an exporter that fails, ``nb-report: broken.Broken``."""
