"""The scalars of a run for its report are those that Guild will show of it."""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path
from typing import Any

import pytest
from guild import summary, tfevent

from guild_notebook.run import run_scalars
from guild_notebook.run.record.run_files import RunFiles
from guild_notebook.scalars.patterns import default_patterns


def printed(folder: Path, output: bytes, config: Any, ignored: tuple[str, ...] = ()) -> list[Any]:
    (folder / ".guild").mkdir(parents=True, exist_ok=True)
    (folder / ".guild" / "output").write_bytes(output)
    return [tuple(value) for value in run_scalars.printed(RunFiles(str(folder)), config, ignored)]


LINES = [
    b"loss: 0.5",
    b"  loss: 0.5",
    b"step: 3",
    b"loss: 0.25",
    b"acc: nan",
    b"acc: 1e-3 (step 12)",
    b"loss: 4 (13)",
    b"lr: 5",
    b"a sentence: with words",
    b"b: 2 a: 1",
    b"\xff bytes: 7",
    b"tab:\t3",
    b"big: " + b"9" * 400,
    b"x" * 500,
    b"step: 99999999999999999999999",
    b"after: 1",
    b"carriage: 5\r",
    b"\0nul: 6",
]

CONFIGS = [
    None,
    default_patterns(["lr"]),
    [{"loss": r"loss: (\value)"}, {"step": r"step: (\step)"}],
    [r"(\key): (\value)"],
    [r"(?P<acc>\value)"],
    [r"(?P<_key>\w+): (?P<_val>\value)"],
    [r"(one) (two) (three)"],
]


class Writer:
    """Takes what Guild finds, as far as its own writer takes it."""

    def __init__(self) -> None:
        self.found: list[Any] = []

    def add_scalar(self, name: str, value: float, step: Any) -> None:
        self.found.append((name, int(step or 0), value))

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
def test_what_is_printed_is_found_as_guild_finds_it(tmp_path: Path, config: Any):
    lines = [line for line in LINES if b"99999999999999999999999" not in line]
    patterns = summary.DEFAULT_OUTPUT_SCALARS if config is None else config
    guild = summary.OutputScalars(patterns, str(tmp_path), ["lr"] if config is None else [])
    guild._writer = writer = Writer()
    for line in lines:
        guild.write(line + b"\n")
    ours = printed(tmp_path, b"\n".join(lines), config, ("lr",) if config is None else ())
    # Guild's own patterns lose values like nan, which ours take in their place (docs/scalars.md).
    if config is None:
        ours = [value for value in ours if not math.isnan(value[2])]
    assert repr(ours) == repr(writer.found)


def test_a_step_that_no_event_can_have_is_not_one(tmp_path: Path):
    found = printed(tmp_path, b"\n".join(LINES), default_patterns([]))
    assert ("after", 3, 1.0) in found or ("after", 13, 1.0) in found


def test_the_last_row_of_a_table_and_a_line_without_an_end_are_read(tmp_path: Path):
    text = default_patterns([], "text")
    table = b"epoch  loss  acc\n1  0.5  0.25\n2  0.25  0.75"
    assert ("loss", 2, 0.25) in printed(tmp_path, table, text)
    assert printed(tmp_path, b"loss: 1\nloss: 0.5", default_patterns([])) == [
        ("loss", 0, 1.0), ("loss", 0, 0.5),
    ]  # fmt: skip


@pytest.mark.parametrize("config", [False, [], "off"])
def test_where_none_are_wanted_none_are_found(tmp_path: Path, config: Any):
    assert printed(tmp_path, b"loss: 1\n", config) == []


def test_a_run_without_recorded_output_has_no_printed_scalars(tmp_path: Path, monkeypatch):
    run = RunFiles(str(tmp_path))
    assert list(run_scalars.printed(run, None)) == []
    monkeypatch.setenv("NO_RUN_OUTPUT", "1")
    assert printed(tmp_path, b"loss: 1\n", None) == []


