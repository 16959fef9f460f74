"""Firefox for tests of pages, told by WebDriver BiDi, which Debian's speaks by itself.

(Playwright drives a Firefox of its own build only.)
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.browser import NOT_REQUESTED
from tests.helpers.silence import Silence

NAMES = ("firefox-esr", "firefox")

LIMIT = 120
"""Seconds, for what hangs."""

PREFERENCES = {
    # Nothing that the browser asks for by itself, and everything else goes to the proxy.
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.allow_hijacking_localhost": True,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.no_proxies_on": "",
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.type": 1,
    "services.settings.server": "",
    "toolkit.telemetry.server": "",
}


class Firefox:
    """A running Firefox whose network is ``silence``, but for the address ``direct``, HOST:PORT.
    ``events`` are what has happened in its pages, as (name, parameters); ``name`` is a BiDi event
    such as "log.entryAdded"."""

    def __init__(self, path: str, profile: Path, silence: Silence, direct: str = "") -> None:
        from websocket import create_connection

        ports = {f"network.proxy.{kind}_port": silence.port for kind in ("http", "ssl")}
        values = {**PREFERENCES, **ports, "network.proxy.no_proxies_on": direct}
        profile.mkdir()
        (profile / "user.js").write_text(
            "".join(f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in values.items())
        )
        self._log = profile.with_suffix(".log")
        options = ["--headless", "--no-remote", "--remote-debugging-port", "0"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [path, *options, "--profile", str(profile), "about:blank"],
                env={**os.environ, "HOME": str(profile), "MOZ_CRASHREPORTER_DISABLE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._numbers = itertools.count(1)
        try:
            url = f"{self._address()}/session"
            self._socket = create_connection(url, timeout=LIMIT, suppress_origin=True)
            self.tell("session.new", capabilities={})
            self.tell(
                "session.subscribe",
                events=[
                    "browsingContext.userPromptOpened",
                    "browsingContext.contextCreated",
                    "log.entryAdded",
                    "network.beforeRequestSent",
                ],
            )
            self.context = self.tell("browsingContext.getTree")["contexts"][0]["context"]
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def _address(self) -> str:
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline and self._process.poll() is None:
            found = re.search(r"listening on (ws://\S+)", self._log.read_text("utf-8", "replace"))
            if found:
                return found[1]
            time.sleep(0.05)
        raise AssertionError(f"Firefox has not started: {self._log.read_text('utf-8', 'replace')}")

    def tell(self, method: str, **parameters: Any) -> Any:
        """The result of a BiDi command."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message["type"] == "event":
                self.events.append((message["method"], message["params"]))
            elif message["id"] == number:
                assert message["type"] == "success", message
                return message["result"]

    def resize(self, width: int, height: int) -> None:
        self.tell(
            "browsingContext.setViewport",
            context=self.context,
            viewport={"width": width, "height": height},
        )

    def open(self, path: Path, width: int = 1280, height: int = 800, fragment: str = "") -> None:
        """Show a file, at ``#fragment`` of it, and wait until it is loaded; ``events`` are those
        from then on."""
        self.open_url(path.resolve().as_uri() + f"#{fragment}" * bool(fragment), width, height)

    def open_url(self, url: str, width: int = 1280, height: int = 800) -> None:
        """The same of an address."""
        from websocket import WebSocketTimeoutException

        self.resize(width, height)
        self.tell("browsingContext.navigate", context=self.context, url="about:blank", wait="none")
        self.events.clear()
        try:
            self.tell("browsingContext.navigate", context=self.context, url=url, wait="complete")
        except WebSocketTimeoutException:  # once in thousands Firefox does not say that it is there
            self.tell("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression or of its promise, which has to be JSON."""
        result = self.tell(
            "script.evaluate",
            expression=f"Promise.resolve({expression}).then(JSON.stringify)",
            target={"context": self.context},
            awaitPromise=True,
        )
        assert result["type"] == "success", result["exceptionDetails"]["text"]
        return json.loads(result["result"]["value"]) if "value" in result["result"] else None

    @property
    def requests(self) -> list[str]:
        """URLs beyond the file's own and what is in it."""
        urls = [p["request"]["url"] for name, p in self.events if name.startswith("network.")]
        return [url for url in urls if not url.startswith((*NOT_REQUESTED, "chrome:", "resource:"))]

    @property
    def dialogs(self) -> list[str]:
        return [p["message"] for name, p in self.events if name.endswith("userPromptOpened")]

    @property
    def errors(self) -> list[str]:
        """Those of the page's scripts; what the policy has refused is not one."""
        return [
            p["text"]
            for name, p in self.events
            if name == "log.entryAdded" and p["type"] == "javascript" and p["level"] == "error"
        ]

    def close(self) -> None:
        try:
            self.tell("browser.close")
            self._process.wait(LIMIT)
        finally:
            self._process.kill()
            self._process.wait()


def executable() -> str:
    """Where Firefox is; skips the test that asks for it where there is none."""
    named = os.environ.get("FIREFOX")
    path = named or next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        pytest.skip("no Firefox: install it (Debian: apt install firefox-esr) or set FIREFOX")
    pytest.importorskip("websocket", reason="no websocket-client: pip install websocket-client")
    return path


@pytest.fixture(scope="module")
def firefox(silence: Silence, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    made = Firefox(executable(), tmp_path_factory.mktemp("firefox") / "profile", silence)
    yield made
    made.close()
