"""The server of ``guild-notebook browse`` with made-up data in place of a Guild home, in a thread
of the tests."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from guild_notebook.compare import page
from guild_notebook.compare.server import _COOKIE, Choice, Server, _Compared
from tests.helpers.compare_data import Data, Images


class _NoHome:
    """What is not asked for: the page that lists what there is, and the runs of one."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} of a Guild home is asked for")


class MadeUpServer(Server):
    """Serves pages by their names; ``replace`` puts other data in place of one's. ``host`` is
    HOST:PORT."""

    def __init__(self, made: Mapping[str, tuple[Data, Images]]) -> None:
        super().__init__(_NoHome(), 0)
        self.host = urlsplit(self.address).netloc
        self._made: dict[str, _Compared] = {}
        for name, each in made.items():
            self.replace(name, *each)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._loop.call_soon(self.listen)
        self._loop.run_forever()

    def replace(self, name: str, data: Data, images: Images) -> None:
        live = {**data, "live": True, "tag": secrets.token_hex(8)}
        self._made[name] = _Compared(data=live, json=page.inert(live), images=images)

    def compared(self, choice: Choice) -> _Compared:
        return self._made[choice.key]

    def url(self, name: str) -> str:
        """Where the page of this name is, for whoever has ``cookie``."""
        return f"http://{self.host}{self.root}{Choice('runs', name).path}"

    @property
    def cookie(self) -> dict[str, Any]:
        """As Playwright takes it."""
        named = {"name": _COOKIE, "value": self.secret, "domain": "127.0.0.1", "path": self.root}
        return {**named, "httpOnly": True, "sameSite": "Strict"}

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        for each in self._sockets:
            each.close()
        self._loop.close()
