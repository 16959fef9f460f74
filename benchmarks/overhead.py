"""What a notebook run costs beyond what Guild and Jupyter cost anyway.

Measures, side by side, the median time of

    guild run NOTEBOOK      report included
    guild run SCRIPT        the same code as a script
    jupyter execute NOTEBOOK

and prints (notebook - script) / jupyter, which is to be at most 1.0; the exit status says whether
it is. ``--rounds`` sets how often each is measured; ``make bench`` runs this.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

CELLS = ("x = 1", "print('loss: %s' % x)")
TARGET = 1.0


def main() -> int:
    rounds = arguments().rounds
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder))
        commands = commands_in(project)
        for command in commands.values():  # once unmeasured: byte code, fonts, caches
            seconds_of(command, project)
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _round in range(rounds):
            for name, command in commands.items():
                times[name].append(seconds_of(command, project))
    medians = {name: statistics.median(measured) for name, measured in times.items()}
    for name, measured in times.items():
        row = " ".join(f"{seconds:.2f}" for seconds in measured)
        print(f"{name:16} median {medians[name]:.2f} s  ({row})")
    ratio = (medians["guild notebook"] - medians["guild script"]) / medians["jupyter execute"]
    print(f"(notebook - script) / jupyter = {ratio:.2f}, to be at most {TARGET}")
    return 0 if ratio <= TARGET else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each (default 5)")
    return parser.parse_args()


def make_project(project: Path) -> Path:
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(nb, project / "cells.ipynb")
    (project / "cells.py").write_text("\n".join(CELLS) + "\n", encoding="utf-8")
    (project / "home").mkdir()
    return project


def commands_in(project: Path) -> dict[str, list[str]]:
    bin_dir = Path(sys.executable).parent
    guild = [str(bin_dir / "guild"), "run", "-y"]
    return {
        "guild notebook": [*guild, "cells.ipynb"],
        "guild script": [*guild, "cells.py"],
        "jupyter execute": [str(bin_dir / "jupyter"), "execute", "cells.ipynb"],
    }


def seconds_of(command: list[str], project: Path) -> float:
    bin_dir = Path(sys.executable).parent
    path = os.pathsep.join([str(bin_dir), os.environ.get("PATH", os.defpath)])
    env = {**os.environ, "PATH": path, "GUILD_HOME": str(project / "home")}
    started = time.perf_counter()
    ended = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if ended.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{ended.stdout}{ended.stderr}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
