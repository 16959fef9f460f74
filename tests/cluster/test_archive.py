"""Run directories as archives: what goes in comes out, and nothing gets where it should not."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import shutil
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guild_notebook.cluster import archive
from guild_notebook.cluster.attempt import OutputTail
from guild_notebook.cluster.run_state import write_error

LOCAL_FILES = {"LOCK", "LOCK.remote", "PENDING", "STAGED", "dask-cluster", "ENV"}


def travel(source: Path, target: Path, names: list[str] | None = None) -> None:
    packed = io.BytesIO()
    archive.pack(str(source), packed, names)
    packed.seek(0)
    archive.unpack(packed, str(target))


def tree(root: Path) -> dict[str, object]:
    return {
        str(path.relative_to(root)): os.readlink(path)
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in sorted(root.rglob("*"))
    }


NAMES = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="/\\"))
PARTS = NAMES.map(lambda name: name[:20]).filter(lambda name: name not in ("", ".", ".."))
FILES = st.dictionaries(st.lists(PARTS, min_size=1, max_size=3).map("/".join), st.binary())


@settings(max_examples=60, deadline=None)
@given(files=FILES)
def test_what_is_packed_is_what_is_unpacked(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    source = folder / "source"
    source.mkdir()
    for name, content in files.items():
        path = source / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.is_dir() and path.name not in LOCAL_FILES:
                path.write_bytes(content)
        except (FileExistsError, NotADirectoryError):
            continue  # a file of that name is in the way
    travel(source, folder / "target")
    assert tree(folder / "target") == tree(source)
    shutil.rmtree(folder)


@pytest.mark.parametrize("mode", [0o755, 0o664, 0o600])
def test_modes_and_times_are_kept_and_files_of_one_machine_stay_there(tmp_path, mode):
    run = tmp_path / "run"
    (run / ".guild").mkdir(parents=True)
    for name in LOCAL_FILES:
        (run / ".guild" / name).touch()
    script = run / "LOCK"  # a file of the user's, elsewhere than in .guild
    script.write_text("x")
    script.chmod(mode)
    os.utime(script, (1000, 1000))
    travel(run, tmp_path / "there")
    assert tree(tmp_path / "there") == {".guild": None, "LOCK": b"x"}
    arrived = (tmp_path / "there" / "LOCK").stat()
    assert (arrived.st_mode & 0o777, arrived.st_mtime) == (mode, 1000)


def test_a_link_out_of_the_run_travels_as_what_it_leads_to(tmp_path):
    other, run = tmp_path / "other", tmp_path / "run"
    (other / "folder").mkdir(parents=True)
    (other / "folder" / "data").write_text("seven")
    (other / "folder" / "again").symlink_to("..")  # leads round in a circle
    run.mkdir()
    (run / "data").symlink_to(other / "folder" / "data")
    (run / "folder").symlink_to("../other/folder")
    (run / "inside").symlink_to("data")
    (run / "absolute").symlink_to(run / "data")
    (run / "nothing").symlink_to(tmp_path / "nothing")
    travel(run, tmp_path / "there")
    arrived = tree(tmp_path / "there")
    assert arrived["data"] == b"seven" and arrived["folder/data"] == b"seven"
    assert "nothing" not in arrived and "folder/again/folder/data" not in arrived


def test_a_link_within_the_run_stays_one(tmp_path):
    run = tmp_path / "run"
    (run / "sub").mkdir(parents=True)
    (run / "sub" / "data").write_text("seven")
    (run / "link").symlink_to("sub/data")
    (run / "absolute").symlink_to(run / "sub" / "data")
    travel(run, tmp_path / "there")
    arrived = tree(tmp_path / "there")
    assert arrived["link"] == "sub/data" and arrived["absolute"] == "sub/data"


def entry(name: str, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    return entry(name, type=kind, linkname=target)


REFUSED = {
    "a path upwards": [entry("../evil")],
    "a path upwards within": [entry("a/../../evil")],
    "a link upwards": [link("x", "../..")],
    "an absolute link": [link("x", "OUTSIDE")],
    "a link through a link": [link("a", "b/../.."), link("b", "c/d"), entry("c/d/e")],
    "two links that lead out together": [link("p/a", "b/../../evil"), link("p/b", "..")],
    "a link in place of a folder": [entry("x/y"), link("x", "good")],
    "a link below a link": [link("x", "y"), link("x/evil", "good")],
    "a link upwards below a link": [entry("a/b/c"), link("p", "a/b"), link("p/q/r", "../../x")],
    "a link upwards below the folder itself": [link("p", "."), link("p/q/r", "../../x")],
    "a link below a link that comes later": [link("p/q/r", "../../x"), link("p", ".")],
    "a link that another makes lead out": [link("p/r", "../q/../../x"), link("q", "good")],
    "a link in place of a link": [link("p", "good"), link("p", "../..")],
    "a hard link": [link("x", "OUTSIDE/file", tarfile.LNKTYPE)],
    "a hard link to a link": [link("a/x", "../y"), link("evil", "a/x", tarfile.LNKTYPE)],
    "a device": [entry("x", type=tarfile.CHRTYPE)],
    "a pipe": [entry("x", type=tarfile.FIFOTYPE)],
    "a file through a link": [link("x", "y"), entry("x/evil")],
}

HARMLESS = {
    "an absolute path": [entry("OUTSIDE/evil")],
    "a file twice": [entry("x"), entry("x")],
    "a path upwards that stays within": [entry("a/../x")],
}


def hostile(entries: list[tarfile.TarInfo], tmp_path: Path) -> io.BytesIO:
    """An archive with ``entries`` after a good one; OUTSIDE in them is a folder."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.addfile(entry("good"))
        for info in entries:
            for field in ("name", "linkname"):
                value = getattr(info, field).replace("OUTSIDE", str(tmp_path))
                info = info.replace(**{field: value}, deep=False)
            tar.addfile(info)
    packed.seek(0)
    return packed


