"""What a project of 30 notebooks costs commands that run none of them.

Measures, side by side, ``guild help``, ``guild operations`` and ``guild run --help-op`` in a
project of 30 notebook operations with 20 flags each and in one of a single script, and prints the
ratio of the medians, which is to be at most 1.3 (the flags of a notebook that has not changed come
from a cache).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

NOTEBOOKS, FLAGS, ROUNDS, TARGET = 30, 20, 7, 1.3
COMMANDS = {"help": ["help"], "operations": ["operations"], "run help": ["run", "--help-op"]}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        projects = {"none": Path(folder, "none"), "notebooks": Path(folder, "notebooks")}
        for path in projects.values():
            path.mkdir()
        (projects["none"] / "guild.yml").write_text("op:\n  exec: 'true'\n  default: yes\n")
        make_notebooks(projects["notebooks"])
        worst = max(ratio(name, command, projects) for name, command in COMMANDS.items())
    return 0 if worst <= TARGET else 1


def make_notebooks(project: Path) -> None:
    source = "\n".join(f"flag_{i} = {i}" for i in range(FLAGS))
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    lines = ["op:", "  exec: 'true'", "  default: yes"]
    for number in range(NOTEBOOKS):
        nbformat.write(nb, project / f"n{number}.ipynb")
        lines += [f"op{number}:", f"  notebook: n{number}.ipynb", "  flags-import: all"]
    (project / "guild.yml").write_text("\n".join(lines) + "\n")


def ratio(name: str, command: list[str], projects: dict[str, Path]) -> float:
    for project in projects.values():  # once unmeasured: the cache
        seconds(command, project)
    times: dict[str, list[float]] = {kind: [] for kind in projects}
    for _round in range(ROUNDS):
        for kind, project in projects.items():
            times[kind].append(seconds(command, project))
    medians = {kind: statistics.median(measured) for kind, measured in times.items()}
    result = medians["notebooks"] / medians["none"]
    without, with_them = medians["none"], medians["notebooks"]
    print(f"{name:11} {without:.2f} s without, {with_them:.2f} s with: {result:.2f}")
    return result


def seconds(command: list[str], project: Path) -> float:
    home = project.parent / "home"
    home.mkdir(exist_ok=True)
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "guild.main_bootstrap", *command],
        cwd=project,
        env={**os.environ, "GUILD_HOME": str(home)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
