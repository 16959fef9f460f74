"""Where trials find the process that has executed their shared cells, whatever ends their host."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from guild_notebook import fork_host
from guild_notebook.fork_host import Host, ask
from guild_notebook.run.kernel.forking import Prefix
from tests.helpers.project import LIMIT

PROCESS = """
import os, shutil, signal, socket, sys, time
folder, how = sys.argv[1:]
with open(os.path.join(folder, "pids"), "a") as f:
    f.write(f"{os.getpid()}\\n")
if how == "crashes":
    sys.exit("no module named torch")
listening = socket.socket(socket.AF_UNIX)
listening.bind(os.path.join(folder, "p"))
if how == "has a child" and not os.fork():
    time.sleep(600)
if how == "hangs":
    time.sleep(600)
if not os.read(0, 1):
    shutil.rmtree(folder)
"""
"""Stands for the process of the shared cells: it has a socket and waits for its lifeline."""

HOST = """
import contextlib, os, signal, sys, time
from guild_notebook.fork_host import Host
with contextlib.closing(Host(os.getcwd())) as host:
    print(host.folder, flush=True)
    how = sys.stdin.readline().strip()
    if how == "exception":
        raise ValueError
    if how == "exit":
        os._exit(0)
    if how != "end":
        time.sleep(600)
"""


def want(folder: str, key: str = "a", how: str = "waits", **others: Any) -> dict[str, Any]:
    command = [sys.executable, "-c", PROCESS, folder, how]
    content = {"key": key, "command": command, "cwd": "/", "env": {"A": "1"}, **others}
    return ask(folder, {"want": content})


def pids(folder: str, number: int = 1) -> list[int]:
    """The processes that the host has started, once there are so many."""
    found: list[str] = []
    until = time.monotonic() + LIMIT
    while len(found) < number and time.monotonic() < until:
        time.sleep(0.02)
        path = Path(folder, "pids")
        found = path.read_text().split("\n")[:-1] if path.exists() else []
    assert len(found) == number
    return list(map(int, found))


def wait_for(folder: str, name: str) -> None:
    until = time.monotonic() + LIMIT
    while not Path(folder, name).exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert Path(folder, name).exists()


def is_there(pid: int) -> bool:
    try:
        return b"\nState:\tZ" not in Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return False


def group(pid: int) -> list[int]:
    """The processes of a process group that are alive."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getpgid(int(name)) == pid and is_there(int(name)):
                found.append(int(name))
        except OSError:
            continue
    return found


def assert_nothing_is_left(folder: str, pid: int) -> None:
    until = time.monotonic() + LIMIT
    while (group(pid) or os.path.exists(folder)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not is_there(pid)
    assert group(pid) == []
    assert not os.path.exists(folder)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def host(tmp_path: Path, said: list[str]) -> Iterator[Host]:
    with contextlib.closing(Host(str(tmp_path), said.append)) as host:
        yield host


linux = pytest.mark.skipif(sys.platform != "linux", reason="it looks at /proc")


@linux
@pytest.mark.parametrize(
    ("end", "process"),
    [
        ("end", "waits"),
        ("end", "has a child"),
        ("exception", "has a child"),
        ("exit", "waits"),
        (signal.SIGTERM, "waits"),
        (signal.SIGINT, "has a child"),
        (signal.SIGKILL, "waits"),
    ],
    ids=str,
)
def test_however_a_host_ends_no_process_and_no_folder_is_left(
    tmp_path: Path, end: str | signal.Signals, process: str
):
    started = subprocess.Popen(
        [sys.executable, "-c", HOST],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert started.stdin and started.stdout
    folder = started.stdout.readline().strip()
    assert want(folder, how=process) == {"state": "running"}
    (pid,) = pids(folder)
    wait_for(folder, "p")
    if isinstance(end, str):
        started.stdin.write(f"{end}\n")
        started.stdin.flush()
    else:
        os.kill(started.pid, end)
    started.communicate(timeout=LIMIT)
    assert_nothing_is_left(folder, pid)


@linux
def test_a_process_that_does_not_end_is_killed(host: Host):
    want(host.folder, how="hangs")
    (pid,) = pids(host.folder)
    wait_for(host.folder, "p")
    host.close()
    assert_nothing_is_left(host.folder, pid)


def test_a_trial_that_finds_a_host_killed_removes_its_folder(tmp_path: Path, host: Host):
    left = tmp_path / "left"
    left.mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(left / "h"))
        listening.listen()
        fork_host.remove_abandoned(str(left))
        assert left.exists()
    fork_host.remove_abandoned(str(left))
    assert not left.exists()
    fork_host.remove_abandoned(str(left))
    fork_host.remove_abandoned(host.folder)
    assert os.path.exists(host.folder)
    other = tmp_path / "other"
    other.mkdir()
    (other / "h").write_text("no socket")
    fork_host.remove_abandoned(str(other))
    assert other.exists()


def test_a_trial_makes_nothing_in_a_folder_that_is_being_removed(host: Host):
    trial: Any = SimpleNamespace(_host=host.folder)
    with Prefix._locked(trial):
        pass
    for name in os.listdir(host.folder):
        os.unlink(os.path.join(host.folder, name))
    with pytest.raises(FileNotFoundError), Prefix._locked(trial):
        pass
    assert os.listdir(host.folder) == []


def test_nobody_else_can_enter_the_folder(host: Host):
    mode = stat.S_IMODE(os.stat(host.folder).st_mode)
    assert mode & 0o777 == 0o700
    assert os.stat(host.folder).st_uid == os.getuid()


def test_trials_that_want_the_same_at_once_get_one_process(host: Host):
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(want(host.folder))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [{"state": "running"}] * 8
    pids(host.folder, 1)


@linux
def test_who_wants_another_ends_the_first(host: Host):
    want(host.folder, "a")
    (first,) = pids(host.folder)
    wait_for(host.folder, "p")
    assert want(host.folder, "b") == {"state": "running"}
    _first, second = pids(host.folder, 2)
    wait_for(host.folder, "p")
    assert (is_there(first), is_there(second)) == (False, True)
    host.end_process()
    assert not is_there(second)
    assert want(host.folder, "b") == {"state": "running"}
    pids(host.folder, 3)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (
            {"command": ["/not/there", "-c"]},
            "/not/there cannot be started: No such file or directory",
        ),
        ({"env": {"A": "1\0"}}, f"{sys.executable} cannot be started: embedded null byte"),
    ],
)
def test_what_cannot_be_started_is_refused_with_the_reason(
    host: Host, said: list[str], changed: dict[str, Any], why: str
):
    for first in (True, False):
        refused = {"state": "refused", "reason": why, "first": first}
        assert want(host.folder, **changed) == refused
    assert said == [f"nb-fork: the trials run in fresh kernels: {why}"]
    assert want(host.folder, "b") == {"state": "running"}


