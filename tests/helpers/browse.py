"""A real ``guild-notebook browse``, and requests to it as a browser or anybody else sends them."""

from __future__ import annotations

import contextlib
import http.client
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.helpers.project import LIMIT, Project

COMMAND = [sys.executable, "-m", "guild_notebook.cli", "browse", "--no-open"]


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")


class Served:
    """A server that runs. ``address`` is what it has printed, ``page`` the path of the page that
    this leads to, and ``cookie`` what it has given for the token."""

    def __init__(self, process: subprocess.Popen, address: str) -> None:
        self.process, self.address = process, address
        self.port, self.path = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/\S+)", address).groups()
        entered = self.ask(self.path)
        assert (entered.status, entered.body) == (200, b"")
        self.cookie = entered.headers["set-cookie"].split(";")[0]
        self.page = entered.headers["refresh"].removeprefix("0; url=")

    @property
    def start(self) -> str:
        """The path of the page that lists what there is."""
        return f"/{self.page.split('/')[1]}/"

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> Answer:
        """What anybody is answered; headers are named with ``_`` for ``-``."""
        connection = http.client.HTTPConnection("127.0.0.1", int(self.port), timeout=LIMIT)
        with contextlib.closing(connection):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            got = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, got, answer.read())

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """What the browser of the user is answered; a relative path is one beside the page."""
        where = path if path.startswith("/") else self.page + path
        return self.ask(where, method, **{"Cookie": self.cookie, **headers})

    def end(self) -> tuple[int, str, str]:
        """Ctrl-C; returns the exit status and what else was printed, also as errors."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, out, err


@contextlib.contextmanager
def served(project: Project, *args: str, **options: Any) -> Iterator[Served]:
    """``guild-notebook browse --no-open ARGS`` in the project."""
    process = subprocess.Popen(
        [*COMMAND, *args],
        cwd=project.dir,
        env=project.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    try:
        line = process.stdout.readline()
        assert line, process.communicate(timeout=LIMIT)
        yield Served(process, line.split()[0])
    finally:
        process.kill()
        process.communicate(timeout=LIMIT)
