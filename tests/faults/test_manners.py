"""A notebook that does what notebooks should not do still ends, and is saved."""

from __future__ import annotations

import json

from tests.helpers.causes import states
from tests.helpers.project import Project
from tests.helpers.runner import execute

RUDE = [
    "import os, signal, sys, threading, time\nos.chdir('/')",
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_IGN)",
    "os.remove(os.path.join(os.environ['RUN_DIR'], 'nb.ipynb'))",
    "pid = os.fork()\nif not pid:\n    os._exit(0)\nos.waitpid(pid, 0)[1]",
    "threading.Thread(target=time.sleep, args=(600,)).start()",
    "print('before'); sys.stdout = open(os.devnull, 'w')",
]


def test_a_rude_notebook_still_ends_and_is_saved(project: Project):
    project.notebook("nb.ipynb", *RUDE)
    done = execute(project, "nb.ipynb")
    assert states(done.run) == ["completed"] * len(RUDE)
    assert done.stderr.splitlines()[-1] == (
        "the kernel was killed, since it had not ended 5 s after its last cell: "
        "what its exit handlers had not done is lost"
    )
    assert "before" in json.dumps(done.run.notebook("nb.ipynb"))
