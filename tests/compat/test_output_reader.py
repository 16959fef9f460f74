"""The reader of a run's output beside Guild's own: the same writes, the same record."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from guild import op_util, summary
from hypothesis import given, settings
from hypothesis import strategies as st

from guild_notebook import one_pipe
from guild_notebook.compat import output_reader
from guild_notebook.scalars.patterns import default_patterns, possible_scalar
from tests.helpers import runner
from tests.helpers.growth import check_growth
from tests.helpers.project import LIMIT, Project

OWN = Path(op_util.__file__)
RUNNER = ["python", "-uc", "...", "guild_notebook.run", "nb.ipynb"]
SCRIPT = ["python", "-um", "guild.op_main", "train"]


def guilds_own() -> Any:
    """guild.op_util as Guild has it: a module that no hook has seen."""
    spec = importlib.util.spec_from_file_location("op_util_of_guild", OWN)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.RunOutput._gen_tee_run.__module__ == "op_util_of_guild"
    return module


READERS = {"ours": op_util.RunOutput, "Guild's": guilds_own().RunOutput}


@dataclass
class Callback:
    """Gets the lines; raises at one that holds ``wrong``."""

    wrong: bytes = b"\xff\xfe wrong"
    lines: list[bytes] = field(default_factory=list)
    closed: int = 0

    def write(self, line: bytes) -> None:
        self.lines.append(line)
        if self.wrong in line:
            raise ValueError("no such line")

    def close(self) -> None:
        self.closed += 1


class Reading:
    """A RunOutput that reads two pipes."""

    def __init__(self, reader: type, folder: str, callback: Any, args: list[str] = SCRIPT) -> None:
        self.folder = Path(folder)
        (self.folder / ".guild").mkdir(parents=True, exist_ok=True)
        pipes = os.pipe(), os.pipe()
        self.ends = [write_end for _, write_end in pipes]
        files = [os.fdopen(read_end, "rb") for read_end, _ in pipes]
        process = types.SimpleNamespace(
            stdout=files[0], stderr=files[1], args=args, poll=lambda: 0, pid=0
        )
        run = types.SimpleNamespace(guild_path=lambda name: str(self.folder / ".guild" / name))
        self.output = reader(run, output_cb=callback)
        self.output.open(process)
        self._files = files

    def write(self, stream: int, data: bytes) -> None:
        while data:
            data = data[os.write(self.ends[stream], data) :]

    def wait_for(self, size: int) -> None:
        until = time.monotonic() + LIMIT
        while (self.folder / ".guild/output").stat().st_size < size:
            assert time.monotonic() < until, "nothing is recorded any more"
            time.sleep(0.0002)
        with self.output._output_lock:
            return  # the index has it too

    def end(self) -> None:
        threads = self.output._out_tee, self.output._err_tee
        for end, thread in zip(self.ends, threads):
            os.close(end)
            thread.join()
        self.output.wait_and_close()
        for file in self._files:
            file.close()

    def index(self) -> list[tuple[int, int]]:
        return list(struct.iter_unpack("!QB", (self.folder / ".guild/output.index").read_bytes()))


@contextlib.contextmanager
def terminal() -> Iterator[list[Any]]:
    """In place of Guild's stdout and stderr two files."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = out, err
        try:
            yield [out, err]
        finally:
            sys.stdout, sys.stderr = before


def content(file: Any) -> bytes:
    return os.pread(file.fileno(), 1 << 26, 0)


def recorded(
    reader: type, writes: list[tuple[int, bytes]], callback: Any, marks: int | None = None
) -> tuple[bytes, list[int], list[bytes]]:
    """The output, the streams of the index, and what is shown on either; each write to another
    stream waits until what is before it is recorded. ``marks`` are the bytes that are not recorded
    of what a notebook's process writes. The times of the index are looked at."""
    with tempfile.TemporaryDirectory() as folder, terminal() as shown:
        reading = Reading(reader, folder, callback, SCRIPT if marks is None else RUNNER)
        size, last, known = 0, 0, []
        began = time.time()
        for stream, data in writes:
            if stream != last:
                reading.wait_for(size)
                known.append((began, time.time(), len(reading.index())))
                last, began = stream, time.time()
            reading.write(stream, data)
            size += len(data)
        reading.wait_for(size - (marks or 0))
        reading.end()
        index = reading.index()
        known.append((began, time.time(), len(index)))
        start = 0
        for since, until, end in known:
            assert all(since - 0.002 <= t / 1000 <= until for t, _ in index[start:end])
            start = end
        output = (Path(folder) / ".guild/output").read_bytes()
        return output, [stream for _, stream in index], [content(file) for file in shown]


