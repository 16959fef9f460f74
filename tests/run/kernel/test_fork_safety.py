"""What is forked goes on as it would have, and what would not is found before: real processes that
execute cells, ask, and are forked in any case, so that a rule without a reason would be seen."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from guild_notebook.run.kernel import fork_safety, native_threads, prefix
from tests.helpers.project import LIMIT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

VARIABLES = ["RUN_DIR", "RUN_ID", "FLAG_*"]

PROGRAM = r"""
import ast, asyncio, importlib.util, inspect, json, os, sys, time, traceback, types

source, variables, cells, after = json.loads(sys.argv[1])
sys.path.append("../site-packages")
spec = importlib.util.spec_from_file_location("prefix", source)
prefix = importlib.util.module_from_spec(spec)
spec.loader.exec_module(prefix)
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
main = sys.modules["__main__"] = types.ModuleType("__main__")

def execute(source):
    code = compile(source, "/tmp/ipykernel_1/1.py", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, vars(main))
    if inspect.iscoroutine(result):
        loop.run_until_complete(result)

def trial():
    try:
        watch.in_child()
        execute(after)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0

watch = prefix.sibling("fork_safety").Watch(os.getcwd(), variables, prefix.sibling)
execute(cells)
start = time.perf_counter()
problem = watch.problem(vars(main), [0, 1, 2])
seconds = time.perf_counter() - start
statuses = []
for _ in range(2 if after else 0):
    pid = os.fork()
    if not pid:
        sys.exit(trial())
    end = time.monotonic() + 20
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended or time.monotonic() > end:
            break
        time.sleep(0.01)
    if not ended:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    statuses.append(status if ended else "hangs")
print(json.dumps([problem, seconds, statuses]))
sys.stdout.flush()
os._exit(0)
"""


SERVER = r"""
import os, socket
ends = os.pipe()
if not os.fork():
    server = socket.create_server(("127.0.0.1", 0))
    os.write(ends[1], str(server.getsockname()[1]).encode())
    if os.fork():
        os._exit(0)
    import signal
    signal.alarm(30)
    for fd in (1, 2):
        os.close(fd)
    while True:
        client, _ = server.accept()
        if os.fork():
            client.close()
            continue
        while client.recv(9999):
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere")
        os._exit(0)
address = "http://127.0.0.1:" + os.read(ends[0], 9).decode()
os.wait(), os.close(ends[0]), os.close(ends[1])
"""
"""A process that is not a child of the cells', and keeps connections."""


class Forked(NamedTuple):
    problem: str
    seconds: float
    statuses: list[int | str]
    errors: str


def forked(folder: Path, cells: str, after: str = "") -> Forked:
    """What ``Watch.problem`` says after the ``cells``, the seconds that it took, the exit statuses
    of two forks that then execute ``after``, and what all have written to stderr."""
    library = "import os\ndef read(name): return os.environ.get(name)\n"
    library += "def copy(): return dict(os.environ)\n"
    (folder.parent / "site-packages").mkdir()
    (folder.parent / "site-packages" / "library.py").write_text(library)
    folder.mkdir()
    (folder / "in.txt").write_text("".join(f"line {i}\n" for i in range(3)))
    (folder / "project.py").write_text(f"{library}WHERE = None\n")
    (folder.parent / "target.txt").touch()
    (folder / "link.txt").symlink_to("../target.txt")
    told = json.dumps([prefix.__file__, VARIABLES, cells, after])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, told],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Forked(*json.loads(done.stdout.splitlines()[-1]), done.stderr)


