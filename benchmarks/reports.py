"""What reports weigh and how fast they open: ``python -m benchmarks.reports [WORD…]``.

The report of the digits example beside nbconvert's page of the same notebook, in bytes and seconds;
then notebooks of 50 MB of outputs: the seconds to write the report, its size, and the seconds from
its address to its first picture in Chromium. Words choose kinds of outputs by a part of their name.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nbformat import v4

from benchmarks.environments import CHECKOUT

SIZE = 50_000_000
"""Characters of outputs, and bytes of images as they are in a notebook."""

DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"

WRITER = """
import sys, nbformat
from guild_notebook.run.report.reports import ReportWriter
nb = nbformat.read(sys.argv[1], as_version=4)
print(*ReportWriter({"html": {}}, lambda path: None, nb).write(nb, sys.argv[2]))
"""


def stream(size: int) -> Iterator[Any]:
    lines = "".join(f"{number:9} {'a line of text ' * 6}\n" for number in range(1000))
    yield code(text(lines * (size // len(lines))))


def long_lines(size: int) -> Iterator[Any]:
    yield code(*(text("word " * 200_000 + "\n") for _ in range(size // 1_000_000)))


def colors(size: int) -> Iterator[Any]:
    line = "".join(f"\x1b[{31 + n % 7}mpart {n}\x1b[0m " for n in range(10)) + "\n"
    yield code(text(line * (size // len(line))))


def images(size: int) -> Iterator[Any]:
    import base64

    from PIL import Image

    for _ in range(size // 1_000_000):
        file = io.BytesIO()
        Image.frombytes("RGB", (500, 490), os.urandom(735_000)).save(file, "png", compress_level=0)
        yield code(shown("image/png", base64.b64encode(file.getvalue()).decode()))


def tables(size: int) -> Iterator[Any]:
    row = "<tr><th>0</th>" + "<td>1.234567</td>" * 10 + "</tr>\n"
    table = f"<table border='1' class='dataframe'><tbody>{row * 500}</tbody></table>"
    yield from (code(shown("text/html", table)) for _ in range(size // len(table)))


def one_table(size: int) -> Iterator[Any]:
    row = "<tr><th>0</th>" + "<td>1.234567</td>" * 10 + "</tr>\n"
    table = f"<table border='1' class='dataframe'><tbody>{row * (size // len(row))}</tbody></table>"
    yield code(shown("text/html", table))


def cells(size: int) -> Iterator[Any]:
    output = "a line of text that is printed\n" * 300
    yield from (code(text(output), source=f"train({n})\n" * 20) for n in range(size // len(output)))


def displays(size: int) -> Iterator[Any]:
    one = shown("text/plain", "x" * 500)
    yield code(*[one] * (size // 500))


KINDS: dict[str, Callable[[int], Iterator[Any]]] = {
    "one text": stream,
    "long lines": long_lines,
    "colors": colors,
    "images": images,
    "tables": tables,
    "one table": one_table,
    "cells": cells,
    "displays": displays,
}
"""Cells with so many characters of outputs, by what these are."""


def code(*outputs: Any, source: str = "train()") -> Any:
    return v4.new_code_cell(source, outputs=list(outputs), execution_count=1)


def text(content: str) -> Any:
    return v4.new_output("stream", text=content)


def shown(mime: str, data: str) -> Any:
    return v4.new_output("display_data", data={mime: data})


def written(kind: str, folder: Path, size: int = SIZE) -> tuple[Path, float]:
    """The report of a notebook with outputs of a kind, and the seconds that writing it took."""
    from guild_notebook.run.report.reports import ReportWriter

    nb = v4.new_notebook(cells=list(KINDS[kind](size)))
    writer = ReportWriter({"html": {}}, lambda _path: None, nb)
    began = time.monotonic()
    (path,) = writer.write(nb, str(folder / "nb.ipynb"))
    return Path(path), time.monotonic() - began


def opened(browser: Any, page: Path, clock: Callable[[], float] = time.monotonic) -> float:
    """The seconds of a clock from the address of a page to its first picture."""
    with browser.page() as tab:
        tab.goto("about:blank")
        began = clock()
        tab.goto(page.as_uri(), wait_until="load", timeout=120_000)
        tab.evaluate(DRAWN)
        return clock() - began


def digits(folder: Path) -> Path:
    """The executed notebook of the digits example."""
    (folder / "home").mkdir()
    env = {**os.environ, "GUILD_HOME": str(folder / "home"), "NO_PIP_FREEZE": "1"}
    guild = [sys.executable, "-m", "guild.main_bootstrap", "run", "-y", "digits"]
    subprocess.run(guild, cwd=CHECKOUT, env=env, check=True, capture_output=True)
    (path,) = (folder / "home" / "runs").glob("*/digits.ipynb")
    return path


def beside_nbconvert(notebook: Path, folder: Path) -> dict[str, tuple[int, float]]:
    """Bytes and seconds of the report of an executed notebook and of nbconvert's page, each made by
    a process of its own."""
    ours, theirs = folder / "ours.html", folder / "theirs.html"
    commands = {
        "report": [sys.executable, "-c", WRITER, str(notebook), str(folder / "ours.ipynb")],
        "nbconvert": [
            *(sys.executable, "-m", "nbconvert", "--to", "html", str(notebook)),
            *("--output", str(theirs)),
        ],
    }
    found = {}
    for (name, command), path in zip(commands.items(), (ours, theirs)):
        began = time.monotonic()
        subprocess.run(command, check=True, capture_output=True)
        found[name] = (path.stat().st_size, time.monotonic() - began)
    return found


def main() -> None:
    from playwright.sync_api import sync_playwright

    from tests.helpers.browser import Browser, executable

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not sys.argv[1:]:
            notebook = digits(folder)
            print("| the digits example | bytes | seconds |\n|---|--:|--:|")
            for maker, (size, seconds) in beside_nbconvert(notebook, folder).items():
                print(f"| {maker} | {size:,} | {seconds:.2f} |")
        print("\n| 50 MB of | written in | MB | opens in |\n|---|--:|--:|--:|")
        with sync_playwright() as playwright:
            browser = Browser(playwright, str(executable()))
            for kind in KINDS:
                if sys.argv[1:] and not any(word in kind for word in sys.argv[1:]):
                    continue
                path, seconds = written(kind, folder)
                size = path.stat().st_size / 1e6
                took = f"{opened(browser, path):.1f} s"
                print(f"| {kind} | {seconds:.1f} s | {size:.0f} | {took} |", flush=True)
                path.unlink()
            browser.close()


if __name__ == "__main__":
    main()
