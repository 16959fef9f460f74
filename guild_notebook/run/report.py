"""Reports of an executed notebook, made by nbconvert in this process."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Callable
from typing import Any

from ..errors import OptionError
from .save import write_whole

FAILED_ANCHOR = "guild-failed-cell"

HTML = "html"
HTML_NO_INPUT = "html-no-input"


class Reports:
    """Makes reports by name. nbconvert takes longer to import than a small notebook to run, so
    that begins in a thread as soon as this is made, while the kernel comes up. ``note`` is called
    with the path of each before it is written."""

    def __init__(self, names: tuple[str, ...], note: Callable[[str], None]) -> None:
        self._names = names
        self._note = note
        self._exporters: dict[str, Any] = {}
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._prepare, daemon=True)
        if names:
            self._thread.start()

    def _prepare(self) -> None:
        try:
            for name in self._names:
                self._exporters[name] = _exporter(name)
        except BaseException as e:  # said in the thread that waits for it
            self._error = e

    def check(self) -> None:
        """Raise OptionError for a name that nbconvert does not know; waits only where there is a
        name of its own."""
        if set(self._names) - {HTML, HTML_NO_INPUT}:
            self._wait()

    def _wait(self) -> None:
        if self._names:
            self._thread.join()
        if self._error:
            raise self._error

    def write(self, nb: Any, notebook_path: str, failed_cell: int | None = None) -> list[str]:
        """Write the reports beside the notebook; returns their paths.

        ``failed_cell`` is the index of the cell that ended the run: the report begins with a link
        to it. Raises OSError where a file cannot be written, and what an exporter raises.
        """
        self._wait()
        paths = []
        nb = _for_report(nb, failed_cell)
        base = os.path.splitext(notebook_path)[0]
        title = os.path.basename(base)
        for name, exporter in self._exporters.items():
            resources = {"metadata": {"name": title}, "unique_key": title}
            body, resources = exporter.from_notebook_node(nb, resources=resources)
            ending = resources.get("output_extension") or exporter.file_extension
            if ending == ".ipynb":
                ending = f".{name}.ipynb"  # else it would take the executed notebook's place
            content = body if isinstance(body, bytes) else body.encode("utf-8", "replace")
            self._note(base + ending)
            write_whole(base + ending, content)
            paths.append(base + ending)
        return paths


def _exporter(name: str) -> Any:
    """A ready exporter: made, and its template read, with a notebook of nothing."""
    import nbformat
    from nbconvert.exporters import HTMLExporter, base

    if name in (HTML, HTML_NO_INPUT):
        exporter = HTMLExporter(exclude_input=name == HTML_NO_INPUT)
        if name == HTML_NO_INPUT:
            exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
        # Else nbconvert validates the whole notebook after each of its dozen preprocessors.
        exporter.optimistic_validation = True
        exporter.from_notebook_node(nbformat.v4.new_notebook())
        return exporter
    try:
        return base.get_exporter(name)()
    except base.ExporterNameError:
        known = ", ".join([HTML_NO_INPUT, *base.get_export_names()])
        raise OptionError(f"nb-report: unknown report '{name}' - there are {known}") from None


def _for_report(nb: Any, failed_cell: int | None) -> Any:
    if failed_cell is None:
        return nb
    import nbformat

    nb = copy.copy(nb)
    nb.cells = list(nb.cells)
    number = nb.cells[failed_cell].get("execution_count")
    cell = f"cell {number}" if number else "a cell"
    banner = (
        '<div style="border:1px solid #c00;background:#fee;color:#900;padding:0.5em 1em">'
        f'This run failed in <a href="#{FAILED_ANCHOR}">{cell}</a>.</div>'
    )
    anchor = f'<a id="{FAILED_ANCHOR}"></a>'
    nb.cells.insert(failed_cell, nbformat.v4.new_markdown_cell(anchor))
    nb.cells.insert(0, nbformat.v4.new_markdown_cell(banner))
    return nb