NOT_SHARED = {
    "import threading, time\nthreading.Thread(target=time.sleep, args=(9,), name='mine').start()": (
        "a thread of the notebook goes on (mine)"
    ),
    "import subprocess\nstarted = subprocess.Popen(['sleep', '1'])": (
        "a process of the notebook goes on (sleep)"
    ),
    "import multiprocessing\nlock = multiprocessing.get_context('fork').Lock()": (
        "a lock or a queue of multiprocessing is in use"
    ),
    "import mmap\nshared = mmap.mmap(-1, 100)": "memory is shared with other processes",
    "import mmap\nwith open('in.txt', 'r+') as f:\n    shared = mmap.mmap(f.fileno(), 0)": (
        "in.txt is open for writing"  # under a number of its own
    ),
    "import ctypes, os\nmap_file = ctypes.CDLL(None).mmap\n"
    "map_file.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]\n"
    "with open('in.txt', 'r+') as f:\n    map_file(None, 8, 3, 1, f.fileno(), 0)": (
        "in.txt is mapped for writing"
    ),
    "log = open('log.txt', 'w')": "log.txt is open for writing",
    "import sqlite3\nbase = sqlite3.connect('in.db')": "in.db is open for writing",
    "import logging\nlogging.basicConfig(filename='run.log')": "run.log is open for writing",
    "import tempfile\nlog = tempfile.TemporaryFile()": "a temporary file is open for writing",
    "import os\nreader, writer = os.pipe()": "a pipe is open",
    "import socket\nserver = socket.create_server(('127.0.0.1', 0))": (
        "a socket is open (not connected)"
    ),
    "import pty\nends = pty.openpty()": "the device /dev/ptmx is open",
    "import select\nwaits = select.epoll()": "a descriptor of the system is open ([eventpoll])",
    "import asyncio\nasync def soon():\n    asyncio.create_task(asyncio.sleep(9), name='mine')\n"
    "await soon()": "an asyncio task is pending (mine)",
    "import asyncio\nasync def soon():\n    asyncio.get_running_loop().call_later(9, print)\n"
    "await soon()": "a timer of asyncio is pending",
    "import asyncio, signal\nasync def soon():\n"
    "    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, print)\nawait soon()": (
        "a handler of asyncio waits for a signal"
    ),
    "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (90, 90))": (
        "too few files more may be opened for a kernel to begin"
    ),
    "import signal\nsignal.setitimer(signal.ITIMER_REAL, 99)": "a timer is set",
}

OF_ONE_RUN = {
    "open('made.txt', 'w').close()": "a cell has written made.txt into the working directory",
    "import os\nos.mkdir('made')": "a cell has written made/ into the working directory",
    "open('in.txt', 'a').write('more')": "a cell has changed in.txt in the working directory",
    "open('link.txt', 'a').write('more')": "a cell has changed link.txt in the working directory",
    "import os\nos.remove('in.txt')": "a cell has removed in.txt from the working directory",
    "import os\nos.chdir('/')": "a cell has changed the working directory",
    "import os, shutil\nshutil.rmtree(os.getcwd())": "a cell has removed the working directory",
    "import os\nos.environ.get('RUN_DIR')": "a cell has read RUN_DIR of the run",
    "import os\nos.environb.get(b'RUN_DIR')": "a cell has read RUN_DIR of the run",
    "import os\nos.getenv('FLAG_LR')": "a cell has read FLAG_LR of the run",
    "import os\nos.path.expandvars('$RUN_ID')": "a cell has read RUN_ID of the run",
    "import os\ncopy = dict(os.environ)": "a cell has read the variables of the run",
    "import os\nfor name, value in os.environ.items(): pass": (
        "a cell has read the variables of the run"
    ),
    "import os\nprint(os.environ)": "a cell has read the variables of the run",
    "import project\nproject.copy()": "a cell has read the variables of the run",
    "import library\nlibrary.read('RUN_DIR')": "a cell has read RUN_DIR of the run",
    "from IPython.core.magics.osm import OSMagics\nOSMagics().env('')": (
        "a cell has read the variables of the run"
    ),
    "import project, os\nproject.WHERE = os.path.abspath('data')": (
        "project.WHERE keeps the path of the folder in which the shared cells ran"
    ),
    "import os\nos.environ['CACHE'] = os.path.abspath('cache')": (
        "the variable CACHE keeps the path of the folder in which the shared cells ran"
    ),
    "import os, tempfile\ntempfile.tempdir = os.getcwd()": (
        "tempfile.tempdir keeps the path of the folder in which the shared cells ran"
    ),
    "import logging\nlater = logging.FileHandler('a.log', delay=True)\n"
    "logging.root.addHandler(later)\ndel later": (
        "a handler of logging keeps the path of the folder in which the shared cells ran"
    ),
}

KEPT = [
    "import os\nX = os.getcwd()",
    "import os\nX = os.fsencode(os.getcwd())",
    "import os\nX = 'sqlite:///' + os.path.abspath('results.db')",
    "from pathlib import Path\nX = Path.cwd() / 'data'",
    "import os\nX = {'a': [1, (2, {os.path.abspath('b')})]}",
    "import os\nX = {i: os.path.abspath(str(i)) for i in range(750)}",
    "import os\nX = [os.path.abspath(str(i)) for i in range(100_000)]",
    "import os\nX = {i: os.path.abspath(str(i)) for i in range(100_000)}",
    "import os, functools\nX = functools.partial(print, os.getcwd())",
    "import os, functools\nX = functools.lru_cache(os.getcwd)\nX()",
    "import os\ndef make(path):\n    return lambda: path\nX = make(os.getcwd())",
    "import os\ndef X(path=os.getcwd()): pass",
    "import os\nclass X:\n    folder = os.getcwd()",
    "import os\nclass Kind:\n    __slots__ = 'folder'\nX = Kind()\nX.folder = os.getcwd()",
    "import os, numpy\nX = numpy.array([os.getcwd()])",
    "import os, pandas\nX = pandas.DataFrame({'p': [os.path.abspath(str(i)) for i in range(9)]})",
]


