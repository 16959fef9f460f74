"""Takes the pictures of README.md and docs/: ``make pictures``, or some: ``ONLY="run sweep"``, or
those of reports: ``make screenshots``.

Each is of a real run, in a folder and a Guild home that are thrown away. A terminal is a real
pseudo-terminal whose screen is drawn as a page; that page and reports are photographed in Chromium.
Run IDs and times differ each time.
"""

from __future__ import annotations

import html
import io
import itertools
import os
import re
import shutil
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jupytext
import numpy as np
import pexpect
import pyte
from PIL import Image, ImageChops
from playwright.sync_api import sync_playwright

from tests.helpers.browser import Browser, executable
from tests.helpers.project import PYTHON, free_port

CHECKOUT = Path(__file__).parents[1]
FOLDER = CHECKOUT / "docs" / "pictures"

LIMIT = 300  # seconds, for what hangs
COLUMNS = 96

UNSEEDED = """
# %%
#@title Settings
samples = 1000

# %%
#@title Draw
import random

numbers = [random.random() for _ in range(samples)]

# %%
#@title Mean
print(f"mean: {sum(numbers) / samples:.4f}")

# %%
#@title Size
print(f"samples: {len(numbers)}")
"""

SLOW = """
# %%
#@title Settings
epochs = 5
seconds = 1.0

# %%
#@title Load the data
import time

from tqdm.auto import tqdm

time.sleep(seconds)

# %%
#@title Long training
for epoch in tqdm(range(1, epochs + 1), desc="epochs"):
    time.sleep(seconds)
    print(f"loss: {1 / epoch:.4f} (step {epoch})")

# %%
#@title Result
print("done")
"""

RATIO = """
# %%
parts = 0

# %%
# Divide
print("dividing")
ratio = 100 / parts

# %%
# Show
print(f"ratio: {ratio}")
"""

FILES = """
# %%
# Load the data
import json

with open("data/points.json") as f:
    points = json.load(f)
"""

PLOT = """
# %% [markdown]
# # A figure, a table and a widget

# %%
#@title Settings
waves = 3  #@param {type:"slider", min:1, max:9}

# %%
#@title A figure
import matplotlib.pyplot as plt
import numpy as np

x = np.linspace(0, 6, 200)
plt.figure(figsize=(7, 2))
for wave in range(1, waves + 1):
    plt.plot(x, np.sin(wave * x) / wave)
plt.show()

# %%
#@title A table
import pandas as pd

pd.DataFrame({"wave": range(1, waves + 1)}).assign(height=lambda rows: 1 / rows.wave).round(2)

# %%
#@title A widget
import ipywidgets

ipywidgets.IntSlider(description="waves", value=waves, min=1, max=9)
"""


WHERE = """
# %%
# Which Python is it?
import sys

print(sys.executable)
"""

VALLEY = """
# %%
#@title Settings
lr = 0.1  #@param {type:"number", min:0, max:1}
momentum = 0.0  #@param {type:"number", min:0, max:1}
steps = 20  #@param {type:"integer", min:1}

# %%
#@title Descent
import numpy as np

place, speed = np.array([-4.0, 2.5]), np.zeros(2)
path = [place]
for step in range(1, steps + 1):
    speed = momentum * speed - lr * place * [1, 9]
    place = place + speed
    path.append(place)
    loss = float(place @ (place * [1, 9])) / 2
    if loss > 60:
        raise FloatingPointError(f"the loss is {loss:.0f} in step {step}")
    print(f"loss: {loss:.4f} (step {step})")

# %%
#@title Path
import matplotlib.pyplot as plt

x, y = np.meshgrid(np.linspace(-5, 5, 80), np.linspace(-4, 4, 80))
plt.figure(figsize=(5.5, 3.6))
plt.contourf(x, y, np.sqrt(x**2 + 9 * y**2), 8, cmap="Blues")
plt.plot(*np.transpose(path), ".-", color="tab:red", linewidth=3, markersize=12)
plt.axis([-5, 5, -4, 4])
plt.show()

# %%
#@title Last steps
import pandas as pd

pd.DataFrame(path[-4:], columns=["x", "y"]).round(4)
"""


