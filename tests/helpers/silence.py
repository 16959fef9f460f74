"""A network that answers nobody: what a page asks for hangs, as where a network drops connections.

It is the proxy of a browser, for addresses of this machine too, so that all that leaves the
browser comes here, also what no event of the browser tells of.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest


class Silence:
    """``asked`` are the first lines of what has come, such as "CONNECT example.org:443"."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._open: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _address = self._server.accept()
            except OSError:  # closed
                return
            self._open.append(connection)
            threading.Thread(target=self._listen, args=(connection,), daemon=True).start()

    def _listen(self, connection: socket.socket) -> None:
        try:
            line = connection.recv(4096).split(b" HTTP/")[0].decode("utf-8", "replace")
        except OSError:
            return
        if line:
            self.asked.append(line)

    def close(self) -> None:
        for each in (self._server, *self._open):
            each.close()


@pytest.fixture(scope="module")
def silence() -> Iterator[Silence]:
    made = Silence()
    yield made
    made.close()