bytes_of_lines = st.one_of(
    st.binary(max_size=40),
    st.lists(
        st.sampled_from(
            [b"\n", b"\r\n", b"\r", b"\x08", b"\x00", b"\t", b"a: 1", b"x", b"\xff\xfe wrong"]
        ),
        max_size=12,
    ).map(b"".join),
    st.integers(1, 9000).map(lambda size: b"y" * size),
)
all_writes = st.lists(st.tuples(st.integers(0, 1), bytes_of_lines), max_size=12)


@settings(max_examples=60, deadline=None)
@given(all_writes)
def test_the_same_writes_make_the_same_record_as_with_guilds_own_reader(writes):
    found = {}
    for name, reader in READERS.items():
        callback = Callback()
        found[name] = *recorded(reader, writes, callback), callback.lines, callback.closed
    assert found["ours"] == found["Guild's"]


@settings(max_examples=40, deadline=None)
@given(all_writes, st.data())
def test_two_streams_in_one_pipe_make_the_same_record_as_two_pipes(writes, data):
    callback, other = Callback(), Callback()
    expected = *recorded(READERS["Guild's"], writes, callback), callback.lines
    writer = one_pipe.Writer()
    marked = b"".join(writer.marked(stream, part) for stream, part in writes if part)
    least = min(len(one_pipe.BEGIN), len(marked))  # which is written at once to an empty pipe
    cuts = sorted(data.draw(st.lists(st.integers(least, len(marked)), max_size=5)))
    pieces = [(0, marked[a:b]) for a, b in zip([0, *cuts], [*cuts, None])]
    marks = len(marked) - sum(len(part) for _, part in writes)
    found = *recorded(READERS["ours"], pieces, other, marks), other.lines
    assert found == expected


class Scalars:
    """What OutputScalars would write to the events, in place of their writer."""

    def __init__(self) -> None:
        self.added: list[tuple[str, float, float | None]] = []

    def add_scalar(self, *scalar: Any) -> None:
        self.added.append(scalar)

    def flush(self) -> None:
        pass

    close = flush


FLAGS = ["lr", "a.b", "x|y", "(z", "é k", "[w", "\\"]
PATTERNS = {
    "Guild's": summary.DEFAULT_OUTPUT_SCALARS,
    "ours": default_patterns(()),
    "ours with flags": default_patterns(FLAGS),
    "a user's": [r"loss=(\value)", {"acc": r"acc (\value)"}],
}
WORDS = ["loss", "lr", "x|y", "é", ":", ": ", ":\t", ":  ", "\xa0", "\u2003", "\x1c", "\x85", "\r"]
WORDS += ["1", "-1.5e-3", "1e+5", "nan", "-inf", "Infinity", ".", "e", "(step 3)", " (7)", "(", ")"]
WORDS += ["loss=1", "acc 2", "x" * 300, "12:30:01", " ", "\n", "\n", "\n"]
BROKEN = [b"\xff", b"\xe2", b"\xc2", b"\x00", b"\x07", b"\x80"]
texts = st.lists(st.sampled_from([w.encode() for w in WORDS] + BROKEN), max_size=30).map(b"".join)


@pytest.mark.parametrize("patterns", PATTERNS)
@settings(max_examples=100, deadline=None)
@given(text=texts)
def test_the_same_scalars_are_found_as_with_guilds_own_reader(patterns, text):
    added = {}
    for name, reader in READERS.items():
        with tempfile.TemporaryDirectory() as folder:
            callback = summary.OutputScalars(PATTERNS[patterns], folder)
            callback._writer = Scalars()
            recorded(reader, [(0, text)], callback)
            added[name] = callback._writer.added
    assert repr(added["ours"]) == repr(added["Guild's"])  # nan is not equal to nan


@settings(max_examples=500, deadline=None)
@given(line=texts)
def test_lines_in_which_no_scalar_can_be_are_not_looked_at(line):
    line = line.replace(b"\n", b"").translate(None, bytes(range(9)))
    for name in ("Guild's", "ours", "ours with flags"):
        patterns = summary._init_patterns(PATTERNS[name])
        possible = possible_scalar(pattern for _, pattern in patterns)
        assert possible
        if not possible.search(line):
            assert summary._match_line(line, patterns) == {}


