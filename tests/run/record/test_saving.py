"""Files of a run are what Jupyter would write, and whole or absent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guild_notebook import files
from guild_notebook.document.writer import NotebookEncoder
from guild_notebook.files import write_whole
from guild_notebook.run.record.run_dir import RunDir

TEXTS = st.text(alphabet=st.sampled_from('ab"\\/\n\r\x0b\x1f\u2028ü\x00🙂 '), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
MIMES = st.sampled_from(
    ["text/plain", "text/html", "image/png", "image/svg+xml", "application/javascript"]
)
BUNDLES = st.dictionaries(MIMES, TEXTS, max_size=3) | st.fixed_dictionaries(
    {"application/json": VALUES}
)
METADATA = st.dictionaries(TEXTS | st.just("trusted"), VALUES, max_size=2)
STREAMS = st.builds(
    lambda name, text: {"output_type": "stream", "name": name, "text": text},
    st.sampled_from(["stdout", "stderr"]),
    TEXTS,
)
SHOWN = st.builds(
    lambda data, metadata: {"output_type": "display_data", "data": data, "metadata": metadata},
    BUNDLES,
    METADATA,
)
CODE = st.builds(
    lambda source, outputs, metadata: {
        "cell_type": "code", "source": source, "outputs": outputs, "metadata": metadata,
        "execution_count": None,
    },
    TEXTS, st.lists(STREAMS | SHOWN, max_size=3), METADATA,
)  # fmt: skip
MARKDOWN = st.builds(
    lambda source, bundle: {
        "cell_type": "markdown", "source": source, "metadata": {}, "attachments": {"a.png": bundle}
    },
    TEXTS, BUNDLES,
)  # fmt: skip
NOTEBOOKS = st.builds(
    lambda cells, metadata: {
        "cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4
    },
    st.lists(CODE | MARKDOWN, max_size=4), METADATA,
)  # fmt: skip


def as_nbformat_writes(document: dict[str, Any]) -> bytes:
    text = nbformat.v4.writes_json(nbformat.from_dict(document), ensure_ascii=False)
    return (text.rstrip("\n") + "\n").encode("utf-8")


@given(NOTEBOOKS)
@settings(max_examples=300)
def test_a_notebook_is_written_as_nbformat_writes_it(document):
    assert b"".join(NotebookEncoder(document).file_parts()) == as_nbformat_writes(document)


@given(NOTEBOOKS.filter(lambda nb: nb["cells"]), st.data())
def test_a_cell_that_has_changed_is_written_anew(document, data):
    encoder = NotebookEncoder(document)
    b"".join(encoder.file_parts(()))
    index = data.draw(st.integers(0, len(document["cells"]) - 1))
    document["cells"][index]["source"] = "changed"
    assert b"".join(encoder.file_parts({index})) == as_nbformat_writes(document)


def test_a_cell_of_large_images_is_written_with_little_memory_beside_them():
    shown = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 2_500_000}}
    cell = {"cell_type": "code", "source": "", "outputs": [shown] * 4, "metadata": {}}
    document = {"cells": [{**cell, "execution_count": None}], "metadata": {}}
    document.update(nbformat=4, nbformat_minor=4)
    encoder = NotebookEncoder(document)
    tracemalloc.start()
    try:
        size = sum(map(len, encoder.file_parts()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 10_000_000 and peak < 2 * size
    assert b"".join(encoder.file_parts(())) == as_nbformat_writes(document)


def test_a_lone_surrogate_is_escaped_in_its_cell_alone():
    cells = [{"cell_type": "raw", "source": source, "metadata": {}} for source in ("ü", "\ud800 ü")]
    document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    content = b"".join(NotebookEncoder(document).file_parts())
    assert "ü".encode() in content and b"\\ud800 \\u00fc" in content
    assert nbformat.reads(content.decode(), as_version=4).cells[1].source == "\ud800 ü"


@pytest.fixture(params=["nameless", "named"])
def way(request, monkeypatch) -> str:
    """Both ways of writing a file: that of Linux, and that of systems without nameless files."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    elif files._open_nameless(".") is None:
        pytest.skip("this system has no files without a name")
    return request.param


def test_a_file_is_replaced_and_has_the_mode_of_any_new_file(tmp_path: Path, way: str):
    path, other = tmp_path / "new" / "file", tmp_path / "other"
    write_whole(str(path), b"old")
    write_whole(str(path), iter([b"n", b"ew"]))
    other.write_bytes(b"")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode == other.stat().st_mode
    assert os.listdir(path.parent) == ["file"]


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path, way: str):
    def broken():
        yield b"half"
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="No space"):
        write_whole(str(path), broken())
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]


def test_a_leftover_of_a_killed_process_is_no_obstacle(tmp_path: Path, way: str):
    path = tmp_path / "file"
    Path(files.part_path(str(path))).write_bytes(b"half of it")
    write_whole(str(path), b"new")
    assert path.read_bytes() == b"new" and os.listdir(tmp_path) == ["file"]


WRITER = """
import sys, time
from guild_notebook.files import write_whole
def content():
    yield b"x" * 1_000_000
    print("writing", flush=True)
    time.sleep(600)
write_whole(sys.argv[1], content())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file without a name")
def test_a_process_that_is_killed_while_it_writes_leaves_no_part_of_the_file(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"writing\n"
        process.send_signal(signal.SIGKILL)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]


def test_what_a_run_has_made_is_removed_at_its_next_start(tmp_path: Path):
    (tmp_path / ".guild").mkdir()
    record = RunDir(str(tmp_path), "nb.ipynb")
    for name in ("nb.html", "nb_1_0.png", "nb_1_0.png"):
        record.register_artifact(str(tmp_path / name))
        (tmp_path / name).write_bytes(b"")
    (tmp_path / ".nb.html.part").write_bytes(b"")
    (tmp_path / "mine.png").write_bytes(b"")
    with (tmp_path / ".guild/notebook-artifacts").open("a") as f:
        f.write('"half of a li')  # the run was killed
    RunDir(str(tmp_path), "nb.ipynb").remove_earlier_artifacts()
    assert sorted(os.listdir(tmp_path)) == [".guild", "mine.png"]
    assert os.listdir(tmp_path / ".guild") == ["manifest"]
