"""Whatever a cell holds, it is read to its end, and a flag is what stands in the source. Larger
forms are in tests/faults/test_readers.py."""

from __future__ import annotations

import pytest

from guild_notebook.flags.discover import discover
from tests.helpers.cells import FRAGMENTS, LANGUAGES, check_random_cells
from tests.helpers.notebooks import notebook


@pytest.mark.parametrize("language", LANGUAGES)
def test_cells_made_of_a_language_and_then_changed_are_read(language):
    assert check_random_cells(language, FRAGMENTS[language], 1, 2000) > 400


@pytest.mark.timeout(60)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("line", ["\r\n", "# a comment\r\n", " \t\r\n\n\r"])
def test_many_lines_before_the_first_statement_are_passed_over(language, line):
    assert list(discover(notebook(line * 1000 + "x=1", language=language)).flags) == ["x"]