@pytest.mark.parametrize(
    "line",
    [b"12:30:01 INFO done 5", b"x" * 100, b"a:1", b"time: later", b"http://x/ 1", b"loss 0.5"],
)
def test_a_usual_line_without_a_scalar_is_passed_over(line):
    possible = possible_scalar(p for _, p in summary._init_patterns(default_patterns(FLAGS)))
    assert possible and not possible.search(line)


@pytest.mark.parametrize(
    "more",
    ["a: b|c", r"^(?!(?:lr):\s)|(\key):\s+(\value)$", r"(?i)^(\key):\s+(\value)(?:\s+\(.*\))?$"],
)
def test_a_pattern_that_is_no_default_is_tried_on_each_line(more):
    patterns = summary._init_patterns([*default_patterns(FLAGS), more])
    assert possible_scalar(pattern for _, pattern in patterns) is None
    assert possible_scalar(()) is None


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Callable[..., Reading]]:
    with terminal():
        yield lambda callback=None, args=SCRIPT: Reading(
            READERS["ours"], str(tmp_path), callback, args
        )


def test_the_work_of_the_reader_does_not_grow_with_the_number_of_lines(reading, monkeypatch):
    """Guild writes the index for each line, and looks at each byte."""
    calls = []

    def counted(name: str) -> Any:
        original = getattr(os, name)
        return lambda *args: calls.append(name) or original(*args)

    calm = types.SimpleNamespace(read=counted("read"), write=counted("write"))
    monkeypatch.setattr(output_reader, "os", calm)
    callback = summary.OutputScalars(default_patterns(FLAGS), "unused")
    monkeypatch.setattr(callback, "write", lambda line: calls.append("callback"))
    lines = b"".join(b"12:30:01 INFO line %d of a log\n" % i for i in range(100_000))
    r = reading(callback)
    r.write(0, lines + b"loss: 0.5\n")
    r.end()
    assert len(r.index()) == 100_001
    reads = calls.count("read") - 2  # of the ends
    assert reads <= len(lines) / 4096  # a pipe that is read at once has less than it holds
    assert calls.count("write") <= 3 * reads
    assert calls.count("callback") == 1


@pytest.mark.parametrize("has_callback", [False, True])
def test_a_line_without_an_end_takes_time_linear_in_it(tmp_path, has_callback):
    patterns = default_patterns(())
    rounds = iter(range(1000))

    def read(line: bytes) -> None:
        folder = tmp_path / str(next(rounds))
        callback = summary.OutputScalars(patterns, "unused") if has_callback else None
        with terminal():
            r = Reading(READERS["ours"], str(folder), callback)
            r.write(0, line)
            r.end()
        assert len(r.index()) == 1

    check_growth(read, lambda size: b"x" * size, 2_000_000)


LOST = "nothing more of the run's {} is shown or recorded: {}"


