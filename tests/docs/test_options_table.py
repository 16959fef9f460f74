"""The tables of options in docs/options.md are made from OPTIONS and REPORT_OPTIONS.

``python -m tests.docs.test_options_table`` writes them; the test finds out whether that has been
forgotten.
"""

from __future__ import annotations

from guild_notebook.options import ALIASES, OPTIONS
from guild_notebook.options.readers import Option
from guild_notebook.options.reports import OWN_REPORTS, REPORT_OPTIONS
from guild_notebook.options.scalars import ScalarsSetting
from tests.helpers.project import CHECKOUT
from tests.helpers.tables import with_text_between

PAGE = CHECKOUT / "docs" / "options.md"

MARKS = ("<!-- options: written by tests/docs/test_options_table.py -->", "<!-- end of options -->")

MARKS_OF_REPORTS = (
    "<!-- report options: written by tests/docs/test_options_table.py -->",
    "<!-- end of report options -->",
)


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


def table_of_reports() -> str:
    """The options of reports in Markdown."""
    rows = ["| option | takes | of | meaning | default |", "|---|---|---|---|---|"]
    for option in REPORT_OPTIONS:
        own = [f"`{report}`" for report in OWN_REPORTS if option.is_of(report)]
        cells = (
            f"`{option.name}`",
            ", ".join(f"`{word}`" for word in option.choices) or option.takes,
            ", ".join(own) or "exporters of nbconvert",
            option.help,
            default(option),
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def default(option: Option) -> str:
    value = option.default
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, dict)):
        return ", ".join(f"`{item}`" for item in value) or "–"
    if value is None:
        return "–"
    if isinstance(value, (str, ScalarsSetting)):
        return f"`{value}`"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def with_tables() -> str:
    """The text of the page with its tables."""
    text = with_text_between(PAGE.read_text("utf-8"), MARKS, f"{table()}\n")
    return with_text_between(text, MARKS_OF_REPORTS, f"{table_of_reports()}\n")


def test_the_page_lists_every_option_as_options_py_has_it():
    text = PAGE.read_text("utf-8")
    assert with_tables() == text, "python -m tests.docs.test_options_table mends it"
    assert all(text.count(f"| `{option.attribute}` |") == 1 for option in OPTIONS)


if __name__ == "__main__":
    PAGE.write_text(with_tables(), "utf-8")