def test_a_process_that_ends_by_itself_is_not_started_again(host: Host, said: list[str]):
    environment = {fork_host.VARIABLE: host.folder}
    assert fork_host.is_offered(environment)
    assert want(host.folder, how="crashes") == {"state": "running"}
    until = time.monotonic() + LIMIT
    while (answer := want(host.folder)) == {"state": "running"} and time.monotonic() < until:
        time.sleep(0.05)
    why = "the process that executes the shared cells has ended: no module named torch"
    assert answer == {"state": "refused", "reason": why, "first": True}
    assert said == [f"nb-fork: the trials run in fresh kernels: {why}"]
    pids(host.folder, 1)
    assert not fork_host.is_offered(environment)


def test_without_the_variable_no_file_of_a_trial_is_taken_for_a_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "h").touch()
    monkeypatch.chdir(tmp_path)
    assert not fork_host.is_offered({})
    assert not fork_host.is_offered({fork_host.VARIABLE: ""})


def test_a_batch_that_is_told_to_end_while_it_closes_its_host_ends(
    host: Host, monkeypatch: pytest.MonkeyPatch
):
    end = host._end_process

    def end_while_told(*args: Any) -> None:
        host.close()  # as the handler of SIGTERM does
        end(*args)

    monkeypatch.setattr(host, "_end_process", end_while_told)
    host.close()
    assert not os.path.exists(host.folder)


@linux
def test_what_trials_refuse_or_say_is_said_once(host: Host, said: list[str]):
    assert want(host.folder) == {"state": "running"}
    (pid,) = pids(host.folder)
    line = "the 3 cells before [4] (Train) are executed once for all trials"
    for first in (True, False):
        assert ask(host.folder, {"say": {"key": "a", "line": line}}) == {"first": first}
    for first in (True, False):
        refusal = {"key": "a", "reason": "a thread of the notebook goes on (Thread-3)"}
        assert ask(host.folder, {"refuse": refusal}) == {"first": first}
        assert not is_there(pid)
        refused = {"state": "refused", "reason": refusal["reason"], "first": False}
        assert want(host.folder) == refused
    assert said == [
        line,
        "nb-fork: the trials run in fresh kernels: a thread of the notebook goes on (Thread-3)",
    ]


@pytest.mark.parametrize("sent", [b"", b"\n", b"[]\n", b"{}\n", b'{"want": 5}\n', b"\xff\n"])
def test_what_nobody_should_send_does_not_end_the_host(host: Host, sent: bytes):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.path.join(host.folder, "h"))
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert want(host.folder) == {"state": "running"}


def test_without_a_host_to_ask_there_is_an_error(tmp_path: Path, host: Host):
    host.close()
    for folder in (host.folder, str(tmp_path)):
        with pytest.raises(OSError, match="No such file"):
            ask(folder, {"say": {"key": "a", "line": json.dumps({})}})
