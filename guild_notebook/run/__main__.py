"""The program that Guild starts for a notebook run: ``main`` has its steps in order."""

from __future__ import annotations

if __name__ == "__main__":
    import gc

    from .. import start

    start.again("guild_notebook.run")
    gc.disable()  # nothing of what is imported is garbage; until cells are executed

import argparse
import contextlib
import functools
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

# What takes long to import is imported where it is needed, most of it while the kernel starts.
from .. import fork_host, options
from ..document import cell_limits, reader, shared_cells, states, text_formats
from ..document.cells import cell_names
from ..errors import UserError
from ..scalars import compiled_patterns
from ..start import wait_until_needed
from .execution.stop import Interrupted, Stop, die_by, interrupt_by_signals
from .kernel.starting import KernelStart
from .output.pipe import PipeListener, output_pipes
from .output.progress import StatusLines
from .output.status import RunStatus
from .output.stream import Stream
from .record.autosave import Autosave
from .record.run_dir import RunDir
from .record.run_files import attr_file
from .record.source_files import SourceFiles
from .secret_values import RunSecrets, mask_writes

if TYPE_CHECKING:
    from ..flags.apply import Assignment
    from .kernel.forking import Prefix
    from .output.display import RunOutput
    from .run_facts import RunFlags

NO_PIP_FREEZE = "--no-pip-freeze"  # the argument for ``pip-freeze: no`` of guild.yml


def main() -> int:
    """Run the notebook of the current run; returns the exit status of the process, or minus the
    signal that it is to die by."""
    text_formats.skip_format_packages()
    run_dir = _run_dir()
    stop, autosave = Stop(), Autosave()
    listener = OutputListener(run_dir, stop, autosave)
    *pipes, status_pipe = output_pipes(run_dir, listener)
    out, err = map(Stream, pipes)
    status = RunStatus(status_pipe)
    try:
        interrupt_by_signals()
        path, project_path, arguments = _arguments(sys.argv[1:])
        project_file = os.path.join(os.environ.get("PROJECT_DIR", ""), project_path)
        record = RunDir(run_dir, path, project_file)
        waiting = wait_until_needed("guild_notebook.run", lambda: _prepare(record, arguments))
        secrets = RunSecrets(record)
        out.masker = err.masker = status.masker = secrets.masker
        secrets.mask_guild_files()
        secrets.check_values()
        status_lines = StatusLines(err, _scalar_patterns(record))
        record.remove_earlier_artifacts()
        record.remove(attr_file(shared_cells.ATTRIBUTE))
        sources = SourceFiles(record)
        nb = reader.read(sources.store(project_path), project_path)
        if sources.from_project:
            status_lines.write(
                f"{project_path} is taken from the project as it is now: the run has no copy",
                "the notebook is taken from the project",
            )
        unexecuted = UnexecutedNotebook(nb, record, secrets)
        with unexecuted.saved_unless_executed(), contextlib.ExitStack() as unless_executed:
            settings = _settings(arguments, path)
            start = prefix = None
            is_trial = may_be_forked(record, settings)
            if _starts_early(settings, secrets) and not is_trial:
                start = unless_executed.enter_context(_start_kernel(nb, record, settings, waiting))
            left_out = unexecuted.put_values(settings["skip-tags"], settings["until"])
            out.masker = err.masker = status.masker = secrets.masker
            mask_writes(sys.stderr, secrets.masker)
            if secrets.notice:
                status_lines.write(secrets.notice)
            _write_left_out(left_out, status_lines)
            unexecuted.check(settings, status_lines.write)
            if settings["exec"]:
                import asyncio

                from .output.display import RunOutput

                if start is None:  # it does not start early
                    start = unless_executed.enter_context(
                        _start_kernel(nb, record, settings, is_chosen_only=is_trial)
                    )
                unexecuted.save(states.RUNNING)
                if is_trial and not start.error:
                    prefix = unexecuted.prefix(start, settings)
                output = RunOutput(out, err, status_lines, secrets.masker, status)
                executed = unexecuted, functools.partial(unexecuted.flags, arguments)
                return asyncio.run(
                    _execute(start, prefix, *executed, record, settings, output, stop, autosave)
                )
        unexecuted.write()
        status_lines.write("the flag values are put in, nothing is executed (no-exec)")
        return 0
    except UserError as e:
        err.write_line(f"guild-notebook: {e}")
        return 1
    except OSError as e:  # while cells run, SaveErrors reports them
        err.write_line(f"guild-notebook: {e.filename or 'the run directory'}: {e.strerror}")
        return 1
    except Interrupted as e:  # before signals are watched
        return -e.number


