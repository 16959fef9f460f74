"""Nobody but the user can reach a run's kernel: seen from inside a cell of real runs."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from guild_notebook import socket_dir
from tests.helpers.project import Project, code

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells of sockets")

LOOK = r'''
import json, os
from pathlib import Path
from ipykernel.connect import get_connection_file

def above(path):
    path = os.path.realpath(path)
    while True:
        status = os.stat(path)
        yield path, oct(status.st_mode & 0o7777), status.st_uid
        if path == os.path.dirname(path):
            return
        path = os.path.dirname(path)

def family():
    """This process, the supervisor, the run, Guild."""
    pid = os.getpid()
    while pid > 1:
        yield pid
        pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])

def sockets(pid):
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(fd)
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target[8:-1]

ours = {inode for pid in list(family())[:4] for inode in sockets(pid)}
tcp = [line.split() for name in ("tcp", "tcp6")
       for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
unix = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
file = get_connection_file()
print("SEEN", json.dumps({
    "connection": json.loads(Path(file).read_text()),
    "file": oct(os.stat(file).st_mode & 0o7777),
    "above": list(above(os.path.dirname(file))),
    "sockets": sorted({line[7] for line in unix if len(line) > 7 and line[6] in ours}),
    "listening": [line[1] for line in tcp if line[3] == "0A" and line[9] in ours],
    "pipe": get_ipython().kernel.iopub_thread._pipe_port,
    "uid": os.getuid(),
}))
'''

LOOPBACK = "0100007F"


@pytest.fixture(scope="module")
def looking(shared: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a notebook that looks around, also on a kernel that is not known for ipc."""
    kernels = tmp_path_factory.mktemp("jupyter")
    program = kernels / "program"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ipykernel_launcher "$@"\n')
    program.chmod(0o755)
    spec = {"argv": [str(program), "-f", "{connection_file}"], "display_name": "Program"}
    path = kernels / "kernels" / "program" / "kernel.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**spec, "language": "python"}))
    shared.env["JUPYTER_PATH"] = str(kernels)
    shared.notebook("nb.ipynb", code(LOOK))
    shared.guildfile(
        "a: {notebook: nb.ipynb --report none}\n"
        "b: {notebook: nb.ipynb --kernel program --report none}\n"
    )
    return shared


def look(project: Project, operation: str, **env: str) -> dict[str, Any]:
    done = project.run(operation, **env)
    [line] = [line for line in done.stdout.splitlines() if line.startswith("SEEN ")]
    seen = json.loads(line[5:])
    assert not os.path.exists(seen["above"][0][0]), "the folder is left behind"
    return seen


def assert_private(seen: dict[str, Any]) -> None:
    """The folder is the user's alone, and nobody else can put another in its place."""
    path, mode, owner = seen["above"][0]
    # jupyter_client makes it sticky too, so that no cleaner of temporary files takes it away.
    assert (int(mode, 8) & 0o777, owner, seen["file"]) == (0o700, seen["uid"], "0o600")
    for path, mode, owner in seen["above"][1:]:
        assert owner in (0, seen["uid"]), path
        assert not int(mode, 8) & 0o022 or int(mode, 8) & stat.S_ISVTX, path
    assert seen["connection"]["key"] and seen["connection"]["signature_scheme"] == "hmac-sha256"


def assert_sockets_of_files(seen: dict[str, Any]) -> None:
    inside = seen["above"][0][0]
    assert seen["connection"]["transport"] == "ipc"
    # ipykernel takes there what its own forks print, from who knows a secret of its memory
    # (ipykernel/iostream.py, _setup_pipe_in); none is a port of a kernel's channels.
    assert seen["listening"] == [f"{LOOPBACK}:{seen['pipe']:04X}"]
    assert len(seen["sockets"]) >= 4
    assert all(path.startswith((inside + os.sep, "@")) for path in seen["sockets"])
    assert os.path.dirname(seen["connection"]["ip"]) == inside


def test_an_ipython_kernel_has_sockets_in_a_folder_of_the_user_and_no_port(looking: Project):
    seen = look(looking, "a")
    assert_private(seen)
    assert_sockets_of_files(seen)


def test_other_kernels_listen_on_loopback_only_and_want_a_key(looking: Project):
    seen = look(looking, "b")
    assert_private(seen)
    assert seen["connection"]["transport"] == "tcp"
    ports = [port for name, port in seen["connection"].items() if name.endswith("_port")]
    assert len({*ports}) == 5 and all(10_000 <= port < 32_768 for port in ports)
    assert len(seen["connection"]["key"]) >= 32
    assert seen["listening"]
    assert {address.split(":")[0] for address in seen["listening"]} == {LOOPBACK}


def test_with_a_long_path_for_temporary_files_sockets_find_a_shorter_one(
    looking: Project, tmp_path: Path
):
    long = tmp_path / ("long" * 20)
    long.mkdir()
    seen = look(looking, "a", TMPDIR=str(long), XDG_RUNTIME_DIR="")
    assert_private(seen)
    assert_sockets_of_files(seen)


@pytest.mark.slow
def test_a_folder_for_temporary_files_that_others_may_change_is_not_used(
    looking: Project, tmp_path: Path
):
    public = tmp_path / "public"
    public.mkdir()
    public.chmod(0o777)
    for operation in ("a", "b"):
        seen = look(looking, operation, TMPDIR=str(public), XDG_RUNTIME_DIR="")
        assert not seen["above"][0][0].startswith(str(public))
        assert_private(seen)


@pytest.mark.parametrize(
    ("mode", "safe"), [(0o700, True), (0o755, True), (0o777, False), (0o770, False), (0o1777, True)]
)
def test_a_folder_is_safe_where_nobody_else_can_rename_what_is_in_it(
    tmp_path: Path, mode: int, safe: bool
):
    place = tmp_path / "above" / "place"
    place.mkdir(parents=True)
    place.chmod(mode)
    assert socket_dir.is_safe(str(place)) == safe
    place.chmod(0o700)
    place.parent.chmod(mode)
    assert socket_dir.is_safe(str(place)) == safe


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a folder of another user")
def test_a_folder_of_another_user_is_not_safe(tmp_path: Path):
    place = tmp_path / "place"
    place.mkdir()
    os.chown(place, 12345, 12345)
    assert not socket_dir.is_safe(str(place))


def test_where_no_folder_is_safe_the_run_has_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(socket_dir, "is_safe", lambda place: False)
    (tmp_path / ".guild").mkdir()
    made = socket_dir.make(str(tmp_path))
    assert os.path.dirname(made) == str(tmp_path / ".guild")
    assert stat.S_IMODE(os.stat(made).st_mode) == 0o700


def test_a_path_fits_sockets_where_all_of_a_socket_s_path_fits():
    assert socket_dir.fits_sockets("/" + "a" * 91)
    assert not socket_dir.fits_sockets("/" + "a" * 92)
    assert not socket_dir.fits_sockets("/" + "ü" * 46)  # it is bytes that count
