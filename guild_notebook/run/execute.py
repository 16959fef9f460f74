"""Executing a notebook on a kernel, cell by cell, and how it ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ..notebook import Cell
from .client import CellExecutionError, Client, DeadKernelError
from .progress import Notes, cell_name

SKIP_TAG = "skip-execution"
"""nbclient's default ``skip_cells_with_tag``."""

TICK_SECONDS = 0.1


@dataclass(frozen=True)
class Outcome:
    """How an execution ended: ``exit_status`` for the process; ``failed_cell`` is the index of
    the cell that ended it, None where all ran; ``reason`` says what happened in a few words."""

    exit_status: int = 0
    failed_cell: int | None = None
    reason: str = ""


def to_run(cells: Sequence[Cell], skip_tags: Sequence[str]) -> list[int]:
    """Indexes of the cells that a run executes: code that is not empty, without a skip tag."""
    skipped = {SKIP_TAG, *skip_tags}
    return [
        cell.index
        for cell in cells
        if cell.is_code and cell.source.strip() and not skipped.intersection(cell.tags)
    ]


async def execute(
    client: Client, cells: Sequence[Cell], indexes: Sequence[int], notes: Notes
) -> Outcome:
    """Execute the cells at ``indexes`` in order, up to one that ends the run; ``cells`` are
    those of the executing notebook."""
    ticker = asyncio.ensure_future(_tick(client))
    try:
        for number, index in enumerate(indexes, 1):
            outcome = await _execute_cell(client, cells, index, number, len(indexes), notes)
            if outcome:
                return outcome
        return Outcome()
    finally:
        ticker.cancel()


async def _tick(client: Client) -> None:
    while True:
        await asyncio.sleep(TICK_SECONDS)
        client.display.tick()


async def _execute_cell(
    client: Client, cells: Sequence[Cell], index: int, number: int, count: int, notes: Notes
) -> Outcome | None:
    name = cell_name(cells, index)
    started = time.monotonic()
    client.display.begin_cell(number)
    mark, outcome = "", None
    try:
        await client.async_execute_cell(client.nb.cells[index], index, execution_count=number)
    except CellExecutionError as e:
        outcome = _failure(index, number, name, e)
        mark = "exit" if e.ename == "SystemExit" else "failed"
    except DeadKernelError:
        outcome = Outcome(1, index, f"the kernel died in cell {number}")
        mark = "kernel died"
    if client.asked_to_exit and not outcome:
        outcome, mark = Outcome(0), "exit"
    client.display.end_cell()
    notes.cell_done(number, count, name, time.monotonic() - started, mark)
    return outcome


def _failure(index: int, number: int, name: str, error: CellExecutionError) -> Outcome:
    if error.ename == "SystemExit":
        status, message = exit_status(error.evalue)
        return Outcome(status, index if status else None, message)
    return Outcome(1, index, f"cell {number} ({name}) failed with {error.ename}")


def exit_status(text: str) -> tuple[int, str]:
    """The process status that ``sys.exit(x)`` asks for, from ``str(x)``, and the message that
    Python would print: a kernel passes the exception on as text."""
    text = text.strip()
    if text in ("", "None", "False"):
        return 0, ""
    if text == "True":
        return 1, ""
    try:
        return int(text) & 0xFF, ""
    except ValueError:
        return 1, text
