"""Whether somebody can read what is written to a descriptor."""

from __future__ import annotations

import os
import socket
from pathlib import Path

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
