"""Output arrives while a cell runs."""

from __future__ import annotations

from tests.helpers.project import LIMIT, Project, start, wait_for

WAITING = """
import os, time
print('loss: 0.5', flush=True)
print('part of a line ', end='', flush=True)
while not os.path.exists('go'):
    time.sleep(0.05)
print('and its end')
"""


def test_what_a_cell_prints_is_in_the_output_while_it_runs_and_watch_follows(project: Project):
    project.notebook("nb.ipynb", WAITING, "print('second')")
    done = project.guild("run", "-y", "nb.ipynb", "--background")
    assert done.status == 0, done.stderr
    run = done.run
    output = run.dir / ".guild" / "output"
    wait_for(lambda: output.exists() and "part of a line" in run.output)
    assert run.output == "loss: 0.5\npart of a line "
    assert "0.5" in project.guild("compare", "--csv", "-", run.id).stdout
    watch = start(project, "watch", run.id)
    (run.dir / "go").touch()
    shown, _ = watch.communicate(timeout=LIMIT)
    assert "part of a line and its end\n" in shown and "second\n" in shown
    wait_for(lambda: run.attr("exit_status") is not None)
    assert run.attr("exit_status") == 0