class Studio:
    """A folder to run in, its Guild home, and the browser that takes the pictures."""

    def __init__(self, folder: Path, browser: Browser) -> None:
        self.dir = folder / "project"
        self.dir.mkdir()
        (folder / "home").mkdir()
        self._browser = browser
        ours = {name: value for name, value in os.environ.items() if name[:5] != "GUILD"}
        self._env = {
            **ours,
            "GUILD_HOME": str(folder / "home"),
            "NO_PIP_FREEZE": "1",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LC_ALL": "C.UTF-8",
            "NCURSES_NO_UTF8_ACS": "1",  # lines as characters: pyte knows no other character set
        }
        for name in ("NO_COLOR", "COLUMNS", "LINES"):
            self._env.pop(name, None)

    def notebook(self, name: str, cells: str) -> None:
        """A notebook of cells in jupytext's percent format."""
        made = jupytext.reads(cells.strip(), fmt="py:percent")
        made.metadata = PYTHON
        jupytext.write(made, self.dir / name, fmt="ipynb")

    def copy(self, example: str) -> None:
        """The files of an example of the checkout."""
        shutil.copytree(CHECKOUT / "examples" / example, self.dir, dirs_exist_ok=True)

    def run(self, command: str) -> str:
        """What a command prints to a terminal, which nobody looks at."""
        return self.type([command], rows=200)[0]

    def run_dir(self) -> Path:
        """The directory of the last run."""
        return Path(self.run("guild select --dir").splitlines()[-1].strip())

    def type(
        self,
        commands: list[str],
        rows: int = 40,
        until: Callable[[str], Any] | None = None,
        keys: str = "",
    ) -> tuple[str, str]:
        """Type commands on a terminal; the text of its screen, and the screen as HTML. The last
        command is left as it is once ``until`` holds of the text; ``keys`` end it then."""
        screen = pyte.Screen(COLUMNS, rows)
        stream = pyte.Stream(screen)
        shown = None
        for command in commands:
            stream.feed(f"\x1b[1m$ {command}\x1b[0m\r\n")
            child = pexpect.spawn(
                "bash",
                ["-c", command],
                cwd=str(self.dir),
                env=self._env,
                dimensions=(rows, COLUMNS),
                timeout=LIMIT,
                encoding="utf-8",
                codec_errors="replace",
            )
            try:
                while True:
                    stream.feed(child.read_nonblocking(4096))
                    text = "\n".join(screen.display)
                    if shown is None and command == commands[-1] and until and until(text):
                        shown = _text(screen), _drawn(screen)
                        child.send(keys)
            except pexpect.EOF:
                child.close()
        if until and shown is None:
            raise SystemExit(f"{commands[-1]} has never shown what was waited for:\n{text}")
        return shown or (_text(screen), _drawn(screen))

    def draw(self, body: str, scale: float = 2) -> Image.Image:
        """A picture of HTML of our own."""
        with self._browser.page(viewport=None, device_scale_factor=scale) as page:
            page.set_content(f"<style>{_STYLE}</style><div id=all>{body}</div>")
            page.wait_for_timeout(200)
            return _opened(page.locator("#all").screenshot())

    def terminal(self, *args: Any, **options: Any) -> Image.Image:
        """A picture of a terminal on which commands were typed, as ``type`` does it."""
        return self.draw(self.type(*args, **options)[1])

    def page(
        self,
        url: str,
        height: int,
        width: int = 1000,
        wait: int = 1,
        part: str = "",
        **options: Any,
    ) -> Image.Image:
        """A picture of the upper part of a page, or of the ``part`` that a CSS selector names.
        ``wait`` are the seconds that the page has to be drawn, and the options are those of a page
        in Playwright, as ``color_scheme``; ``media`` is what it is drawn for."""
        media = options.pop("media", None)
        with self._browser.page(**{**_view(width, height), **options}) as page:
            page.emulate_media(media=media)
            page.goto(url, wait_until="load")
            page.wait_for_timeout(1000 * wait)
            if part:
                return _opened(page.locator(part).first.screenshot())
            return _trimmed(_opened(page.screenshot()))

    def report(
        self, height: int, name: str = "*.html", place: str = "", **options: Any
    ) -> Image.Image:
        """A picture of the last run's report, from ``place`` on, which is an id of the page; the
        options are those of ``page``."""
        (path,) = self.run_dir().glob(name)
        return self.page(f"{path.as_uri()}#{place}", height, **options)

    @contextmanager
    def served(self, command: str) -> Iterator[str]:
        """The address of a server that goes on until it is ended."""
        port = free_port()
        child = pexpect.spawn(
            "bash",
            ["-c", f"exec {command} --port {port}"],
            cwd=str(self.dir),
            env=self._env,
            timeout=LIMIT,
            encoding="utf-8",
        )
        try:
            child.expect(rf"http://127\.0\.0\.1:{port}\S*")
            yield child.after
        finally:
            child.close(force=True)


