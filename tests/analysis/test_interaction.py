"""Cells that wait for somebody are found before a run, and no others."""

from __future__ import annotations

import pytest

from guild_notebook.analysis import blocks, events, interaction, names
from tests.helpers.notebooks import notebook

ERROR, WARNING, NOTE = "error", "warning", "note"
WAITING = {
    "input": (["name = input('Your name: ')"], [(0, 1, ERROR, "input()")]),
    "input in an expression": (["x = [int(input()) for i in y]"], [(0, 1, NOTE, "input()")]),
    "input that is converted": (["pass\nn = int(input())"], [(0, 2, ERROR, "input()")]),
    "input in a loop for ever": (["while True:\n    x = input()"], [(0, 2, ERROR, "input()")]),
    "input in a branch": (["if a:\n    x = input()"], [(0, 2, NOTE, "input()")]),
    "input where a variable is not set": (
        ["import os\nk = os.environ.get('K') or input()"],
        [(0, 2, NOTE, "input()")],
    ),
    "a password": (
        ["from getpass import getpass as ask", "token = ask('Token: ')"],
        [(1, 1, ERROR, "ask()")],
    ),
    "a function that asks": (
        ["def ask():\n    return input()", "def play():\n    ask()", "play()"],
        [(2, 1, ERROR, "play(), in which input()")],
    ),
    "a function that asks in a branch": (
        ["def ask(x):\n    if x:\n        return input()", "ask(1)"],
        [(1, 1, NOTE, "ask(), in which input()")],
    ),
    "a function that may return before": (
        ["def ask(x):\n    if x:\n        return 1\n    return input()", "ask(1)"],
        [(1, 1, NOTE, "ask(), in which input()")],
    ),
    "debuggers": (
        ["breakpoint()", "import pdb; pdb.set_trace()", "%debug"],
        [
            (0, 1, WARNING, "breakpoint()"),
            (1, 1, WARNING, "pdb.set_trace()"),
            (2, 1, WARNING, "%debug"),
        ],
    ),
    "windows": (
        ["import cv2\ncv2.imshow('a', b)\ncv2.waitKey(0)", "%matplotlib qt", "root.mainloop()"],
        [
            (0, 2, WARNING, "cv2.imshow()"),
            (0, 3, WARNING, "cv2.waitKey()"),
            (1, 1, WARNING, "%matplotlib qt"),
            (2, 1, WARNING, "root.mainloop()"),
        ],
    ),
    "browsers": (
        ["from google.colab import drive, files\ndrive.mount('/content')\nfiles.upload()"],
        [(0, 2, WARNING, "drive.mount()"), (0, 3, WARNING, "files.upload()")],
    ),
    "commands": (
        ["!pip uninstall torch", "%%bash\nhuggingface-cli login", "!tensorboard --logdir x"],
        [
            (0, 1, WARNING, "!pip uninstall"),
            (1, 1, WARNING, "!huggingface-cli login"),
            (2, 1, WARNING, "!tensorboard"),
        ],
    ),
}


@pytest.mark.parametrize("name", WAITING)
def test_what_waits_is_said_where_it_is_called(name):
    cells, expected = WAITING[name]
    found = _found(cells)
    assert [(each.cell, each.line, each.level) for each in found] == [e[:3] for e in expected]
    for each, (*_, start) in zip(found, expected):
        assert each.text.startswith(start + " "), each.text
        assert each.rule == "asks-input"


FINE = {
    "a name of the notebook": ["input = load()", "y = model(input)\nz = input(1)"],
    "input that answers": ["import builtins\nbuiltins.input = lambda _: '1'\ninput('n')"],
    "input that answers for a while": [
        "from unittest.mock import patch\nwith patch('builtins.input'):\n    input('n')"
    ],
    "an argument of that name": ["def f(input):\n    return input()", "f(g)"],
    "a function that is not called": ["def ask():\n    return input()"],
    "what is switched off": ["if False:\n    input()", "if 0:\n    input()"],
    "a key is waited for a while": ["import cv2\ncv2.waitKey(1)"],
    "commands that answer": [
        "!pip uninstall -y a",
        "!pip uninstall a --y",
        "!huggingface-cli login --token $T",
    ],
    "servers in the background": ["!tensorboard --logdir x &", "!tensorboard dev list"],
    "methods of others": ["form.input()", "self.getpass()", "x.imshow(a)"],
    "plots below the cell": ["%matplotlib inline", "%matplotlib"],
    "texts and comments": ["# input()\nx = 'input()'", "%%html\n<b>input()</b>"],
}


@pytest.mark.parametrize("name", FINE)
def test_of_what_does_not_wait_nothing_is_said(name):
    assert _found(FINE[name]) == []


def test_what_may_raise_may_ask():
    assert _found([("input()", "raises-exception")]) == []


def _found(cells):
    nb = notebook(*cells)
    read = blocks.read(nb, range(len(cells)), {})
    known = names.names(nb, events.with_events(read), "")
    return sorted(interaction.findings(read, known.calls), key=lambda each: each.place)
