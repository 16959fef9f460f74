"""Which lines are states of progress bars, and what is saved of text in which they are."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from guild_notebook.document.bars import OpenText, has_only_bars, is_bar, is_state
from guild_notebook.document.limits import Limits
from guild_notebook.run.execution.cell_outputs import CellOutputs
from tests.helpers.growth import check_growth
from tests.helpers.shown_text import shown_text

KERAS = (
    "".join(
        f"\b\b\b\b\r{n}/3 [{'=' * 10 * n}{'.' * (30 - 10 * n)}] - ETA: {3 - n}s - loss: {1 / n:.4f}"
        for n in (1, 2, 3)
    )
    + "\b\b\b\b\r3/3 [==============================] - 1s 5ms/step - loss: 0.3333\n"
)

KERAS_3 = (
    "\x1b[1m1/2\x1b[0m \x1b[32m━━━━━━━━━━\x1b[0m\x1b[37m━━━━━━━━━━\x1b[0m \x1b[1m0s\x1b[0m 9ms/step"
    "\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b"
    "\r\x1b[1m2/2\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m 0s 2ms/step - loss: 0.5\n"
)

PIP = (
    "Downloading a-1.0.whl (5.0 MB)\n"
    "\x1b[?25l   \x1b[90m━━━━━━━━━━━━━━━━━━━━\x1b[0m \x1b[32m0.0/5.0 MB\x1b[0m eta -:--:--"
    "\r\x1b[2K   \x1b[91m━━━━━━━━━━\x1b[0m━━━━━━━━━━ \x1b[32m2.4/5.0 MB\x1b[0m eta 1"
    "\r\x1b[2K   \x1b[90m━━━━━━━━━━━━━━━━━━━━\x1b[0m \x1b[32m5.0/5.0 MB\x1b[0m 9 MB/s"
    "\x1b[?25h\nInstalling collected packages: a\nSuccessfully installed a-1.0\n"
)

CLICK = (
    "".join(f"\r{' ' * 40}\rCopy  [{'#' * n}{'-' * (4 - n)}]  {25 * n:3}%" for n in range(5)) + "\n"
)


class Chunks(io.StringIO):
    """What a program writes, in the parts in which it does."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def write(self, text: str) -> int:
        self.parts.append(text)
        return len(text)


def tqdm_parts(write: bool = False, **options: Any) -> list[str]:
    from tqdm import tqdm

    file = Chunks()
    for n in tqdm(range(3), file=file, ncols=60, mininterval=0, **options):
        for _ in tqdm(
            range(4), "inner", file=file, ncols=60, mininterval=0, leave=False, position=1
        ):
            pass
        if write:
            tqdm.write(f"loss {n}", file=file)
    return file.parts


def rich_parts() -> list[str]:
    from rich.console import Console
    from rich.live import Live
    from rich.progress import track
    from rich.table import Table

    file = Chunks()
    console = Console(file=file, force_terminal=True, width=60, _environ={})
    console.is_jupyter = False
    with Live(console=console, auto_refresh=False) as live:
        for n in range(1, 4):
            table = Table("epoch", "loss")
            for epoch in range(n):
                table.add_row(str(epoch), f"{1 / (epoch + 1):.2f}")
            live.update(table, refresh=True)
    for _ in track(range(3), "training", console=console):
        pass
    return file.parts


def saved(parts: Iterable[str], most: int = 10_000) -> str:
    text = OpenText(most)
    return "".join([*map(text.feed, parts), text.end()])


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ([KERAS], "3/3 [==============================] - 1s 5ms/step - loss: 0.3333\n"),
        ([KERAS_3], "2/2 ━━━━━━━━━━━━━━━━━━━━ 0s 2ms/step - loss: 0.5\n"),
        ([PIP], "Downloading a-1.0.whl (5.0 MB)\n"
                "   ━━━━━━━━━━━━━━━━━━━━ 5.0/5.0 MB 9 MB/s\n"
                "Installing collected packages: a\nSuccessfully installed a-1.0\n"),
        ([CLICK], "Copy  [####]  100%\n"),
        (["\rstep 1, loss 0.5", "\rstep 2, loss 0.25", "\n"], "step 2, loss 0.25\n"),
        (["⠋ training", "\r⠙ training", "\r\x1b[2K", "done\n"], "done\n"),
    ],
)  # fmt: skip
def test_bars_are_saved_as_they_are_in_the_end(parts: list[str], shown: str):
    assert shown_text(saved(parts)) == shown == shown_text("".join(parts))
    assert saved(parts).count("\r") == 0
    assert saved("".join(parts)) == saved(parts)  # however it arrives


def test_bars_are_saved_as_they_are_in_the_end_however_much_arrives_at_once():
    bar = "".join(f"\r{n:4}/1000 [{'=' * (n // 50):20}]" for n in range(1001)) + "\n"
    assert saved([bar * 5]) == f"1000/1000 [{'=' * 20}]\n" * 5


