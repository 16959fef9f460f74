"""What this package is on systems that the tests do not run on: other_system.py has how."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.helpers import other_system
from tests.helpers.project import GUILD, LIMIT, Project

LINE = (
    "guild_notebook does not run on Windows - use Linux, macOS or the Windows Subsystem for Linux "
    "(WSL)\n"
)
RUN = [*GUILD, "run", "-y"]
MODULE = [sys.executable, "-m"]

REFUSED = {
    "a notebook": ([*RUN, "nb.ipynb"], f"guild: {LINE}"),
    "the operation of a cluster": ([*RUN, "dask:cluster"], f"guild: {LINE}"),
    "the process of a run": ([*MODULE, "guild_notebook.run", "nb.ipynb"], LINE),
    "the process of a cluster": ([*MODULE, "guild_notebook.cluster"], LINE),
    "the command line": ([str(Path(sys.executable).with_name("guild-notebook"))], LINE),
}


def test_on_windows_each_command_of_the_package_ends_with_one_line_that_names_wsl(
    project: Project, tmp_path: Path
):
    """And an operation of Guild that is none of ours runs."""
    project.notebook("nb.ipynb", "print(1)")
    project.file("script.py", "print('a script')")
    project.env["PYTHONPATH"] = other_system.site(tmp_path, "win32")
    commands = {which: command for which, (command, _) in REFUSED.items()}
    started = {
        which: subprocess.Popen(
            command, cwd=project.dir, env=project.environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for which, command in {**commands, "a script": [*RUN, "script.py"]}.items()
    }  # fmt: skip
    said = {which: (*p.communicate(timeout=LIMIT), p.returncode) for which, p in started.items()}
    assert said.pop("a script") in [
        ("a script\n", line, 0)
        for line in ("", "Refreshing flags...\n")  # where that takes long
    ]
    assert said == {which: ("", line, 1) for which, (_, line) in REFUSED.items()}
