"""One execution of a notebook: kernel, cells, files, in the order of time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import warnings
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import nbformat

from .. import options
from ..document import reader, strip, trust
from ..document.writer import NotebookEncoder, masked_notebook
from ..errors import KernelError
from ..files import write_whole
from ..secrets.masking import Masker
from .execution.client import RunClient
from .execution.execute import NOT_RUN, Execution, Limits, Outcome, indexes_to_run
from .execution.stop import Stop
from .kernel.process import SHUTDOWN_SECONDS, Kernel
from .output.display import Display
from .output.images import Images
from .output.progress import StatusLines
from .output.save_errors import SaveErrors
from .output.stream import Stream
from .record.autosave import Autosave
from .record.run_dir import RunDir
from .report.reports import ReportWriter


@dataclass
class WrittenReports:
    """The ``paths`` of the reports that were written, and why others were not: ``failures`` of
    nbconvert by the report's name, "" for all of them."""

    paths: list[str] = field(default_factory=list)
    save_error: OSError | None = None
    failures: dict[str, Exception] = field(default_factory=dict)


@dataclass
class Session:
    """Executes ``nb``, the notebook with its flag values and without outputs, on a kernel that has
    been started, and saves the executed notebook, its images and its reports."""

    record: RunDir
    kernel: Kernel
    nb: Any
    settings: options.Settings
    streams: tuple[Stream, Stream]
    status_lines: StatusLines
    stop: Stop
    masker: Masker
    autosave: Autosave

    def __post_init__(self) -> None:
        warnings.filterwarnings("ignore", module=r"nbformat|nbclient|nbconvert|traitlets")
        # A warning of nbconvert, which attributes it to its template.
        warnings.filterwarnings("ignore", message="Your element with mimetype")
        self.nb = nbformat.from_dict(self.nb)
        self._reports = ReportWriter(self.settings["report"], self.record.register_artifact)
        with_images = self.settings["images"] and os.environ.get("NB_NO_IMAGES") != "1"
        self._images = None
        if with_images:
            register = self.record.register_artifact
            self._images = Images(self.record.dir, self.record.executed_file, register)
        self._encoder = NotebookEncoder(self.nb, self.masker)
        self._save_errors = SaveErrors(self.record.dir, self.status_lines)

    async def run(self) -> int:
        """Run all cells; returns the exit status of the run.

        Raises KernelError where the kernel does not start, OptionError for an unknown report.
        """
        self._save()
        client = self._client()
        try:
            info = await self._kernel_info()
        except KernelError:
            self._save_none_run(Outcome(1))
            raise
        if info is None:
            outcome = Outcome(1, None, f"stopped by {self.stop.name}")
            self._save_none_run(outcome)
            return self._report_end(outcome, [])
        self._reports.check()
        language = strip.valid_language_info(info.get("language_info"))
        if language:
            self.nb.metadata["language_info"] = nbformat.from_dict(language)
        execution = self._execution(client)
        saving = self.autosave.run(
            lambda: client.has_changed,
            lambda: self._write_notebook(client.sync()),
            self._add_save_error,
        )
        outcome = await execution.run(saving)
        client.set_widgets_metadata()
        client.sync()
        self._set_states(outcome, execution.states)
        self._save()
        return self._report_end(outcome, await self._shut_down_and_report(client, outcome))

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
        display = Display(
            *self.streams,
            self.status_lines,
            self._images,
            self._save_errors,
            self.settings["color"],
        )
        limit = self.settings["output-limit"]
        allow_errors = self.settings["allow-errors"]
        return RunClient(
            self.nb, self.kernel, display, limit, self.masker, allow_errors=allow_errors
        )

    def _execution(self, client: RunClient) -> Execution:
        cells = reader.cells_of(self.nb)
        indexes = indexes_to_run(cells, self.settings["skip-tags"])
        limits = Limits(self.settings["cell-timeout"], self.settings["timeout"])
        return Execution(client, self.kernel, cells, indexes, self.status_lines, self.stop, limits)

    async def _shut_down_and_report(self, client: RunClient, outcome: Outcome) -> list[str]:
        """Write the reports while the kernel ends, and again if its end has added outputs."""
        if self.stop.requested.is_set():
            await self.kernel.kill()
        self.kernel.request_shutdown()
        loop = asyncio.get_running_loop()
        reporting = loop.run_in_executor(None, self._write_reports, outcome)
        try:
            await asyncio.wait_for(client.drain(self.kernel), SHUTDOWN_SECONDS)
        except asyncio.TimeoutError:  # a thread of the notebook goes on
            await self.kernel.kill()
        client.display.finish_cell()
        written = self._checked_reports(await reporting)
        if client.has_changed:
            self._save(client.sync())
            written = self._checked_reports(self._write_reports(outcome))
        return written

    def _save_none_run(self, outcome: Outcome) -> None:
        indexes = indexes_to_run(reader.cells_of(self.nb), self.settings["skip-tags"])
        self._set_states(outcome, dict.fromkeys(indexes, NOT_RUN))
        self._save()

    def _set_states(self, outcome: Outcome, states: dict[int, str]) -> None:
        """Put into the notebook's metadata how the run and each cell ended."""
        status = "terminated" if self.stop.requested.is_set() else "error"
        state: dict[str, Any] = {"status": status if outcome.exit_status else "completed"}
        if outcome.failed_cell is not None:
            state["failed_cell"] = outcome.failed_cell
        self.nb.metadata["guild"] = state
        for index, ended in states.items():
            self.nb.cells[index].metadata["guild"] = {"status": ended}

    def _save(self, changed: Collection[int] | None = None) -> None:
        """Save the notebook, of its cells those that have ``changed`` or all."""
        try:
            self._write_notebook(changed)
        except OSError as e:
            self._add_save_error(e)

    def _write_notebook(self, changed: Collection[int] | None = None) -> None:
        self._save_errors.check_run_dir()
        write_whole(self.record.executed_file, self._encoder.file_parts(changed))
        self._save_errors.remove(self.record.executed_path)

    def _add_save_error(self, error: OSError) -> None:
        self._save_errors.add(self.record.executed_path, error)

    def _write_reports(self, outcome: Outcome) -> WrittenReports:
        """Write the reports. It runs in a thread, so it writes nothing to the run's output."""
        written = WrittenReports()
        try:
            shown = masked_notebook(self.nb, self.masker)
            trust.sign(shown)
            written.paths = self._reports.write(
                shown, self.record.executed_file, outcome.failed_cell
            )
        except OSError as e:
            written.save_error = e
        except Exception as e:  # of the import of nbconvert: the run's results do not need it
            written.failures[""] = e
        written.failures.update(self._reports.failures)
        return written

    def _checked_reports(self, written: WrittenReports) -> list[str]:
        """The paths of the reports; what could not be written is reported."""
        if written.save_error:
            self._save_errors.add("the report", written.save_error)
        elif "" not in written.failures:
            self._save_errors.remove("the report")
        for name, error in written.failures.items():
            quoted = f" '{name}'" if name else ""
            said = f"guild-notebook: no report{quoted}"
            why = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            self.status_lines.write(f"{said}, nbconvert failed with {why} ", f"{said} ")
        return written.paths

    def _report_end(self, outcome: Outcome, reports: list[str]) -> int:
        """Write how the run ended; returns its exit status."""
        if outcome.reason:
            see = f" - see {os.path.relpath(reports[0], self.record.dir)}" if reports else ""
            self.status_lines.write(
                f"guild-notebook: {outcome.reason}{see} ", "guild-notebook: failed "
            )
        return outcome.exit_status or int(bool(self._save_errors))
