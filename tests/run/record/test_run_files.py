"""A run directory is input: nothing in it leads out of it, or is trusted in type."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guild_notebook.errors import NotebookError
from guild_notebook.run import __main__ as runner
from guild_notebook.run.record.run_dir import RunDir
from guild_notebook.run.record.run_files import RunFiles
from tests.helpers.project import Project, code, notebook
from tests.helpers.runner import execute, prepared

MARK = "5150"
"""What files outside of the run hold, and no file of the run may hold after a start of it."""

OUTSIDE = {".ipynb": json.dumps(notebook(f"theirs = {MARK}")), "": f"theirs: {MARK}\n"}

NO_PATHS = [
    "/etc/passwd",
    "..",
    "../x",
    "a/../../x",
    ".",
    "",
    "a\0b",
    "out/x",
    "out/sub/x",
]


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    """A run with a link out of it, one within it and one to itself."""
    (tmp_path / "outer").mkdir()
    (tmp_path / "outer" / "x").write_text("theirs")
    run = tmp_path / "run"
    (run / "sub").mkdir(parents=True)
    (run / "sub" / "x").write_text("own")
    (run / "out").symlink_to(tmp_path / "outer")
    (run / "in").symlink_to("sub")
    (run / "loop").symlink_to("loop")
    (run / "link").symlink_to(tmp_path / "outer" / "x")
    os.mkfifo(run / "fifo")
    return RunFiles(str(run))


@pytest.mark.parametrize("name", NO_PATHS)
def test_a_path_out_of_the_run_is_none(files: RunFiles, name: str):
    for use in (files.path, files.read, lambda name: files.write_file(name, b"")):
        with pytest.raises(OSError, match="not a file of the run"):
            use(name)
    files.remove(name)
    assert Path(files.dir, "../outer/x").read_text() == "theirs"


def test_a_link_within_the_run_is_followed_and_its_end_is_the_path(files: RunFiles):
    assert files.path("in/x") == f"{files.dir}/sub/x"
    assert files.read("in/../in/x") == b"own"


@pytest.mark.parametrize("name", ["link", "fifo", "sub", "loop"])
def test_what_is_no_file_is_not_read_and_not_extended(files: RunFiles, name: str):
    with pytest.raises(OSError, match="not a file of the run"):
        files.read(name)
    with pytest.raises(OSError, match="not a file of the run"):
        files.append(name, b"more")
    if name != "sub":
        files.write_file(name, b"new")  # in its place
        assert files.read(name) == b"new"
    assert Path(files.dir, "../outer/x").read_text() == "theirs"


ATTRIBUTES = {
    "[1, 2]": None, "5": None, "text": None, "2020-01-01": None, "{a: ": None, "\x00": None,
    "'\\xff'": None, "!!python/object:os.system {}": None, "[" * 5000: None, "0x": None,
    "": {}, "null": {}, "{}": {}, "{a: 1, 2: b, null: c}": {"a": 1},
}  # fmt: skip


@pytest.mark.parametrize("text", ATTRIBUTES)
def test_an_attribute_is_a_mapping_of_names_or_an_error_in_one_line(tmp_path: Path, text: str):
    (tmp_path / ".guild" / "attrs").mkdir(parents=True)
    (tmp_path / ".guild" / "attrs" / "flags").write_text(text)
    files = RunFiles(str(tmp_path))
    if ATTRIBUTES[text] is None:
        with pytest.raises(NotebookError, match="the run's attribute flags is not a mapping"):
            files.attr("flags")
    else:
        assert files.attr("flags") == ATTRIBUTES[text]
    assert files.attr("none") == {}


# ---- all files of a run


def absent(_path: Path, _outside: Path) -> None:
    pass


def content(data: bytes) -> Callable[[Path, Path], Any]:
    return lambda path, _outside: path.write_bytes(data)


def link(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


KINDS: dict[str, Callable[[Path, Path], Any]] = {
    "absent": absent,
    "empty": content(b""),
    "number": content(b"123\n"),
    "list": content(b'["/etc/passwd", "../../outside", 5, null]\n'),
    "lines": content(
        b'"../outside"\n"/etc/x"\n123\n"\n[\ns ../../outside 1 2\ns /x 1 2\ns\nd .. a\n'
    ),
    "mapping": content(b"{flags-extra: [1], op-cmd: 5, output-scalars: {1: [2]}, sourcecode: 3}\n"),
    "deep mapping": content(
        b"{flags-extra: {x: {nb-replace: {a: 1}, nb-secret: [1]}, y: 5}, op-cmd: {cmd-flags: [1]},"
        b" output-scalars: [5, [6], null]}\n"
    ),
    "binary": content(bytes(range(256)) * 3),
    "link": link,
    "link to itself": lambda path, _outside: path.symlink_to(path.name),
    "folder": lambda path, _outside: path.mkdir(),
    "fifo": lambda path, _outside: os.mkfifo(path),
}

PLACES = [
    ".guild/attrs/flags", ".guild/attrs/op", ".guild/attrs", ".guild/manifest",
    ".guild/notebook-artifacts", ".guild/sourcecode", ".guild/sourcecode/nbs",
    ".guild/sourcecode/nbs/nb.ipynb", ".guild/sourcecode/nbs/helper.py", "nbs", "nbs/nb.ipynb",
    "nbs/nb.html", "nbs/helper.py",
]  # fmt: skip
"""Files and folders of a run that has been executed; before that, those that it has then."""


@pytest.fixture(scope="module")
def recorded(shared: Project) -> dict[str, Path]:
    """A run as Guild has prepared it, and one that has been executed."""
    shared.notebook("nbs/nb.ipynb", code("x = 1\nprint(x)"))
    shared.file("nbs/helper.py", "y = 1\n")
    executed = execute(shared, "nbs/nb.ipynb", "--report", "html", flags={"x": 2}).run
    return {"new": prepared(shared, {"x": 2}).dir, "executed": executed.dir}


def outside_of(place: str, folder: Path) -> Path:
    """A file outside of the run that could be the file at ``place``, or a folder of such."""
    if "." in Path(place).name[1:] or place.startswith((".guild/m", ".guild/n", ".guild/attrs/")):
        path = folder / Path(place).name
        path.write_text(OUTSIDE[".ipynb" if path.suffix == ".ipynb" else ""])
        return path
    for name in ("nb.ipynb", "nbs/nb.ipynb", "flags", "op", "helper.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(OUTSIDE[Path(name).suffix if "ipynb" in name else ""])
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(p.relative_to(folder)): p.read_bytes() for p in found if not p.is_symlink()}


def check_start(
    project: Project, place: str, kind: str, copy: Path, monkeypatch: Any, capfd: Any
) -> bool:
    """Start the run in ``copy`` once its file or folder at ``place`` is of the ``kind``; returns
    whether it ran. Executing its cells has nothing to do with it and is left out."""
    theirs = copy.parent / "outside"
    theirs.mkdir()
    outside = outside_of(place, theirs)
    path = copy / place
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    KINDS[kind](path, outside)
    before = contents(theirs)
    for name, value in (("RUN_DIR", copy), ("RUN_ID", copy.name), ("PROJECT_DIR", project.dir)):
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("NB_NO_EXEC", "1")
    monkeypatch.setattr("sys.argv", ["run", "nbs/nb.ipynb", "--report", "none"])
    status = runner.main()
    lines = capfd.readouterr().err.splitlines()
    assert status in (0, 1)
    if status:
        assert len(lines) == 1 and lines[0].startswith("guild-notebook: "), lines
    assert contents(theirs) == before
    assert not [name for name, data in contents(copy).items() if MARK.encode() in data], lines
    assert not (copy / "nbs/nb.ipynb").is_symlink() or status
    return not status


@pytest.mark.parametrize("kind", KINDS)
def test_a_start_of_a_run_stays_in_it_whatever_a_file_of_it_is(
    shared: Project, recorded: dict[str, Path], kind: str, monkeypatch, capfd, tmp_path: Path
):
    outcomes = {}
    for state, run in recorded.items():
        for place in PLACES:
            if not os.path.lexists(run / place):
                continue
            copy = tmp_path / f"{state} {place.replace('/', ' ')}" / "run"
            shutil.copytree(run, copy, symlinks=True)
            try:
                ran = check_start(shared, place, kind, copy, monkeypatch, capfd)
            except Exception as e:
                raise AssertionError(f"{state}: {place} is {kind}: {e!r}") from e
            outcomes[state, place] = ran
    assert len(outcomes) == len(PLACES) + 7
    # What a run makes anew need not be there, and what is listed need not be true.
    assert outcomes["executed", "nbs/nb.html"] and outcomes["executed", "nbs/helper.py"]


def test_a_restart_removes_only_what_the_run_has_made(project: Project, tmp_path: Path):
    """Through the real command, with cells that are executed."""
    theirs = tmp_path / "theirs.png"
    theirs.write_text("theirs")
    project.without_reports("nb.ipynb")
    project.notebook("nb.ipynb", "print('ran')")
    run = project.run("nb.ipynb").run
    own = [run.dir / "nb_1_0.png", run.dir / "mine.txt"]
    for path in own:
        path.write_text("")
    names = [
        "../../../theirs.png", str(theirs), 123, None, ["nb_1_0.png"], {"a": 1}, "", ".",
        ".guild/attrs/flags", "x/../.guild/attrs/op", ".guild", "nb.ipynb", "./nb.ipynb", "a\0b",
        "nb_1_0.png",
    ]  # fmt: skip
    (run.dir / ".guild/notebook-artifacts").write_text(
        "".join(f"{json.dumps(name)}\n" for name in names)
    )
    done = project.run("--restart", run.id)
    assert "ran" in done.stdout
    assert theirs.read_text() == "theirs"
    assert [path.exists() for path in own] == [False, True]
    assert run.attr("flags") == {}


def test_what_a_run_registers_is_not_written_through_a_link(tmp_path: Path):
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    (tmp_path / "run" / ".guild").mkdir(parents=True)
    record = RunDir(str(tmp_path / "run"), "nb.ipynb")
    for name in ("notebook-artifacts", "manifest"):
        (tmp_path / "run" / ".guild" / name).symlink_to(theirs)
        with pytest.raises(OSError, match="not a file of the run"):
            record.register_artifact(str(tmp_path / "run" / "nb.html"))
        (tmp_path / "run" / ".guild" / name).unlink()
    assert theirs.read_text() == "theirs"
