"""Runs and sweeps that are started, each as a ``guild run`` of its own."""

from __future__ import annotations

import contextlib
import os
import re
import reprlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..document import reader
from ..errors import NotebookError, UserError
from ..flags.discover import discover
from ..options import PREFIX
from ..run.plain_shell import environment
from . import flag_texts
from .process import Command, Shown, asynchronous
from .results import Run, RunError, Sweep


def run(
    notebook: str | os.PathLike[str],
    /,
    *,
    flags: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    label: str | None = None,
    tags: Sequence[str] = (),
    comment: str | None = None,
    project: str | os.PathLike[str] | None = None,
    check: bool = True,
    quiet: bool = False,
    **flag_values: Any,
) -> Run:
    """Run a notebook, or an operation of guild.yml, with the values of its flags, and wait until
    it has ended.

    What the command prints is printed, unless ``quiet``. A flag whose name is no name of Python, or
    one of these parameters, is given in ``flags``; an option as ``nb_report="none"`` or in
    ``options``, ``{"report": "none"}``. A list is one value; ``sweep`` makes trials. ``project`` is
    the folder of the project, in place of the current one.

    Raises RunError where the run is not completed, unless ``check`` is false, and where there is no
    run since the notebook, a flag or an option is refused; UserError for a value that no flag can
    have. Ctrl-C stops the run, and the KeyboardInterrupt has it as ``run``.
    """
    made = _Start(notebook, project)
    own = {"label": label, "tags": tags, "comment": comment}
    arguments = made.arguments(flags, options, flag_values, own)
    return made.run(made.wait(arguments, quiet), check)


def sweep(
    notebook: str | os.PathLike[str],
    /,
    *,
    jobs: int = 1,
    optimizer: str | None = None,
    max_trials: int | None = None,
    minimize: str | None = None,
    maximize: str | None = None,
    random_seed: int | None = None,
    flags: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    label: str | None = None,
    tags: Sequence[str] = (),
    comment: str | None = None,
    project: str | os.PathLike[str] | None = None,
    check: bool = True,
    quiet: bool = False,
    **flag_values: Any,
) -> Sweep:
    """Run a notebook for each combination of flag values: those in lists, ``lr=[0.1, 0.2]``, or
    those that an ``optimizer`` (``random``, ``gp``, ``forest``, ``gbrt``) finds in a search space,
    ``lr="[0.001:0.1]"``, to ``minimize`` or ``maximize`` a scalar. ``jobs`` is the number of trials
    that run at once, ``max_trials`` the most that are made. The rest is as for ``run``.

    A trial that fails does not end the sweep: see ``Sweep.failed``. Raises RunError where the sweep
    itself did not come to its end, unless ``check`` is false; otherwise as ``run``, but that the
    KeyboardInterrupt has the trials as ``sweep``.
    """
    made = _Start(notebook, project, True, minimize, maximize)
    own = {
        "label": label,
        "tags": tags,
        "comment": comment,
        "optimizer": optimizer,
        "max_trials": max_trials,
        "minimize": minimize,
        "maximize": maximize,
        "random_seed": random_seed,
    }
    given = {**(options or {}), **({"jobs": jobs} if jobs != 1 else {})}
    arguments = made.arguments(flags, given, flag_values, own)
    return made.sweep(made.wait(arguments, quiet), check)


arun = asynchronous(run)
"""As ``run``, for asyncio: other tasks go on meanwhile, also other runs. Where the task is
cancelled, the run is stopped."""

asweep = asynchronous(sweep)
"""As ``sweep``, for asyncio, as ``arun`` is for ``run``."""


def as_command(
    arguments: Sequence[str], minimize: str | None, maximize: str | None, errors: Shown
) -> Run | Sweep | None:
    """``guild run ARGUMENTS``, as on the command line: the run, or the trials of a sweep, None
    where the command has made none. What it writes to stderr is shown by ``errors``. Raises
    RunError where it fails, and KeyboardInterrupt."""
    made = _Start("", None, True, minimize, maximize)
    try:
        status = made.wait(arguments, quiet=False, errors=errors)
    except RunError as e:
        if e.status:
            said = f"guild run has made no run - it says above why (exit status {e.status})"
            raise RunError(said, None, e.status) from None
        return None
    if made.is_batch:
        return made.sweep(status, check=True)
    found = made.run(status, check=False)
    if status:
        raise RunError(_message(found), found, status)
    return found


_NOT_IN_COMMANDS = re.compile("[\0\ud800-\udc7f\udd00-\udfff]")  # others are bytes of paths