def test_nested_bars_of_tqdm_are_saved_as_they_are_in_the_end():
    text = saved(tqdm_parts())
    assert "\r" not in text and "inner" not in text
    assert text.count("3/3") == 1 and text.count("%") == 1


def test_lines_between_states_of_tqdm_are_saved_in_order():
    lines = saved(tqdm_parts(write=True)).split("\n")
    assert [line for line in lines if line.startswith("loss")] == ["loss 0", "loss 1", "loss 2"]
    assert "3/3" in lines[3] and "\r" not in "".join(lines)


def test_tables_and_bars_of_rich_are_saved_as_they_are_in_the_end():
    text = saved(rich_parts())
    shown = shown_text(text)
    assert shown.count("epoch") == 1 and shown.count("0.33") == 1 and shown.count("training") == 1
    assert "100%" in shown and "\r" not in text
    assert [line.rstrip() for line in shown.split("\n")] == [
        line.rstrip() for line in shown_text("".join(rich_parts())).split("\n")
    ]


LOST = [
    ("Loading the data", "Done"),
    ("best model: a.pt", "epoch 2"),
    ("the answer is 42", "43"),
    ("42", "done"),
    ("a warning nobody saw\x1b[2K", "next"),
]


@pytest.mark.parametrize(("old", "new"), LOST)
def test_what_a_person_would_miss_is_kept(old: str, new: str):
    text = saved([old, f"\r{new}\n"])
    assert old.replace("\x1b[2K", "") in text and new in text
    assert shown_text(text) == shown_text(f"{old}\r{new}\n")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  0%|          | 0/500 [00:00<?, ?it/s]", True),
        ("train:  45%|████▌     | 45/100 [00:04<00:05,  9.81it/s, loss=0.1]", True),
        ("45it [00:03, 14.2it/s]", True),
        (" 45%|####5     | 45/100", True),
        ("10/10 [==============================] - 1s 5ms/step", True),
        ("10/10 ━━━━━━━━━━━━━━━━━━━━ 1s 5ms/step", True),
        ("Copy  [####----]   50%", True),
        ("a.zip  45%[====>      ]  1.2M  300KB/s    eta 5s", True),
        ("Working... ━━━━━━━━━━ 100% 0:00:03", True),
        ("⠹ solving", True),
        ("", False),
        ("error: 5/10 checks failed", False),
        ("accuracy 95%", False),
        ("===== 5/10 =====", False),
        ("[1, 2, 3]", False),
        ("50% of [these] lines", False),
        ("UserWarning: 3/4 [x] ...", False),
        ("Traceback (most recent call last):", False),
    ],
)  # fmt: skip
def test_a_bar_says_how_far_it_is_and_draws_it(line: str, expected: bool):
    assert is_bar(line) is expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("step 1", "step 2", True),
        ("step 1", "step 2 of 3", True),
        ("loading", "loading.", True),
        ("10 s left", "done", True),
        ("Receiving objects:  45% (4/9)", "Receiving objects: 100% (9/9), done.", True),
        ("└───┘", "│ 2 │ 0.5 │", True),
        ("│ a │ running │", "│ a │ done │", True),
        ("1", "2", True),
        ("1", "", False),
        (" 50%|##  | 2/4", "", True),
        ("Loading", "Done", False),
    ],
)
def test_a_state_is_what_nobody_misses(old: str, new: str, expected: bool):
    assert is_state(old, new) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\r  0%|   | 0/2\r100%|███| 2/2 [00:00<00:00]\n", True),
        ("100%|███| 2/2 [00:00<00:00]\n50%|█  | 1/2 [00:00<00:00]\n\n", True),
        ("100%|███| 2/2 [00:00<00:00]\nUserWarning: x\n", False),
        ("UserWarning: x\n", False),
        ("", True),
    ],
)
def test_a_stream_of_nothing_but_bars_is_known(text: str, expected: bool):
    assert has_only_bars(text) is expected


PARTS = [
    "a",
    "b c",
    "step 1",
    "step 2",
    " 50%|#  | 1/2",
    "100%|###| 2/2",
    "\n",
    "\n",
    "\r",
    "\r",
    "\b",
]
PARTS += [
    "\x1b[A",
    "\x1b[K",
    "\x1b[2K",
    "\x1b[31m",
    "\x1b[0m",
    "\x1b",
    "[",
    "日",
    "x" * 500,
    "\x1b[J",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=25), st.sampled_from([1, 30, 10_000]))
def test_what_is_shown_of_the_saved_text_has_all_lines_of_the_text(parts: list[str], most: int):
    text = saved(parts, most)
    if most == 10_000 and "x" not in "".join(parts):
        assert shown_text(text).rstrip() == shown_text("".join(parts)).rstrip()
    for word in ("a", "b c"):  # in no state of a bar
        assert text.count(word) >= ("".join(parts).count("\n" + word + "\n"))


WORDS = ["".join(letters) for letters in itertools.permutations("qwxz")]  # none is in others

