"""Whatever bytes and characters a cell shows: nothing crashes and nothing else is lost."""

from __future__ import annotations

import json
import unicodedata

import nbformat
import pytest

from tests.helpers.figures import figure
from tests.helpers.project import Command, Project, code

BREAK = "\\\n "
"""Where a line was too long."""

CHILD = "import os; os.write(1, b'child \\xff\\xfe\\x00 bytes\\n')"
CASES = {
    "every byte on 1": "import os\nos.write(1, bytes(range(256)) + b'\\n')",
    "every byte on 2": "os.write(2, bytes(range(256)) + b'\\n')",
    "cut utf-8 on 1": "os.write(1, 'ü漢'.encode()[:4]); os.write(1, b'\\n')",
    "bytes of a child": "import subprocess, sys\n"
    f"subprocess.run([sys.executable, '-c', {CHILD!r}])",
    "bytes of a shell": "!printf 'shell \\377\\376\\000 bytes\\n'",
    "bytes of C": "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.printf(b'C \\xff\\xc3 bytes\\n')\n"
    "libc.fflush(None)",
    "surrogates": "print('lone \\ud800 and \\udfff, a pair \\ud83d\\ude42')",
    "surrogates on stderr": "print('lone \\udc80', file=sys.stderr)",
    "surrogate in a display": "display({'text/plain': 'lone \\ud800', 'text/html': '\\udfff'},"
    " raw=True)",
    "surrogate in a result": "class Odd:\n    def __repr__(self): return 'odd \\ud800 repr'\nOdd()",
    "surrogate in an error": "raise ValueError('lone \\ud800 error')",
    "surrogate in a name": "import builtins\nbuiltins.x = {'\\ud800': 1}\nbuiltins.x",
    "NUL": "print('nul \\x00 nul')",
    "controls": "print(''.join(map(chr, [*range(32), 127, *range(128, 160)])))",
    "ANSI": "print('\\x1b[1;31mred\\x1b[0m \\x1b]0;title\\x07 \\x1bPdcs\\x1b\\\\')",
    "an escape that never ends": "print('\\x1b]0;' + 'no end ' * 2000)",
    "an escape that is cut": "print('cut \\x1b[3', end='')",
    "a string that is cut": "print('cut \\x1b]8;;http://x', end='')",
    "separators": "print('a\\u2028b\\u2029c\\x85d\\x0be\\x0cf')",
    "a mark and directions": "print('\\ufeffmark \\u202eright\\u202c \\u2066left\\u2069')",
    "combining characters": "print('e' + '\\u0301' * 1_000_000)",
    "noncharacters": "print('\\ufffe\\uffff\\U0010ffff\\ufdd0')",
    "backspaces": "print('\\b' * 5000 + 'x\\b\\b\\b')",
    "returns": "print('\\r\\r\\n\\n\\r' * 100)",
    "an error of odd lines": "raise RuntimeError('\\x1b[31m\\x00\\r\\n\\u2028\\ud800')",
    "a broken repr": "class Broken:\n    def __repr__(self): raise OSError('\\udcff')\nBroken()",
    "odd data": "display({'image/png': 'no \\udc80 base64', 'image/svg+xml': '<svg>\\ud800</svg>',"
    " 'application/json': {'\\ud800': '\\x00'}}, raw=True)",
}  # fmt: skip


@pytest.fixture(scope="module")
def shown(shared: Project) -> Command:
    cells = []
    for number, source in enumerate(CASES.values()):
        cells += [f"print('before {number}.')", code(source, tags=["raises-exception"])]
        cells += [f"print('after {number}.')"]
    shared.notebook("nb.ipynb", *cells)
    return shared.run("nb.ipynb")


def test_what_the_other_cells_show_is_in_the_output_of_guild(shown: Command):
    lines = shown.stdout.splitlines()
    for number in range(len(CASES)):
        assert f"before {number}." in lines and f"after {number}." in lines


def test_it_is_in_the_run_s_output_and_in_its_report(shown: Command):
    report = (shown.run.dir / "nb.html").read_text("utf-8")
    for number in range(len(CASES)):
        for text in (f"before {number}.", f"after {number}."):
            assert text in shown.run.output and text in report


def test_the_saved_notebook_is_valid_and_holds_it_in_its_cells(shown: Command):
    text = (shown.run.dir / "nb.ipynb").read_bytes().decode("utf-8")
    document = json.loads(text, parse_constant=lambda constant: pytest.fail(constant))
    nbformat.validate(nbformat.from_dict(document))
    for number in range(len(CASES)):
        before, _case, after = document["cells"][3 * number : 3 * number + 3]
        assert before["outputs"][0]["text"] == [f"before {number}.\n"]
        # What a process writes past Python may come a moment later, and so after it.
        assert f"after {number}.\n" in after["outputs"][0]["text"]
    figure("odd bytes and characters", f"{len(CASES)} cells, none lost", "none lost")


def test_the_output_holds_no_control_character(shown: Command):
    for text in (shown.stdout, shown.run.output):
        odd = {c for c in text if unicodedata.category(c) in ("Cc", "Cs")} - set("\n\t")
        assert not odd, odd


KEPT = {
    "every byte on 1": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "bytes of a child": "child ",
    "bytes of a shell": "shell ",
    "bytes of C": "C ",
    "surrogates": "a pair",
    "surrogates on stderr": "lone ",
    "surrogate in a display": "lone ",
    "surrogate in a result": "odd ",
    "surrogate in an error": "ValueError",
    "NUL": "nul ",
    "ANSI": "red",
    "an escape that is cut": "cut ",
    "separators": "a",
    "a mark and directions": "right",
    "combining characters": "e",
}


@pytest.mark.parametrize("case", KEPT)
def test_the_readable_part_is_shown_and_saved(shown: Command, case: str):
    number = list(CASES).index(case)
    outputs = shown.run.notebook("nb.ipynb")["cells"][3 * number + 1]["outputs"]
    assert KEPT[case] in json.dumps(outputs, ensure_ascii=False)
    part = shown.stdout.split(f"before {number}.\n")[1].split(f"after {number}.\n")[0]
    assert KEPT[case] in part or KEPT[case] in shown.stderr


def test_of_a_million_combining_characters_none_is_lost(shown: Command):
    number = list(CASES).index("combining characters")
    part = shown.stdout.split(f"before {number}.\n")[1].split(f"after {number}.\n")[0]
    assert part.replace(BREAK, "").count("\u0301") == 1_000_000