def test_lines_are_found_across_the_pieces_in_which_the_output_is_read(tmp_path: Path):
    lines = [b"x" * (n % 97) + b"\n" + b"s%d: %d" % (n, n) for n in range(10_000)]
    found = printed(tmp_path, b"\n".join(lines), default_patterns([]))
    assert found == [(f"s{n}", 0, float(n)) for n in range(10_000)]


def test_of_a_long_output_the_end_is_read_and_guild_has_the_rest(tmp_path: Path):
    lines = [b"early: 5", b"loss: 9", *[b"nothing of interest here"] * 50_000, b"loss: 1"]
    printed(tmp_path, b"\n".join([*lines, b"loss: 0.5"]), default_patterns([]))
    with summary.SummaryWriter(str(tmp_path / ".guild")) as writer:  # it is not at the end yet
        writer.add_scalar("early", 5.0)
        writer.add_scalar("loss", 9.0)
    found, more, are_last = run_scalars.of_run(
        RunFiles(str(tmp_path)), default_patterns([]), (), []
    )
    assert [(each.name, each.value, each.count) for each in found] == [
        ("early", 5.0, 1), ("loss", 0.5, 2),
    ]  # fmt: skip
    assert (more, are_last) == (0, True)


def event_files(folder: Path) -> list[Any]:
    paths = run_scalars.event_files(str(folder))
    return [tuple(value) for value in run_scalars.of_event_files(RunFiles(str(folder)), paths)]


def test_event_files_are_read_as_guild_reads_them(tmp_path: Path):
    from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2

    (tmp_path / ".guild").mkdir()
    for folder in (tmp_path, tmp_path / "logs" / "train", tmp_path / ".guild"):
        with summary.SummaryWriter(str(folder)) as writer:
            for step in range(3):
                writer.add_scalar("loss", 1 / (step + 1), step)
            writer.add_scalar("acc", math.nan)
            writer.add_scalar("näme", -math.inf, 2**40)
            made = tensor_pb2.TensorProto  # as TensorFlow 2 writes scalars
            tensors = [
                made(dtype=1, float_val=[0.5]),
                made(dtype=2, double_val=[0.25]),
                made(dtype=1, tensor_content=struct.pack("<f", 0.125)),
                made(dtype=2, tensor_content=struct.pack("<d", 0.75)),
                made(dtype=7, string_val=[b"text"]),
                made(dtype=3, int_val=[5]),
            ]
            for number, tensor in enumerate(tensors):
                value = summary_pb2.Summary.Value(tag=f"t{number}", tensor=tensor)
                event = event_pb2.Event(step=7, summary=summary_pb2.Summary(value=[value]))
                writer._get_writer().add_event(event)
    found = event_files(tmp_path)
    expected = []
    for folder in (tmp_path, tmp_path / "logs" / "train"):
        prefix = "logs/train#" if folder != tmp_path else ""
        for name, value, step in tfevent.ScalarReader(str(folder)):
            expected.append((prefix + name, step, value))
    assert len(expected) == 18
    assert repr(sorted(found, key=repr)) == repr(sorted(expected, key=repr))


def test_an_event_file_that_is_cut_or_is_none_gives_what_can_be_read(tmp_path: Path):
    with summary.SummaryWriter(str(tmp_path)) as writer:
        for step in range(5):
            writer.add_scalar("loss", float(step), step)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        found = event_files(tmp_path)
        assert found == [("loss", n, float(n)) for n in range(len(found))]
    for content in (b"", b"\xff" * 500, b"\0" * 500, bytes(range(256)) * 40):
        path.write_bytes(content)
        assert event_files(tmp_path) == []


def record(event: bytes) -> bytes:
    return struct.pack("<QI", len(event), 0) + event + b"\0" * 4


def event_of(step: int, summary_value: bytes) -> bytes:
    """An event of fewer than 128 bytes."""
    entry = b"\x0a" + bytes([len(summary_value)]) + summary_value
    field = b"\x2a" + bytes([len(entry)]) + entry
    return b"\x09" + b"\0" * 8 + b"\x10" + step.to_bytes(1, "big") + field