@pytest.mark.parametrize("what", REFUSED)
def test_an_archive_with_something_bad_is_refused_whole(what, tmp_path):
    folder = tmp_path / "inner" / "there"
    folder.parent.mkdir()
    with pytest.raises(archive.ArchiveError) as refused:
        archive.unpack(hostile(REFUSED[what], tmp_path), str(folder))
    assert len(str(refused.value).splitlines()) == 1
    assert tree(tmp_path) == {"inner": None}


NAMES_OF_ENTRIES = st.lists(
    st.sampled_from(["p", "q", "P", "r", "..", ".", "good"]), min_size=1, max_size=4
).map("/".join)
ENTRIES = st.one_of(
    NAMES_OF_ENTRIES.map(entry),
    NAMES_OF_ENTRIES.map(lambda name: entry(name, type=tarfile.DIRTYPE)),
    st.builds(link, NAMES_OF_ENTRIES, NAMES_OF_ENTRIES),
)


@settings(max_examples=300, deadline=None)
@given(entries=st.lists(ENTRIES, min_size=1, max_size=6))
def test_nothing_that_is_unpacked_lies_outside_or_leads_there(entries, tmp_path_factory):
    outer = tmp_path_factory.mktemp("outer")
    folder = outer / "inner" / "there"
    folder.parent.mkdir()
    with contextlib.suppress(archive.ArchiveError):
        archive.unpack(hostile(entries, outer), str(folder))
    assert [path.name for path in outer.iterdir()] == ["inner"]
    assert [path.name for path in folder.parent.iterdir()] in (["there"], [])
    for root, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            assert os.path.realpath(f"{root}/{name}").startswith(f"{folder}{os.sep}")
    shutil.rmtree(outer)


@pytest.mark.parametrize("what", HARMLESS)
def test_what_may_not_be_refused_stays_in_the_folder(what, tmp_path):
    folder = tmp_path / "inner" / "there"
    folder.parent.mkdir()
    with contextlib.suppress(archive.ArchiveError):
        archive.unpack(hostile(HARMLESS[what], tmp_path), str(folder))
    assert [path.name for path in tmp_path.iterdir()] == ["inner"]
    assert [path.name for path in folder.parent.iterdir()] in (["there"], [])


def test_a_python_without_the_filter_is_one_line(tmp_path, monkeypatch):
    monkeypatch.delattr(tarfile, "data_filter")
    with pytest.raises(archive.ArchiveError, match="update Python"):
        archive.unpack(hostile([], tmp_path), str(tmp_path / "there"))
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("length", [0, 1, 100, 2000])
def test_an_archive_that_is_cut_off_is_refused_whole(length, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "data").write_bytes(os.urandom(4000))
    packed = io.BytesIO()
    archive.pack(str(source), packed)
    with pytest.raises(archive.ArchiveError):
        archive.unpack(io.BytesIO(packed.getvalue()[:length]), str(tmp_path / "there"))
    assert not (tmp_path / "there").exists()
    assert gzip.decompress(packed.getvalue())  # it was whole


# ---- what comes back


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / ".guild" / "attrs").mkdir(parents=True)
    (folder / "kept").write_text("kept")
    (folder / "old").write_text("old")
    (folder / ".guild" / "output").write_text("one\n")
    return folder


def back(run: Path, tmp_path: Path, change) -> None:
    """Let ``change`` work on a copy of the run over there, and take what has come of it."""
    there, came = tmp_path / "there", tmp_path / "came"
    travel(run, there)
    before = archive.snapshot(str(there))
    change(there)
    changed, removed = archive.changes(str(there), before)
    travel(there, came, changed)
    archive.apply_changes(str(came), str(run), removed)