_STYLE = """
body { margin: 0; background: white; }
#all { padding: 10px; width: max-content; font: 14px sans-serif; }
pre { margin: 0; box-sizing: border-box; padding: 14px 18px; border-radius: 8px;
      background: #1f2430; color: #e6e6e6; font: 14px/1.42 "DejaVu Sans Mono", Menlo, monospace; }
.row { display: flex; gap: 12px; margin-top: 12px; }
.row img { border: 1px solid #ccc; border-radius: 8px; height: 400px; object-fit: contain; }
"""

# What terminals commonly show for the sixteen colours, on a dark ground.
_COLOURS = {
    "black": "#3b4252", "red": "#ff7b72", "green": "#7ee787", "brown": "#e3b341",
    "blue": "#79c0ff", "magenta": "#d2a8ff", "cyan": "#76e3ea", "white": "#e6e6e6",
    "brightblack": "#8b949e", "brightred": "#ffa198", "brightgreen": "#a5f0ad",
    "brightbrown": "#f2cc60", "brightblue": "#a5d6ff", "brightmagenta": "#e2c5ff",
    "brightcyan": "#b3f0f5", "brightwhite": "#ffffff",
}  # fmt: skip


def _view(width: int, height: int = 800) -> dict[str, Any]:
    return {"viewport": {"width": width, "height": height}, "device_scale_factor": 2}


def _text(screen: pyte.Screen) -> str:
    return "\n".join(line.rstrip() for line in screen.display).rstrip()


def _drawn(screen: pyte.Screen) -> str:
    """A screen as HTML, without the empty rows at its end."""
    rows = range(len(_text(screen).splitlines()))
    lines = ("".join(_spans(screen.buffer[row], screen.columns)).rstrip() for row in rows)
    return f"<pre style='min-width: {screen.columns + 4}ch'>" + "\n".join(lines) + "</pre>"


def _spans(row: Any, columns: int) -> Iterator[str]:
    chars = (row[column] for column in range(columns))
    for style, group in itertools.groupby(chars, key=_style):
        text = html.escape("".join(char.data for char in group))
        yield f'<span style="{style}">{text}</span>' if style else text


def _style(char: Any) -> str:
    front, back = _colour(char.fg), _colour(char.bg)
    if char.reverse:
        front, back = back or "#1f2430", front or "#e6e6e6"
    style = f"color:{front};" * bool(front) + f"background:{back};" * bool(back)
    return style + "font-weight:bold;" * char.bold


def _colour(name: str) -> str:
    if name == "default":
        return ""
    return _COLOURS.get(name, f"#{name}")


def _opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def _trimmed(picture: Image.Image) -> Image.Image:
    """A picture without the empty part at its bottom."""
    ground = Image.new("RGB", picture.size, picture.getpixel((0, picture.height - 1)))
    drawn = ImageChops.difference(picture, ground).getbbox()
    return picture.crop((0, 0, picture.width, min(picture.height, drawn[3] + 40)))