@pytest.mark.parametrize("cells", NOT_SHARED, ids=range(len(NOT_SHARED)))
def test_what_a_fork_does_not_copy_or_shares_is_told(tmp_path: Path, cells: str):
    assert forked(tmp_path / "work", cells).problem == NOT_SHARED[cells]


@pytest.mark.parametrize("cells", OF_ONE_RUN, ids=range(len(OF_ONE_RUN)))
def test_what_is_of_one_run_alone_is_told(tmp_path: Path, cells: str):
    assert forked(tmp_path / "work", cells).problem == OF_ONE_RUN[cells]


@pytest.mark.parametrize("cells", KEPT, ids=range(len(KEPT)))
def test_the_path_of_the_working_directory_is_found_wherever_it_is_kept(tmp_path: Path, cells: str):
    told = "X keeps the path of the folder in which the shared cells ran"
    assert forked(tmp_path / "work", cells).problem == told


TEMPORARY = {
    "import tempfile\nX = tempfile.mkdtemp(prefix='mine')": (
        "X keeps the path of a temporary file that a cell has made ("
    ),
    "import tempfile\nX = [tempfile.mkdtemp() + '/model']": (
        "X keeps the path of a temporary file that a cell has made ("
    ),
    "import tempfile\nX = tempfile.TemporaryDirectory()": (
        "a temporary folder is removed when a trial ends ("
    ),
}


@pytest.mark.parametrize("cells", TEMPORARY, ids=range(len(TEMPORARY)))
def test_a_temporary_folder_that_all_trials_would_use_is_told(tmp_path: Path, cells: str):
    assert forked(tmp_path / "work", cells).problem.startswith(TEMPORARY[cells])


def test_native_threads_that_a_fork_would_lack_are_told(tmp_path: Path):
    cells = "import faulthandler\nfaulthandler.dump_traceback_later(99)"
    told = forked(tmp_path / "work", cells).problem
    assert told.startswith("native threads of ") and told.endswith(" go on")


def test_a_device_of_a_gpu_is_told(tmp_path: Path):
    watch = object.__new__(fork_safety.Watch)
    identity = (stat.S_IFCHR, 0, 0, "/dev/nvidia0")
    assert watch._problem_of_descriptor(0, identity) == "a GPU is in use (/dev/nvidia0)"


OWNERS = {
    "/lib/libarrow.so.2600 jemalloc_bg_thd": True,
    "/lib/libiomp5.so python": True,
    "/lib/libomp.so.5 python": True,
    "/site-packages/numexpr/interpreter.cpython-311-x86_64-linux-gnu.so python": True,
    "/site-packages/torch/lib/libtorch_cpu.so python": True,
    "/site-packages/torch/lib/libtorch_cpu.so pt_autograd_0": False,
    "/lib/libgomp.so.1 python": False,
    "/site-packages/polars/polars.abi3.so jemalloc_bg_thd": False,
    " python": False,
}


@pytest.mark.parametrize("owner", OWNERS)
def test_whose_threads_a_fork_does_not_need(owner: str):
    assert bool(native_threads.FORK_SAFE.search(owner)) == OWNERS[owner]


