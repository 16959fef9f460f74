"""The notebook in the run directory follows the execution, at a small share of its time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guild_notebook.run.record.autosave import Autosave
from tests.helpers.figures import figure
from tests.helpers.project import LIMIT, Project, wait_for
from tests.helpers.runner import start

SHARE = 0.05
"""Of the time that a run takes."""

STEPS = """
import os, time
display({'image/svg+xml': '<svg/>'}, raw=True)
print('started', flush=True)
while not os.path.exists('go'):
    time.sleep(0.01)
"""


def test_outputs_and_images_are_in_the_run_directory_while_the_cell_runs(project: Project):
    project.notebook("nb.ipynb", "print('first')", STEPS, "print('never yet')")
    process, run = start(project, "nb.ipynb")
    with process:
        wait_for(lambda: "started" in run.output)
        wait_for((run.dir / "nb_2_0.svg").exists)
        wait_for(lambda: "started" in json.dumps(run.notebook("nb.ipynb")))
        saved = nbformat.read(run.dir / "nb.ipynb", as_version=nbformat.NO_CONVERT)
        nbformat.validate(saved)
        assert "first" in json.dumps(saved) and "Never" not in json.dumps(saved)
        (run.dir / "go").touch()
        process.wait(LIMIT)
    assert process.returncode == 0


UNSAVED = """
import os, time
os.unlink('nb.ipynb')
os.mkdir('nb.ipynb')
print('after it')
while 'cannot save' not in open('.guild/output').read():
    time.sleep(0.01)
os.rmdir('nb.ipynb')
while not os.path.exists('go'):
    time.sleep(0.01)
"""


def test_a_save_that_failed_is_made_again_though_nothing_changes(project: Project):
    project.notebook("nb.ipynb", "print('first')", UNSAVED)
    process, run = start(project, "nb.ipynb")
    with process:
        wait_for(
            lambda: (
                (run.dir / "nb.ipynb").is_file()
                and '"after it' in json.dumps(run.notebook("nb.ipynb"))
            )
        )
        (run.dir / "go").touch()
        process.wait(LIMIT)
    assert process.returncode == 0 and run.output.count("cannot save") == 1


@given(st.lists(st.floats(0, 60), min_size=1, max_size=30))
@settings(max_examples=50)
def test_saves_take_no_more_than_their_share_of_the_time_whatever_each_takes(durations):
    """In a time of its own, where a save takes as long as is said."""
    left = list(durations)
    assert len(times_of_saves(lambda _now: left.pop(), lambda _now: not left)) == len(durations)


def test_of_a_notebook_that_grows_no_save_goes_beyond_the_share():
    ends = times_of_saves(lambda now: 0.02 * now, lambda now: now > 3600)
    assert all(saved <= SHARE * now for now, saved in ends)
    assert len(ends) > 10


def times_of_saves(
    taken: Callable[[float], float], is_over: Callable[[float], bool]
) -> list[tuple[float, float]]:
    """The time at the end of each save, and what all saves have taken until then: each takes as
    many seconds as ``taken`` returns. After the pause their share has been kept."""
    now, saved = [0.0], [0.0]
    ends = []

    def save() -> None:
        seconds = taken(now[0])
        now[0] += seconds
        saved[0] += seconds
        ends.append((now[0], saved[0]))

    async def sleep(seconds: float) -> None:
        now[0] += seconds
        assert seconds > 1 - 1e-6 and saved[0] <= SHARE * now[0] + 1e-6
        if is_over(now[0]):
            raise asyncio.CancelledError

    autosave = Autosave(clock=lambda: now[0], computed=lambda: now[0], sleep=sleep)
    autosave.start(lambda: True, save, lambda e: None)
    with pytest.raises(asyncio.CancelledError):
        # It suspends nowhere: no loop is needed.
        autosave.run().send(None)
    return ends


@given(st.floats(0.0005, 2), st.floats(0.001, 5))
@settings(max_examples=50)
def test_saves_at_the_starts_of_cells_take_their_share_too(taken, cell):
    """A second at most is saved beyond it: of the first saves, whose length is not known yet."""
    now, saved = [0.0], [0.0]

    def save() -> None:
        now[0] += taken
        saved[0] += taken

    autosave = Autosave(clock=lambda: now[0], computed=lambda: now[0])
    autosave.start(lambda: True, save, lambda e: None)
    for _ in range(300):
        autosave.cell_starts()
        now[0] += cell
    assert taken <= saved[0] <= 0.05 + taken + SHARE * now[0]


@pytest.mark.parametrize("error", [None, OSError("full")])
def test_the_first_cells_of_a_small_notebook_are_saved_as_they_start(error: OSError | None):
    saves, errors = [], []

    def save() -> None:
        saves.append(error)
        if error:
            raise error

    autosave = Autosave(clock=lambda: 5.0)
    autosave.start(lambda: True, save, errors.append)
    for _ in range(3):
        autosave.cell_starts()
    assert (len(saves), errors) == (3, [error] * 3 if error else [])


def test_what_a_save_waits_for_the_disk_or_the_processor_counts_an_eighth():
    now, computed, saves = [5.0], [0.0], []

    def save() -> None:
        saves.append(now[0])
        now[0] += 0.4
        computed[0] += 0.01

    async def sleep(seconds: float) -> None:
        now[0] += seconds
        if len(saves) == 3:
            raise asyncio.CancelledError

    autosave = Autosave(clock=lambda: now[0], computed=lambda: computed[0], sleep=sleep)
    autosave.start(lambda: True, save, lambda e: None)
    with pytest.raises(asyncio.CancelledError):
        autosave.run().send(None)
    assert saves == pytest.approx([6.0, 8.4, 10.8])


def test_a_save_that_waits_for_the_reader_of_the_output_makes_no_other():
    now, saves = [5.0], []

    def save() -> None:
        saves.append(now[0])
        if len(saves) < 10:
            now[0] += 60.0
            autosave.save_if_due()  # as OutputListener.reader_pauses does

    autosave = Autosave(clock=lambda: now[0])
    autosave.start(lambda: True, save, lambda e: None)
    autosave.cell_starts()
    assert len(saves) == 1


GROWING = """
import time
from pathlib import Path
until = time.time() + {seconds}
while time.time() < until:
    for _ in range(20):
        display({{'text/plain': 'y' * 50_000}}, raw=True)
        time.sleep(0.02)
