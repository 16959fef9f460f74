"""The table of docs/forms.md is made from the grammar that tests/flags checks.

``python -m tests.helpers.tables`` writes it; a test finds out whether that was forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.helpers.grammar import ROWS, Row
from tests.helpers.reader import DOCS

FORMS = DOCS / "forms.md"
MARKS = ("<!-- forms: written by tests/helpers/tables.py -->", "<!-- end of forms -->")

WORDS = {
    "type": "type `{}`",
    "default": "default `{!r}`",
    "default_source": "default `{}`, as it is",
    "choices": "choices `{}`",
    "allow_other": "or another value",
    "min": "at least {}",
    "max": "at most {}",
    "step": "step {}",
    "description": "description “{}”",
    "group": "group “{}”",
}
"""What is told of a flag, attribute by attribute; the others are told by these."""


def forms() -> str:
    return "\n".join(["| construct | cell | what it is |", "|---|---|---|", *map(_row, ROWS)])


def _row(row: Row) -> str:
    cells = " — ".join(map(_code, row.cells))
    return f"| {_escaped(row.construct)} | {cells} | {'; '.join(_told(row))} |"


def _code(cell: str) -> str:
    """A cell's lines, each as code; blanks at their start would be lost."""
    lines = [line.replace("\t", " ") for line in cell.rstrip().splitlines()]
    return "<br>".join(_line(line) for line in lines if line.strip())


def _line(line: str) -> str:
    indent = len(line) - len(line.lstrip())
    fence = "``" if "`" in line else "`"
    text = line.strip().replace("|", "\\|")
    return "&nbsp;" * 2 * indent + f"{fence}{text}{fence}"


def _told(row: Row) -> Iterator[str]:
    for name, attributes in row.flags.items():
        told = [
            WORDS[key].format(", ".join(map(repr, value)) if key == "choices" else value)
            for key, value in attributes.items()
            if key in WORDS and value is not None and value is not False and value != ""
        ]
        yield ", ".join([f"flag `{name}`", *(_escaped(text) for text in told)])
    yield from (f"no field: {_escaped(reason)}" for reason in row.skipped)
    yield from (f"warning: {_escaped(warning)}" for warning in row.warnings)


def _escaped(text: str) -> str:
    parts = re.split(r"(`[^`]*`)", text.replace("|", "\\|"))
    plain = [re.sub(r"([*_<\[\]{}#\\])(?!\|)", r"\\\1", part) for part in parts[::2]]
    return "".join(a + b for a, b in zip(plain, [*parts[1::2], ""]))


def with_forms(text: str) -> str:
    return with_text_between(text, MARKS, f"\n{forms()}\n\n")


def with_text_between(page: str, lines: tuple[str, str], text: str) -> str:
    """``page`` with ``text`` between the two ``lines``, which it has to hold once."""
    begin, end = lines
    between = re.compile(f"(?<={re.escape(begin)}\n).*?(?={re.escape(end)})", re.DOTALL)
    replaced, count = between.subn(lambda _match: text, page)
    assert count == 1, f"a page has to hold the lines {lines} once"
    return replaced


if __name__ == "__main__":
    FORMS.write_text(with_forms(FORMS.read_text("utf-8")), "utf-8")
