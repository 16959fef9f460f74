"""The README's table of options is made from options.py.

``python tests/test_options_table.py`` writes it into the README; the test finds out whether that
has been forgotten.
"""

from __future__ import annotations

import re
from pathlib import Path

from guild_notebook.options import ALIASES, OPTIONS, Option

README = Path(__file__).parents[1] / "README.md"

MARKS = ("<!-- options: written by tests/test_options_table.py -->", "<!-- end of options -->")


def table() -> str:
    """All options in Markdown, then the short forms."""
    rows = ["| attribute | after the name | meaning | default |", "|---|---|---|---|"]
    rows += [row(option) for option in OPTIONS]
    short = [f"`--{name}` is `--{of} {value}`" for name, (of, value) in ALIASES.items()]
    return "\n".join([*rows, "", f"Short forms: {', '.join(short)}."])


def row(option: Option) -> str:
    cells = (
        f"`{option.attribute}`",
        f"`--{option.name} {option.takes}`".replace("|", r"\|"),
        option.help,
        default(option),
    )
    return f"| {' | '.join(cells)} |"


def default(option: Option) -> str:
    value = option.default
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value) or "none"
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def readme_with_table(text: str) -> str:
    begin, end = MARKS
    between = re.compile(f"(?<={re.escape(begin)}\n).*?(?={re.escape(end)})", re.DOTALL)
    replaced, count = between.subn(lambda _match: f"{table()}\n", text)
    assert count == 1, f"README.md has to hold the lines {MARKS} once"
    return replaced


def test_the_readme_lists_every_option_as_options_py_has_it():
    text = README.read_text("utf-8")
    assert readme_with_table(text) == text, "python tests/test_options_table.py mends it"
    assert all(text.count(f"| `{option.attribute}` |") == 1 for option in OPTIONS)


if __name__ == "__main__":
    README.write_text(readme_with_table(README.read_text("utf-8")), "utf-8")
