"""The file of a run's scalars is that of TensorBoard's writer, which is not imported for it."""

from __future__ import annotations

import math
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from guild import summary, tfevent
from hypothesis import given, settings
from hypothesis import strategies as st

from guild_notebook.scalars.event_file import ScalarWriter
from tests.helpers.project import Project

VALUES = [
    *(0.0, -0.0, 1.0, -1.5, 0.1, 1e-45, 1e-46, 1e38, math.inf, -math.inf, math.nan),
    # The largest of 32 bits, and what is not rounded to it.
    *(3.4028234663852886e38, 3.4028235677973366e38, 1e39, -1e308),
]
TAGS = ["loss", "", "train/loss", "é" * 70, "x" * 127, "x" * 128, "x" * 70_000, "a\0b", None]
STEPS = [None, 0, 1, 127, 128, 16_384, 2**31, 2**63 - 1, -1, -(2**63), 3.9]


def written(writer: Any, scalars: list[tuple[Any, ...]]) -> bytes:
    """The bytes of the only file of ``writer`` once it has these tags, values and steps."""
    for scalar in scalars:
        writer.add_scalar(*scalar)
    writer.close()
    (file,) = Path(writer.logdir).iterdir()
    return file.read_bytes()


def both(folder: Path, scalars: list[tuple[Any, ...]]) -> tuple[bytes, bytes]:
    """What this writer and Guild's, which is TensorBoard's, make of the same scalars."""
    ours, guilds = folder / "ours", folder / "guilds"
    return (
        written(ScalarWriter(str(ours)), scalars),
        written(summary.SummaryWriter(str(guilds)), scalars),
    )


@pytest.mark.parametrize(
    "scalars",
    [
        [("loss", value, 3) for value in VALUES],
        [(tag, 0.5, 3) for tag in TAGS],
        [("loss", 0.5, step) for step in STEPS],
    ],
    ids=["values", "tags", "steps"],
)
def test_each_kind_of_scalar_is_written_as_tensorboard_does(tmp_path: Path, scalars: Any):
    ours, guilds = both(tmp_path, scalars)
    assert ours == guilds


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
            st.floats(allow_nan=False) | st.just(math.nan),
            st.none() | st.integers(-(2**63), 2**63 - 1),
        ),
        min_size=1,
    )
)
def test_any_scalars_are_written_as_tensorboard_does(tmp_path_factory: Any, scalars: Any):
    ours, guilds = both(tmp_path_factory.mktemp("scalars"), scalars)
    assert ours == guilds


def test_the_bytes_of_a_file_are_those_of_the_format(tmp_path: Path):
    header, event = b"\x1a\x0dbrain.Event:2", b"\x10\x07\x2a\x0d\x0a\x0b\x0a\x04loss\x15\0\0\0\x3f"
    made = written(ScalarWriter(str(tmp_path)), [("loss", 0.5, 7)])
    assert made[:8] == struct.pack("<Q", len(header)) and made[12:27] == header
    assert made[31:39] == struct.pack("<Q", len(event)) and made[43:-4] == event
    # The checksums of these, by TensorBoard's own function.
    checksums = [made[8:12], made[27:31], made[39:43], made[-4:]]
    assert [each.hex() for each in checksums] == ["6d532b09", "fc985129", "9d6db52e", "704ded7c"]


@pytest.mark.parametrize("step", [2**63, -(2**63) - 1, math.nan])
def test_a_step_that_is_no_number_of_64_bits_is_refused(tmp_path: Path, step: Any):
    for writer in (ScalarWriter(str(tmp_path)), summary.SummaryWriter(str(tmp_path))):
        with pytest.raises(ValueError):
            writer.add_scalar("loss", 0.5, step)
        writer.close()
    assert not [*tmp_path.iterdir()]


def test_a_file_can_be_read_while_it_is_written_and_each_writer_has_its_own(tmp_path: Path):
    writers = [ScalarWriter(str(tmp_path / "run")) for _ in range(2)]
    assert not (tmp_path / "run").exists()
    for step, writer in enumerate(writers):
        writer.add_scalar("loss", 0.25 + step, step)
        writer.flush()
    ((_, _, reader),) = tfevent.scalar_readers(str(tmp_path))
    assert sorted(reader) == [("loss", 0.25, 0), ("loss", 1.25, 1)]
    for writer in writers:
        writer.close()
        writer.close()
    assert len([*(tmp_path / "run").glob("events.out.tfevents.*")]) == 2


def test_a_run_with_scalars_imports_no_tensorboard(project: Project):
    project.file("train.sh", "echo 'loss: 0.5'; echo 'loss: 0.25 (step 3)'")
    project.guildfile("train:\n  exec: sh train.sh\n")
    done = project.run("train", PYTHONPROFILEIMPORTTIME="1")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "guild.summary" in imported
    assert not {"numpy", "tensorboard.summary.writer", "google.protobuf", "absl"} & imported
    assert "loss: 0.250000 (step 3)" in project.guild("runs", "info").stdout


@pytest.mark.parametrize("later", [0, 1000])
def test_a_file_comes_after_those_that_a_folder_has(tmp_path: Path, later: int):
    """Also after one of the same second and a process with a higher number."""
    earlier = tmp_path / f"events.out.tfevents.{int(time.time()) + later}.host.99999.0"
    earlier.write_bytes(b"")
    (tmp_path / "events.out.tfevents.of-another").write_bytes(b"")
    writer = ScalarWriter(str(tmp_path))
    writer.add_scalar("loss", 0.5)
    writer.close()
    assert sorted(path.name for path in tmp_path.iterdir())[0] == earlier.name
    assert len(list(tmp_path.iterdir())) == 3
