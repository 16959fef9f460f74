"""Readers of source text: random cells in great number, and texts that are hard on a reader in
sizes that double."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

import pytest

from guild_notebook.flags.discover import discover
from tests.helpers.cells import FRAGMENTS, LANGUAGES, check_random_cells, machine_sources
from tests.helpers.figures import figure
from tests.helpers.growth import check_growth
from tests.helpers.notebooks import notebook

CELLS = 200_000


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("language", LANGUAGES)
def test_two_hundred_thousand_random_cells_are_read(language):
    sources = machine_sources(language)
    began = time.monotonic()
    flags = check_random_cells(language, FRAGMENTS[language] + sources, 2, CELLS)
    name = f"{CELLS:,} random cells in {language}, of {len(sources)} sources of this machine"
    figure(name, f"{flags:,} flags, {time.monotonic() - began:.0f} s", "no hang, no exception")
    assert flags > CELLS // 20  # or the cells are no test


UNITS = {
    **{"brackets": "(", "closing brackets": ")", "lists": "[1, ", "pairs": "(]{", "calls": "c(a("},
    **{"double quotes": '"', "single quotes": "'", "triple quotes": '"""', "backticks": "`"},
    **{"backslashes": "\\", "escaped quotes": "\\'\\\n", "escapes": '\\"', "open strings": "'a\n"},
    **{"hashes": "#", "comments": "# a\n", "nested comments": "#=", "comment ends": "=#"},
    **{"expansions": '"$(', "parameters": "${", "arithmetic": "$((", "raw strings": 'r"('},
    **{"here-documents": "<<E\n", "announced here-documents": "<<E ", "operators": "%"},
    **{"blocks": "if a\n", "cases": "case x in ", "functions": "function f {", "ends": "end fi "},
    **{"words": "a ", "letters": "a", "digits": "1", "blanks": " ", "tabs": "\t", "lines": "\n"},
    **{"lines of Windows": "\r\n", "comments of Windows": "# a\r\n"},
    **{"carriage returns": "\r", "semicolons": ";", "commas": ",", "signs": "-", "nulls": "\0"},
    **{"assignments": "x = 1\n", "assignments on a line": "x = 1;", "arrows": "x <- 'é';"},
    **{"shell assignments": "x=1;", "open lists": "x = [1,\n", "open arrays": "x=(\n"},
    **{"non-ASCII assignments on a line": "x = é;", "unfinished lines": "x <- 1 +\n"},
    **{"magics": "%a\n", "help marks": "x?\n", "annotations": "x: ", "indented lines": "  x\n"},
    **{"form fields": 'x = 1 #@param ["a", 1]\n', "open form fields": "x = 1 #@param [\n"},
    **{"options": "#@param {a:1, ", "titles": "#@title {"},
    **{
        "sums": "x = x + ",
        "counts": "x += 1\n",
        "appended": "x.append(1)\n",
        "items": "x[",
        "in": "x.",
    },
    **{"loops": "for x in ", "walruses": "(x := ", "nested loops": "for x in y: ", "as": "as x "},
    **{
        "branches": "elif x > y: x = y\n",
        "targets": "x, ",
        "chains": "x = y = ",
        "lambdas": "lambda x: ",
    },
    **{
        "listings": "x = !ls\n",
        "decorators": "@x\n",
        "globals": "global x;",
        "columns": "x$y[1] <- ",
    },
    **{
        "pushes": "push!(x, ",
        "reads": "read x ",
        "increments": "((x++))",
        "reassigned": "x <- x + ",
    },
}
HEADS = {
    "": "",
    "a value of ": {"python": "x = ", "r": "x <- ", "julia": "x = ", "bash": "x="},
    "a flag and ": {"python": "x = 1\n", "r": "x <- 1\n", "julia": "x = 1\n", "bash": "x=1\n"},
}


def cell(language: str, head: str, unit: str, size: int, odd: int) -> str:
    """An even number of units, or one more: quotes are closed or not."""
    before = HEADS[head][language] if head else ""
    return before + UNITS[unit] * (size // len(UNITS[unit]) // 2 * 2 + odd)


@pytest.mark.faults
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_time_of_a_reader_is_linear_in_the_text(language, unit, head):
    def read(source: str) -> None:
        discover(notebook(source, language=language))

    for odd in (0, 1):
        check_growth(read, lambda size, odd=odd: cell(language, head, unit, size, odd), 24_000)


CODE = {
    "python": "def f(m, d):\n    for e in d:\n        a = m(e) / d  # b\n    return m\nh = f(1)\n",
    "r": "f <- function(m, d) {\n  for (e in d) {\n    a <- m(e) # b\n  }\n}\nh <- f(1)\n",
    "julia": "function f(m, d)\n    for e in d\n        a = m(e) # b\n    end\nend\nh = f(1)\n",
    "bash": 'f() {\n  for e in $1; do\n    a="b $e" # c\n  done\n}\nh=$(f 1)\n',
}
SIZE = 14_000_000


def large_cells(language: str, shape: str) -> list[str]:
    code = CODE[language]
    if shape == "many cells":
        return [code * (1400 // len(code))] * 10_000
    if shape == "one cell":
        return [code * (SIZE // len(code))]
    if shape == "one line":
        line = "; ".join(["h = f(1)" if language != "bash" else "h=$(f 1)"] * 50)
        return ["; ".join([line] * (SIZE // len(line) // 4))]
    start, end = {"python": "[]", "r": ("c(", ")"), "julia": "[]", "bash": "()"}[language]
    items = (" " if language == "bash" else ", ").join(map(str, range(SIZE // 9)))
    return [f"x{' <- ' if language == 'r' else '='}{start}{items}{end}"]


@pytest.mark.faults
@pytest.mark.timeout(600)
@pytest.mark.parametrize("shape", ["many cells", "one cell", "one line", "one list"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_flags_of_fourteen_megabytes_are_shown_in_seconds(tmp_path, language, shape):
    cells = [
        {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}
        for source in large_cells(language, shape)
    ]
    metadata = {"kernelspec": {"name": "k", "language": language, "display_name": "k"}}
    path = tmp_path / "large.ipynb"
    document = {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": cells}
    path.write_text(json.dumps(document), encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "guild_notebook.cli", "flags", str(path)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    name = f"guild-notebook flags, 14 MB of {language}, {shape}"
    figure(name, f"{seconds:.1f} s of the processor", "20 s")
    assert seconds <= 20
