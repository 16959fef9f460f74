"""One execution of a notebook: kernel, cells, files, in the order of time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import nbformat

from .. import kernel_folders, options
from ..document import shared_cells, states, strip, trust
from ..document.cell_limits import CellLimit
from ..document.limits import Limits
from ..document.measures import Measures
from ..document.shared_cells import SharedCells
from ..document.writer import NotebookEncoder
from .execution.client import RunClient
from .execution.execute import Execution, Outcome
from .execution.missing_files import Places
from .execution.stop import Stop
from .kernel.process import SHUTDOWN_SECONDS, Kernel
from .output.display import Display, Images, RunOutput, SaveErrors
from .output.scalars import Scalars
from .record import kernel_record
from .record.autosave import Autosave
from .record.earlier_times import earlier_times
from .record.project_files import ATTRIBUTE as PROJECT_FILES
from .record.project_files import ProjectFiles
from .record.run_dir import RunDir
from .record.run_files import attr_file
from .report.local_images import Sources
from .report.reports import ReportWriter

if TYPE_CHECKING:
    from .report.facts import RunFacts
    from .run_facts import RunFlags

READING_SECONDS = 2.0  # the longest that a run waits at its end for the list of packages


def import_reports() -> None:
    """Import what the reports of a run need."""
    from . import run_facts  # noqa: F401
    from .report import page  # noqa: F401


@dataclass
class Session:
    """Executes ``nb``, the notebook with its flag values and without outputs, on a kernel that has
    been started, and saves the executed notebook, its images and its reports. ``limits`` are those
    of cells that have their own, ``names`` returns what the notebook itself calls its cells,
    ``flags`` what reports say of the flags, ``shared`` are the cells that this kernel does not
    execute."""

    record: RunDir
    kernel: Kernel
    nb: Any
    limits: Mapping[int, CellLimit]
    names: Callable[[], Sequence[str]]
    flags: Callable[[], RunFlags]
    settings: options.Settings
    output: RunOutput
    stop: Stop
    autosave: Autosave
    shared: SharedCells = field(default_factory=SharedCells)

    def __post_init__(self) -> None:
        warnings.filterwarnings("ignore", module=r"nbformat|nbclient|nbconvert|traitlets")
        # A warning of nbconvert, which attributes it to its template.
        warnings.filterwarnings("ignore", message="Your element with mimetype")
        self.nb = nbformat.from_dict(self.nb)
        self._reports = ReportWriter(
            self.settings["report"], self.record.register_artifact, self.nb
        )
        self._encoder = NotebookEncoder(self.nb, self.output.masker)
        self._states: states.States = {}
        self._measures: Mapping[int, Measures] = {}
        self._last_cell: int | None = None
        self._saved_states: states.States = {}
        self._unsaved: set[int] = set()  # cells that no save holds as they are
        self._run_state: tuple[str, int | None] = (states.RUNNING, None)
        self._save_errors = SaveErrors(self.record.dir, self.output.status_lines)
        self._scalars = Scalars(
            self.record.dir,
            self._save_errors,
            self.output.masker,
            has_scraps=self.settings["scalars"].mode != "none",
        )
        self._kernel_record = kernel_record.KernelRecord(
            self.record, self.settings["pip-freeze"], self.output.masker.text
        )
        self._project_files = ProjectFiles(
            self.record,
            [cell.source for cell in self.nb.cells if cell.cell_type == "code"],
            self.kernel.cwd,
            os.environ.get("PROJECT_DIR", ""),
        )
        self._kernel_has_ended = threading.Event()
        self._event_files: list[str] | None = None  # what the reports have read of them
        self._gpus: Sequence[str] = ()
        self._earlier: Future[Mapping[int, float]] | None = None
        if self.output.status:
            cells = list(self.nb.cells)
            self._earlier = ThreadPoolExecutor(1).submit(earlier_times, self.record, cells)

    async def run(self) -> int:
        """Run all cells; returns the exit status of the run. Raises KernelError where the kernel
        does not start, OptionError for an unknown report."""
        self.output.status.begin("starting the kernel")
        client = self._client()
        self._gpus = client.gpus
        client.on_files_read = self._project_files.add
        execution = self._execution(client)
        self._states, self._measures = execution.states, execution.measures
        if self.settings["until"]:
            self._last_cell = max(execution.indexes, default=-1)
        self._kernel_record.remove_earlier()
        self._scalars.save()
        if self.shared.measures:
            self._write_shared()
        else:  # while the kernel starts; a forked one is there at once
            kernel_folders.look(self.record.dir)
        self._save()
        scalars, changes = self.settings["scalars"], None
        if scalars.values or scalars.results:
            from . import kernel_values

            loop = asyncio.get_running_loop()
            changes = loop.run_in_executor(None, kernel_values.changes, scalars, execution)
        info = await self._kernel_info()
        if info is None:
            outcome = Outcome(1, None, f"stopped by {self.stop.name}")
            self._set_end(outcome)
            self._save()
            return self._report_end(outcome, [])
        if changes:
            how = await changes, self.record.attr("flags")
            execution.values = kernel_values.values(scalars, execution, self.names(), *how)
        if self.kernel.setup_error:
            said = "the kernel is not prepared as a run needs it"
            self.output.status_lines.write(f"{said}: {self.kernel.setup_error}", said)
        self._check_commands()
        self._reports.check()
        self._reports.sources = self._sources()
        language = strip.valid_language_info(info.get("language_info"))
        if language:
            self.nb.metadata["language_info"] = nbformat.from_dict(language)
        self._kernel_record.start(self.kernel.description(language or {}), self.kernel.path)
        self.autosave.start(
            lambda: client.has_changed or bool(self._unsaved) or self._states != self._saved_states,
            lambda: self._write_notebook(client.sync()),
            lambda e: self._save_errors.add(self.record.executed_path, e),
        )
        with self.output.out.pipe.going_on():  # a reader that pauses keeps nothing from being saved
            outcome = await execution.run(self.autosave.run())
            self.output.status.begin("saving the notebook and its reports")
            if not self.stop.requested.is_set() and not self._keeps(outcome):
                self.kernel.request_shutdown()  # it ends while the notebook is saved
            self._finish_kernel_record()
            client.sync()
            self._set_end(outcome)
            self._save()
        reports = await self._shut_down_and_report(client, outcome)
        try:
            self._project_files.finish(0.5 if self.stop.requested.is_set() else READING_SECONDS)
        except OSError as e:
            self._save_errors.add(attr_file(PROJECT_FILES), e)
        await self._keep_kernel(outcome)
        return self._report_end(outcome, reports)

    def _check_commands(self) -> None:
        if self.settings["fail-on-command"] and not self.kernel.python:
            line = "nb-fail-on-command has no effect"
            why = f"kernel '{self.kernel.name}' has no commands of IPython"
            self.output.status_lines.write(f"{line}: {why}", line)

    async def _kernel_info(self) -> dict[str, Any] | None:
        """The kernel's info; None if the run is stopped before the kernel is ready."""
        ready = asyncio.ensure_future(self.kernel.ready(self.settings["startup-timeout"]))
        stopped = asyncio.ensure_future(self.stop.requested.wait())
        await asyncio.wait([ready, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if ready.done():
            return ready.result()
        ready.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ready
        return None

    def _client(self) -> RunClient:
        images = None
        if self.settings["images"] and os.environ.get("NB_NO_IMAGES") != "1":
            register = self.record.register_artifact
            images = Images(self.record.dir, self.record.executed_file, register)
        display = Display(self.output, images, self._save_errors, self.settings["color"])
        return RunClient(
            self.nb,
            self.kernel,
            display,
            Limits(self.settings["output-limit"], masker=self.output.masker),
            self._scalars,
            allow_errors=self.settings["allow-errors"],
        )

    def _execution(self, client: RunClient) -> Execution:
        tags, status_lines = self.settings["skip-tags"], self.output.status_lines
        until = self.settings["until"]
        limits = self.settings["cell-timeout"], self.settings["timeout"], self.limits
        saving = self.autosave.cell_starts
        record, project = self.record, os.environ.get("PROJECT_DIR", "")
        cwd, option = self.kernel.cwd, self.settings["cwd"]
        language = self.kernel.language
        places = Places(record.dir, cwd, option, project, record.project_file, language)
        return Execution(
            client, self.kernel, tags, until, status_lines, self.stop, *limits,
            self.settings["memory-limit"], saving, places,
            self.output.status, self._last_times, self.shared,
            self.names() if self.settings["cell-scalars"] else None,
        )  # fmt: skip

    def _sources(self) -> Sources:
        places = [(os.path.dirname(self.record.executed_file), self.record.dir)]
        if folder := os.path.dirname(self.record.project_file):
            places.append((folder, os.environ.get("PROJECT_DIR") or folder))
        return Sources(places, self.kernel.path)

    def _last_times(self) -> Mapping[int, float]:
        """The seconds that cells took in earlier runs, by the index; none until they are read."""
        done = self._earlier and self._earlier.done() and not self._earlier.exception()
        return self._earlier.result() if self._earlier and done else {}

    def _keeps(self, outcome: Outcome) -> bool:
        """Whether the kernel is to be kept after the run (nb-keep-kernel)."""
        is_wanted = self.settings["keep-kernel"] == "error" and outcome.exit_status
        return bool(is_wanted) and not (self.kernel.ends or self.stop.requested.is_set())

    async def _keep_kernel(self, outcome: Outcome) -> None:
        """Keep the kernel where that is wanted, and say how to get to it."""
        if not self._keeps(outcome):
            return
        seconds, status_lines = self.settings["keep-kernel-for"], self.output.status_lines
        if kernel_folders.ON_WORKER in os.environ:
            status_lines.write(
                "the kernel is not kept: a cluster's worker ends what a run has started"
            )
        elif await self.kernel.keep(seconds):
            until = kernel_folders.time_of_day(time.time() + seconds)
            name = os.path.basename(self.record.dir)[:8]
            status_lines.write(
                f"the kernel is kept until {until}: guild-notebook attach {name} opens a console "
                f"on it, guild stop {name} ends it"
            )
            for run in kernel_folders.end_oldest(self.record.dir):
                status_lines.write(
                    f"the kernel of run {run} is not kept any longer: at most "
                    f"{kernel_folders.MOST_KEPT} are"
                )
        else:
            status_lines.write(
                "the kernel is not kept: its supervisor, or a safe temporary folder, is missing"
            )

    async def _shut_down_and_report(self, client: RunClient, outcome: Outcome) -> list[str]:
        """Write the reports while the kernel ends, and again if its end has added outputs."""
        if self._keeps(outcome):
            self._kernel_has_ended.set()  # as far as the reports wait for it
            return self._checked_reports(*await asyncio.to_thread(self._write_reports, outcome))
        if self.stop.requested.is_set():
            await self.kernel.kill()
        self.kernel.request_shutdown()
        loop = asyncio.get_running_loop()
        reporting = loop.run_in_executor(None, self._write_reports, outcome)
        try:
            await asyncio.wait_for(client.drain(self.kernel), SHUTDOWN_SECONDS)
        except asyncio.TimeoutError:  # a thread of the notebook goes on
            await self.kernel.kill()
            self.output.status_lines.write(
                f"the kernel was killed, since it had not ended {SHUTDOWN_SECONDS:g} s after its "
                "last cell: what its exit handlers had not done is lost"
            )
        self._kernel_has_ended.set()
        client.display.finish_cell()
        reports = self._checked_reports(*await reporting)
        is_late = client.has_changed
        if is_late:
            self._save(client.sync())
        if is_late or self._has_new_event_files():
            reports = self._checked_reports(*self._write_reports(outcome))
        return reports

    def _has_new_event_files(self) -> bool:
        """Whether the kernel's end has made files of scalars that the reports lack."""
        from . import run_scalars

        made = self._event_files is not None and run_scalars.event_files(self.record.dir)
        return bool(made) and made != self._event_files

    def _write_shared(self) -> None:
        try:
            self.record.write_attr(shared_cells.ATTRIBUTE, self.shared.attribute())
        except OSError as e:
            self._save_errors.add(attr_file(shared_cells.ATTRIBUTE), e)

    def _finish_kernel_record(self) -> None:
        """Complete the record of the kernel, and say what is not in it."""
        self._kernel_record.finish(0.5 if self.stop.requested.is_set() else READING_SECONDS)
        if self._kernel_record.problem:
            said = "the packages of the kernel's environment are not recorded"
            self.output.status_lines.write(f"{said}: {self._kernel_record.problem}", said)
        if self._kernel_record.error:
            file = attr_file(kernel_record.PIP_FREEZE)
            self._save_errors.add(file, self._kernel_record.error)

    def _set_end(self, outcome: Outcome) -> None:
        """Say in the notebook how the run has ended."""
        status = "terminated" if self.stop.requested.is_set() else "error"
        self._run_state = (status if outcome.exit_status else "completed", outcome.failed_cell)

    def _save(self, changed: Collection[int] | None = None) -> None:
        """Save the notebook, of its cells those that have ``changed`` or all."""
        try:
            self._write_notebook(changed)
        except OSError as e:
            self._save_errors.add(self.record.executed_path, e)

    def _write_notebook(self, changed: Collection[int] | None) -> None:
        state = *self._run_state, self._measures, self._last_cell
        self._unsaved |= states.put(self.nb, self._states, *state, self.shared.measures)
        self.shared.put_times(self.nb, self._states)
        described = self._kernel_record.description(self._gpus)
        if described:
            self.nb.metadata[kernel_record.KEY] = described
        self._unsaved |= set(range(len(self.nb.cells)) if changed is None else changed)
        saved = dict(self._states)
        self._save_errors.check_run_dir()
        self.record.write_file(self.record.executed_path, self._encoder.file_parts(self._unsaved))
        self._unsaved.clear()
        self._saved_states = saved
        self._save_errors.remove(self.record.executed_path)

    def _write_reports(self, outcome: Outcome) -> tuple[list[str], dict[str, Exception]]:
        """Write the reports; returns their paths, and by the report's name why others were not
        written, "" for all. It runs in a thread, so it writes nothing to the run's output."""
        paths: list[str] = []
        failures: dict[str, Exception] = {}
        try:
            shown = self.output.masker.data(self.nb)
            trust.sign(shown)
            if self.settings["report"]:
                facts = self._facts(shown, outcome)
                paths = self._reports.write(shown, self.record.executed_file, facts)
        except Exception as e:  # of the import of nbconvert too: the results do not need it
            failures[""] = e
        return paths, {**failures, **self._reports.failures}

    def _facts(self, nb: Any, outcome: Outcome) -> RunFacts:
        """What reports say of the run, of which ``nb`` is the executed notebook."""
        from . import run_facts, run_scalars

        event_files = self._event_files = run_scalars.event_files(self.record.dir)
        if event_files:  # the end of the kernel may add to them
            self._kernel_has_ended.wait(2 * SHUTDOWN_SECONDS)
        if not self.stop.requested.is_set():
            self.output.out.pipe.wait_until_recorded()
        masker, is_saved = self.output.masker, not self._save_errors
        how = outcome, is_saved, masker.text, event_files
        return run_facts.run_facts(self.record, self.flags(), nb, *how)

    def _checked_reports(self, paths: list[str], failures: dict[str, Exception]) -> list[str]:
        """``paths``; what could not be written is reported."""
        save_error = failures.get("")
        if isinstance(save_error, OSError):
            self._save_errors.add("the report", save_error)
            del failures[""]
        elif not save_error:
            self._save_errors.remove("the report")
        for name, error in failures.items():
            quoted = f" '{name}'" if name else ""
            said = f"guild-notebook: no report{quoted}"
            why = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            self.output.status_lines.write(f"{said}, nbconvert failed with {why} ", f"{said} ")
        return paths

    def _report_end(self, outcome: Outcome, reports: list[str]) -> int:
        """Write how the run ended; returns its exit status."""
        self.output.status.end(outcome.why, bool(reports))
        if outcome.line:
            see = f" - see {os.path.relpath(reports[0], self.record.dir)}" if reports else ""
            self.output.status_lines.write(
                f"guild-notebook: {outcome.line}{see} ", "guild-notebook: failed "
            )
        if self._last_cell is not None and not outcome.exit_status:
            self.output.status_lines.write(
                f"the cells after {outcome.where} are not run (nb-until)",
                "later cells are not run (nb-until)",
            )
        for sentence, to_copy in outcome.advice:
            self.output.status_lines.write(sentence)
            for line in to_copy.splitlines():
                self.output.status_lines.write_as_it_is(line)
        return outcome.exit_status or int(bool(self._save_errors))
