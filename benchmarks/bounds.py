"""What notebooks without bound cost: time linear in their size, and memory that does not grow.

Runs each workload of ``WORKLOADS`` with ``guild run``, kernel and report included, in four sizes,
each double the one before, and an empty one, whose time and memory are subtracted. Time may grow
at most 2.5 times where the size doubles, in seconds of the processor (Guild, the run's process and
its kernel together), since seconds of the clock depend on what else the machine does. Memory is
the most that the run's process has had, and has a limit for each workload.

    python benchmarks/bounds.py [--quick] [WORD…]

``--quick`` takes an eighth of each size, WORDs choose the workloads that have one in their name.
The exit status is 1 where anything is over.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat

DOUBLED = 2.5
NOISE = 0.5
"""Seconds by which two measurements of the same differ."""

ROUNDS = 3
"""Measurements of what takes too long."""

MEMORY = 300
LIMIT = 600
"""Seconds after which a run is ended, and is over."""

GUILD = [sys.executable, "-m", "guild.main_bootstrap"]

LOOP = "for i in range(N):\n    "
PNG = "import base64, os\ndef png(size):\n    return base64.b64encode(os.urandom(size)).decode()\n"
SHOW = "display({'text/plain': '<figure>', 'image/png': png(20_000)}, raw=True)"
CLEAR = (
    "from IPython.display import clear_output\nfor i in range(N):\n    clear_output(wait=True)\n"
)
FIGURE = "import matplotlib.pyplot as plt\n" + CLEAR + "    plt.plot([i, 1])\n    plt.show()"
UPDATE = "h = display(display_id=True)\nfor i in range(N):\n    h.update("
HTML = "from IPython.display import HTML\n"
OUTPUT = "import ipywidgets\no = ipywidgets.Output()\ndisplay(o)\nfor i in range(N):\n    with o:\n"
FLAGS = "edit = N\n" + "".join(f"text_{i} = '{20_000 * 'x'}'\n" for i in range(40))
STDERR = "import os, sys\nfd = sys.stderr._original_stdstream_copy\n"
CODE = "def f(a):\n    for e in a:\n        b = {'k': e}  # c\n    return b\nh = f([1])\n"


def cell(source: str) -> Callable[[int], list[str]]:
    return lambda size: [source.replace("N", str(size))]


def one_list(size: int) -> list[str]:
    return [f"x = [{', '.join(map(str, range(size * 1_000 // 9)))}]"]


@dataclass
class Measured:
    """Seconds of the processor and of the clock, and megabytes."""

    cpu: float
    wall: float
    memory: float


@dataclass
class Workload:
    """``cells`` makes a notebook's cells for a size, ``largest`` is the last of the four sizes.
    ``memory`` are the megabytes that the run's process may have above those of an empty run."""

    name: str
    largest: int
    cells: Callable[[int], list[str]]
    memory: int = MEMORY
    report: str = "html"

    def measured(self, size: int, project: Path) -> Measured:
        """Run the notebook of a size, or an empty one for 0."""
        write_notebook(project, self.cells(size) if size else [])
        guildfile = f"nb:\n  notebook: nb.ipynb\n  flags-import: all\n  nb-report: {self.report}\n"
        (project / "guild.yml").write_text(guildfile)
        return measured(["run", "-y", "nb"], project)


class EditedNotebook(Workload):
    """A notebook that is edited as often as the size says, its flags shown after each edit."""

    def measured(self, size: int, project: Path) -> Measured:
        total = Measured(0, 0, 0)
        for edit in range(size):
            write_notebook(project, self.cells(edit))
            shown = measured(["run", "nb.ipynb", "--help-op"], project)
            total.cpu += shown.cpu
            total.wall += shown.wall
        files = (project / "home/cache/notebook-flags").glob("*")
        total.memory = sum(path.stat().st_size for path in files) / 1e6
        return total


