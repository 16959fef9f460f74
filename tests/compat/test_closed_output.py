"""Whether somebody can read what is written to a descriptor."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from pathlib import Path

from guild_notebook.compat import closed_output
from guild_notebook.compat.closed_output import has_no_reader


def test_a_pipe_and_a_socket_have_no_reader_once_their_other_end_is_closed():
    read_end, write_end = os.pipe()
    one, other = socket.socketpair()
    assert not has_no_reader(write_end) and not has_no_reader(one.fileno())
    os.set_blocking(write_end, False)
    os.write(write_end, bytes(1 << 16))  # all that it holds: a reader that pauses is one
    assert not has_no_reader(write_end)
    os.close(read_end)
    other.close()
    assert has_no_reader(write_end) and has_no_reader(one.fileno())
    os.close(write_end)
    one.close()


def test_files_and_terminals_need_no_reader(tmp_path: Path):
    controller, terminal = os.openpty()
    with (tmp_path / "output").open("wb") as file, open(os.devnull, "wb") as null:
        assert not any(map(has_no_reader, (file.fileno(), null.fileno(), terminal)))
        os.close(controller)
        assert not has_no_reader(terminal)  # SIGHUP ends what is to end with it
    os.close(terminal)


def test_guild_gets_the_exit_status_of_a_process_that_is_stopped():
    for _ in range(30):
        with subprocess.Popen(["sleep", "600"]) as process:
            stop = threading.Timer(0.01, closed_output._stop, [process])
            stop.start()
            assert process.wait() == -signal.SIGTERM  # as Guild waits
            stop.join()


def test_processes_that_outlive_a_stopped_one_are_stopped_after_a_time(monkeypatch):
    monkeypatch.setattr(closed_output, "CHILD_SECONDS", 0.2)
    command = ["sh", "-c", "sleep 600 & echo $!; wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline()
        closed_output._stop(process)
        assert process.stdout.read() == ""  # at its end: both have closed it
        assert process.wait() == -signal.SIGTERM
