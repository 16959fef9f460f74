"""The form in which Guild gets what cells print."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guild_notebook import one_pipe
from guild_notebook.run.output.pipe import OutputPipe, PipeListener, WriteOrder
from guild_notebook.run.output.stream import Stream
from guild_notebook.scalars.patterns import default_patterns

BREAK = "\\\n "
LONGEST_WORD = 1000
PART_SECONDS = 0.1
PROGRESS_INTERVAL = 5.0
ORDER_SECONDS = 1.0
LATE_SECONDS = 0.1


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(*texts: str | float, end: bool = True) -> str:
    """What a stream writes of texts; a number lets time pass."""
    clock = Clock()
    with tempfile.TemporaryFile() as f:
        stream = Stream(OutputPipe(f.fileno()), clock)
        for text in texts:
            if isinstance(text, str):
                stream.write(text)
            else:
                clock.now += text
                stream.tick()
        if end:
            stream.end_line()
        f.seek(0)
        return f.read().decode("utf-8")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a\nb\n"], "a\nb\n"),
        (["loss: ", "0.5\n"], "loss: 0.5\n"),
        (["no end"], "no end\n"),
        (["dos\r\nlines\r\n"], "dos\nlines\n"),
        (["split\r", "\nline\n"], "split\nline\n"),
        (["tab\tstays\n"], "tab\tstays\n"),
        (["ü 漢字 🙂\n"], "ü 漢字 🙂\n"),
        (["\x1b[1;31mred\x1b[0m\n"], "red\n"),
        (["\x1b[1;3", "1mred\x1b", "[0m\n"], "red\n"),
        (["\x1b]8;;http://x\x1b\\link\x1b]8;;\x07\n"], "link\n"),
        (["\x1b(Bplain \x1b7 \x1b=\n"], "plain  \n"),
        (["nul \x00 bell \x07 c1 \x9b31m\n"], "nul  bell  c1 31m\n"),
        (["lone \ud800 surrogate\n"], "lone \\ud800 surrogate\n"),
        ([""], ""),
        (["\n\n"], "\n\n"),
    ],
)
def test_text_keeps_its_lines_and_loses_what_only_a_terminal_understands(texts, expected):
    assert shown(*texts) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["\r  0%|", "\r 50%|", "\r100%|\n"], "100%|\n"),
        (["\r  0%|", "\r 50%|"], " 50%|\n"),
        (["loss: 1\r", "loss: 2\r", "loss: 3\r"], "loss: 3\n"),
        (["start", "\rnext\n"], "start\nnext\n"),
        (["\rgone", "\r    ", "\r", "after\n"], "after\n"),
        (["a\rb\rc\n"], "c\n"),
        (["1/9\x08\x08\x082/9\x08\x08\x083/9\n"], "3/9\n"),
        (["\r  0%", 60.0, "\r 50%", "\r 90%", "\r100%\n"], "  0%\n100%\n"),
        (["\r  0%", 1.0, "\r 50%", 60.0, "\r 90%", 60.0, "\n"], " 50%\n 90%\n"),
    ],
)
def test_of_a_progress_line_the_last_state_and_one_in_an_interval_are_shown(texts, expected):
    assert shown(*texts) == expected


UP = "\x1b[A"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["\r 0%", f"\n\r a0%{UP}", "\r50%", f"\n\r a50%{UP}", "\r100%\n"], "100%\n a50%\n"),
        (["\r 0%", "\n", "\r a0%", UP, "\r50%", "\n", "\r a50%", UP], "50%\n a50%\n"),
        (["\r 0%", f"\n\r a0%{UP}", "\r50%", f"\n\r    \r{UP}", "\r100%\n"], "100%\n"),
        (["\r1%", "\n\r a\x1b[1A\n\n\r b\x1b[2A", "\r2%\n", "over\n"], "2%\n a\n b\nover\n"),
        (["\r 0%", f"\n\r a0%{UP}", 60.0, "\r50%", f"\n\r a50%{UP}", "\r99%"],
         "0% · a0%\n99%\n a50%\n"),
        (["\r 50%\r100%\n\r 10%\r 99%\n"], "100%\n 99%\n"),
        (["\r100%\n\n", "text\n"], "100%\n\ntext\n"),
        (["\r100%\n", "text\n", "\r5%\n"], "100%\ntext\n5%\n"),
        (["\r  0%", "\r        \rsaid\n\r 10%", "\r100%\n"], "said\n100%\n"),
        (["Epoch 1\n", "\r1/2", "\r2/2\n", "Epoch 2\n", "\r1/2\n"],
         "Epoch 1\n2/2\nEpoch 2\n1/2\n"),
        ([f"no progress{UP} here\n"], "no progress here\n"),
        (["a\rb\x1b[999A\rc\n"], "c\n"),
    ],
)  # fmt: skip
def test_of_progress_lines_at_different_levels_each_is_shown_as_one(texts, expected):
    assert shown(*texts) == expected


def test_a_progress_line_that_has_ended_is_shown_soon_or_before_the_other_stream():
    assert shown("\r100%\n", 2 * PART_SECONDS, end=False) == "100%\n"
    assert shown("\r 0%", "\n\r next", 2 * PART_SECONDS, end=False) == " 0%\n"
    with tempfile.TemporaryFile() as f:
        stream = Stream(OutputPipe(f.fileno()))
        stream.write("\r 50%")
        stream.give_way()
        stream.write("\r100%\n")
        f.seek(0)
        assert f.read() == b""
        stream.give_way()
        f.seek(0)
        assert f.read() == b"100%\n"


class Writes(list):
    """What tqdm writes, each time by itself."""

    def write(self, text: str) -> None:
        self.append(text)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("leave", [True, False])
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_nested_bars_of_tqdm_are_a_line_every_few_seconds_and_the_last_state_of_each(levels, leave):
    from tqdm import tqdm

    writes, counts = Writes(), [4, 5, 6][:levels]

    def loop(level: int) -> None:
        options = {"file": writes, "mininterval": 0, "desc": f"level{level}", "ascii": True}
        for _ in tqdm(range(counts[level]), leave=level == 0 or leave, position=level, **options):
            if level + 1 < levels:
                loop(level + 1)

    loop(0)
    times = [x for text in writes for x in (text, 0.05)]
    lines = shown(*times).splitlines()
    states = [line for line in lines if " · " not in line]
    assert sum("level0: 100%" in line for line in states) == 1
    if leave and levels > 1:
        assert any(f"level{levels - 1}: 100%" in line for line in states)
    bars = 1 + sum(1 for text in writes if text.endswith("\n"))
    assert len(lines) <= len(writes) * 0.05 / PROGRESS_INTERVAL + bars


@pytest.mark.parametrize("has_terminal", [True, False])
def test_a_terminal_gets_the_last_states_alone_and_the_record_some_between(has_terminal: bool):
    clock = Clock()
    with tempfile.TemporaryFile() as f:
        pipe = OutputPipe(f.fileno(), None, None, one_pipe.Writer(), 1, has_terminal)
        stream = Stream(pipe, clock)
        stream.write("before\n")
        for state in ("\r 10%", "\r 50%", "\r100%"):
            stream.write(state)
            clock.now += 6
            stream.tick()
        stream.write("\nafter\n")
        stream.write_state("a bar 50%")
        stream.show_only("a bar 50%")
        stream.end_line()
        f.seek(0)
        parts = of_streams(f.read())
    recorded = b"".join(text for stream, text in parts if stream in (1, 4))
    shown = b"".join(text for stream, text in parts if stream in (1, 7))
    assert recorded == b"before\n 10%\n 50%\n100%\nafter\na bar 50%\n"
    assert shown == (b"before\n100%\nafter\na bar 50%\n" if has_terminal else recorded)


def test_a_progress_line_of_many_states_does_not_fill_the_log():
    steps = 10_000
    texts: list[str | float] = []
    for step in range(steps + 1):
        texts += [f"\r{step:5}/{steps}", 0.01]
    lines = shown(*texts, "\n").splitlines()
    assert lines[-1] == f"{steps}/{steps}"
    assert len(lines) <= steps * 0.01 / PROGRESS_INTERVAL + 1


def test_part_of_a_line_is_shown_when_the_rest_is_not_there_soon():
    assert shown("waiting ...", 0.01, end=False) == ""
    assert shown("waiting ...", 2 * PART_SECONDS, end=False) == "waiting ..."
    assert shown("one", 2 * PART_SECONDS, " two", 2 * PART_SECONDS, "\n", end=False) == "one two\n"


def test_a_line_of_its_own_ends_what_is_open():
    with tempfile.TemporaryFile() as f:
        stream = Stream(OutputPipe(f.fileno()))
        stream.write("open")
        stream.write_line("mine")
        stream.write("\rprogress")
        stream.write_line("\x1b[31mcolour\x1b[0m", as_it_is=True)
        f.seek(0)
        assert f.read() == b"open\nmine\nprogress\n\x1b[31mcolour\x1b[0m\n"


def test_a_long_word_is_broken_so_that_no_part_is_long_and_all_of_it_is_there():
    word = "".join(str(i % 10) for i in range(25_000))
    text = shown(f"before {word} after\n")
    assert max(len(part) for part in re.split(r"\s", text)) <= LONGEST_WORD + len(BREAK)
    assert text.replace(BREAK, "") == f"before {word} after\n"


def test_a_word_that_comes_in_pieces_is_broken_as_well():
    text = shown(*["x" * 300] * 20, "\n")
    assert text.replace(BREAK, "") == "x" * 6000 + "\n"
    assert max(map(len, text.splitlines())) <= LONGEST_WORD + len(BREAK)


def test_a_broken_line_makes_no_scalar_that_was_not_there():
    patterns = [
        re.compile(p.replace(r"\key", "[^ \t]+").replace(r"\step", "[0-9]+"))
        for p in default_patterns(())
    ]
    for offset in range(-12, 12):
        filler = "x" * (LONGEST_WORD + offset)
        for line in shown(f"{filler}loss: 0.5\n", f"loss: 0.{'1' * 3000}x\n").splitlines():
            if not line.startswith("x"):
                assert not any(p.search(line) for p in patterns), line


def test_a_pipe_that_nobody_reads_is_said_once_and_is_no_error():
    read_end, write_end = os.pipe()
    os.close(read_end)
    said = []
    try:
        listener = PipeListener()
        listener.pipe_closed = lambda: said.append("closed")
        pipe = OutputPipe(write_end, listener=listener)
        pipe.write(b"text\n")
        pipe.write(b"more\n")
    finally:
        os.close(write_end)
    assert (pipe.closed, said) == (True, ["closed"])


def test_a_reader_that_pauses_is_waited_for_until_the_run_is_stopped():
    read_end, write_end = os.pipe()
    asked = []
    try:
        listener = PipeListener()
        listener.is_stopped = lambda: asked.append(1) is None and len(asked) > 1
        pipe = OutputPipe(write_end, listener=listener)
        pipe.write(b"x" * 100 + b"\n")
        pipe.write(b"line\n" * 100_000)
        assert pipe.closed and len(asked) == 2
        assert os.read(read_end, 10) == b"x" * 10
    finally:
        os.close(read_end)
        os.close(write_end)


def test_a_pipe_waits_until_what_was_written_to_the_other_is_recorded():
    recorded = []
    order = WriteOrder(lambda: recorded.append(1) or (4 if len(recorded) > 2 else 0))
    with tempfile.TemporaryFile() as f:
        one, other = OutputPipe(f.fileno(), order), OutputPipe(f.fileno(), order)
        one.write(b"one")
        one.write(b"\n")
        assert recorded == []
        other.write(b"other\n")
        assert len(recorded) == 3


def test_a_reader_that_was_late_is_waited_for_briefly_until_it_has_caught_up(monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr("guild_notebook.run.output.pipe.time.monotonic", lambda: sum(slept))
    monkeypatch.setattr("guild_notebook.run.output.pipe.time.sleep", slept.append)
    recorded_size = [0]
    order = WriteOrder(lambda: recorded_size[0])
    with tempfile.TemporaryFile() as f:
        pipes = itertools.cycle([OutputPipe(f.fileno(), order), OutputPipe(f.fileno(), order)])

        def waited(recorded: int) -> float:
            slept.clear()
            recorded_size[0] = recorded
            next(pipes).write(b"x")
            return sum(slept)

        assert waited(0) == 0  # there is nothing before it
        assert waited(0) == pytest.approx(ORDER_SECONDS, abs=0.01)
        assert waited(0) == pytest.approx(LATE_SECONDS, abs=0.01)
        assert waited(3) == 0
        assert waited(0) == pytest.approx(ORDER_SECONDS, abs=0.01)


def read_all(fd: int) -> bytes:
    os.set_blocking(fd, False)
    parts = []
    with contextlib.suppress(BlockingIOError):
        while True:
            parts.append(os.read(fd, 1 << 16))
    return b"".join(parts)


def of_streams(data: bytes) -> list[tuple[int, bytes]]:
    """What a reader that knows of the two streams in one pipe makes of it."""
    return [part for part in one_pipe.Reader().parts(data) if part[1]]


def test_two_streams_in_one_pipe_wait_for_no_reader_and_keep_their_order():
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    writer = one_pipe.Writer()
    pipes = [OutputPipe(write_end, writer=writer, number=number) for number in (0, 1)]
    for number in range(200):
        pipes[number % 2].write(b"%d\n" % number)
    expected = [(number % 2, b"%d\n" % number) for number in range(200)]
    assert of_streams(read_all(read_end)) == expected
    os.close(read_end)
    pipes[0].write(b"to nobody\n")
    os.close(write_end)
    assert pipes[0].closed


@pytest.mark.parametrize("before", range(4))
def test_a_stream_that_is_given_up_half_way_leaves_the_other_readable(before):
    """The reader pauses, the run is stopped, the reader goes on. The pipe is full within a NUL of
    the text, or beside it."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    stopped = PipeListener()
    stopped.is_stopped = lambda: True
    writer, reader = one_pipe.Writer(), one_pipe.Reader()
    out = OutputPipe(write_end, None, stopped, writer, 0)
    err = OutputPipe(write_end, None, stopped, writer, 1)
    out.write(b"x" * before + b"\0" * 1_000_000)
    assert out.closed
    shown = list(reader.parts(read_all(read_end)))
    err.write(b"stopped\n")
    after = [part for part in reader.parts(read_all(read_end)) if part[1]]
    assert [part for part in after if part != (0, b"\0")] == [(1, b"stopped\n")]
    assert b"".join(text for _, text in shown).strip(b"\0") == b"x" * before
    os.close(read_end)
    os.close(write_end)