MOVING = ["\r", "\n", "\b", "\t", "\x1b[A", "\x1b[B", "\x1b[3C", "\x1b[2D", "\x1b[5G", "\x1b[H"]
MOVING += [
    "\x1b[K",
    "\x1b[1K",
    "\x1b[2K",
    "\x1b[J",
    "\x1b[1J",
    "\x1b[2J",
    "\x1bc",
    "\x1b[3X",
    "日本",
]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(MOVING), st.just("word")), max_size=15))
@example(["word", "\r", "word", "\x1b[2K"])
@example(["word", "\x1b[2K", "\r\t", "word"])
@example(["日本日本", "\r\x1b[K", "word"])
def test_no_word_is_lost_whatever_overwrites_or_erases_it(parts: list[str]):
    words = iter(WORDS)
    parts = [next(words) if part == "word" else part for part in parts]
    text = saved(parts)
    assert [part for part in parts if part.isascii() and part.isalpha() and part not in text] == []
    shown, wanted = (
        [line.rstrip() for line in shown_text(each).rstrip().split("\n")]
        for each in (text, "".join(parts))
    )
    assert shown == wanted


@given(st.lists(st.sampled_from([*"ab \n\t", "\x1b[31m", "word " * 9, "x" * 500]), max_size=40))
def test_text_in_which_nothing_moves_is_saved_as_it_is(parts: list[str]):
    assert saved(parts, 100) == "".join(parts)


KINDS = {
    "lines": ["a line\n"],
    "parts of one line": ["x"],
    "a bar": ["\r 10%|###       | 1/10"],
    "what a person would miss": ["\rone", "\rtwo"],
    "one character": ["\ra", "\rb"],
    "a long line": ["x" * 300, "\ra"],
    "nested": ["\n\r 10%|##   |", "\x1b[A"],
    "rows": ["a\n\x1b[A\x1b[2Kb\n"],
    "open commands": ["\x1b]"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_time_is_linear_in_the_text(kind: str):
    check_growth(saved, lambda n: list(itertools.islice(itertools.cycle(KINDS[kind]), n)), 1000)


@pytest.mark.parametrize("kind", KINDS)
def test_what_waits_is_bounded(kind: str):
    text = OpenText(1000)
    for part in itertools.islice(itertools.cycle(KINDS[kind]), 20_000):
        text.feed(part)
    assert len(text.text) < 20_000


def outputs(*added: Any) -> list[tuple[str, str]]:
    """The outputs of a cell that prints texts to stdout, pairs of a stream and a text elsewhere."""
    cell = CellOutputs(Limits())
    for output in added:
        if isinstance(output, str):
            cell.add_text("stdout", output)
        elif isinstance(output, tuple):
            cell.add_text(*output)
        else:
            cell.add(output)
        before = cell.nodes()
        assert cell.nodes() == before  # looking changes nothing
    return [(n.get("name", n["output_type"]), n.get("text", "")) for n in cell.nodes()]


def bar(n: int) -> tuple[str, str]:
    return "stderr", f"\r{n}/3 [{'#' * n}{'-' * (3 - n)}]"


def test_a_bar_on_stderr_is_one_output_whatever_is_printed_between_its_states():
    figure = {"output_type": "display_data", "data": {"text/plain": "a figure"}, "metadata": {}}
    made = outputs(
        "begin\n", bar(1), "loss 1\n", bar(2), figure, "loss 2\n", bar(3), ("stderr", "\n")
    )
    assert made == [
        ("stdout", "begin\nloss 1\n"),
        ("display_data", ""),
        ("stdout", "loss 2\n"),
        ("stderr", "3/3 [###]\n"),
    ]


def test_a_bar_that_has_ended_stays_where_it_ended():
    made = outputs(bar(3), ("stderr", "\n"), "loss 1\n", bar(3), ("stderr", "\n"), "loss 2\n")
    done = ("stderr", "3/3 [###]\n")
    assert made == [done, ("stdout", "loss 1\n"), done, ("stdout", "loss 2\n")]


def test_other_text_of_two_streams_stays_in_its_order():
    made = outputs("a", ("stderr", "b"), "c", ("stderr", "d\n"), "e\n")
    assert made == [
        ("stdout", "a"),
        ("stderr", "b"),
        ("stdout", "c"),
        ("stderr", "d\n"),
        ("stdout", "e\n"),
    ]


def test_a_bar_of_hours_takes_no_more_of_the_notebook_than_one_of_a_second():
    cell = CellOutputs(Limits(10_000))
    cell.add_text("stdout", "begin\n")
    for n in range(20_000):
        cell.add_text("stderr", f"\r{n}/20000 |{'█' * (n // 1000)}{' ' * (20 - n // 1000)}|")
    cell.add_text("stdout", "end\n")
    assert [node["text"] for node in cell.nodes()] == [
        "begin\n", f"19999/20000 |{'█' * 19} |", "end\n"
    ]  # fmt: skip
    assert cell.left_out == (0, 0)
