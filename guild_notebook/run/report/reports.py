"""Writing the reports of an executed notebook: our own pages, and what nbconvert exports."""

from __future__ import annotations

import copy
import functools
import itertools
import os
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import nbformat

from ...document.reader import is_inside
from ...files import free_path, numbered_paths, write_whole
from ...options.reports import HTML, OWN_REPORTS, SANITIZED, ReportOptions, Reports
from .facts import RunFacts
from .local_images import Sources

PART = 1_000_000  # characters of a report that are encoded at once


class ReportWriter:
    """Writes the ``reports`` (OWN_REPORTS, or exporters of nbconvert); ``register`` is called with
    the path of each file before it is written.

    The exporters are made by a thread while the kernel starts, for notebooks like ``nb``.
    ``sources`` is where a page finds what it takes in, once that is known.
    """

    sources = Sources()

    def __init__(self, reports: Reports, register: Callable[[str], None], nb: Any = None) -> None:
        self._reports = reports
        self._register = register
        sample = _sample(nb)
        self._exporters = ThreadPoolExecutor(1).submit(
            lambda: {name: _loaded_exporter(name, given, sample) for name, given in reports.items()}
        )
        self._written: set[str] = set()
        self.failures: dict[str, Exception] = {}

    def check(self) -> None:
        """Raise OptionError for an exporter of nbconvert that cannot be made. Waits for nbconvert
        only where a report is of it."""
        if set(self._reports).difference(OWN_REPORTS):
            self._exporters.result()

    def write(self, nb: Any, notebook_path: str, facts: RunFacts | None = None) -> list[str]:
        """Write the reports of ``nb``, which a run with these ``facts`` has executed, beside the
        file ``notebook_path``; returns their paths in the order of the names. What else an exporter
        makes, as the images of Markdown, is written to a folder beside it.

        A report has the notebook's file name with its own ending. Where another file has that
        name, the report's name is put before the ending. Raises OSError where a file cannot be
        written. If an exporter raises, its exception is put into ``failures`` by the report's name,
        and the other reports are written.
        """
        exporters = self._exporters.result()
        self.failures = {}
        paths: dict[str, str] = {}
        facts = facts or RunFacts()
        with_links = None
        base = os.path.splitext(notebook_path)[0]
        folder, title = os.path.split(base)
        # `html` first: users expect the plain name to be its.
        for name in sorted(exporters, key=lambda name: name != HTML):
            exporter = exporters[name]
            files: dict[str, bytes] = {}
            ending = ".html"
            try:
                if name in OWN_REPORTS:
                    body = exporter(nb, facts, sources=self.sources, title=title)
                else:
                    with_links = with_links or _with_links(nb, facts)
                    resources = {
                        "metadata": {"name": title, "path": folder},
                        "unique_key": title,
                        "output_files_dir": self._free_folder(f"{base}_files"),
                    }
                    body, resources = exporter.from_notebook_node(with_links, resources=resources)
                    files = self._files(folder, resources.get("outputs") or {})
                    ending = str(resources.get("output_extension") or exporter.file_extension)
            except Exception as e:
                self.failures[name] = e
                continue
            for path, content in files.items():
                self._write(path, content)
            path = self._free_path(base, name, ending, paths.values())
            self._write(path, body if isinstance(body, bytes) else _encoded(body))
            paths[name] = path
        return [paths[name] for name in exporters if name in paths]

    def _free_path(self, base: str, name: str, ending: str, taken: Collection[str]) -> str:
        """A path that is not the path of another report (``taken``), nor of a file that this object
        has not written: the executed notebook, source code, a file that a cell wrote."""
        plain = [] if name == SANITIZED else [f"{base}{ending}"]
        names = itertools.chain(plain, numbered_paths(f"{base}.{name.replace(':', '-')}", ending))
        return free_path((path for path in names if path not in taken), self._written)

    def _free_folder(self, base: str) -> str:
        """The name of a folder for the files of exporters, in which nobody else has any."""
        own = {os.path.dirname(path) for path in self._written}
        paths = (path for path in numbered_paths(base, "") if not _has_files(path) or path in own)
        return os.path.basename(next(paths))

    def _files(self, folder: str, made: Mapping[str, bytes]) -> dict[str, bytes]:
        """The files that an exporter has ``made`` beside its report, by their paths. Raises
        ValueError for one that would be outside of the ``folder``, or in another's place."""
        files = {os.path.join(folder, name): content for name, content in made.items()}
        for path in files:
            if not is_inside(path, folder) or (path not in self._written and os.path.lexists(path)):
                raise ValueError(f"there is no place for its file {path}")
        return files

    def _write(self, path: str, content: bytes | Iterable[bytes]) -> None:
        self._register(path)
        write_whole(path, content)
        self._written.add(path)


