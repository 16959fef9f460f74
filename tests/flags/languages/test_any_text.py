"""Whatever a cell holds, it is read to its end, and a flag is what stands in the source. Larger
forms are in tests/faults/test_readers.py."""

from __future__ import annotations

import pytest

from tests.helpers.cells import FRAGMENTS, LANGUAGES, check_random_cells


@pytest.mark.parametrize("language", LANGUAGES)
def test_cells_made_of_a_language_and_then_changed_are_read(language):
    assert check_random_cells(language, FRAGMENTS[language], 1, 2000) > 400
