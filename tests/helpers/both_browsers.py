"""One page in Chromium or in Firefox, told in the same words: what it evaluates, keys, clicks.

Keys and clicks are those of a keyboard and a mouse, not events made by a script.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.helpers.browser import LIMIT, Browser
from tests.helpers.firefox import Firefox
from tests.helpers.made_up_server import MadeUpServer
from tests.helpers.silence import Silence

_KEYS = {
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "Space": " ",
    "Tab": "\ue004",
    "Home": "\ue011",
    "End": "\ue010",
}

# Each names one element: the first that fits and is shown.
_FIND = """((selector, text) => {
    const shown = (e) => e.checkVisibility() || e.localName === 'option';
    const fits = (e) => text === null || e.textContent.trim() === text ||
        e.getAttribute('aria-label') === text;
    const found = [...document.querySelectorAll(selector)].find((e) => shown(e) && fits(e));
    if (!found) throw new Error(`no ${selector} ${text}`);
    return found;
})"""


class Opened:
    """A page of a browser that ``tell`` drives; see the two kinds below."""

    def evaluate(self, expression: str) -> Any:
        raise NotImplementedError

    def press(self, *keys: str) -> None:
        raise NotImplementedError

    def _click_at(self, x: float, y: float) -> None:
        raise NotImplementedError

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse at a point of the window, move it to another one, and let it go."""
        raise NotImplementedError

    def move(self, x: float, y: float) -> None:
        """Move the mouse to a point of the window."""
        raise NotImplementedError

    def resize(self, width: int, height: int) -> None:
        raise NotImplementedError

    def errors(self) -> list[str]:
        raise NotImplementedError

    def frame(self) -> None:
        """Wait until what was done is drawn, and what came of that as well."""
        frame = "new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)))"
        self.evaluate(f"{frame}.then(() => {frame})")

    def wait(self, expression: str) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + LIMIT / 1000
        while not self.evaluate(f"Boolean({expression})"):
            assert time.monotonic() < deadline, expression
            time.sleep(0.03)

    def click(self, selector: str, text: str | None = None) -> None:
        """Click on the first element of ``selector`` that is shown, with that text: again, where
        what is filled once it is seen has moved it away in that moment."""
        found = f"{_FIND}({json.dumps(selector)}, {json.dumps(text)})"
        middle = (
            f"(() => {{ const e = {found}; e.scrollIntoView({{block: 'center', inline: 'center'}});"
            " const b = e.getBoundingClientRect();"
            " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        notes = (
            f"({found}.addEventListener('click', () => {{ window.isClicked = true; }},"
            " {capture: true, once: true}), window.isClicked = false)"
        )
        deadline = time.monotonic() + LIMIT / 1000
        while True:
            before, box = None, self.evaluate(middle)
            while box != before:
                assert time.monotonic() < deadline, f"{selector} does not come to rest"
                self.frame()
                before, box = box, self.evaluate(middle)
            self.evaluate(notes)
            self._click_at(*box)
            self.frame()
            if self.evaluate("window.isClicked !== false"):  # nor on a page that came of the click
                return
            assert time.monotonic() < deadline, f"{selector} does not get the click"

    def focus(self, selector: str, text: str | None = None) -> None:
        self.evaluate(f"void {_FIND}({json.dumps(selector)}, {json.dumps(text)}).focus()")

    def choose(self, selector: str, text: str) -> None:
        """Choose an option of a ``<select>``, as its list does."""
        self.evaluate(
            f"(() => {{ const e = {_FIND}({json.dumps(selector)}, null);"
            f" e.value = [...e.options].find(o => o.text === {json.dumps(text)}).value;"
            " e.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )
        self.frame()

    def text(self, selector: str) -> str:
        """What is shown in the first element of ``selector``, without needless white space."""
        shown = self.evaluate(f"{_FIND}({json.dumps(selector)}, null).innerText")
        return " ".join(str(shown).split())

    def texts(self, selector: str) -> list[str]:
        shown = self.evaluate(
            f"[...document.querySelectorAll({json.dumps(selector)})]"
            ".filter(e => e.checkVisibility()).map(e => e.innerText)"
        )
        return [" ".join(text.split()) for text in shown]

    def count(self, selector: str) -> int:
        return int(self.evaluate(f"document.querySelectorAll({json.dumps(selector)}).length"))


class InChromium(Opened):
    def __init__(self, page: Any) -> None:
        self.page = page
        self._errors: list[str] = []
        page.on("pageerror", lambda error: self._errors.append(str(error)))
        page.on("console", lambda m: self._errors.append(m.text) if m.type == "error" else None)

    def evaluate(self, expression: str) -> Any:
        return self.page.evaluate(expression)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.frame()

    def _click_at(self, x: float, y: float) -> None:
        self.page.mouse.click(x, y)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move(*end, steps=5)
        self.page.mouse.up()
        self.frame()

    def move(self, x: float, y: float) -> None:
        self.page.mouse.move(x, y)
        self.frame()

    def resize(self, width: int, height: int) -> None:
        self.page.set_viewport_size({"width": width, "height": height})
        self.frame()

    def errors(self) -> list[str]:
        return self._errors


class InFirefox(Opened):
    def __init__(self, firefox: Firefox) -> None:
        self.firefox = firefox

    def evaluate(self, expression: str) -> Any:
        return self.firefox.evaluate(expression)

    def _act(self, kind: str, *actions: dict[str, Any]) -> None:
        source = {"type": kind, "id": kind, "actions": list(actions)}
        self.firefox.tell("input.performActions", context=self.firefox.context, actions=[source])

    def press(self, *keys: str) -> None:
        for key in keys:
            value = _KEYS.get(key, key)
            # In a window that has not the focus, as one without a screen, keys press no buttons.
            presses = key in ("Enter", "Space") and self.evaluate(
                "!document.hasFocus() && document.activeElement.localName === 'button'"
            )
            self._act("key", {"type": "keyDown", "value": value}, {"type": "keyUp", "value": value})
            if presses:
                self.evaluate("void document.activeElement.click()")
        self.frame()

    def _click_at(self, x: float, y: float) -> None:
        self._act(
            "pointer",
            {"type": "pointerMove", "x": int(x), "y": int(y)},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        )

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        middle = [(a + b) / 2 for a, b in zip(start, end)]
        points = [
            {"type": "pointerMove", "x": int(x), "y": int(y)} for x, y in (start, middle, end)
        ]
        pressed = {"type": "pointerDown", "button": 0}
        self._act("pointer", points[0], pressed, *points[1:], {"type": "pointerUp", "button": 0})
        self.frame()

    def move(self, x: float, y: float) -> None:
        self._act("pointer", {"type": "pointerMove", "x": int(x), "y": int(y)})
        self.frame()

    def resize(self, width: int, height: int) -> None:
        self.firefox.resize(width, height)
        self.frame()

    def errors(self) -> list[str]:
        return self.firefox.errors


@contextmanager
def in_chromium(
    browser: Browser,
    silence: Silence,
    url: str,
    width: int = 1400,
    server: MadeUpServer | None = None,
    **options: Any,
) -> Iterator[InChromium]:
    """The page at ``url`` in Chromium, whose network is ``silence``, but for a ``server``."""
    options = {"viewport": {"width": width, "height": 900}, **options}
    proxy = {"server": f"http://127.0.0.1:{silence.port}", "bypass": server.host if server else ""}
    with browser.page(proxy=proxy, **options) as page:
        opened = InChromium(page)
        if server:
            page.context.add_cookies([server.cookie])
        page.goto(url, timeout=LIMIT)
        yield opened


def in_firefox(firefox: Firefox, url: str, width: int = 1400) -> InFirefox:
    """The page at ``url`` in Firefox."""
    firefox.open_url(url, width, 900)
    return InFirefox(firefox)


def fragment(page: Opened) -> dict[str, str]:
    """What the address holds, after the time in which it is written."""
    page.evaluate("new Promise(done => setTimeout(done, 400))")
    found = page.evaluate("Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")
    return dict(found)
