"""Much output: all of it reaches Guild, little of it the notebook and the runner's memory."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.helpers.causes import linux, runner_of, started_run
from tests.helpers.figures import figure
from tests.helpers.project import GUILD, LIMIT, Project, Run

pytestmark = linux

MEMORY = 300
"""Megabytes that the runner may need above what it has when the output begins."""

WAIT = """
import os, time
print('started', flush=True)
while not os.path.exists('go'):
    time.sleep(0.01)
"""
LINE = "print(f'{i:09} ' + 89 * 'x')"
LAST = "print('last')"


@dataclass
class Loud:
    """A cell that puts out ``count`` pieces: ``source`` with N for the number, ``line`` is how
    the piece begins in Guild's output."""

    source: str
    small: int
    heavy: int
    heavy_name: str
    limit: float = 1500

    def count(self, is_heavy: bool) -> int:
        return self.heavy if is_heavy else self.small


KINDS = {
    "text in a loop": Loud(f"for i in range(N):\n    {LINE}", 50_000, 10_000_000, "1 GB"),
    "flushed lines": Loud(
        "for i in range(N):\n    print(f'{i:09} x', flush=True)", 3_000, 1_000_000, "1,000,000"
    ),
    "displays": Loud(
        "for i in range(N):\n    display({'text/plain': f'{i:09} x', 'text/html': '<b>x</b>'}, "
        "raw=True)",
        1_000, 100_000, "100,000",
    ),
    "displays of images": Loud(
        "import base64\npng = base64.b64encode(bytes(1000)).decode()\n"
        "for i in range(N):\n"
        "    display({'text/plain': f'{i:09} x', 'image/png': png}, raw=True)",
        100, 10_000, "10,000",
    ),
    "one line": Loud("print(N * 'y')", 1_000_000, 100_000_000, "100 MB"),
}  # fmt: skip


@dataclass
class Measured:
    run: Run
    seconds: float
    peak: float


def measured(project: Project, source: str, limit: float) -> Measured:
    """Run a notebook; ``peak`` is the most memory of its runner in MB above that at its start."""
    project.notebook("nb.ipynb", WAIT, source, LAST)
    project.without_reports("nb.ipynb")
    command = [*GUILD, "run", "-y", "nb.ipynb"]
    with subprocess.Popen(
        command, cwd=project.dir, env=project.environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        run = started_run(project)
        runner = psutil.Process(runner_of(run))
        before, peak = runner.memory_info().rss, 0
        (run.dir / "go").touch()
        since = time.monotonic()
        while process.poll() is None and time.monotonic() - since < limit:
            try:
                peak = max(peak, runner.memory_info().rss)
            except psutil.Error:
                break
            time.sleep(0.02)
        try:
            process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait(LIMIT)
            raise
    assert process.returncode == 0
    return Measured(run, time.monotonic() - since, (peak - before) / 1e6)


def check_lines(output: Path, count: int) -> None:
    """Every numbered line is there once and in order."""
    expected = 0
    with output.open("rb") as f:
        for line in f:
            if line[:9].isdigit():
                assert int(line[:9]) == expected
                expected += 1
    assert expected == count


IN_MAKE_TEST = ("flushed lines", "displays")
LIGHT = [
    pytest.param(kind, False, marks=[] if kind in IN_MAKE_TEST else pytest.mark.slow)
    for kind in KINDS
]
HEAVY = [
    pytest.param(kind, True, marks=[pytest.mark.faults, pytest.mark.timeout(1800)])
    for kind in KINDS
]


@pytest.mark.parametrize(("kind", "is_heavy"), [*LIGHT, *HEAVY])
def test_all_output_reaches_guild_and_memory_stays_small(
    project: Project, kind: str, is_heavy: bool
):
    loud = KINDS[kind]
    count = loud.count(is_heavy)
    done = measured(project, loud.source.replace("N", str(count)), loud.limit)
    if kind == "one line":
        text = (done.run.dir / ".guild/output").read_bytes()
        assert text.count(b"y") == count + 2  # also in two lines of the run
    elif kind == "displays of images":
        assert len(list(done.run.dir.glob("nb_2_*.png"))) == count
    else:
        check_lines(done.run.dir / ".guild/output", count)
    assert done.run.output.count("last\n") == 1
    assert done.peak < MEMORY
    size = (done.run.dir / "nb.ipynb").stat().st_size / 1e6
    cells = done.run.notebook("nb.ipynb")["cells"]
    if is_heavy:
        assert size < 40 if kind == "displays of images" else size < 4
        texts = ["".join(out.get("text", "")) for out in cells[1]["outputs"]]
        note = r"\[[\d,]+ characters of output are left out here .* \.guild/output\]"
        assert any(re.search(note, text) for text in texts)
        name = f"{loud.heavy_name} {kind}" if kind != "one line" else "one line of 100 MB"
        figure(f"{name}: runner's memory above its start", f"{done.peak:.0f} MB", f"{MEMORY}")
        figure(f"{name}: seconds, and size of the notebook", f"{done.seconds:.0f} s, {size:.1f} MB")
    assert "".join(cells[2]["outputs"][0]["text"]) == "last\n"