def _prepare(record: RunDir, arguments: list[str]) -> KernelStart | None:
    """Do what can be done before it is the turn of this run, a trial, and does not show in its
    directory: start a kernel that waits as well, and import what a run needs."""
    settings = _settings(arguments, record.source_path)
    source = record.path(record.source_path)
    kernel = None
    is_forked = may_be_forked(record, settings)
    starts = _starts_early(settings, RunSecrets(record)) and not is_forked
    if starts and os.path.isfile(source):
        nb = reader.read(source, record.source_path)
        kernel = _start_kernel(nb, record, settings, waits=True)
    from .session import import_reports

    if settings["report"]:
        import_reports()
    return kernel


def _starts_early(settings: options.Settings, secrets: RunSecrets) -> bool:
    """Whether the kernel is started before it is known what is wrong with flag values. Secret ones
    are in its environment."""
    return settings["exec"] and not settings["check"] and not secrets.variables


def may_be_forked(record: RunDir, settings: options.Settings) -> bool:
    """Whether the kernel of this run, a trial, may be a fork of what it shares with others."""
    if settings["fork"] == "no" or not settings["exec"]:
        return False
    return fork_host.is_offered() and bool(record.known_attr(fork_host.VARYING))


def _run_dir() -> str:
    """The run directory, in which Guild starts this process. RUN_DIR is relative to the folder that
    Guild itself was started in if GUILD_HOME is relative."""
    named = os.environ.get("RUN_DIR", "")
    return named if os.path.isabs(named) else os.getcwd()


def _scalar_patterns(record: RunDir) -> Iterator[Any]:
    for _key, pattern in compiled_patterns(record.attr("op").get("output-scalars")):
        yield pattern


def _arguments(argv: list[str]) -> tuple[str, str, list[str]]:
    parser = argparse.ArgumentParser(prog="guild_notebook.run", add_help=False, allow_abbrev=False)
    parser.add_argument("--project-path")
    parser.add_argument("--in-project", action="store_true")
    if not argv:
        parser.error("the path of the notebook is missing")
    notebook = argv[0]  # first, whatever its name begins with
    args, rest = parser.parse_known_args(argv[1:])
    _check_path(notebook, args.project_path or notebook, args.in_project)
    return notebook, args.project_path or notebook, rest


def _settings(arguments: list[str], where: str) -> options.Settings:
    lists_packages = NO_PIP_FREEZE not in arguments and os.environ.get("NO_PIP_FREEZE") != "1"
    arguments = [argument for argument in arguments if argument != NO_PIP_FREEZE]
    settings = {**options.defaults(), **options.from_arguments(arguments, where)}
    settings["pip-freeze"] = lists_packages
    if os.environ.get("NB_NO_EXEC") == "1":  # as Guild's own feature had it
        settings["exec"] = False
    return settings


def _check_path(path: str, project_path: str, in_project: bool) -> None:
    """Raise NotebookError for a notebook outside its project: a path that refers to flags
    (``notebook: ${name}``) is known only here."""
    project = os.environ.get("PROJECT_DIR") or "."
    leaves = in_project and not reader.is_inside(os.path.join(project, project_path), project)
    if leaves or os.path.isabs(path) or os.path.normpath(path).split(os.sep)[0] == os.pardir:
        raise reader.outside_error(f"notebook {project_path}", project)


