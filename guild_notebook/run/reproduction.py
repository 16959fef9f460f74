"""A new run of what another run has kept: its source, its flags, its options, and its kernel where
that is there.

Guild makes the new run from the first (``guild run --proto``) and stages it, so that all that it is
to be is written down before it starts, also what it reproduces. The first run stays as it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

from .. import options
from ..document import reader, states
from ..errors import FlagError, KernelError, UserError
from ..kernels import interpreters
from ..kernels.kernelspecs import KernelSpecs, choose
from ..secrets.settings import secret_variable_names
from .finished import FinishedRun
from .plain_shell import environment
from .record import kernel_record
from .record.run_files import mapping
from .secret_values import RunSecrets

ATTRIBUTE = "reproduces"  # the run attribute that has the id of the run that a new one reproduces
TAG = "reproduces:"  # what the tag of the new run begins with, before the short id of the first


@dataclass(frozen=True)
class Choice:
    """What a new run is to have in place of what the first had: the last cell to run (``until``)
    and the kernel, as nb-until and nb-kernel take them, None for what the first run had."""

    until: str | None = None
    kernel: str | None = None


@dataclass(frozen=True)
class Staged:
    """A new run that is staged: its id, its directory, and a line for what is not as it was."""

    id: str
    dir: str
    notice: str = ""


def stage(run: FinishedRun, choice: Choice) -> Staged:
    """Make a new run of ``run``, which is one of Guild's home, and do not start it yet. Raises
    UserError where it cannot be made, before there is one."""
    notebook = _executed(run)
    secrets = RunSecrets(run)
    _check_secrets(run, secrets)
    settings = {**options.defaults(), **run.settings("until", "skip-tags", "kernel")}
    until = settings["until"] if choice.until is None else choice.until
    if until is not None:
        states.indexes_to_run(notebook.cells, settings["skip-tags"], until)
    kernel, notice = choice.kernel, ""
    env = mapping(mapping(run.attr("op").get("op-cmd")).get("cmd-env"))
    specs = KernelSpecs(str(env.get("PROJECT_DIR") or ""))
    if kernel is None:
        kernel, notice = _kernel_option(run, notebook, specs, settings["kernel"])
    else:
        choose(specs, kernel, "", lambda: notebook.language)
    given = {"until": choice.until, "kernel": kernel}
    assigned = [f"{options.PREFIX}{name}={value}" for name, value in given.items() if value]
    hidden = {*secrets.variables.values(), *secret_variable_names(os.environ)}
    staged = uuid.uuid4().hex
    first = os.path.basename(run.dir)
    arguments = ["--proto", first, "--stage", "--run-id", staged, "--tag", TAG + first[:8]]
    run_dir = os.path.join(os.path.dirname(run.dir), staged)
    is_made = False
    try:
        done = subprocess.run(
            guild("run", "-y", *arguments),
            env={name: value for name, value in environment().items() if name not in hidden},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        is_made = not done.returncode
    finally:
        if not is_made:
            shutil.rmtree(run_dir, ignore_errors=True)  # as far as Guild has come
    if not is_made:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UserError(f"Guild does not make the run: {''.join(said[-1:])}")
    _complete(staged, run_dir, first, assigned)
    return Staged(staged, run_dir, notice)


def start(staged: Staged, out: IO[Any] | int | None = None) -> int:
    """Start the new run and wait until it has ended, with its output on the terminal, or in
    ``out``; returns Guild's exit status. Raises KeyboardInterrupt once the run has been stopped by
    Ctrl-C, which Guild and the run get as well."""
    command = guild("run", "-y", "--keep-run", "--start", staged.id)
    with subprocess.Popen(
        command, env=environment(), stdin=subprocess.DEVNULL, stdout=out
    ) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()
            raise


def guild(*arguments: str) -> list[str]:
    """The command of Guild's, of this environment."""
    return [sys.executable, "-um", "guild.main_bootstrap", *arguments]


def _executed(run: FinishedRun) -> reader.Notebook:
    """The executed notebook of a run that can be run again."""
    name = run.executed_notebook()
    if not name:
        raise UserError("it has no executed notebook - give a run of a notebook")
    if not run.kept_source(name):
        raise UserError("it has not kept the source of its notebook - run the notebook anew")
    try:
        return run.notebook(name)
    except OSError as e:
        raise UserError(f"{name} cannot be read: {e.strerror} - run the notebook anew") from None


def _check_secrets(run: FinishedRun, secrets: RunSecrets) -> None:
    for name, variable in secrets.variables.items():
        if run.attr("flags").get(name) is not None and name not in secrets.values:
            raise FlagError(
                f"secret flag {name} needs its value again, which no run keeps - set {variable} in "
                "the environment"
            )


def _kernel_option(
    run: FinishedRun, notebook: reader.Notebook, specs: KernelSpecs, option: str | None
) -> tuple[str | None, str]:
    """What nb-kernel has to be so that the new run has the kernel of ``run``, None for what it was;
    and a line that says so where that kernel is not there and another takes its place. Raises
    KernelError where none does."""
    described = mapping(mapping(notebook.data.get("metadata")).get(kernel_record.KEY))
    recorded = str(described.get("interpreter") or "")
    program, error = "", None
    try:
        source = run.notebook(run.kept_source(notebook.name))
        name, _ = choose(specs, option, source.kernel_name, lambda: source.language)
        argv = specs.get_kernel_spec(name).argv
        program = interpreters.program_of(argv) or argv[0]
    except (KernelError, OSError) as e:
        error = e
    if error and not recorded:
        raise error
    starts_another = program and not interpreters.is_python(program)  # as `conda run` does
    if not recorded or starts_another or _same(program, recorded):
        return None, ""
    if described.get("language") == "python" and os.access(recorded, os.X_OK):
        lack = interpreters.lack(recorded, ["ipykernel"], [], os.environ)
        if not lack:
            return recorded, ""
        why = lack
    else:
        why = f"{recorded}, which was the kernel, is not there"
    if error:
        raise KernelError(f"{why}, and {error} - or name another: --kernel NAME") from None
    return None, f"{why}: the kernel is {program} now (--kernel names another)"


def _same(program: str, recorded: str) -> bool:
    return program == recorded or (interpreters.is_own(program) and interpreters.is_own(recorded))


def _complete(run_id: str, run_dir: str, first: str, assigned: Sequence[str]) -> None:
    """Write to a staged run what it reproduces, and the options that it is to have."""
    from guild.run import Run  # which writes texts as Guild reads them

    run = Run(run_id, run_dir)
    run.write_attr(ATTRIBUTE, first)
    if assigned:
        op = run.get("op")
        op["op-cmd"]["cmd-args"] += assigned
        run.write_attr("op", op)
