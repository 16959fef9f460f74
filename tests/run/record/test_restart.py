"""Every later start of a run begins from its unchanged source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.project import Command, Project, Run, wait_for
from tests.helpers.slow import but_slow

CELL = (
    "# the value\n"
    "x = 1  # keep this\n"
    "import os\n"
    "open('made.txt', 'a').write('line\\n')\n"
    "from IPython.display import display, SVG\n"
    "for _ in range(x):\n"
    "    display(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>'))\n"
    "print(f'value: {x}')"
)


@pytest.fixture(scope="module")
def first(shared: Project) -> Command:
    shared.notebook("nb.ipynb", CELL, "print('second cell')")
    shared.without_reports("nb.ipynb")
    return shared.run("nb.ipynb", "x=3")


def check(shared: Project, run: Run, value: int, done: Command) -> None:
    """The run executed the source with ``value`` and has nothing of any other execution."""
    assert f"value: {value}\n" in done.stdout
    assert run.source("nb.ipynb") == (shared.dir / "nb.ipynb").read_bytes()
    assert run.sources("nb.ipynb")[0] == CELL.replace("x = 1", f"x = {value}")
    executed = json.dumps(run.notebook("nb.ipynb"))
    assert executed.count("image/svg+xml") == value
    assert len(list(run.dir.glob("nb_*.svg"))) == value
    mine = [line.split()[:2] for line in run.manifest if "nb.ipynb" in line.split()[1]]
    assert mine == [["s", ".guild/sourcecode/nb.ipynb"], ["d", "nb.ipynb"], ["g", "./nb.ipynb"]]
    assert run.attr("exit_status") == 0


def test_a_run_has_its_value(shared: Project, first: Command):
    check(shared, first.run, 3, first)
    assert "nb.ipynb" in shared.guild("ls", "-g", first.run.id).stdout.split()


@pytest.mark.parametrize("value", but_slow([1, 2], 1))
def test_a_restart_with_another_value_and_with_none(shared: Project, first: Command, value: int):
    """1 is that of the source, from which the first run differs."""
    check(shared, first.run, value, shared.run("--restart", first.run.id, f"x={value}"))
    check(shared, first.run, value, shared.run("--restart", first.run.id))


@pytest.mark.slow
def test_a_run_made_from_another_begins_from_its_source(shared: Project, first: Command):
    done = shared.run("--proto", first.run.id, "x=2")
    check(shared, done.run, 2, done)
    again = shared.run("--proto", done.run.id, "x=4")
    check(shared, again.run, 4, again)
    diff = shared.guild("diff", first.run.id, again.run.id, "--sourcecode", "-c", "diff -ru")
    assert "x = " not in diff.stdout, diff.stdout  # it compares sources


def test_a_staged_run_starts_from_the_source_at_the_time_of_staging(shared: Project, first):
    path = shared.dir / "nb.ipynb"
    staged = shared.run("nb.ipynb", "x=2", "--stage").run
    assert not (staged.dir / ".guild/sourcecode").exists()
    before = path.read_bytes()
    try:
        path.write_text(path.read_text().replace("keep this", "changed since"))
        done = shared.run("--start", staged.id)
    finally:
        path.write_bytes(before)
    check(shared, staged, 2, done)


@pytest.mark.slow
def test_source_code_that_is_forced_anew_counts(shared: Project, first: Command):
    run = shared.run("--proto", first.run.id, "x=2").run
    path = shared.dir / "nb.ipynb"
    before = path.read_bytes()
    try:
        path.write_text(path.read_text().replace("keep this", "changed since"))
        shared.run("--restart", run.id, "--force-sourcecode", "x=5")
        assert run.source("nb.ipynb") == path.read_bytes()
        assert "x = 5  # changed since" in run.sources("nb.ipynb")[0]
    finally:
        path.write_bytes(before)
    mine = [line.split()[:2] for line in run.manifest if "nb.ipynb" in line.split()[1]]
    assert mine == [["s", ".guild/sourcecode/nb.ipynb"], ["d", "nb.ipynb"], ["g", "./nb.ipynb"]]


@pytest.mark.slow
def test_trials_of_a_grid_each_begin_from_the_source(shared: Project, first: Command):
    done = shared.run("nb.ipynb", "x=[1,2,3]")
    trials = [run for run in done.runs if not (run.dir / ".guild/proto").exists()]
    assert sorted(run.flags["x"] for run in trials) == [1, 2, 3]
    for run in trials:
        value = run.flags["x"]
        assert run.sources("nb.ipynb")[0] == CELL.replace("x = 1", f"x = {value}")
        assert run.source("nb.ipynb") == (shared.dir / "nb.ipynb").read_bytes()
        assert len(list(run.dir.glob("nb_*.svg"))) == value


@pytest.mark.slow
def test_what_a_user_does_to_the_executed_notebook_does_not_matter(shared: Project, first):
    run = shared.run("--proto", first.run.id, "x=2").run
    (run.dir / "nb.ipynb").write_text("{broken")
    check(shared, run, 3, shared.run("--restart", run.id, "x=3"))
    (run.dir / "nb.ipynb").unlink()
    check(shared, run, 2, shared.run("--restart", run.id, "x=2"))


@pytest.mark.slow
def test_a_run_that_was_exported_and_imported_restarts(shared: Project, first: Command, tmp_path):
    run = shared.run("--proto", first.run.id, "x=2").run
    exported = tmp_path / "exported"
    assert shared.guild("export", str(exported), run.id, "-y").status == 0
    elsewhere = Project(shared.dir, tmp_path / "home")
    elsewhere.home.mkdir()
    assert elsewhere.guild("import", str(exported), "-y").status == 0
    copied = Run(Path(elsewhere.home / "runs" / run.id))
    check(elsewhere, copied, 4, elsewhere.run("--restart", run.id, "x=4"))


@pytest.mark.slow
def test_a_queue_runs_what_is_staged(shared: Project, first: Command):
    staged = shared.run("nb.ipynb", "x=2", "--stage").run
    queue = shared.run("queue", "run-once=yes")
    wait_for(lambda: staged.attr("exit_status") is not None)
    check(shared, staged, 2, Command(staged.output, "", 0))
    assert queue.status == 0
