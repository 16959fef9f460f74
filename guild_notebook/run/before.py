"""What ``nb-check`` does before a run: the notebook is checked as it is about to be executed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from .. import options
from ..analysis import paths
from ..analysis.checks import Checked, findings
from ..analysis.findings import ERROR, WARNING
from ..document.reader import Notebook
from ..errors import KernelError, NotebookError
from ..flags import apply, languages
from ..flags.apply import Assignment
from ..flags.discover import Discovered
from ..kernels import modules, startup


def check(
    notebook: Notebook,
    found: Discovered,
    assigned: Sequence[Assignment],
    settings: options.Settings,
    run_dir: str,
    cwd: str,
    folders: Sequence[str],
    say: Callable[[str], None],
) -> None:
    """Say what there is to warn of before a run of a notebook, of which the flags are ``found`` and
    have the values ``assigned``, and whose cells work in the folder ``cwd`` and import from
    ``folders``. Raises NotebookError where a cell is sure to fail."""

    def lacking(names: Sequence[str]) -> Mapping[str, str]:
        language, project = languages.name_of(notebook), os.environ.get("PROJECT_DIR", "")
        chosen = settings["kernel"], notebook.kernel_name, language
        try:
            return modules.lacking(*chosen, project, names).said
        except KernelError:
            return {}  # as the start of the kernel says

    sources = apply.edited_sources(notebook, assigned)
    given = [each.flag.name for each in assigned if apply.edited_sources(notebook, [each])]
    which = startup.code(), settings["skip-tags"], settings["until"]
    place = paths.Project(run_dir, cwd, in_place=settings["cwd"] == "project", is_run=True)
    checked = Checked(notebook, found, folders, sources, given, *which, project=place)
    said = [each for each in findings(checked, lacking) if each.level in (ERROR, WARNING)]
    for each in said:
        label = notebook.labels[each.cell]
        say(f"guild-notebook: {each.level}: {label}, line {each.line}: {each.text} ({each.rule})")
    number = sum(each.level == ERROR for each in said)
    if number:
        raise NotebookError(
            f"nothing is executed, since the check finds {number} error{'s' * (number > 1)} - mend "
            "what it names, or run without nb-check"
        )
