"""How a kernel's interpreter ends: soon, and with what the notebook has left open."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty
from types import SimpleNamespace

import pytest

from guild_notebook.fork_host import is_possible
from guild_notebook.run.execution.client import RunClient
from guild_notebook.run.kernel import launcher
from tests.helpers.project import Project
from tests.helpers.runner import attempt, execute

# As in a kernel: what has been imported by then is kept from collection.
START = (
    "import atexit, gc, runpy; "
    "atexit.register(lambda: print('collected' if len(gc.get_objects()) > 1000 else 'not')); "
    f"atexit.register(runpy.run_path({launcher.__file__!r})['end_at_once']); "
    "import asyncio, gzip, zipfile; loop = asyncio.new_event_loop(); gc.freeze()\n"
    "class Any: pass\n"
    "a = Any(); a.itself = a\n"
)

LEFT = {
    "nothing": ("", "not", None),
    "a cycle without finalizers": ("a.data = list(range(1000))", "not", None),
    "a file that was read": ("a.file = open('other')", "not", None),
    "a text in memory": ("import io; a.file = io.StringIO('x')", "not", None),
    "a library's generator": (
        "import difflib; a.next = difflib.unified_diff(['a'], ['b']); next(a.next)", "not", None
    ),
    "a library's coroutine": (
        "a.next = asyncio.sleep(9); "
        "a.future = asyncio.Future(loop=loop)",
        "not",
        None,
    ),
    "a socket": ("import socket; a.socket = socket.socket()", "not", None),
    "an event loop": ("a.loop = asyncio.new_event_loop()", "not", None),
    "a pipe": ("import multiprocessing; a.pipe = multiprocessing.Pipe()", "not", None),
    "a file": ("a.file = open('left', 'w'); a.file.write('text')", "collected", b"text"),
    "bytes": ("a.file = open('left', 'wb'); a.file.write(b'text')", "collected", b"text"),
    "an archive": (
        "a.file = zipfile.ZipFile('left', 'w'); a.file.writestr('name', 'text')",
        "collected", b"PK\5\6",
    ),
    "compressed": (
        "a.file = gzip.open('left', 'wb'); a.file.write(b'text')", "collected", b"\4\0\0\0"
    ),
    "a finalizer": (
        "Any.__del__ = lambda self, open=open: open('left', 'w').write('text')",
        "collected", b"text",
    ),
    "an object in C that can be closed": (
        "import mmap\nclass Data(mmap.mmap): pass\na.data = Data(-1, 10)", "collected", None
    ),
    "an object in Python that can be closed": ("Any.close = lambda self: None", "not", None),
    "a generator": (
        "def generate(open=open):\n    try:\n        yield\n    finally:\n"
        "        open('left', 'w').write('text')\n"
        "a.next = generate()\nnext(a.next)", "collected", b"text",
    ),
    "a coroutine": (
        "async def wait(open=open):\n    try:\n        await a.next\n    finally:\n"
        "        open('left', 'w').write('text')\n"
        "import types\n"
        "@types.coroutine\ndef suspend():\n    yield\n"
        "a.next = suspend()\na.coroutine = wait()\na.coroutine.send(None)",
        "collected",
        b"text",
    ),
    "a class whose attributes raise": (
        "class Odd(type):\n    def __getattr__(cls, name): raise OSError(name)\n"
        "a.odd = Odd('Odd', (), {})()", "collected", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LEFT)
def test_garbage_is_collected_at_the_end_where_it_has_a_finalizer_to_run(name, tmp_path: Path):
    source, expected, content = LEFT[name]
    (tmp_path / "other").write_text("text")
    command = [sys.executable, "-c", START + source]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout.split() == [expected], done.stderr
    if content is not None:
        assert content in (tmp_path / "left").read_bytes()[-22:]


def test_what_cells_have_left_open_is_written_at_the_end_of_the_kernel(project: Project):
    project.notebook(
        "nb.ipynb",
        "file = open('global.txt', 'w')\nfile.write('text')",
        "class Any: pass\na = Any()\na.itself = a\n"
        "a.file = open('cycle.txt', 'w')\na.file.write('text')",
        "import gc\nprint(gc.get_freeze_count() > 1000)",
    )
    done = execute(project, "nb.ipynb")
    assert "True\n" in done.stdout
    assert (done.run.dir / "global.txt").read_text() == "text"
    assert (done.run.dir / "cycle.txt").read_text() == "text"


@pytest.mark.skipif(not is_possible(), reason="no process can be forked here")
def test_a_forked_kernel_ends_at_once_but_for_what_shared_cells_have_made_with_a_finalizer(
    project: Project,
):
    project.file(
        "odd.py",
        "class Odd:\n    def __del__(self, open=open): open('left', 'w')\n"
        "def has_context():\n"  # in a module: where a cell has the name gc, nothing is frozen
        "    import gc, zmq\n"
        "    return any(isinstance(each, zmq.Context) for each in gc.get_objects())\n",
    )
    for name, made in (("plain", "object"), ("odd", "Odd")):
        source = f"from odd import Odd, has_context\na = [{made}()]\na.append(a)"
        project.notebook(f"{name}.ipynb", source, "x = 1\nprint(x)\nprint(has_context())")
    plain, odd = (project.run(f"{n}.ipynb", "x=[1,2]", "nb-fork=yes") for n in ("plain", "odd"))
    trials = [run for run in plain.runs if run.attr("shared_cells")]
    assert len(trials) == 2
    assert all("False\n" in run.output and not (run.dir / "left").exists() for run in trials)
    trials = [run for run in odd.runs if run.attr("shared_cells")]
    assert len(trials) == 2
    assert all("True\n" in run.output and (run.dir / "left").exists() for run in trials)


class AtTheEnd:
    """A kernel's channel for output that ends, or does not, with the kernel, which has ended when
    it is asked for the fourth time; counts how often it was asked."""

    def __init__(self, has_closed: bool, ended: asyncio.Event) -> None:
        self.has_closed = has_closed
        self.asked = 0
        self._ended = ended

    async def get_msg(self, timeout: float) -> object:
        self.asked += 1
        if self.asked == 4:
            self._ended.set()
        if not self.has_closed:
            await asyncio.sleep(timeout)
        raise Empty


@pytest.mark.parametrize(("has_closed", "asked"), [(True, range(1, 2)), (False, range(3, 30))])
def test_a_kernel_that_has_closed_its_output_is_not_asked_for_more(has_closed: bool, asked: range):
    async def drain() -> int:
        ended = asyncio.Event()
        channel = AtTheEnd(has_closed, ended)
        if has_closed:
            asyncio.get_running_loop().call_later(0.2, ended.set)
        client = SimpleNamespace(kc=SimpleNamespace(iopub_channel=channel))
        await RunClient.drain(client, SimpleNamespace(ended=ended))
        assert ended.is_set()
        return channel.asked

    with ThreadPoolExecutor(1) as thread:  # which has no event loop, as this one has of a browser
        assert thread.submit(asyncio.run, drain()).result() in asked


def test_a_cell_that_closes_the_output_and_ends_the_kernel_is_said_to(project: Project):
    project.notebook(
        "nb.ipynb",
        "import os, sys, time\nprint('printed')\nprint('to stderr', file=sys.stderr)",
        "from ipykernel.kernelapp import IPKernelApp\n"
        "IPKernelApp.instance().iopub_thread.close()\ntime.sleep(0.5)\nos._exit(3)",
    )
    done = attempt(project, "nb.ipynb")
    assert done.status == 1
    assert "printed\n" in done.stdout and "to stderr\n" in done.stderr
    assert "the kernel died in cell [2]" in done.stderr and "exit status 3" in done.stderr
