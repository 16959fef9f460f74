"""Reports of an executed notebook, made by nbconvert in this process."""

from __future__ import annotations

import copy
import itertools
import os
import threading
from collections.abc import Callable, Collection
from typing import Any

from ...errors import OptionError
from ...files import free_path, numbered_paths, write_whole

FAILED_ANCHOR = "guild-failed-cell"

HTML = "html"
HTML_NO_INPUT = "html-no-input"
SANITIZED = "sanitized"
OURS = (HTML, HTML_NO_INPUT, SANITIZED)


class ReportWriter:
    """Makes reports by name. nbconvert takes longer to import than a small notebook to run, so
    that begins in a thread as soon as this is made, while the kernel comes up. ``note`` is called
    with the path of each before it is written."""

    def __init__(self, names: tuple[str, ...], note: Callable[[str], None]) -> None:
        self._names = names
        self._note = note
        self._exporters: dict[str, Any] = {}
        self._written: set[str] = set()
        self.failures: dict[str, Exception] = {}
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
        if set(self._names).difference(OURS):
            self._wait()

    def _wait(self) -> None:
        if self._names:
            self._thread.join()
        if self._error:
            raise self._error

    def write(self, nb: Any, notebook_path: str, failed_cell: int | None = None) -> list[str]:
        """Write the reports beside the notebook; returns their paths, in the order of the names.

        Each is named after the notebook. Where that is the name of another report, or of a file
        that is there already and is not ours, the report's own name comes before the ending.
        ``failed_cell`` is the index of the cell that ended the run: the report begins with a link
        to it. Raises OSError where a file cannot be written; what an exporter raises is in
        ``failures`` afterwards, by the report's name, and leaves the others alone.
        """
        self._wait()
        self.failures = {}
        paths: dict[str, str] = {}
        nb = _for_report(_with_attachments(nb), failed_cell)
        base = os.path.splitext(notebook_path)[0]
        title = os.path.basename(base)
        # `html` first: it is the one that everybody expects under the plain name.
        for name in sorted(self._exporters, key=lambda name: name != HTML):
            exporter = self._exporters[name]
            resources = {"metadata": {"name": title}, "unique_key": title}
            try:
                body, resources = exporter.from_notebook_node(nb, resources=resources)
            except Exception as e:
                self.failures[name] = e
                continue
            ending = resources.get("output_extension") or exporter.file_extension
            path = self._free_path(base, name, ending, paths.values())
            content = body if isinstance(body, bytes) else body.encode("utf-8", "replace")
            self._note(path)
            write_whole(path, content)
            self._written.add(path)
            paths[name] = path
        return [paths[name] for name in self._exporters if name in paths]

    def _free_path(self, base: str, name: str, ending: str, taken: Collection[str]) -> str:
        """Where a report goes: not where another has gone, nor where something is that is not
        ours, like the executed notebook, source code, or what the notebook has written."""
        plain = [] if name == SANITIZED else [f"{base}{ending}"]
        names = itertools.chain(plain, numbered_paths(f"{base}.{name}", ending))
        return free_path((path for path in names if path not in taken), self._written)


def _exporter(name: str) -> Any:
    """A ready exporter: made, and its template read, with a notebook of nothing."""
    import nbformat
    from nbconvert.exporters import base

    if name in OURS:
        if name == SANITIZED:
            from .sanitized import SanitizedHTMLExporter

            exporter = SanitizedHTMLExporter()
        else:
            from .html import PageExporter

            exporter = PageExporter(exclude_input=name == HTML_NO_INPUT)
        if name == HTML_NO_INPUT:
            exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
        # Else nbconvert validates the whole notebook after each of its dozen preprocessors.
        exporter.optimistic_validation = True
        exporter.from_notebook_node(nbformat.v4.new_notebook())
        return exporter
    try:
        return base.get_exporter(name)()
    except base.ExporterNameError:
        known = ", ".join([HTML_NO_INPUT, SANITIZED, *base.get_export_names()])
        raise OptionError(f"nb-report: unknown report '{name}' - there are {known}") from None


def _with_attachments(nb: Any) -> Any:
    """nbconvert makes no report at all of a cell that shows an attachment it lacks
    (filters/markdown_mistune.py): for each there is an empty one, which shows as a broken image."""
    from nbformat import NotebookNode

    class Attachments(NotebookNode):  # type: ignore[misc]  # nbformat carries no types
        def __contains__(self, _name: object) -> bool:
            return True

        def __missing__(self, _name: str) -> NotebookNode:
            return NotebookNode({"image/png": ""})

    nb = copy.copy(nb)
    nb.cells = list(nb.cells)
    for index, cell in enumerate(nb.cells):
        if cell.cell_type == "markdown" and "attachment:" in cell.source:
            nb.cells[index] = copy.copy(cell)
            known = {name: data for name, data in cell.get("attachments", {}).items() if data}
            nb.cells[index]["attachments"] = Attachments(known)
    return nb


def _for_report(nb: Any, failed_cell: int | None) -> Any:
    if failed_cell is None:
        return nb
    import nbformat

    nb = copy.copy(nb)
    nb.cells = list(nb.cells)
    number = nb.cells[failed_cell].get("execution_count")
    cell = f"cell {number}" if number else "a cell"
    banner = (
        '<div style="border:1px solid #c00;background-color:#fee;color:#900;padding:0.5em 1em">'
        f'This run failed in <a href="#{FAILED_ANCHOR}">{cell}</a>.</div>'
    )
    anchor = f'<a id="{FAILED_ANCHOR}"></a>'
    nb.cells.insert(failed_cell, nbformat.v4.new_markdown_cell(anchor))
    nb.cells.insert(0, nbformat.v4.new_markdown_cell(banner))
    return nb