def test_what_is_written_while_a_reader_pauses_comes_after_what_waits_for_it():
    """A save that fails then says so."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    listener, reader = PipeListener(), one_pipe.Reader()
    writer = one_pipe.Writer()
    out = OutputPipe(write_end, None, listener, writer, 0)
    err = OutputPipe(write_end, None, listener, writer, 1)
    said: list[int] = []
    read: list[bytes] = []

    def reader_pauses() -> None:
        if not said:
            err.write(b"cannot save\n")
        said.append(1)
        read.append(read_all(read_end))

    listener.reader_pauses = reader_pauses
    out.write(b"x\0" * 60_000 + b"\n")
    read.append(read_all(read_end))
    parts = [part for data in read for part in reader.parts(data)]
    assert said and parts.pop() == (1, b"cannot save\n")
    assert {stream for stream, text in parts if text} == {0}
    assert b"".join(text for _, text in parts) == b"x\0" * 60_000 + b"\n"
    os.close(read_end)
    os.close(write_end)


def test_a_run_goes_on_while_its_reader_pauses_until_too_much_waits(monkeypatch):
    monkeypatch.setattr("guild_notebook.run.output.pipe.MOST_WAITING", 500_000)
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    listener, reader, writer = PipeListener(), one_pipe.Reader(), one_pipe.Writer()
    out = OutputPipe(write_end, None, listener, writer, 0)
    err = OutputPipe(write_end, None, listener, writer, 1)
    pauses: list[int] = []
    read: list[bytes] = []

    def reader_pauses() -> None:
        pauses.append(writer.size)
        read.append(read_all(read_end))

    listener.reader_pauses = reader_pauses
    with out.going_on():
        for _ in range(4):
            out.write(b"x\0" * 50_000)
            err.write(b"err\n")
        assert not pauses and not out.has_room()
        read.append(read_all(read_end))
        out.tick()
        assert not pauses and len(read[0]) > 60_000
        for _ in range(4):
            out.write(b"x\0" * 50_000)
        assert pauses and min(pauses) > 500_000
        assert 0 < writer.size <= 500_000
        count = len(pauses)
    assert writer.size == 0 and len(pauses) > count
    read.append(read_all(read_end))
    parts = [part for data in read for part in reader.parts(data)]
    assert b"".join(text for stream, text in parts if stream == 1) == b"err\n" * 4
    assert b"".join(text for stream, text in parts if stream == 0) == b"x\0" * 400_000
    os.close(read_end)
    os.close(write_end)


def test_what_waits_is_given_up_when_the_run_is_stopped_and_nobody_reads():
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    listener = PipeListener()
    out = OutputPipe(write_end, None, listener, one_pipe.Writer(), 0)
    with out.going_on():
        out.write(b"x" * 1_000_000)
        listener.is_stopped = lambda: True
        out.tick()
        assert not out.closed  # its reader may only be slow
    assert out.closed
    os.close(read_end)
    os.close(write_end)


def test_a_text_that_is_cut_anywhere_leaves_the_rest_readable():
    for count in range(40):
        writer, reader = one_pipe.Writer(), one_pipe.Reader()
        marked = writer.marked(1, b"\0ab\0\0c\0")
        writer.cut(marked, count)
        again = writer.marked(1, b"\0more")
        again_cut = again[: count % 3]
        writer.cut(again, count % 3)
        data = marked[:count] + again_cut + writer.marked(0, b"\0end")
        text = b"".join(part for stream, part in reader.parts(data) if stream == 0)
        assert text == b"\0end"


STREAMS = [0, 1, 2, 3, 4, 6, 7]  # stdout, stderr, a status; only recorded; only shown


@given(st.lists(st.tuples(st.sampled_from(STREAMS), st.binary(min_size=1, max_size=9)), max_size=9))
def test_streams_in_one_pipe_are_told_apart(writes):
    writer = one_pipe.Writer()
    data = b"".join(writer.marked(*write) for write in writes)
    joined = [
        (stream, b"".join(part for _, part in parts))
        for stream, parts in itertools.groupby(of_streams(data), lambda part: part[0])
    ]
    assert joined == [
        (stream, b"".join(part for _, part in parts))
        for stream, parts in itertools.groupby(writes, lambda write: write[0])
    ]


@given(st.lists(st.text(alphabet=st.sampled_from("ab \t\n\r\x1b[31m\x08];\x07ü"), max_size=20)))
def test_no_text_raises_or_leaves_a_control_character(texts):
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", shown(*texts))


@given(st.text(alphabet=st.characters(blacklist_categories=("Cc", "Cs")), max_size=3000), st.data())
def test_plain_text_arrives_whole_however_it_is_cut(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)])]
    assert shown(*pieces).replace(BREAK, "").rstrip("\n") == text
