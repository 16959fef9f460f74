"""The runner on run directories that are as Guild makes them, for tests of runs and not of Guild.

Guild starts for a second of computing before it starts the runner. What a test looks at only then
(scalars, labels, Guild's own files) needs Guild itself: ``Project.run``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import uuid
from typing import Any

import yaml

from guild_notebook import start as start_of_process
from tests.helpers.project import LIMIT, Command, Project, Run

RUNNER = [sys.executable, *start_of_process.arguments("guild_notebook.run")]


def prepared(project: Project, flags: dict[str, Any] | None = None) -> Run:
    """A run as Guild has it when it starts the operation: a directory with its attributes, a copy
    of the project as its source code, and a manifest of that."""
    run = Run(project.home / "runs" / uuid.uuid4().hex)
    attrs = run.dir / ".guild" / "attrs"
    attrs.mkdir(parents=True)
    op = {"sourcecode": {"dest": "."}}
    for name, value in {"flags": flags or {}, "op": op}.items():
        (attrs / name).write_text(yaml.safe_dump(value, sort_keys=True), "utf-8")
    lines = []
    for path in sorted(project.dir.rglob("*")):
        name = path.relative_to(project.dir).as_posix()
        if path.is_file():
            (run.dir / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, run.dir / name)
            digest = hashlib.sha1(path.read_bytes()).hexdigest()
            lines.append(f"s {name} {digest} {name}\n")
    (run.dir / ".guild" / "manifest").write_text("".join(lines), "utf-8")
    return run


def environment(project: Project, run: Run) -> dict[str, str]:
    """What an operation finds in its environment (guild/op_util.py)."""
    flags = {f"FLAG_{name.upper()}": str(value) for name, value in run.flags.items()}
    of_project = filter(None, [project.env.get("PYTHONPATH")])
    return {
        **project.environment(),
        **flags,
        "RUN_DIR": str(run.dir),
        "RUN_ID": run.id,
        "PROJECT_DIR": str(project.dir),
        "GUILD_SOURCECODE": ".",
        "PYTHONPATH": os.pathsep.join([".", sysconfig.get_path("purelib"), *of_project]),
    }


def start(
    project: Project, *args: str, flags: dict[str, Any] | None = None, **options: Any
) -> tuple[subprocess.Popen, Run]:
    """Start the runner with ``args`` and do not wait for it. What it writes is in the run's
    output at once, where Guild would have it."""
    run = prepared(project, flags)
    with (run.dir / ".guild" / "output").open("ab") as output:
        process = subprocess.Popen(
            [*RUNNER, *_arguments(args)],
            cwd=run.dir,
            env=environment(project, run),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **options,
        )
    return process, run


def attempt(
    project: Project,
    *args: str,
    flags: dict[str, Any] | None = None,
    limit: float = LIMIT,
    **env: str,
) -> Command:
    """Run a notebook with ``flags``: ``args`` are its path and the options of its operation,
    ``--report none`` where they name no report."""
    run = prepared(project, flags)
    done = subprocess.run(
        [*RUNNER, *_arguments(args)],
        cwd=run.dir,
        env={**environment(project, run), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=limit,
        text=True,
        errors="replace",
    )
    return Command(done.stdout, done.stderr, done.returncode, [run.dir])


def execute(project: Project, *args: str, **options: Any) -> Command:
    """A run that must succeed."""
    done = attempt(project, *args, **options)
    assert done.status == 0, done.stdout + done.stderr
    return done


def _arguments(args: tuple[str, ...]) -> list[str]:
    reports = any(arg.startswith(("--report", "--html-no-input", "--no-html")) for arg in args)
    return [*args, *([] if reports else ["--report", "none"])]