GOOD = record(event_of(5, b"\x0a\x01a" + b"\x15" + struct.pack("<f", 0.5)))


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<QI", 2**64 - 1, 0),  # a length that no file has
        record(b""),
        record(b"\x28\x05"),  # a summary that is a number
        record(b"\x11" + b"\0" * 8 + event_of(5, b"\x10\x05")),  # a step and a value of other types
        record(event_of(5, b"\x08\x05" + b"\x15" + b"\0" * 3)),
        record(event_of(5, b"\x40\x01")),  # a tensor that is a number
        record(event_of(5, b"\x42\x04\x08\x01\x28\x05")),
        record(b"\xff" * 100_000),  # a number without an end
        b"\0" * 100_000,
    ],
)
def test_events_that_are_none_cost_no_other_file_its_scalars(content: bytes, tmp_path: Path):
    (tmp_path / "1.tfevents.1").write_bytes(GOOD + content)
    (tmp_path / "2.tfevents.2").write_bytes(GOOD)
    assert event_files(tmp_path).count(("a", 5, 0.5)) == 2


def test_event_files_that_are_no_files_of_the_run_are_not_waited_for(tmp_path: Path):
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    (tmp_path / "events").write_bytes(GOOD)
    os.mkfifo(run_dir / "1.tfevents.fifo")
    (run_dir / "2.tfevents.folder").mkdir()
    for name, target in (("zero", "/dev/zero"), ("loop", "3.tfevents.loop"), ("out", "../events")):
        (run_dir / f"3.tfevents.{name}").symlink_to(target)
    (run_dir / "4.tfevents").write_bytes(b"")
    (run_dir / "5.tfevents.good").write_bytes(GOOD)
    assert event_files(run_dir) == [("a", 5, 0.5)]


def test_of_long_event_files_the_ends_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run_scalars, "MOST_EVENTS", 50_000)
    for name in ("a", "b"):
        with summary.SummaryWriter(str(tmp_path / name)) as writer:
            for step in range(3_000):
                writer.add_scalar("loss", float(step), step)
    found, _more, are_last = run_scalars.of_run(
        RunFiles(str(tmp_path)), None, (), run_scalars.event_files(str(tmp_path))
    )
    assert are_last
    for each, name in zip(found, ("a", "b")):
        assert (each.name, each.value, each.step) == (f"{name}#loss", 2_999.0, 2_999)
        assert each.count == each.highest - each.lowest + 1  # none between is left out
        assert 650 < each.count < 750  # of 25,000 bytes


def scalar(*values: tuple[int, float]) -> Any:
    found, more = run_scalars.scalars(run_scalars.Value("s", *value) for value in values)
    assert more == 0
    return found[0]


@pytest.mark.parametrize(
    ("values", "last"),
    [
        ([(0, 1.0), (0, 2.0)], (0, 2.0)),  # without steps the last one
        ([(1, 1.0), (2, 2.0), (1, 3.0)], (2, 2.0)),  # as `guild compare` has it
        ([(1, 1.0), (2, math.nan)], (2, math.nan)),
    ],
)
def test_the_last_value_is_that_of_the_highest_step(values, last):
    found = scalar(*values)
    assert repr((found.step, found.value)) == repr(last)


def test_a_scalar_of_many_values_is_small_and_its_range_exact():
    values = [(n, float(n % 1_000)) for n in range(100_000)]
    values[77_777] = (77_777, -5.0)
    found = scalar(*values)
    assert (found.value, found.step, found.count) == (999.0, 99_999, 100_000)
    assert (found.lowest, found.highest) == (-5.0, 999.0)
    assert 250 <= len(found.points) <= 501 and found.points[-1] == (99_999, 999.0)


def test_scalars_of_many_names_are_bounded():
    values = (run_scalars.Value(f"s{n}", 0, 1.0) for n in [*range(2_000)] * 2)
    found, more = run_scalars.scalars(values)
    assert [each.name for each in found] == [f"s{n}" for n in range(500)]
    assert more == 1_500 and all(each.count == 2 for each in found)