def test_a_stream_that_cannot_be_shown_is_dropped_and_the_other_goes_on(
    reading, tmp_path, monkeypatch, caplog
):
    """Both come in one pipe: guild run train.ipynb | head."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with open(write_end, "w") as closed, (tmp_path / "err").open("w+") as err:
        monkeypatch.setattr(sys, "stdout", closed)
        monkeypatch.setattr(sys, "stderr", err)
        r = reading(args=RUNNER)
        writer = one_pipe.Writer()
        for number in range(2):
            r.write(0, writer.marked(0, b"out %d\n" % number))
            r.write(0, writer.marked(1, b"err %d\n" % number))
        r.end()
        assert content(err) == b"err 0\nerr 1\n"
    assert (tmp_path / ".guild/output").read_bytes() == b"err 0\nerr 1\n"
    assert [stream for _, stream in r.index()] == [1, 1]
    assert caplog.messages == [LOST.format("stdout", "Broken pipe")]


@pytest.mark.parametrize("args", [SCRIPT, RUNNER], ids=["a script", "a notebook"])
def test_on_a_full_disk_nothing_more_is_read_as_with_guilds_own_reader(
    reading, tmp_path, caplog, args
):
    (tmp_path / ".guild").mkdir()
    (tmp_path / ".guild/output").symlink_to("/dev/full")
    r = reading(args=args)
    r.write(0, one_pipe.Writer().marked(0, b"out\n") if args is RUNNER else b"out\n")
    r.output._out_tee.join(LIMIT)
    assert not r.output._out_tee.is_alive()
    assert caplog.messages == [LOST.format("stdout", "No space left on device")]
    r.write(0, b"more\n")  # which nobody reads
    r.end()


def test_what_another_process_writes_there_before_a_notebooks_is_shown_as_it_is(reading, tmp_path):
    r = reading(args=RUNNER)
    r.write(0, b"of sitecustomize\n\0\1")
    r.write(0, one_pipe.Writer().marked(1, b"a\0b\n"))
    r.write(1, b"of a library\n")
    r.end()
    output = (tmp_path / ".guild/output").read_bytes()
    assert output.replace(b"of a library\n", b"") == b"of sitecustomize\n\0\1a\0b\n"
    assert sorted(stream for _, stream in r.index()) == [0, 1, 1]


def test_a_status_is_not_recorded_and_what_is_only_shown_or_recorded_is_told_apart(tmp_path: Path):
    with terminal() as shown:
        reading = Reading(READERS["ours"], str(tmp_path), None, RUNNER)
        writer = one_pipe.Writer()
        texts = [(0, b"out\n"), (2, b"{}\n"), (4, b"bar 1\n"), (1, b"err\n"), (6, b"bar 2\n")]
        reading.write(0, b"".join(writer.marked(*text) for text in texts))
        reading.end()
        assert [content(file) for file in shown] == [b"out\nbar 2\n", b"err\n"]
    assert (tmp_path / ".guild/output").read_bytes() == b"out\nbar 1\nerr\n"
    assert [stream for _, stream in reading.index()] == [0, 1, 1]


def test_a_terminal_that_does_not_wait_is_waited_for(reading, monkeypatch):
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with open(write_end, "w") as slow:
        monkeypatch.setattr(sys, "stdout", slow)
        r = reading()
        r.write(0, b"x" * 60_000)
        threading.Thread(target=lambda: r.write(0, b"y" * 60_000)).start()
        shown = b""
        while len(shown) < 120_000:
            shown += os.read(read_end, 5000)
            time.sleep(0.001)
        r.end()
    os.close(read_end)
    assert shown == b"x" * 60_000 + b"y" * 60_000


PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


@pytest.mark.parametrize(
    ("args", "streams", "is_told"),
    [
        (RUNNER, PIPES, True),
        (SCRIPT, PIPES, False),
        (
            RUNNER,
            {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT},
            False,
        ),  # SYNC_RUN_OUTPUT
        (RUNNER, {"stdout": None, "stderr": None}, False),  # NO_RUN_OUTPUT
    ],
)
def test_only_a_notebook_whose_streams_are_both_read_is_told_of_one_pipe(
    monkeypatch, args, streams, is_told
):
    from guild import op

    started: list[dict[str, str]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda args, env, **_: started.append(env))
    op.subprocess.Popen(args, env={"A": "1"}, cwd=".", **streams)
    assert started == [{"A": "1", **({one_pipe.VARIABLE: "1"} if is_told else {})}]


PATIENT = """
import sys
if '-uc' in sys.orig_argv and 'guild_notebook.run' in sys.orig_argv:
    from guild_notebook.run.output import pipe
    pipe.ORDER_SECONDS = pipe.LATE_SECONDS = 60.0
"""
"""A run that waits for its reader for as long as a busy machine may take."""


def test_a_notebook_is_recorded_in_order_by_guilds_own_reader_as_well(project: Project):
    """As where Guild's environment has another release of this package, or none."""
    alternating = (
        "for i in range(100):\n    print(i, file=(sys.stdout, sys.stderr)[i % 2], flush=True)"
    )
    project.notebook("nb.ipynb", "import sys", alternating)
    site = project.file("../site/sitecustomize.py", PATIENT)
    project.env["PYTHONPATH"] = str(site.parent)
    run = runner.prepared(project)
    command = [*runner.RUNNER, "nb.ipynb", "--report", "none"]
    env = runner.environment(project, run)
    with terminal(), subprocess.Popen(command, cwd=run.dir, env=env, **PIPES) as process:
        output = READERS["Guild's"](
            types.SimpleNamespace(guild_path=run.dir.joinpath(".guild").joinpath)
        )
        output.open(process)
        output.wait_and_close()
    assert process.returncode == 0
    _first, *lines, _last = run.output.splitlines()
    assert lines == [*map(str, range(100))]
