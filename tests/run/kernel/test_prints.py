"""What printing costs in a kernel, and that it comes out whole and in order."""

from __future__ import annotations

import json
import sys

import pytest

from tests.helpers.project import Project
from tests.helpers.runner import execute

COUNT = """
import os, sys
thread = get_ipython().kernel.iopub_thread
class Counting:
    def __init__(self, pipe):
        self.pipe, self.wakes = pipe, 0
    def send(self, message):
        self.wakes += 1
        return self.pipe.send(message)
    def close(self):
        self.pipe.close()
pipe = thread._local.event_pipe = Counting(thread._event_pipe)
asked, getpid = [], os.getpid
"""
FLUSHED = """
before = pipe.wakes
for i in range(200):
    print('flushed', i, flush=True)
wakes = pipe.wakes - before
before = pipe.wakes
for i in range(200):
    sys.stdout.flush()
    sys.stderr.flush()
print('woken', wakes, 'and in vain', pipe.wakes - before)
"""
PRINTED = """
os.getpid = lambda: asked.append(1) or getpid()
for i in range(1000):
    print('printed', i)
os.getpid = getpid
print('asked', len(asked))
"""
ORDER = """
import threading
from IPython.display import display
def forked(name):
    sys.stdout.flush()  # else the child prints it too
    child = os.fork()
    if not child:
        print(name, 'forked')
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
for i in range(100):
    print('out', i, end=' ')
    print('err', i, file=sys.stderr)
    display({'text/plain': f'shown {i}'}, raw=True)
    print('then')
started = threading.Thread(target=lambda: [print('thread', i) for i in range(50)])
started.start()
started.join()
try:
    sys.stdout.write(b'bytes')
except TypeError as e:
    print('TypeError')
sys.stdout.writelines(['a', 'b', '\\n'])
forked('first')
"""

MUCH = """
def resident():
    with open('/proc/self/status') as f:
        return next(int(line.split()[1]) / 1000 for line in f if line.startswith('VmHWM'))
before = resident()
for i in range(200_000):
    print(f'{i:099}')
print('grown', round(resident() - before))
"""
SLOW = """
import time
printed, seen = 0, []
get_ipython().kernel.iopub_thread.schedule(lambda: (time.sleep(1), seen.append(printed)))
for printed in range(100_000):
    print(f'{printed:099}')
print('ahead', *seen)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_kernel_does_not_keep_what_its_cells_print_beyond_what_notebook_saves(project: Project):
    project.notebook("nb.ipynb", "print('short')", MUCH, SLOW, "%notebook session.ipynb")
    done = execute(project, "nb.ipynb")
    (grown,) = (line for line in done.stdout.splitlines() if line.startswith("grown "))
    assert int(grown.split()[1]) < 20  # MB; of 20 MB of text IPython alone keeps 40
    (ahead,) = (line for line in done.stdout.splitlines() if line.startswith("ahead "))
    assert 0 < int(ahead.split()[1]) < 25_000  # of 100,000: a megabyte, and what was being sent
    saved = json.loads((done.run.dir / "session.ipynb").read_text())
    assert _text(saved["cells"][0]["outputs"], "stdout") == "short\n"


def test_printing_wakes_the_thread_for_output_once_a_flush_and_asks_the_system_nothing(
    project: Project,
):
    project.notebook("nb.ipynb", COUNT, FLUSHED, PRINTED, ORDER)
    done = execute(project, "nb.ipynb")
    lines = done.stdout.splitlines()
    (woken,) = (line.split() for line in lines if line.startswith("woken "))
    assert int(woken[1]) < 210  # ipykernel itself: 600
    assert int(woken[5]) < 10  # and 800
    (asked,) = (line.split() for line in lines if line.startswith("asked "))
    assert int(asked[1]) < 50  # and 2000
    for name, count in ("flushed", 200), ("printed", 1000), ("thread", 50):
        assert [line for line in lines if line.startswith(f"{name} ")] == [
            f"{name} {i}" for i in range(count)
        ]
    assert "first forked" in done.stdout and "TypeError" in lines and "ab" in lines
    outputs = done.run.notebook("nb.ipynb")["cells"][3]["outputs"]
    assert _text(outputs, "stderr") == "".join(f"err {i}\n" for i in range(100))
    expected = "".join(f"out {i} shown {i}then\n" for i in range(100))
    assert expected in _text(outputs, "stdout")


def _text(outputs, stream: str) -> str:
    """What a stream and the displays between its texts show."""
    parts = [
        out.get("text") or out["data"]["text/plain"]
        for out in outputs
        if out.get("name", stream) == stream and (stream == "stdout" or "text" in out)
    ]
    return "".join("".join(part) for part in parts)