def _saved(picture: Image.Image, path: Path) -> None:
    """Text and lines need few colours, and a picture of few is a fifth of the size: the commonest
    as they are, and of the others those that are farthest apart, like that of one character."""
    common = sorted(picture.getcolors(picture.width * picture.height), reverse=True)[:64]
    rare = picture.quantize(128, Image.Quantize.MAXCOVERAGE).getpalette() or []
    colours = np.array([*(colour for _count, colour in common), *zip(*[iter(rare[: 3 * 128])] * 3)])
    pixels, places = np.unique(np.asarray(picture).reshape(-1, 3), axis=0, return_inverse=True)
    distances = ((pixels[:, None].astype(int) - colours[None]) ** 2).sum(axis=2)
    nearest = distances.argmin(axis=1).astype(np.uint8)[places.reshape(-1)]
    few = Image.fromarray(nearest.reshape(picture.height, picture.width), "P")
    few.putpalette(colours.astype(np.uint8).tobytes())
    few.save(path, optimize=True)


def _data_url(picture: Image.Image) -> str:
    import base64

    file = io.BytesIO()
    picture.save(file, "png")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def digits(studio: Studio) -> Image.Image:
    """What README.md begins with: two runs compared, and the report of one."""
    studio.copy("digits")
    runs = ["guild run digits -y", "guild run digits learning_rate=0.001 activation=tanh -y"]
    for command in runs:
        studio.run(command)
    compare = "guild compare --table --strict-cols =learning_rate,=activation,loss,accuracy"
    _text, compared = studio.type([compare])
    typed = "".join(f"<b>$ {command}</b>\n" for command in runs)
    above = compared.replace("'>", f"'>{typed}", 1)
    report = studio.report(900)
    matrix = Image.open(studio.run_dir() / "digits_6_0.png")
    images = "".join(f"<img src='{_data_url(image)}'>" for image in (report, matrix))
    return studio.draw(f"{above}<div class=row>{images}</div>", scale=1.4)


def run(studio: Studio) -> Image.Image:
    """A run on the terminal, from its command to its end."""
    studio.copy("tutorial")
    return studio.terminal(["guild run train.ipynb lr=0.3 -y"])


def report(studio: Studio) -> Image.Image:
    """The report of a run."""
    studio.copy("tutorial")
    studio.run("guild run train.ipynb lr=0.3 -y")
    return studio.report(560)


def live(studio: Studio) -> Image.Image:
    """The line at the bottom while a cell runs, with the bar that the cell shows."""
    studio.notebook("train.ipynb", SLOW)
    studio.run("guild run train.ipynb seconds=0.4 -y")
    is_there = re.compile(
        r"loss: 0\.3333 .*\n.*Long training .* last time .* 3/5", re.DOTALL
    ).search
    return studio.terminal(["guild run train.ipynb -y"], until=is_there)


def sweep(studio: Studio) -> Image.Image:
    """A sweep: a line for each trial, and the best run."""
    studio.copy("tutorial")
    return studio.terminal(["guild run train.ipynb lr='[0.1,0.2,0.3,0.4,0.6]' -y"])


def trials(studio: Studio) -> None:
    """Runs to compare."""
    studio.copy("tutorial")
    studio.run("guild run train.ipynb lr='[0.1,0.2,0.3,0.4]' -y")


def compare(studio: Studio) -> Image.Image:
    """Guild's own view of runs, as `guild compare` opens it on a terminal."""
    trials(studio)
    return studio.terminal(
        ["guild compare --skip-unchanged"], 16, until=lambda text: "loss" in text, keys="q"
    )


def view(studio: Studio) -> Image.Image:
    """Runs in the browser, as `guild view` shows them."""
    trials(studio)
    with studio.served("guild view --no-open --host 127.0.0.1") as url:
        return studio.page(url, 700, width=1200, wait=4)


def tensorboard(studio: Studio) -> Image.Image:
    """Curves of scalars."""
    trials(studio)
    with studio.served("guild tensorboard --no-open --host 127.0.0.1") as url:
        return studio.page(f"{url.rstrip('/')}/#timeseries", 640, width=1200, wait=8)


def failed(studio: Studio) -> Image.Image:
    """A failed run on the terminal."""
    studio.notebook("ratio.ipynb", RATIO)
    return studio.terminal(["guild run ratio.ipynb -y"])