"""


@pytest.mark.faults
@pytest.mark.parametrize(("megabytes", "seconds"), [(1, 20), (60, 45)])
def test_the_share_of_a_real_run(project: Project, megabytes: int, seconds: int, tmp_path: Path):
    """Measured in the runner: the time in saves while cells run, of the time that cells run."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(MEASURE)
    project.env.update(PYTHONPATH=str(tmp_path / "site"), MEASURED=str(tmp_path / "measured"))
    cells = ["print('y' * 50_000)"] if megabytes == 1 else []
    project.notebook("nb.ipynb", *cells, GROWING.format(seconds=seconds), "print('end')")
    project.guildfile(f"a:\n  notebook: nb.ipynb\n  nb-output-limit: {megabytes} MB\n")
    done = project.run("a")
    taken = [float(line) for line in (tmp_path / "measured").read_text().split()]
    size = (done.run.dir / "nb.ipynb").stat().st_size / 1e6
    share = sum(taken) / seconds
    figure(
        f"autosave of up to {size:.0f} MB: share of the time, number of saves",
        f"{share:.1%}, {len(taken)}",
        "5%",
    )
    assert share <= 0.05 and len(taken) >= 3


MEASURE = """
import os, sys, time
if '-uc' in sys.orig_argv and 'guild_notebook.run' in sys.orig_argv:
    from guild_notebook.run.record.autosave import Autosave
    start = Autosave.start
    def measured(self, has_changed, save, on_error):
        def timed():
            since = time.perf_counter()
            save()
            with open(os.environ['MEASURED'], 'a') as f:
                f.write(f'{time.perf_counter() - since}\\n')
        return start(self, has_changed, timed, on_error)
    Autosave.start = measured
"""