@dataclass
class _Start:
    """A ``guild run`` of which the run, or the trials, are wanted."""

    notebook: str | os.PathLike[str]
    project: str | os.PathLike[str] | None
    is_sweep: bool = False
    minimize: str | None = None
    maximize: str | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def arguments(
        self,
        flags: Mapping[str, Any] | None,
        options: Mapping[str, Any] | None,
        values: Mapping[str, Any],
        own: Mapping[str, Any],
    ) -> list[str]:
        """The arguments of the command for parameters of ``run`` or ``sweep``: flag ``values`` that
        are given by name may be options as well; ``own`` are those of ``guild run``. Raises
        UserError for what is given twice, may be meant for a flag, or is of another type."""
        a_path, a_mapping = (str, os.PathLike), (Mapping, type(None))
        for name, given, kinds, wanted in (
            ("notebook", self.notebook, a_path, "a path, or the name of an operation, as text"),
            ("project", self.project or "", a_path, "the path of a folder"),
            ("flags", flags, a_mapping, "a mapping, as {'lr': 0.1}"),
            ("options", options, a_mapping, "a mapping, as {'report': 'none'}"),
            ("tags", own["tags"], Iterable, "a text or a list of texts"),
        ):
            if not isinstance(given, kinds):
                is_of = f"{reprlib.repr(given)}, of the type {type(given).__name__}"
                raise UserError(f"{name} is {is_of} - give {wanted}")
        if self.project and not os.path.isdir(self.project):
            raise UserError(f"project {self.project!r} is not a folder - give that of guild.yml")
        named, flags = dict(values), flags or {}
        prefix = PREFIX.replace("-", "_")
        given = {name: named.pop(name) for name in values if name.startswith(prefix)}
        own = {name: value for name, value in own.items() if value not in (None, ())}
        if both := sorted(named.keys() & flags):
            raise UserError(
                f"flag {both[0]} is given twice, by its name and in flags - give it once"
            )
        self._check_names(own.keys() - flags)
        assign = flag_texts.of_sweep if self.is_sweep else flag_texts.of_run
        tags = own.pop("tags", ())
        return [
            os.fspath(self.notebook),
            *assign({**flags, **named}),
            *flag_texts.of_options({**(options or {}), **given}),
            *(f"--tag={tag}" for tag in ([tags] if isinstance(tags, str) else tags)),
            *(f"--{name.replace('_', '-')}={value}" for name, value in own.items()),
        ]

    def _check_names(self, names: Iterable[str]) -> None:
        """Raise UserError where the notebook has flags of these names of parameters."""
        path = os.path.join(self.project or "", self.notebook)
        if not names or not os.path.isfile(path):  # an operation of guild.yml
            return
        with contextlib.suppress(NotebookError):  # which Guild says
            found = discover(reader.read(path)).flags
            if meant := sorted({*names} & {*found}):
                name = meant[0]
                raise UserError(
                    f"{name} is a parameter, and a flag of {os.fspath(self.notebook)} - set the "
                    f"flag by flags={{'{name}': VALUE}}"
                )

    def wait(self, arguments: Sequence[str], quiet: bool, errors: Shown | None = None) -> int:
        """Start the command with these ``arguments`` and wait for its end; returns its exit
        status."""
        if wrong := next(filter(_NOT_IN_COMMANDS.search, arguments), ""):
            raise UserError(
                f"no command can be given {reprlib.repr(wrong)} - leave out what is not a character"
            )
        self._env = environment()
        fixed = ["-y", "--keep-run", "--keep-batch", "--run-id", self.id]
        cwd = None if self.project is None else os.fspath(self.project)
        command = Command(["run", *arguments, *fixed], self._env, cwd, quiet, errors)
        try:
            status = command.wait()
        except KeyboardInterrupt as e:
            made = self._trials()
            # No exception of its own: after this one Python ends by SIGINT.
            if self.is_sweep:
                vars(e)["sweep"] = Sweep(made, *self._objective())
            else:
                vars(e)["run"] = made[0] if made else None
            raise
        if not os.path.isdir(self._dir):
            lines = [line for line in command.said.splitlines() if line.strip()]
            lines = [line for line in lines if not line.startswith("Try 'guild ")]  # click's hint
            said = lines[-1] if lines else f"see above, its exit status is {status}"
            raise RunError(f"there is no run of {os.fspath(self.notebook)}: {said}", None, status)
        return status

    @property
    def _dir(self) -> str:
        return os.path.join(self._env["GUILD_HOME"], "runs", self.id)

    @property
    def is_batch(self) -> bool:
        return os.path.isdir(os.path.join(self._dir, ".guild", "proto"))

    def run(self, status: int, check: bool) -> Run:
        """The run, once the command has ended with ``status``. Raises RunError where that is to be
        checked."""
        trials = self._trials()
        made = trials[0] if trials else Run(self._dir)
        self._remove_batch(status)
        if check and made.status != "completed":
            raise RunError(_message(made), made, status)
        return made

    def sweep(self, status: int, check: bool) -> Sweep:
        """The trials, once the command has ended with ``status``. Raises RunError where that is to
        be checked."""
        made = Sweep(self._trials(), *self._objective())
        self._remove_batch(status)
        if check and status:
            raise RunError(
                f"the sweep ended with exit status {status} after {len(made)} trials - its output "
                "says why",
                None,
                status,
                made,
            )
        return made

    def _objective(self) -> tuple[str, bool]:
        return (self.maximize or self.minimize or "", bool(self.maximize))

    def _trials(self) -> list[Run]:
        """The runs that have been made: of a batch its trials, which it has links to."""
        if not self.is_batch:
            return [Run(self._dir)] if os.path.isdir(self._dir) else []
        links = [path for path in Path(self._dir).iterdir() if path.is_symlink() and path.is_dir()]
        in_order = sorted(links, key=lambda link: link.lstat().st_mtime_ns)
        return [Run(os.path.realpath(link)) for link in in_order]

    def _remove_batch(self, status: int) -> None:
        """Remove the run of a batch, as Guild does where it is not told to keep it."""
        if not status and self.is_batch:
            from guild import run as runs
            from guild import var

            with contextlib.suppress(OSError):
                var.delete_runs([runs.for_dir(self._dir)])


def _message(run: Run) -> str:
    failure = run.error
    if not failure:
        return f"run {run.short_id} of {run.operation} is {run.status}"
    said = f": {failure.message}" if failure.message else ""
    return f"run {run.short_id} of {run.operation}: {failure.reason}{said}"