def test_only_what_has_changed_comes_back(run, tmp_path):
    number = (run / "kept").stat().st_ino

    def change(there: Path) -> None:
        (there / "new" / "sub").mkdir(parents=True)
        (there / "new" / "sub" / "file").write_text("new")
        (there / "new" / "empty").mkdir()
        (there / "old").unlink()
        (there / ".guild" / "attrs" / "exit_status").write_text("0")

    back(run, tmp_path, change)
    assert (run / "kept").stat().st_ino == number
    assert tree(run) == {
        ".guild": None,
        ".guild/attrs": None,
        ".guild/attrs/exit_status": b"0",
        ".guild/output": b"one\n",
        "kept": b"kept",
        "new": None,
        "new/empty": None,
        "new/sub": None,
        "new/sub/file": b"new",
    }


def test_output_that_has_grown_is_extended_for_those_who_read_it(run, tmp_path):
    with (run / ".guild" / "output").open() as reader:
        assert reader.read() == "one\n"

        def change(there: Path) -> None:
            with (there / ".guild" / "output").open("a") as f:
                f.write("two\n")

        back(run, tmp_path, change)
        assert reader.read() == "two\n"


def test_output_that_is_another_one_replaces_what_was_there(run, tmp_path):
    back(run, tmp_path, lambda there: (there / ".guild" / "output").write_text("other\n"))
    assert (run / ".guild" / "output").read_text() == "other\n"


def test_another_runs_files_are_never_written_through_a_link(run, tmp_path):
    other = tmp_path / "other"
    (other / "sub").mkdir(parents=True)
    (other / "sub" / "data").write_text("theirs")
    (run / "folder").symlink_to(other)
    (run / "file").symlink_to(other / "sub" / "data")

    def change(there: Path) -> None:
        (there / "folder" / "sub" / "data").write_text("changed")
        (there / "folder" / "added").write_text("added")
        (there / "file").write_text("changed")

    back(run, tmp_path, change)
    assert (other / "sub" / "data").read_text() == "theirs"
    assert not (other / "added").exists()
    assert (run / "folder" / "sub" / "data").read_text() == "changed"
    assert (run / "file").read_text() == "changed"


def test_an_unchanged_link_to_another_run_stays_a_link(run, tmp_path):
    other = tmp_path / "other"
    other.write_text("theirs")
    (run / "file").symlink_to(other)
    back(run, tmp_path, lambda there: (there / "new").write_text(""))
    assert (run / "file").is_symlink() and (run / "file").read_text() == "theirs"


def test_a_file_may_become_a_folder_and_a_folder_a_file(run, tmp_path):
    (run / "folder").mkdir()
    (run / "folder" / "x").write_text("x")

    def change(there: Path) -> None:
        shutil.rmtree(there / "folder")
        (there / "folder").write_text("file")
        (there / "old").unlink()
        (there / "old").mkdir()
        (there / "old" / "x").write_text("x")

    back(run, tmp_path, change)
    assert (run / "folder").read_text() == "file"
    assert (run / "old" / "x").read_text() == "x"


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "..", ""])
def test_what_a_worker_says_it_has_removed_is_in_the_run(run, tmp_path, name):
    (tmp_path / "evil").write_text("theirs")
    (tmp_path / "came").mkdir()
    before = tree(tmp_path)
    with pytest.raises(archive.ArchiveError, match="removes"):
        archive.apply_changes(str(tmp_path / "came"), str(run), [name])
    assert tree(tmp_path) == before


APPENDED = [".guild/output", ".guild/output.index", ".guild/events.out.tfevents.1.x.0"]
NOT_APPENDED = [".guild/events.out.tfevents./../../../evil", "../.guild/output", "x/.guild/output"]


def test_only_files_in_guilds_folder_are_appended_to():
    assert [name for name in APPENDED + NOT_APPENDED if archive.is_appended(name)] == APPENDED


@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_what_is_followed_of_a_run_is_its_own_file(run, tmp_path, kind):
    """Output that a worker sends, and its file where that is none."""
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    output = run / ".guild" / "output"
    output.unlink()
    output.symlink_to(theirs) if kind == "link" else os.mkfifo(output)
    tail = OutputTail(SimpleNamespace(dir=str(run), short_id="abc"))
    with pytest.raises(OSError, match="not a file of the run"):
        tail.add({".guild/output": b"sent\n"}, write=True)
    tail.finish()
    write_error(SimpleNamespace(dir=str(run), write_attr=lambda *_: None), "it failed")
    assert theirs.read_text() == "theirs"
    back(run, tmp_path, lambda there: (there / ".guild" / "output").write_text("new"))
    assert output.read_text() == "new" and theirs.read_text() == "theirs"