def failed_report(studio: Studio) -> Image.Image:
    """The report of a failed run."""
    studio.notebook("ratio.ipynb", RATIO)
    studio.run("guild run ratio.ipynb -y")
    return studio.report(640)


def missing_file(studio: Studio) -> Image.Image:
    """What a run says of a file that the project has and the run has not."""
    studio.notebook("load.ipynb", FILES)
    (studio.dir / "data").mkdir()
    (studio.dir / "data/points.json").write_text("[" + "0, " * 500_000 + "0]")
    (studio.dir / "guild.yml").write_text("load:\n  notebook: load.ipynb\n")
    return studio.terminal(["guild run load -y"])


def kernels(studio: Studio) -> Image.Image:
    """A run in an environment of its own, and what is said of a name that is none."""
    studio.notebook("where.ipynb", WHERE)
    venv.create(studio.dir / "env")
    (packages,) = studio.dir.glob("env/lib/python*/site-packages")
    (packages / "all.pth").write_text(sysconfig.get_path("purelib"))  # an ipykernel at no cost
    return studio.terminal([f"guild run where.ipynb nb-kernel={name} -y" for name in ("env", "R")])


def outputs(studio: Studio) -> Image.Image:
    """A report with a figure, a table and a widget."""
    studio.notebook("shown.ipynb", PLOT)
    studio.run("guild run shown.ipynb -y")
    return studio.report(1060, place="cell-3")


def sanitized(studio: Studio) -> Image.Image:
    """The same as a report that is safe to open."""
    studio.notebook("shown.ipynb", PLOT)
    (studio.dir / "guild.yml").write_text(
        "show:\n  notebook: shown.ipynb\n  nb-report: sanitized\n  flags-import: all\n"
    )
    studio.run("guild run show -y")
    return studio.report(1060, place="cell-3")


DIGITS = "guild run digits learning_rate=0.001 activation=tanh -y"


def light(studio: Studio, **options: Any) -> Image.Image:
    """A report with flags, curves, figures and contents, as most readers have it."""
    studio.copy("digits")
    studio.run(DIGITS)
    return studio.report(860, width=1240, **options)


def cells(studio: Studio) -> Image.Image:
    """The cells of the same."""
    return light(studio, place="cell-5")


def dark(studio: Studio) -> Image.Image:
    """The same in dark colors."""
    return light(studio, color_scheme="dark")


def phone(studio: Studio) -> Image.Image:
    """The same on a phone."""
    studio.copy("digits")
    studio.run(DIGITS)
    return studio.report(844, width=390)


def paper(studio: Studio) -> Image.Image:
    """The same as it is printed: an A4 page, at 96 dots to the inch."""
    studio.copy("digits")
    studio.run(DIGITS)
    return studio.report(1123, width=794, media="print", device_scale_factor=1.5)


def no_code(studio: Studio) -> Image.Image:
    """The same without code."""
    studio.copy("digits")
    written = studio.dir / "guild.yml"
    written.write_text(written.read_text("utf-8").rstrip() + "\n  nb-report: html-no-input\n")
    studio.run(DIGITS)
    return studio.report(860, width=1240, place="cell-5")


VALLEYS: list[Any] = []
"""The page of a sweep, and the IDs of two runs: one sweep is enough for all its pictures."""


def compared(studio: Studio, view: str = "one", part: str = "", **options: Any) -> Image.Image:
    """The page that compares the runs of a sweep, or the ``part`` that a CSS selector names."""
    path = studio.dir / "compare.html"
    if not VALLEYS:
        studio.notebook("valley.ipynb", VALLEY)
        studio.run("guild run valley.ipynb lr='[0.02,0.05,0.1,0.2,0.3]' momentum='[0,0.5,0.9]' -y")
        studio.run("guild-notebook compare")
        wanted = ("lr = 0.1 and momentum = 0.5", "lr = 0.02 and momentum = 0")
        ids = (studio.run(f"guild select -F '{each}' --short-id").split()[-1] for each in wanted)
        VALLEYS.extend([path.read_bytes(), *ids])
    content, run, base = VALLEYS
    path.write_bytes(content)
    url = f"{path.as_uri()}#view={view}&cell=Path&run={run}&base={base}"
    return studio.page(url, part=part, **{"height": 880, "width": 1440, **options})


