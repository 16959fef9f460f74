"""What a run leaves where the system has no subreaper and no /proc, as macOS: no process."""

from __future__ import annotations

import os
import signal

import pytest

from tests.helpers import runner
from tests.helpers.causes import linux, new_mark, processes_with
from tests.helpers.project import LIMIT, Project, wait_for
from tests.helpers.slow import but_slow

pytestmark = [linux, pytest.mark.parametrize("system", ["darwin"], indirect=True)]

CELL = """
import subprocess, sys, time
SLEEP = 'import signal, time; signal.signal(signal.SIGTERM, signal.{action}); time.sleep(600)'
START = '''
import subprocess, sys, time
subprocess.Popen([sys.executable, *sys.argv[1:]], start_new_session='session' in sys.argv[-1])
time.sleep(4 if 'slow' in sys.argv[-1] else 0)
'''
for number, kind in enumerate(KINDS):
    action = 'SIG_IGN' if 'stubborn' in kind else 'SIG_DFL'
    child = ['-c', SLEEP.format(action=action), MARK + str(number), kind]
    env = {} if 'no environment' in kind else None
    if 'orphan' in kind:
        subprocess.run([sys.executable, '-c', START, *child], env=env)
    else:
        new = 'session' in kind
        subprocess.Popen([sys.executable, *child], env=env, start_new_session=new)
time.sleep(4)
print('started', flush=True)
"""

KINDS = [
    "child",
    "stubborn child",
    "orphan",
    "child in a session of its own",
    "orphan in a session of its own",
    "stubborn orphan in a session of its own",
    "child in a session of its own with no environment",
    "slow orphan in a session of its own with no environment",
]
"""Processes of a cell: what its parent and its session are, whether it ignores SIGTERM."""


@pytest.mark.parametrize("how", but_slow(["its end", "SIGTERM", "SIGKILL"], "its end", "SIGKILL"))
def test_each_kind_of_process_that_cells_leave_is_found_by_looks_at_the_process_table(
    project: Project, system: str, how: str
):
    mark = new_mark()
    values = f"KINDS, MARK = {KINDS}, {mark + '-'!r}\n"
    then = "" if how == "its end" else "time.sleep(600)"
    project.notebook("nb.ipynb", values + CELL + then)
    process, run = runner.start(project, "nb.ipynb")
    marks = {f"{mark}-{number}": kind for number, kind in enumerate(KINDS)}
    try:
        wait_for(lambda: "started\n" in run.output or process.poll() is not None)
        if how != "its end":
            assert [kind for word, kind in marks.items() if not processes_with(word)] == []
            os.kill(process.pid, signal.Signals[how])
        status = process.wait(LIMIT)
        assert status == (0 if how == "its end" else -signal.Signals[how]), run.output
        wait_for(lambda: not left(marks))
    finally:
        still = left(marks)
        for word in marks:
            for found in processes_with(word):
                found.send_signal(signal.SIGKILL)
    assert still == []


def left(marks: dict[str, str]) -> list[str]:
    return [kind for word, kind in marks.items() if processes_with(word)]