WORKLOADS = [
    Workload(r"MB after one \r", 64, cell(r"print('\r' + 'x' * N * 1_000_000, end='')")),
    Workload(r"states of 9 characters by \r", 800_000,
             cell(r"for i in range(N):" "\n" r"    print(f'\r{i:8}', end='')")),
    Workload("updates of a display ID", 8_000, cell(UPDATE + "i)")),
    Workload("updates of a display ID, images", 2_000,
             cell(PNG + UPDATE + "{'image/png': png(20_000)}, raw=True)")),
    Workload("clear_output and display", 8_000, cell(CLEAR + "    display(i)")),
    Workload("clear_output and an image of 27 KB", 4_000, cell(PNG + CLEAR + "    " + SHOW)),
    Workload("clear_output and a figure", 800, cell(FIGURE)),
    Workload("blanks in a style, sanitized", 800_000,
             cell(HTML + "HTML('<p style=\"color' + ' ' * N + '</p>')"), report="sanitized"),
    Workload("images of 2 MB", 400,
             cell(PNG + LOOP + "display({'image/png': png(1_500_000)}, raw=True)")),
    Workload("small outputs", 40_000, cell(LOOP + "display(i)")),
    Workload(r"MB of \r to the process's stderr", 64,
             cell(STDERR + r"for i in range(N):" "\n" r"    os.write(fd, b'\r' * 1_000_000)")),
    Workload("widgets", 8_000,
             cell("import ipywidgets\nw = [ipywidgets.IntSlider() for i in range(N)]")),
    Workload("displays into an Output widget", 8_000, cell(OUTPUT + "        display(i)")),
    Workload("cells of 1.4 KB", 4_000, lambda size: [CODE * (1400 // len(CODE))] * size),
    Workload("cells of 690 KB", 16, lambda size: [CODE * (690_000 // len(CODE))] * size, 600),
    Workload("KB of source in one list", 14_000, one_list, 600),
    EditedNotebook("edits of a notebook, MB of the cache", 64, cell(FLAGS), 20),
]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="an eighth of each size")
    parser.add_argument("words", nargs="*", metavar="WORD", help="of the names of workloads")
    args = parser.parse_args()
    print("| workload | sizes | CPU seconds | ratios | seconds | memory in MB (limit) | |")
    print("|---|---|---|---|---|---|---|")
    chosen = [w for w in WORKLOADS if not args.words or any(word in w.name for word in args.words)]
    within = [is_within_bounds(work, 8 if args.quick else 1) for work in chosen]
    return int(not all(within))


def is_within_bounds(work: Workload, divisor: int) -> bool:
    """Measure a workload and print its row of the table. What takes too long is measured again, and
    the least counts: other work of the machine slows a processor down too."""
    sizes = [max(1, work.largest // divisor // part) for part in (8, 4, 2, 1)]
    empty, *runs = (measured_once(work, size) for size in (0, *sizes))
    cpu, wall, memory = above(empty, runs)
    for _ in range(ROUNDS - 1):
        if all(ratio <= DOUBLED for ratio in ratios_of(cpu)):
            break
        again = above(empty, [measured_once(work, size) for size in sizes])
        cpu, wall = list(map(min, cpu, again[0])), list(map(min, wall, again[1]))
    over = [f"x {ratio:.1f}" for ratio in ratios_of(cpu) if ratio > DOUBLED]
    over += [f"{most:.0f} MB" for most in memory if most > work.memory]
    over += [f"{seconds:.0f} s" for seconds in wall if seconds >= LIMIT]
    columns = [
        work.name,
        texts(sizes, ","),
        texts(cpu, ".1f"),
        texts(ratios_of(cpu), ".1f"),
        texts(wall, ".1f"),
        f"{texts(memory, '.0f')} ({work.memory})",
        f"over: {', '.join(over)}" if over else "",
    ]
    print(f"| {' | '.join(columns)} |", flush=True)
    return not over


def measured_once(work: Workload, size: int) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "home").mkdir()
        return work.measured(size, Path(folder))


def above(empty: Measured, runs: Sequence[Measured]) -> tuple[list[float], ...]:
    """Seconds of the processor, of the clock, and megabytes of runs beyond those of an empty one;
    a run that was ended has all of its time."""
    seconds = [max(0.0, run.cpu - empty.cpu) for run in runs]
    wall = [run.wall - empty.wall * (run.wall < LIMIT) for run in runs]
    return (
        seconds,
        [max(0.0, each) for each in wall],
        [max(0.0, run.memory - empty.memory) for run in runs],
    )


def ratios_of(seconds: Sequence[float]) -> list[float]:
    return [after / max(before, NOISE) for before, after in zip(seconds, seconds[1:])]


def texts(values: Sequence[float], form: str) -> str:
    return " ".join(format(value, form) for value in values)


def write_notebook(project: Path, sources: list[str]) -> None:
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in sources])
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(nb, project / "nb.ipynb")


def measured(arguments: list[str], project: Path) -> Measured:
    """Run ``guild`` and measure it with all processes that it waits for, and of its run's process
    the memory."""
    began = time.monotonic()
    memory = 0.0
    with (project / "said").open("wb") as said:
        process = subprocess.Popen(
            [*GUILD, *arguments],
            cwd=project,
            env={**os.environ, "GUILD_HOME": str(project / "home"), "NO_PIP_FREEZE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        pid = 0
        while pid == 0:
            time.sleep(0.02)
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            memory = max(memory, memory_of_run(project))
            if pid == 0 and time.monotonic() - began > LIMIT:
                process.send_signal(signal.SIGTERM)
    wall = time.monotonic() - began
    if status and wall < LIMIT:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{(project / 'said').read_text()[-2000:]}")
    return Measured(usage.ru_utime + usage.ru_stime, wall, memory)


def memory_of_run(project: Path) -> float:
    """The most megabytes that the run's process has had so far; 0 where there is none."""
    for lock in project.glob("home/runs/*/.guild/LOCK"):
        with contextlib.suppress(OSError, ValueError):
            lines = Path(f"/proc/{int(lock.read_text())}/status").read_text().splitlines()
            return next((int(line.split()[1]) / 1e3 for line in lines if "VmHWM" in line), 0.0)
    return 0.0


if __name__ == "__main__":
    sys.exit(main())
