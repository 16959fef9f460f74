"""One execution of a notebook: kernel, cells, files, in the order in which things happen."""

from __future__ import annotations

import os
import warnings
from typing import Any

import nbformat

from .. import notebook, options
from .client import Client, Display
from .execute import Outcome, execute, to_run
from .images import Images
from .kernel import Kernel
from .progress import Notes
from .record import Record
from .report import Reports
from .save import save_notebook
from .stream import Stream


async def run(
    record: Record,
    kernel: Kernel,
    data: dict[str, Any],
    settings: options.Settings,
    streams: tuple[Stream, Stream],
    notes: Notes,
) -> int:
    """Execute ``data``, the cleared notebook with its flag values, on a kernel that has been
    started, and save what comes of it; returns the exit status of the run.

    Raises UserError for what a user can mend: a kernel that does not come up, a report that does
    not exist.
    """
    warnings.filterwarnings("ignore", module=r"nbformat|nbclient|nbconvert|traitlets")
    reports = Reports(settings["report"])
    with_images = settings["images"] and os.environ.get("NB_NO_IMAGES") != "1"
    images = Images(record.dir, record.executed) if with_images else None
    nb = nbformat.from_dict(data)
    save_notebook(record.executed, nb)
    info = await kernel.ready(settings["startup-timeout"])
    if isinstance(info.get("language_info"), dict):
        nb.metadata["language_info"] = nbformat.from_dict(info["language_info"])
    display = Display(*streams, notes, images, color=settings["color"])
    client = Client(nb, kernel, display, allow_errors=settings["allow-errors"])
    cells = notebook.cells_of(nb)
    outcome = await execute(client, cells, to_run(cells, settings["skip-tags"]), notes)
    client.set_widgets_metadata()
    _mark(nb, outcome)
    save_notebook(record.executed, nb)
    kernel.ask_to_end()  # and while it does, the reports are made
    made = reports.write(nb, record.executed, outcome.failed_cell)
    record.note_artifacts(made + (images.paths if images else []))
    if outcome.reason:
        see = f" - see {os.path.relpath(made[0], record.dir)}" if made else ""
        notes.say(f"guild-notebook: {outcome.reason}{see} ", "guild-notebook: the run failed ")
    return outcome.exit_status


def _mark(nb: Any, outcome: Outcome) -> None:
    """Say in the notebook itself how the run ended."""
    state: dict[str, Any] = {"status": "error" if outcome.exit_status else "completed"}
    if outcome.failed_cell is not None:
        state["failed_cell"] = outcome.failed_cell
    nb.metadata["guild"] = state
