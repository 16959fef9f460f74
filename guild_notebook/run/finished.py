"""What there is to show of a run that has ended, or that goes on in another process: its reports,
and a page of each notebook in it.

``python -m guild_notebook.run.finished RUN_DIR NOTEBOOK`` writes that page to stdout, for
compat/view.py.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from typing import Any

from .. import options
from ..document import reader
from ..errors import UserError
from ..options import HTML, OWN_REPORTS, ReportOptions
from .record import manifest
from .record.run_dir import ARTIFACTS, artifacts
from .record.run_files import RunFiles, mapping


class FinishedRun(RunFiles):
    """The files of a run in ``dir``."""

    def is_of_notebook(self) -> bool:
        """Whether a notebook has been executed, and has made a report or an image."""
        return self._is_there(ARTIFACTS)

    def reports(self) -> list[str]:
        """The pages that the run has made and that are there, in the order in which they were
        made."""
        with contextlib.suppress(OSError):
            return [n for n in artifacts(self) if n.endswith(".html") and self._is_there(n)]
        return []

    def executed_notebook(self) -> str:
        """The path of the executed notebook, "" where it is not there."""
        with contextlib.suppress(OSError):
            name = manifest.executed_notebook(manifest.read_lines(self))
            return name if name and self._is_there(name) else ""
        return ""

    def page(self, name: str, kind: str = HTML) -> bytes:
        """The page of the notebook ``name``, a report of the ``kind`` of OWN_REPORTS that shows no
        more than the reports that the run was to make. Raises UserError for what is not a notebook,
        and OSError for what is not a file of the run."""
        import nbformat
        from nbformat.v4.rwbase import rejoin_lines

        from .report.page import page_html

        os.close(self.open(name, os.O_RDONLY))
        data: Any = reader.read(self.path(name), name).data
        for cell in data["cells"]:
            cell.setdefault("metadata", {})
            if cell["cell_type"] == "code":
                cell.setdefault("outputs", [])
        nb = rejoin_lines(nbformat.from_dict({"metadata": {}, **data}))
        title = os.path.splitext(os.path.basename(name))[0]
        shown = self._report_options(kind)
        return page_html(nb, None, shown, title=title, kind=kind).encode("utf-8", "replace")

    def _report_options(self, kind: str) -> ReportOptions:
        """The options of the run's command for the report ``kind``, or for another of the page."""
        command = mapping(self.attr("op").get("op-cmd")).get("cmd-args")
        arguments = [str(each) for each in command] if isinstance(command, list) else []
        given = [each for each in arguments if each.startswith(("--report=", "nb-report="))]
        reports = options.from_arguments(given, self.dir).get("report", {})
        name = next((each for each in (kind, *OWN_REPORTS) if each in reports), kind)
        chosen = ReportOptions.of(name, reports.get(name, {}))
        return chosen if kind == name else dataclasses.replace(chosen, network=False)

    def _is_there(self, name: str) -> bool:
        with contextlib.suppress(OSError):
            os.close(self.open(name, os.O_RDONLY))
            return True
        return False


def main() -> int:
    """Write the page of a notebook, its report where it has one; returns the exit status."""
    run_dir, name = sys.argv[1:]
    run = FinishedRun(run_dir)
    try:
        made = run.reports() if name == run.executed_notebook() else []
        sys.stdout.buffer.write(run.read(made[0]) if made else run.page(name))
    except Exception as e:  # of what a notebook may hold
        why = str(e) if isinstance(e, UserError) else f"{type(e).__name__}: {e}"
        print(f"guild-notebook: no page of {name}, its text is shown: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