def _loaded_exporter(name: str, given: Mapping[str, Any], sample: Any) -> Any:
    """What makes a report: the function of our own pages, which has made one of ``sample``, so what
    that needs is loaded, or an exporter of nbconvert."""
    if name not in OWN_REPORTS:
        from . import exporters

        return exporters.exporter(name, given)
    from .page import page_html

    options = ReportOptions.of(name, given)
    made = functools.partial(page_html, options=options, kind=name)
    made(sample, title="")
    return made


def _has_files(path: str) -> bool:
    return os.path.lexists(path) and not (os.path.isdir(path) and not os.listdir(path))


def _sample(nb: Any) -> Any:
    """A notebook in the language of ``nb``, with a cell of each type that it has."""
    types = {cell.cell_type for cell in nb.cells} if nb else {"code"}
    language = nb.metadata.get("language_info") if nb else None
    metadata = {"language_info": language} if language else {}
    code = {"cell_type": "code", "metadata": {}, "source": "1", "outputs": []}
    cells = [code] * ("code" in types) + [_markdown("1")] * ("markdown" in types)
    return nbformat.from_dict({"metadata": metadata, "cells": cells})


def _markdown(source: str) -> Any:
    """A cell of Markdown. nbformat's own function for it compiles the schema of notebooks."""
    cell = {"cell_type": "markdown", "id": uuid.uuid4().hex[:8], "metadata": {}, "source": source}
    return nbformat.from_dict(cell)


def _encoded(text: str) -> Iterator[bytes]:
    for position in range(0, len(text), PART):
        yield text[position : position + PART].encode("utf-8", "replace")


class _Attachments(nbformat.NotebookNode):  # type: ignore[misc]  # nbformat carries no types
    """Never lacks a name: nbconvert would fail (filters/markdown_mistune.py). A missing attachment
    is an empty image."""

    def __contains__(self, _name: object) -> bool:
        return True

    def __missing__(self, _name: str) -> nbformat.NotebookNode:
        return nbformat.NotebookNode({"image/png": ""})


def _with_attachments(nb: Any) -> Any:
    """A copy of ``nb`` with its own list of cells, whose attachments are _Attachments."""
    nb = copy.copy(nb)
    nb.cells = list(nb.cells)
    for index, cell in enumerate(nb.cells):
        if cell.cell_type == "markdown" and "attachment:" in cell.source:
            nb.cells[index] = copy.copy(cell)
            known = {name: data for name, data in cell.get("attachments", {}).items() if data}
            nb.cells[index]["attachments"] = _Attachments(known)
    return nb


def _with_links(nb: Any, facts: RunFacts) -> Any:
    """A copy of ``nb`` for nbconvert that begins with links to the cells that failed."""
    from .header import failures

    nb = _with_attachments(nb)
    anchors, lines = facts.anchors, failures(facts)
    for index in sorted(anchors, reverse=True):
        nb.cells.insert(index, _markdown(f'<a id="{anchors[index]}"></a>'))
    if lines:
        style = "border:1px solid #c00;background-color:#fee;color:#900;padding:0.5em 1em"
        banner = f'<div style="{style}">{"<br>".join(lines)}</div>'
        nb.cells.insert(0, _markdown(banner))
    return nb