def compare_two(studio: Studio) -> Image.Image:
    """Two runs side by side."""
    return compared(studio, "two", width=1280, height=1260)


def compare_sheet(studio: Studio) -> Image.Image:
    """The contact sheet: a cell in all runs, by the values of flags."""
    return compared(studio, "sheet", part="main", width=1280)


def compare_charts(studio: Studio) -> Image.Image:
    """The table of runs, parallel coordinates, curves."""
    return compared(studio, part=".panels", width=1600, height=1250)


def compare_failures(studio: Studio) -> Image.Image:
    """Failed runs by cause."""
    return compared(studio, part=".panel:has(.failures-list)", width=1600)


def compare_dark(studio: Studio) -> Image.Image:
    """The page in dark colors."""
    return compared(studio, color_scheme="dark")


def compare_phone(studio: Studio) -> Image.Image:
    """The page on a phone."""
    return compared(studio, width=390, height=844)


def diff(studio: Studio) -> Image.Image:
    """What differs between two runs, on the terminal."""
    studio.copy("digits")
    for rate in ("0.01", "0.1"):
        studio.run(f"guild run digits epochs=3 learning_rate={rate} -y")
    return studio.terminal(["guild-notebook diff 2 1"], 60)


def reproduce(studio: Studio) -> Image.Image:
    """A run again, in which a cell has come out otherwise."""
    studio.notebook("random.ipynb", UNSEEDED)
    studio.run("guild run random.ipynb -y")
    return studio.terminal(["guild-notebook reproduce 1"], 60)


def browse(studio: Studio) -> Image.Image:
    """The page that goes on with a run that is being executed."""
    studio.notebook("train.ipynb", SLOW)
    for seconds in (0.2, 0.3):
        studio.run(f"guild run train.ipynb seconds={seconds} -y")
    studio.run("guild run train.ipynb seconds=9 -y --background")
    with studio.served("guild-notebook browse --no-open") as url:
        picture = studio.page(url, 760, width=1320, wait=6)
    studio.run("guild stop -y")
    return picture


PICTURES: dict[str, Callable[[Studio], Image.Image]] = {
    "digits": digits,
    "run": run,
    "report": report,
    "live": live,
    "sweep": sweep,
    "compare": compare,
    "compare-page": compared,
    "compare-sheet": compare_sheet,
    "compare-two": compare_two,
    "compare-charts": compare_charts,
    "compare-failures": compare_failures,
    "compare-dark": compare_dark,
    "compare-phone": compare_phone,
    "diff": diff,
    "reproduce": reproduce,
    "browse": browse,
    "view": view,
    "tensorboard": tensorboard,
    "failed": failed,
    "failed-report": failed_report,
    "missing-file": missing_file,
    "kernels": kernels,
    "outputs": outputs,
    "sanitized": sanitized,
    "report-light": light,
    "report-cells": cells,
    "report-dark": dark,
    "report-phone": phone,
    "report-print": paper,
    "report-no-code": no_code,
}
"""All pictures by the name of their file in docs/pictures."""

OF_REPORTS = [name for name in PICTURES if "report" in name or name in ("outputs", "sanitized")]


def take(names: list[str], folder: Path) -> None:
    """Take pictures by name, all where there is none; they are written to ``folder``."""
    path = executable()
    if not path:
        raise SystemExit("no Chromium: install it (Debian: apt install chromium) or set CHROMIUM")
    with sync_playwright() as playwright:
        browser = Browser(playwright, path)
        for name in names or PICTURES:
            with tempfile.TemporaryDirectory() as scratch:
                picture = PICTURES[name](Studio(Path(scratch).resolve(), browser))
            _saved(picture, folder / f"{name}.png")
            print(f"{folder / name}.png: {(folder / f'{name}.png').stat().st_size:,} bytes")
        browser.close()


if __name__ == "__main__":
    take(OF_REPORTS if sys.argv[1:] == ["--reports"] else sys.argv[1:], FOLDER)