GOES_ON = {
    "x = 1": "assert x == 1",
    "f = open('in.txt')\nf.readline()": "assert f.read() == 'line 1\\nline 2\\n'",
    "import os\nfd = os.open('in.txt', os.O_RDONLY)\nos.read(fd, 7)": (
        "assert os.read(fd, 7) == b'line 1\\n' and not os.get_inheritable(fd)"
    ),
    "import os, tempfile\nd = tempfile.mkdtemp()\nopen(d + '/a', 'w').write('abc')\n"
    "f = open(d + '/a')\nos.remove(d + '/a')\nos.rmdir(d)": "assert f.read() == 'abc'",
    "f = open('/dev/null', 'w')": "print(1, file=f)",
    "import os\nentries = os.scandir()": "assert len(list(entries)) == 3",
    "import mmap\nwith open('in.txt') as f:\n"
    "    a = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)\n"
    "    b = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_COPY)": (
        "b[:4] = b'LINE'\nassert a[:4] == b'line'"
    ),
    "import sqlite3\nbase = sqlite3.connect(':memory:')\nbase.execute('create table a (b)')": (
        "base.execute('insert into a values (1)')\n"
        "assert list(base.execute('select count(*) from a')) == [(1,)]"
    ),
    "import subprocess\nsubprocess.run(['true'], check=True)": (
        "assert not subprocess.run('true').returncode"
    ),
    "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(2) as pool:\n"
    "    found = list(pool.map(abs, [-1]))": (
        "with ThreadPoolExecutor(2) as pool:\n    assert list(pool.map(abs, [-1])) == found"
    ),
    "import asyncio\nasync def soon():\n    return await asyncio.sleep(0, 5)\nx = await soon()": (
        "assert await soon() == x"
    ),
    "import os\nhere = os.environ\nos.environ['MINE'] = '1'\nassert 'HOME' in here": (
        "assert os.environ['MINE'] == '1' and dict(os.environ) == here"
    ),
    "import library\nlibrary.copy()": "assert library.copy()",
    "import project": "assert project.WHERE is None",
    "import os\n_dh = Out = [os.getcwd()]": "assert _dh",
    "import os\nother = os.getcwd() + '2/a'": "assert other",
    "import os\ntext = os.getcwd() + ' ' * 5000": "assert text",
    "import numpy\na = numpy.ones((500, 500))\nb = a @ a": "assert ((a @ a) == b).all()",
    "import pandas\na = pandas.DataFrame({'a': [1, 2]})": "assert a.a.sum() == 3",
    "from tqdm import tqdm\nbar = tqdm(range(9))\nfor _ in tqdm(range(3)): pass": (
        "bar.update()\nassert [i for i in tqdm(range(3))] == [0, 1, 2]\n"
        "assert bar.n == 1 and tqdm.monitor.is_alive()"
    ),
    "from tqdm.auto import tqdm\nbar = tqdm(range(9))\nfor _ in tqdm(range(3)): pass": (
        "bar.update()\nassert bar.n == 1 and [i for i in tqdm(range(3))] == [0, 1, 2]"
    ),
    "import multiprocessing\nmultiprocessing.set_start_method('forkserver')\n"
    "from tqdm import tqdm\nfor _ in tqdm(range(3)): pass": "for _ in tqdm(range(3)): pass",
    SERVER + "import requests\nsession = requests.Session()\n"
    "get = lambda: session.get(address).text\nfound = get()": "assert get() == found == 'here'",
}


GOES_ON_IN_LARGE_LIBRARIES = {
    "import matplotlib\nmatplotlib.use('agg')\nfrom matplotlib import pyplot\n"
    "pyplot.figure().text(0, 0, 'abc')\npyplot.gcf().canvas.draw()": (
        "pyplot.figure().text(0, 0, 'äöü')\npyplot.gcf().canvas.draw()"
    ),
    "import numpy\nfrom sklearn.cluster import KMeans\nX = numpy.random.rand(5000, 5)\n"
    "fit = lambda: KMeans(3, n_init=1, random_state=1).fit(X).labels_\nfound = fit()": (
        "assert (fit() == found).all()"
    ),
    "import joblib\nmany = lambda: joblib.Parallel(2)(joblib.delayed(abs)(i) for i in range(4))\n"
    "found = many()": "assert many() == found",
    "import joblib, time\nfrom joblib.externals.loky.backend.queues import Queue\n"
    "feed = Queue._feed\nQueue._feed = staticmethod(lambda *of: (feed(*of), time.sleep(0.5)))\n"
    "many = lambda: joblib.Parallel(2)(joblib.delayed(abs)(i) for i in range(4))\n"
    "found = many()": "assert many() == found",  # with a thread that ends late
}


@pytest.mark.parametrize("cells", GOES_ON, ids=range(len(GOES_ON)))
def test_what_a_fork_copies_goes_on_in_each_trial(tmp_path: Path, cells: str):
    done = forked(tmp_path / "work", cells, GOES_ON[cells])
    assert (done.problem, done.statuses) == ("", [0, 0]), done.errors


@pytest.mark.slow
@pytest.mark.parametrize(
    "cells", GOES_ON_IN_LARGE_LIBRARIES, ids=range(len(GOES_ON_IN_LARGE_LIBRARIES))
)
def test_what_large_libraries_have_begun_goes_on_in_each_trial(tmp_path: Path, cells: str):
    done = forked(tmp_path / "work", cells, GOES_ON_IN_LARGE_LIBRARIES[cells])
    assert (done.problem, done.statuses) == ("", [0, 0]), done.errors


@pytest.mark.slow
def test_large_data_is_looked_at_in_some_tenths_of_a_second(tmp_path: Path):
    cells = (
        "import numpy\na = [str(i) for i in range(1_000_000)]\n"
        "b = {i: [i, str(i)] for i in range(300_000)}\nc = numpy.zeros(50_000_000)\n"
        "d = [{'a': i, 'b': [1, 2]} for i in range(300_000)]"
    )
    done = forked(tmp_path / "work", cells)
    assert done.problem == "" and done.seconds < 2  # on a machine that does much else