class UnexecutedNotebook:
    """The notebook that a run is about to execute, ``data``: without its outputs, which are of
    somebody else's execution. It is saved before anything of the run can fail."""

    def __init__(self, nb: reader.Notebook, record: RunDir, secrets: RunSecrets) -> None:
        self._nb = nb
        self._record = record
        self._secrets = secrets
        self._to_run: list[int] | None = None
        self._last_cell: int | None = None
        self._found: Any = None
        self._assigned: list[Assignment] = []
        self.data: dict[str, Any] = {}
        self.limits: dict[int, cell_limits.CellLimit] = {}

    def put_values(self, skip_tags: Sequence[str], until: str | None) -> list[str]:
        """Put the flag values in, and find the cells that are to run; returns the names of what is
        left out of it: parts of the source that nbformat does not allow. Raises FlagError,
        NotebookError."""
        from ..flags import apply, discover

        wanted = sorted(self._record.attr("flags"))
        patterns = self._record.flag_patterns()
        found = self._found = discover.discover(self._nb, patterns, wanted, self._secrets.variables)
        self._assigned = self._secrets.assignments(found)
        left_out = self._strip(apply.edited_sources(self._nb, self._assigned))
        cells = reader.cells_of(self.data)
        self._to_run = states.indexes_to_run(cells, skip_tags, until)
        self.limits = cell_limits.own_limits(self.data, cells, self._to_run)
        self._last_cell = None if until is None else max(self._to_run, default=-1)
        return left_out

    def check(self, settings: options.Settings, say: Callable[[str], None]) -> None:
        """With nb-check: say what is wrong with it, and raise NotebookError for what is sure to
        fail."""
        if not settings["exec"] or not settings["check"]:
            return
        from . import before

        places = (self._record.dir, *_folders(self._record, settings))
        before.check(self._nb, self._found, self._assigned, settings, *places, say)

    def prefix(self, start: KernelStart, settings: options.Settings) -> Prefix:
        """The cells that this trial shares with others, on a kernel as ``start`` has chosen."""
        from . import forked_trial

        about = self._nb, self._found, self._assigned
        cells, indexes = reader.cells_of(self.data), self._to_run or []
        where = cells, indexes, self.limits
        return forked_trial.prefix(self._record, start, settings, *about, *where)

    def names(self) -> list[str]:
        """What its cells are called whichever values the flags have, and so in all trials."""
        from ..flags.sources import parameters

        return cell_names(parameters.kept_cells(self._nb))

    def flags(self, arguments: Sequence[str]) -> RunFlags:
        """The flags whose values have been put in; ``arguments`` are those of the run."""
        from .run_facts import RunFlags

        assigned = list(options.assignments(arguments).values())
        values = self._record.attr("flags")
        return RunFlags(self._found, values, self._secrets.variables, assigned)

    def _strip(self, sources: dict[int, str]) -> list[str]:
        from ..document import strip
        from ..flags.sources import parameters

        dropped = parameters.injected_cells(self._nb)
        self.data, left_out = strip.strip_outputs(self._nb, sources, dropped)
        return left_out

    def save(self, status: str) -> None:
        """Save it with the state of the run, in which no cell has run. A run goes on where this is
        not possible, and says so when it saves what it has executed."""
        indexes = self._to_run
        if indexes is None:
            indexes = states.indexes_to_run(reader.cells_of(self.data), ())
        not_run = dict.fromkeys(indexes, states.NOT_RUN)
        states.put(self.data, not_run, status, last_cell=self._last_cell)
        with contextlib.suppress(OSError):
            self.write()

    def write(self) -> None:
        """Write it to the run directory. Raises OSError."""
        from ..document.writer import NotebookEncoder

        encoder = NotebookEncoder(self.data, self._secrets.masker)
        self._record.write_file(self._record.executed_path, encoder.file_parts())

    @contextlib.contextmanager
    def saved_unless_executed(self) -> Iterator[None]:
        """Save it where the run ends before its first cell does."""
        try:
            yield
        except (UserError, KeyboardInterrupt) as e:
            if not self.data:
                self._strip({})
            self.save("error" if isinstance(e, UserError) else "terminated")
            raise


def _write_left_out(left_out: list[str], status_lines: StatusLines) -> None:
    if left_out:
        what = ", ".join(left_out[:3]) + (f" and {len(left_out) - 3} more" * (len(left_out) > 3))
        said = "what no notebook may hold is left out of the executed one"
        status_lines.write(f"{said} ({what})", said)


