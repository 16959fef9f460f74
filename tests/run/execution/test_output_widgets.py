"""What Output widgets of ipywidgets capture is in the saved notebook while cells run, whatever ends
the run then."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.helpers.project import LIMIT, Project, Run, wait_for
from tests.helpers.runner import start

SETUP = """
import asyncio, ipywidgets, os, threading, time
from IPython.display import clear_output, display
names = ['with', 'capture', 'append', 'mixed', 'outer', 'inner', 'thread', 'cleared', 'waiting',
         'failed', 'updated', 'set', 'emptied', 'late', 'text']
outs = {name: ipywidgets.Output(layout={'border': '1px solid'}) for name in names}
for name in names:
    display(outs[name])
"""

CAPTURE = """
with outs['with']:
    print('printed')
    display({'image/jpeg': 'AAAA', 'text/plain': 'an image'}, raw=True)
    print('and on')
@outs['capture'].capture()
def step(i):
    print('step', i)
step(1); step(2)
outs['append'].append_stdout('first, ')
outs['append'].append_stdout('second')
outs['append'].append_stderr('third')
outs['append'].append_display_data({'data': 1})
with outs['mixed']:
    print('one')
outs['mixed'].append_stdout('two\\n')
with outs['mixed']:
    print('three')
with outs['outer']:
    print('begin')
    with outs['inner']:
        print('within')
    print('end')
def work():
    with outs['thread']:
        print('from a thread', flush=True)
t = threading.Thread(target=work); t.start(); t.join()
with outs['cleared']:
    print('gone')
outs['cleared'].clear_output()
with outs['cleared']:
    print('kept')
for i in range(3):
    with outs['waiting']:
        clear_output(wait=True)
        print('frame', i)
with outs['failed']:
    raise ValueError('meant')
with outs['updated']:
    handle = display({'text/plain': 'old'}, raw=True, display_id=True)
handle.update({'text/plain': 'new'}, raw=True)
outs['set'].append_stdout('gone\\n')
outs['set'].outputs = ({'output_type': 'stream', 'name': 'stdout', 'text': 'set\\n'},)
with outs['emptied']:
    print('gone')
async def later():
    await asyncio.sleep(0.5)
    with outs['late']:
        print('from a task')
task = asyncio.ensure_future(later())
print('of the cell')
"""

READ = """
await task
texts = [out.get('text') for out in outs['with'].outputs]
assert texts == ['printed\\n', None, 'and on\\n'], texts
outs['emptied'].outputs = ()
with outs['append']:
    print('fifth')
bar = ipywidgets.IntProgress(value=0, max=10)
bar
"""

GOING_ON = """
with outs['text']:
    for i in range(5000):
        bar.value = i
        print('line', i)
        open('started', 'w').close()
        time.sleep(0.02)
"""

EXPECTED = {
    "with": ["printed\n", "an image", "and on\n"],
    "capture": ["step 1\nstep 2\n"],
    "append": ["first, second", "third", "{'data': 1}", "fifth\n"],
    "mixed": ["one\ntwo\nthree\n"],
    "outer": ["begin\nend\n"],
    "inner": ["within\n"],
    "thread": ["from a thread\n"],
    "cleared": ["kept\n"],
    "waiting": ["frame 2\n"],
    "failed": ["ValueError: meant"],
    "updated": ["new"],
    "set": ["set\n"],
    "emptied": [],
    "late": ["from a task\n"],
}
"""The texts of the outputs of each widget but the last."""


def states(run: Run) -> dict[str, Any]:
    ((_, kept),) = run.notebook("nb.ipynb")["metadata"].get("widgets", {"": {"state": {}}}).items()
    return {key: model["state"] for key, model in kept["state"].items()}


def texts_of(outputs: list[dict[str, Any]]) -> list[str]:
    texts = []
    for out in outputs:
        if "data" in out:
            texts.append("".join(out["data"]["text/plain"]))
        elif "ename" in out:
            texts.append(f"{out['ename']}: {out['evalue']}")
        else:
            texts.append("".join(out["text"]))
    return texts


@pytest.fixture(scope="module", params=["SIGKILL", "SIGTERM"])
def ended(request: pytest.FixtureRequest, shared: Project) -> tuple[str, Run]:
    """A run that was killed or stopped in a cell whose outputs a widget captures."""
    shared.notebook("nb.ipynb", SETUP, CAPTURE, READ, GOING_ON)
    process, run = start(shared, "nb.ipynb", "--report", "html")
    with process:
        wait_for(lambda: (run.dir / "started").exists() or process.poll() is not None)
        wait_for(lambda: "line 10\\n" in json.dumps(states(run)) or process.poll() is not None)
        assert process.poll() is None, "nothing was saved while the cell ran\n" + run.output
        process.send_signal(getattr(signal, request.param))
        process.wait(LIMIT)
    return request.param, run


def test_the_saved_notebook_has_what_widgets_have_captured(ended: tuple[str, Run]):
    _, run = ended
    cells = run.notebook("nb.ipynb")["cells"]
    kept = states(run)
    shown = [out["data"] for out in cells[0]["outputs"]]
    ids = [data["application/vnd.jupyter.widget-view+json"]["model_id"] for data in shown]
    texts = [texts_of(kept[model_id]["outputs"]) for model_id in ids]
    assert dict(zip(EXPECTED, texts)) == EXPECTED
    assert texts[-1][0].startswith("line 0\nline 1\n")
    (value,) = (state["value"] for state in kept.values() if "bar_style" in state)
    assert value >= 10
    assert texts_of(cells[1]["outputs"]) == ["of the cell\n"]


def test_the_run_has_shown_it_as_it_came(ended: tuple[str, Run]):
    lines = ended[1].output.splitlines()
    for texts in EXPECTED.values():
        for text in texts[:1]:
            assert text.splitlines()[0] in lines


SHOWN = ("within\n", "frame 2\n", 'src="data:image/jpeg;base64,AAAA"')


def test_a_run_that_was_stopped_has_it_in_its_report(ended: tuple[str, Run]):
    name, run = ended
    page = (run.dir / "nb.html").read_text("utf-8") if name == "SIGTERM" else ""
    assert [text in page for text in SHOWN] == [name == "SIGTERM"] * len(SHOWN)
    assert (run.dir / "nb.html").exists() == (name == "SIGTERM")
