"""What there is to show of a run that has ended, or that goes on in another process: its reports,
and a page of each notebook in it.

``python -m guild_notebook.run.finished RUN_DIR NOTEBOOK`` writes that page to stdout, for
compat/view.py.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import options
from ..document import reader, text_formats
from ..errors import UserError, said
from ..files import ARTIFACTS
from ..flags import guild_values
from ..flags.discover import Discovered, discover
from ..options.reports import HTML, OWN_REPORTS, ReportOptions
from .record import manifest
from .record.run_dir import RunDir, artifacts
from .record.run_files import RunFiles, mapping
from .record.source_files import SOURCECODE_DIR
from .run_facts import Ended
from .secret_values import RunSecrets

if TYPE_CHECKING:
    from ..flags.model import Flag
    from .report.facts import RunFacts


class FinishedRun(RunFiles):
    """The files of a run in ``dir``, whose manifest is read once."""

    @property
    def short_id(self) -> str:
        """The beginning of the run's ID, as Guild shows it."""
        return os.path.basename(self.dir)[:8]

    @functools.cached_property
    def _manifest(self) -> list[manifest.Line]:
        return manifest.read_lines(self)

    def is_of_notebook(self) -> bool:
        """Whether a notebook has been executed, and has made a report or an image."""
        return self._is_there(ARTIFACTS)

    def reports(self) -> list[str]:
        """The pages that the run has made and that are there, in the order in which they were
        made."""
        return [n for n in self.report_files() if n.endswith(".html") and self._is_there(n)]

    def report_files(self) -> list[str]:
        """The reports and images that the run has made, whether or not they are there."""
        with contextlib.suppress(OSError):
            return artifacts(self)
        return []

    def executed_notebook(self) -> str:
        """The path of the executed notebook, "" where it is not there."""
        with contextlib.suppress(OSError):
            name = manifest.executed_notebook(self._manifest)
            return name if name and self._is_there(name) else ""
        return ""

    def notebook(self, name: str) -> reader.Notebook:
        """The notebook ``name``. Raises NotebookError for what is not a notebook, and OSError for
        what is not a file of the run."""
        os.close(self.open(name, os.O_RDONLY))
        return reader.read(self.path(name), name)

    def kept_source(self, executed: str) -> str:
        """The path of the source of the ``executed`` notebook, "" where it has none."""
        for line in self._manifest:
            path = os.path.normpath(line[1]) if manifest.is_source(line) else ""
            if path.startswith(f"{SOURCECODE_DIR}/"):
                source = path[len(SOURCECODE_DIR) + 1 :]
                if text_formats.executed_path(source) == executed:
                    return path
        return ""

    def secret_flags(self) -> set[str]:
        """The names of the run's secret flags. Raises UserError for what is not an operation."""
        return set(RunSecrets(self).variables)

    def discovered(self, source: reader.Notebook) -> Discovered:
        """The flags of the run's ``source``, as its operation has them. Raises as secret_flags."""
        patterns = RunDir(self.dir, source.name).flag_patterns()
        return discover(source, patterns, self.attr("flags"), RunSecrets(self).variables)

    def with_lists(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the run's flags, lists of which Guild holds as text."""
        flags: Mapping[str, Flag] = {}
        known = mapping(mapping(mapping(self.known_attr("op")).get("op-cmd")).get("cmd-flags"))
        if any(mapping(known.get(name)).get("arg-split") for name in values):
            with contextlib.suppress(UserError, OSError):  # the source is gone, or is not readable
                source = self.kept_source(self.executed_notebook())
                flags = self.discovered(self.notebook(source)).flags if source else {}
        return {
            name: guild_values.list_of(flags[name], value) if name in flags else value
            for name, value in values.items()
        }

    def page(self, name: str, kind: str = HTML) -> bytes:
        """The page of the notebook ``name``, a report of the ``kind`` of OWN_REPORTS that shows no
        more than the reports that the run was to make. Raises UserError for what is not a notebook,
        and OSError for what is not a file of the run."""
        text_formats.skip_format_packages()
        import nbformat
        from nbformat.v4.rwbase import rejoin_lines

        from .report.local_images import Sources
        from .report.page import page_html

        notebook = self.notebook(name)
        data: Any = notebook.data
        for cell in data["cells"]:
            cell.setdefault("metadata", {})
            if cell["cell_type"] == "code":
                cell.setdefault("outputs", [])
        nb = rejoin_lines(nbformat.from_dict({"metadata": {}, **data}))
        title = os.path.splitext(os.path.basename(name))[0]
        facts = self._facts(notebook, nb) if name == self.executed_notebook() else None
        shown = self._report_options(kind)
        images = Sources([(os.path.dirname(self.path(name)), self.dir)])  # not of the project
        made = page_html(nb, facts, shown, images, title=title, kind=kind)
        return made.encode("utf-8", "replace")

    def _facts(self, notebook: reader.Notebook, nb: Any) -> RunFacts:
        """What the page of the executed notebook says of the run: as the run's own report does, as
        far as it is kept."""
        from . import run_facts, run_scalars

        kept = self.kept_source(notebook.name)
        source = kept[len(SOURCECODE_DIR) + 1 :]
        record = RunDir(self.dir, source or notebook.name)
        found = Discovered()
        with contextlib.suppress(UserError, OSError):  # the source is gone, or is not readable
            if kept:
                found = discover(self.notebook(kept))
        variables = RunSecrets(record).variables
        flags = run_facts.RunFlags(found, record.attr("flags"), variables)
        files = run_scalars.event_files(self.dir)
        how = _ended(notebook, nb), True, str, files
        facts = run_facts.run_facts(record, flags, nb, *how)
        times = [self.attr_value(name) for name in ("started", "stopped")]
        has_ended = all(isinstance(time, int) for time in times)
        return dataclasses.replace(
            facts,
            seconds=(times[1] - times[0]) / 1_000_000 if has_ended else None,
            host=str(self.attr_value("host") or ""),
            user=str(self.attr_value("user") or ""),
        )

    def settings(self, *names: str) -> options.Settings:
        """What the run's command has of the options with these ``names``. Raises UserError for what
        is not an operation, or an option's value."""
        command = mapping(self.attr("op").get("op-cmd")).get("cmd-args")
        starts = tuple(f"{p}{name}=" for name in names for p in ("--", options.PREFIX))
        arguments = map(str, command) if isinstance(command, list) else ()
        given = [each for each in arguments if each.startswith(starts)]
        return options.from_arguments(given, "the run's command")

    def _report_options(self, kind: str) -> ReportOptions:
        """The options of the run's command for the report ``kind``, or for another of the page."""
        reports = self.settings("report").get("report", {})
        name = next((each for each in (kind, *OWN_REPORTS) if each in reports), kind)
        chosen = ReportOptions.of(name, reports.get(name, {}))
        return chosen if kind == name else dataclasses.replace(chosen, network=False)

    def _is_there(self, name: str) -> bool:
        with contextlib.suppress(OSError):
            os.close(self.open(name, os.O_RDONLY))
            return True
        return False


def _ended(notebook: reader.Notebook, nb: Any) -> Ended:
    """How a run has ended, by its executed notebook (document/states.py)."""
    said = mapping(nb.metadata.get("guild"))
    failed = said.get("failed_cell")
    if not (isinstance(failed, int) and 0 <= failed < len(nb.cells)):
        failed = None
    texts = {}
    for index, cell in enumerate(nb.cells):
        errors = [o for o in cell.get("outputs", ()) if o.get("output_type") == "error"]
        if errors and mapping(cell.metadata.get("guild")).get("status") == "error":
            texts[index] = f"{notebook.labels[index]} failed with {errors[-1].get('ename')}"
    where = notebook.labels[failed] if failed is not None else ""
    why = texts.pop(failed, where) if failed is not None else ""
    return Ended(int(said.get("status") != "completed"), failed, where, why, texts)


def main() -> int:
    """Write the page of a notebook, its report where it has one; returns the exit status."""
    run_dir, name = sys.argv[1:]
    run = FinishedRun(run_dir)
    try:
        made = run.reports() if name == run.executed_notebook() else []
        sys.stdout.buffer.write(run.read(made[0]) if made else run.page(name))
    except Exception as e:  # of what a notebook may hold
        print(f"guild-notebook: no page of {name}, its text is shown: {said(e)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
