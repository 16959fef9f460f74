"""``guild-notebook flags`` on a large notebook, held against ``json.load`` of it.

The target is at most 1.5 times what ``json.load`` takes in a process of its own, plus 0.3 s, for
a notebook of 50 MB and 2,000 cells. Medians of five runs each, taken in turn.

    python benchmarks/flags.py [--kind forms|parameters|assignments]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

CELLS = 2000
SIZE = 50_000_000
RUNS = 5
LOAD = "import json, sys; json.load(open(sys.argv[1], encoding='utf-8'))"

FORM = '#@title Part {i}\n!echo part\nvalue_{i} = {i} #@param {{type:"slider", min:0, max:9999}}\n'
ASSIGNS = "%matplotlib inline\nvalue_{i} = {i}\nname_{i} = 'ü'; rate_{i} = f({i})\n"
CODE = """
def fit_{i}(model, data, epochs=3):
    for epoch in range(epochs):
        loss = sum(model(x) for x in data) / len(data)  # a mean
        print(f"loss: {{loss}} (step {{epoch}})")
    return model

history_{i} = [fit_{i}(m, data) for m in models]
plt.plot(history_{i}, label="run {i}")
"""


def notebook(kind: str) -> dict[str, object]:
    head = FORM if kind == "forms" else ASSIGNS
    output = "x" * (SIZE // CELLS - 1200)
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "language": "python"}},
        "cells": [
            {
                "cell_type": "code",
                "id": f"c{i}",
                "execution_count": i,
                "metadata": {"tags": ["parameters"]} if kind == "parameters" and i < 5 else {},
                "source": (head + CODE).format(i=i).splitlines(keepends=True),
                "outputs": [
                    {"output_type": "display_data", "metadata": {}, "data": {"image/png": output}}
                ],
            }
            for i in range(CELLS)
        ],
    }


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=["forms", "parameters", "assignments"], default="forms")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "large.ipynb")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(notebook(args.kind), f)
        load, flags = [], []
        for _ in range(RUNS):
            load.append(seconds([sys.executable, "-c", LOAD, path]))
            flags.append(
                seconds([sys.executable, "-m", "guild_notebook.cli", "flags", path, "--json"])
            )
        limit = 1.5 * statistics.median(load) + 0.3
        size = os.path.getsize(path) / 1e6
        print(f"{args.kind}: {size:.0f} MB, json.load {statistics.median(load):.2f} s")
        print(f"flags {statistics.median(flags):.2f} s, target at most {limit:.2f} s")
    return int(statistics.median(flags) > limit)


if __name__ == "__main__":
    sys.exit(main())
