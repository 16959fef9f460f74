"""A cell or a run that takes too long is interrupted, then killed, and said so."""

from __future__ import annotations

from tests.helpers.causes import of_home, saved_text, states
from tests.helpers.project import Project
from tests.helpers.runner import attempt


def test_a_cell_over_its_time_is_interrupted(project: Project):
    project.notebook("nb.ipynb", "print('kept')", "import time\ntime.sleep(600)", "print('never')")
    done = attempt(project, "nb.ipynb", "--cell-timeout", "5")
    said = "cell [2] (import time) was interrupted: over 5 s (nb-cell-timeout)"
    assert done.status == 1 and said in done.stderr
    assert states(done.run) == ["completed", "timed out", "not run"]
    assert said in saved_text(done.run) and "kept" in saved_text(done.run)
    assert of_home(project) == []


STUBBORN = """
import subprocess, sys, time
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
while True:
    try:
        time.sleep(1)
    except KeyboardInterrupt:
        print('no')
"""


def test_a_cell_that_takes_no_interrupt_is_killed_with_what_it_has_started(project: Project):
    project.notebook("nb.ipynb", "print('kept')", STUBBORN, "print('never')")
    done = attempt(project, "nb.ipynb", "--timeout", "5")  # in which a cell has begun
    assert done.status == 1 and "was killed: over 5 s (nb-timeout)" in done.stderr
    assert states(done.run) == ["completed", "timed out", "not run"]
    assert "was killed: over 5 s (nb-timeout)" in saved_text(done.run)
    assert "no" in saved_text(done.run)
    assert of_home(project) == []
