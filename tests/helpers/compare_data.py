"""Made-up data of the page that compares runs, as compare/page_data.py makes it of real ones, and
pages of it.

``sweep()`` has something of all that a page shows, ``large()`` is for measuring, and
``random_search()`` has continuous flags. Each is data and images by digest, what
``compare.page.page`` takes.

To look at one: ``python -m tests.helpers.compare_data FOLDER``.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import math
import random
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

from guild_notebook.compare import model
from guild_notebook.compare.page import page

Data = dict[str, Any]
Images = dict[str, model.Image]


def png(width: int, height: int, rows: list[bytes], colors: int = 1) -> bytes:
    """A PNG of gray or, with three ``colors``, RGB pixels."""
    raw = b"".join(b"\0" + row for row in rows)
    kind = {1: 0, 3: 2}[colors]
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(raw, 1)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def plot(steepness: float, level: float, width: int = 320, height: int = 220) -> bytes:
    """A curve on white, as a plot of a training."""
    rows = [bytearray(b"\xff" * width * 3) for _ in range(height)]
    for x in range(20, width - 10):
        rows[height - 20][x * 3 : x * 3 + 3] = b"\x88\x88\x88"
        y = level * math.exp(-steepness * (x - 20) / width) + 0.02 * math.sin(x / 3)
        top = int((height - 30) * (1 - max(0.0, min(1.0, y)))) + 5
        for dy in range(3):
            rows[min(height - 1, top + dy)][x * 3 : x * 3 + 3] = b"\x1f\x77\xb4"
    return png(width, height, [bytes(row) for row in rows], 3)


class Builder:
    """What repeats is stored once: sources, outputs, images by digest."""

    def __init__(self) -> None:
        self.sources: list[str] = []
        self.outputs: list[Data] = []
        self.listed: list[Data] = []
        self.images: Images = {}

    def source(self, text: str) -> int:
        return self._index(self.sources, text)

    def text(self, text: str, source: str = "stdout", **more: str) -> int:
        made = {"kind": "text", "from": source, "text": text, "cut": 0, **more}
        return self._index(self.outputs, made)

    def table(self, columns: list[str], *rows: list[str]) -> int:
        table = {"kind": "table", "columns": columns, "index": 1, "rows": list(rows), "cut": 0}
        return self._index(self.outputs, table)

    def error(self, name: str, message: str) -> int:
        text = f"Traceback (most recent call last):\n  Cell In[2], line 7\n{name}: {message}"
        error = {"kind": "error", "name": name, "message": message, "text": text}
        return self._index(self.outputs, error)

    def figure(self, text: str = "an interactive figure: see the report") -> int:
        return self._index(self.outputs, {"kind": "figure", "text": text})

    def image(self, content: bytes, width: int, height: int, mime: str = "image/png") -> int:
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self.images:
            data = base64.b64encode(content).decode()
            self.images[digest] = model.Image(digest, mime, data, len(content))
            self.listed.append(
                {
                    **{"digest": digest, "mime": mime, "bytes": len(content)},
                    **{"width": width, "height": height, "thumb": ""},
                }
            )
        place = next(i for i, each in enumerate(self.listed) if each["digest"] == digest)
        shown = {"kind": "image", "image": place, "text": f"<Figure size {width}x{height}>"}
        return self._index(self.outputs, shown)

    @staticmethod
    def _index(of: list[Any], value: Any) -> int:
        if value not in of[-2000:]:
            of.append(value)
        return len(of) - 1 - of[::-1].index(value)

    def data(
        self,
        runs: list[Data],
        slots: list[Data],
        cells: list[list[Data | None]],
        curves: list[Data],
        **more: Any,
    ) -> Data:
        sections: list[Data] = []
        for number in sorted({slot["section"] for slot in slots}):
            sections.append(
                {
                    "notebook": "train.ipynb" if not number else "report.ipynb",
                    "runs": [i for i, run in enumerate(runs) if run["section"] == number],
                    "slots": [i for i, slot in enumerate(slots) if slot["section"] == number],
                }
            )
        return {
            **{"schema": 1, "title": f"digits: {len(runs)} runs", "made": "2026-11-27T08:00:00Z"},
            **{"version": "0.1", "live": False, "runs": runs, "flags": flags_of(runs)},
            "scalars": scalars_of(runs),
            **{"sections": sections, "slots": slots, "cells": cells, "sources": self.sources},
            **{"outputs": self.outputs, "images": self.listed, "curves": curves, **more},
        }


def flags_of(runs: list[Data]) -> list[Data]:
    found = []
    for name in sorted({name for run in runs for name in run["flags"]}):
        values = list(
            {repr(v): v for run in runs if (v := run["flags"].get(name)) is not None}.values()
        )
        is_number = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
        is_bool = all(isinstance(v, bool) for v in values)
        values.sort(key=lambda v: v if is_number else str(v))
        is_continuous = is_number and len(values) > 12
        found.append(
            {
                "name": name,
                "varies": len(values) > 1,
                "kind": "number" if is_number else "bool" if is_bool else "text",
                "values": values,
                "continuous": is_continuous,
                "log": is_number and min(values) > 0 and max(values) / min(values) >= 100,
            }
        )
    return found


def scalars_of(runs: list[Data]) -> list[Data]:
    names = sorted({name for run in runs for name in run["scalars"]})
    return [
        {"name": n, "varies": len({repr(run["scalars"].get(n)) for run in runs}) > 1} for n in names
    ]


def run(number: int, flags: Data, scalars: Data, varied: list[str], **more: Any) -> Data:
    digest = hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()
    return {
        **{"id": digest, "short": digest[:8], "operation": "train", "label": "", "tags": []},
        **{"status": "completed", "state": "completed", "reason": "", "section": 0},
        **{"started": f"2026-11-26T{10 + number % 10:02}:{number % 60:02}:00Z"},
        **{"seconds": 20.0 + number, "flags": flags, "scalars": scalars},
        "name": " ".join(f"{n}={flags[n]}" for n in varied if n in flags),
        **{"failed": None, "error": None, "report": f"runs/{digest}/train.html", "batch": ""},
        **{"progress": None, **more},
    }


def slot(name: str, change: float, kind: str, **more: Any) -> Data:
    return {
        **{"name": name, "section": 0, "change": change, "kind": kind, "failed": 0},
        **{"plots": change if kind == "image" else 0, "reached": None, "unexplained": False},
        **{"sources": [0], **more},
    }


def sweep() -> tuple[Data, Images]:
    """Twelve runs of a grid of three flags, one off the grid that failed, one still running, and
    two of another notebook."""
    made = Builder()
    runs: list[Data] = []
    rows: list[list[Data | None]] = [[] for _ in range(8)]
    sources = [made.source(text) for text in (
        "import numpy as np", "model.fit(X, y)", "show(mistakes)", "report(model)",
        "plt.plot(losses)", "stamp()", "model.fit(X, y, verbose=1)", "chart(model)",
    )]  # fmt: skip
    curves: list[Data] = []
    varied = ["activation", "hidden_units", "learning_rate"]
    grid = list(itertools.product(("relu", "tanh"), (8, 32, 128), (0.01, 0.1)))
    for number, (activation, hidden, rate) in enumerate(grid):
        flags = {"activation": activation, "hidden_units": hidden, "learning_rate": rate}
        flags |= {"epochs": 10, "seed": 0}
        accuracy = round(0.8 + 0.04 * math.log2(hidden / 4) - 0.5 * rate + 0.01 * (number % 2), 4)
        scalars: Data = {"accuracy": accuracy, "loss": round(1.2 - accuracy, 4)}
        if number == 4:
            del scalars["accuracy"]
        if number == 7:
            scalars["loss"] = "nan"
        runs.append(run(number, flags, scalars, varied))
        points = [[step, round(math.exp(-step * rate) + 1 - accuracy, 4)] for step in range(1, 11)]
        curves.append({"scalar": "loss", "run": number, "points": points})
        epochs = "\n".join(f"epoch {step}: loss {value:.4f}" for step, value in points)
        timed, training = (
            f"fit in {time}\n{epochs}\naccuracy: {accuracy:.4f}"
            for time in (f"{number} s", "«time»")
        )
        image = made.image(plot(8 * rate + hidden / 40, accuracy), 320, 220)
        small = made.image(plot(hidden / 20, 0.4 + rate), 320, 220)
        report = made.table(
            ["", "precision", "recall", "support"],
            ["0", f"{accuracy:.3f}", f"{accuracy - 0.02:.3f}", "37"],
            ["1", f"{accuracy - 0.01:.3f}", f"{accuracy:.3f}", "43"],
            ["all", f"{accuracy:.3f}", f"{accuracy:.3f}", "360"],
        )
        token = f"token {hashlib.md5(str(number).encode()).hexdigest()}\n"
        warned = [made.text("ConvergenceWarning: not converged yet\n", "stderr")] * (rate > 0.05)
        for index, outputs in enumerate((
            [made.text(f"1797 images of 8 × 8 pixels in {number} ms\n", same="one")],
            [made.text(timed, plain=training), *warned],
            [image], [report], [small],
            [made.text(token + "end\n" * (number % 2))], [], [made.figure()],
        )):  # fmt: skip
            source = sources[6] if index == 1 and number > 9 else sources[min(index, 7)]
            rows[index].append(
                {
                    **{"n": index + 1, "state": "completed", "seconds": 0.2 + index * number / 7},
                    **{"memory": 80_000_000 + 9_000_000 * index, "source": source},
                    "outputs": outputs,
                }
            )
    flags = {"activation": "relu", "hidden_units": 8, "learning_rate": 1.0, "epochs": 10, "seed": 0}
    message = "the loss is not finite: it diverged"
    reason = f"the cell [2] Training failed with FloatingPointError: {message}"
    runs.append(
        run(
            *(12, flags, {"accuracy": 0.1}, varied),
            **{"status": "error", "state": "failed", "reason": reason, "failed": 1},
            error={"name": "FloatingPointError", "message": message},
        )
    )
    error = made.error("FloatingPointError", message)
    runs.append(
        run(
            *(13, flags | {"learning_rate": 0.1, "hidden_units": 64}, {}, varied),
            **{"status": "running", "state": "running", "progress": {"cell": 2, "of": 8}},
            seconds=None,
        )
    )
    for index, row in enumerate(rows):
        first = {**row[0], "outputs": [error] if index == 1 else row[0]["outputs"]}  # type: ignore
        first["state"] = "failed" if index == 1 else "completed"
        row.append(first if index < 2 else {"hole": "not run: failed in Training"})
        row.append({**row[0], "memory": None} if index < 1 else {"hole": "not run yet"})  # type: ignore
    for number in (14, 15):
        other = {"columns": number}
        runs.append(run(number, other, {}, [], section=1, operation="report"))
    rows.append(
        [
            {
                **{"n": 1, "state": "completed", "seconds": 1.0, "memory": None},
                **{"source": sources[0], "outputs": [made.text(f"{number} columns\n")]},
            }
            for number in (14, 15)
        ]
    )
    reached = ["hidden_units", "learning_rate"]
    slots = [
        slot("Data", 0.0, "text", reached=[]),
        slot("Training", 0.6, "text", failed=1, reached=[*reached, "activation"], sources=[1, 6]),
        slot("Mistakes", 0.9, "text", plots=0.8, reached=reached),
        slot("Report", 0.5, "table", reached=reached),
        slot("Learning curves", 0.3, "image"),
        slot("Stamp", 0.2, "text", reached=[], unexplained=True),
        slot("Helpers", 0.0, "none"),
        slot("Chart", 0.0, "figure"),
        slot("Columns", 0.1, "text", section=1),
    ]
    return made.data(runs, slots, rows, curves), made.images


def random_search(number: int = 40, seed: int = 1) -> tuple[Data, Images]:
    """Runs of two continuous flags, with a plot and a text each."""
    drawn = random.Random(seed)  # not for secrets
    made = Builder()
    runs, plots, texts = [], [], []
    for index in range(number):
        rate, decay = 10 ** drawn.uniform(-4, -1), round(drawn.uniform(0, 1), 4)
        score = round(1 - rate * 5 - 0.1 * decay, 4)
        runs.append(run(index, {"lr": rate, "decay": decay}, {"score": score}, ["lr", "decay"]))
        cell = {"n": 1, "state": "completed", "seconds": 1.0, "memory": None, "source": 0}
        plots.append({**cell, "outputs": [made.image(plot(decay * 9, score, 120, 80), 120, 80)]})
        texts.append({**cell, "n": 2, "outputs": [made.text(f"score {score}\n")]})
    made.source("fit()")
    slots = [slot("Plot", 0.7, "image"), slot("Score", 0.4, "text")]
    return made.data(runs, slots, [plots, texts], []), made.images


def large(runs: int = 200, images: int = 5, size: int = 64_000) -> tuple[Data, Images]:
    """Runs with ``images`` cells each of which shows an image of its own of about ``size`` bytes,
    a cell of text, a table, and a curve of 200 steps."""
    drawn = random.Random(3)  # not for secrets
    made = Builder()
    listed: list[Data] = []
    rows: list[list[Data | None]] = [[] for _ in range(images + 2)]
    made.source("draw()")
    width, height = 320, max(1, size // 320)
    curves = []
    flags = itertools.product(
        (0.001, 0.003, 0.01, 0.03, 0.1), range(1, 9), ("a", "b", "c", "d", "e")
    )
    for number, (rate, depth, kind) in zip(range(runs), flags):
        score = drawn.random()
        varied = ["lr", "depth", "kind"]
        listed.append(run(number, dict(zip(varied, (rate, depth, kind))), {"score": score}, varied))
        points = [[step, round(score + 1 / (step + 1), 4)] for step in range(200)]
        curves.append({"scalar": "score", "run": number, "points": points})
        cell = {"n": 1, "state": "completed", "seconds": 1.0, "memory": 10**8, "source": 0}
        for index in range(images):
            content = png(width, height, [drawn.randbytes(width) for _ in range(height)])
            rows[index].append({**cell, "outputs": [made.image(content, width, height)]})
        lines = "\n".join(f"epoch {step}: loss {score / (step + 1):.4f}" for step in range(60))
        rows[images].append({**cell, "outputs": [made.text(lines)]})
        table = made.table(["", "a", "b"], *([str(n), f"{score * n:.3f}", "1"] for n in range(9)))
        rows[images + 1].append({**cell, "outputs": [table]})
    slots = [slot(f"Plot {index}", 0.9 - index / 10, "image") for index in range(images)]
    slots += [slot("Training", 0.3, "text"), slot("Report", 0.2, "table")]
    return made.data(listed, slots, rows, curves), made.images


def written(path: Path, made: tuple[Data, Images]) -> Path:
    """The page of it, at ``path``."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(page(*made))
    return path


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for function in (sweep, random_search, large):
        print(written(folder / f"{function.__name__}.html", function()))