def _start_kernel(
    nb: reader.Notebook,
    record: RunDir,
    settings: options.Settings,
    waiting: KernelStart | None = None,
    waits: bool = False,
    is_chosen_only: bool = False,
) -> KernelStart:
    """Start the kernel as early as this can be done. Errors are in its ``error``: what is wrong
    with flag values comes first."""

    def language() -> str:
        from ..flags import languages

        return languages.name_of(nb)

    _ensure_home()
    cwd, folders = _folders(record, settings)
    if settings["cwd"] == "notebook":
        os.makedirs(cwd, exist_ok=True)  # Guild has not copied every notebook
    chosen = settings["kernel"], nb.kernel_name, language
    how = waiting, waits, is_chosen_only
    fails = settings["fail-on-command"]
    return KernelStart(*chosen, cwd, record.dir, folders, *how, fails_on_command=fails)


def _folders(record: RunDir, settings: options.Settings) -> tuple[str, list[str]]:
    """The folder in which cells work, and those from which they import modules."""
    folders = [os.path.dirname(record.executed_file), record.dir]
    if settings["cwd"] == "project":
        cwd = os.path.dirname(record.project_file)
        return cwd, [cwd, *folders]
    return folders[0] if settings["cwd"] == "notebook" else record.dir, folders


async def _execute(
    start: KernelStart,
    prefix: Prefix | None,
    unexecuted: UnexecutedNotebook,
    flags: Callable[[], RunFlags],
    record: RunDir,
    settings: options.Settings,
    output: RunOutput,
    stop: Stop,
    autosave: Autosave,
) -> int:
    """Execute the notebook, which has the values of ``flags`` and no outputs, on the kernel of
    ``start``; returns the exit status as ``main`` does."""
    stop.watch()
    shared = shared_cells.SharedCells()
    if prefix:
        from . import forked_trial

        shared = await forked_trial.start_kernel(prefix, start, settings, output, stop)
    if start.error:
        raise start.error
    if start.notice:
        said = "the notebook's kernel is not installed, using Python"
        output.status_lines.write(start.notice, said)
    if settings["cwd"] == "project":
        where = "cells work in the project, what they write there is not the run's (nb-cwd)"
        output.status_lines.write(f"{where}: {start.cwd}", where)
    from .kernel.process import Kernel

    async with Kernel(start) as kernel:
        import gc

        from .session import Session

        gc.freeze()
        gc.enable()

        nb = unexecuted.data, unexecuted.limits, unexecuted.names
        session = Session(record, kernel, *nb, flags, settings, output, stop, autosave, shared)
        status = await session.run()
    if kernel.supervisor_failure:
        why = f"the kernel's supervisor {kernel.supervisor_failure}"
        output.status_lines.write(f"{why}, the run has ended what was left of the kernel")
    if settings["fork"] == "verify" and shared.measures and not status and stop.signal is None:
        status = await forked_trial.verify(record, output, stop)
    if stop.signal is None:
        return status
    if stop.is_orphan:
        record.write_exit_status(-stop.signal)
    return -stop.signal


def _ensure_home() -> None:
    """Give a user without a home, as a container's may be whose number no passwd knows, one in
    Guild's folder for caches: Jupyter's libraries do not work without. The notebook sees it too."""
    if os.path.expanduser("~") == "~":
        guild_home = os.path.join(os.environ.get("CMD_DIR", ""), os.environ.get("GUILD_HOME", ""))
        os.environ["HOME"] = os.path.join(guild_home, "cache", "home")
        os.makedirs(os.environ["HOME"], 0o700, exist_ok=True)


@dataclass
class OutputListener(PipeListener):
    """What the pipes of the run's output do while their reader pauses, and when it is gone."""

    run_dir: str
    stop: Stop
    autosave: Autosave

    def is_stopped(self) -> bool:
        return self.stop.signal is not None

    def is_stuck(self) -> bool:
        """On a full disk Guild's own threads end, and do not read the pipes again."""
        try:
            return shutil.disk_usage(self.run_dir).free == 0
        except OSError:
            return False

    def pipe_closed(self) -> None:
        self.stop.request()  # as if the run had been stopped by SIGTERM

    def reader_pauses(self) -> None:
        with contextlib.suppress(OSError):  # nothing can be shown now: a later save shows it
            self.autosave.save_if_due()


if __name__ == "__main__":
    status = main()
    if folder := os.environ.get(fork_host.VARIABLE):
        fork_host.remove_abandoned(folder)
    if status < 0:
        die_by(-status)  # how Guild knows a run that was stopped (guild/run.py)
    # All is written; taking nbconvert's and Jupyter's modules apart would only take time.
    os._exit(status)
