from __future__ import annotations

import pytest

from guild_notebook.errors import FlagError
from guild_notebook.flags.discover import discover
from tests.helpers.grammar import ROWS, Refused, Row
from tests.helpers.notebooks import edited, notebook


@pytest.mark.parametrize("row", [pytest.param(row, id=row.construct) for row in ROWS])
def test_a_construct_is_read_as_the_grammar_has_it(row: Row, record_property):
    record_property("grammar", "field" if row.flags else "no field")
    nb = notebook(*row.cells, language=row.language)
    found = discover(nb)
    forms = found.flags if found.source == "colab-forms" else {}
    assert list(forms) == list(row.flags)
    for name, attributes in row.flags.items():
        actual = {key: getattr(found.flags[name], key) for key in attributes}
        assert actual == attributes
        assert list(map(type, actual.values())) == list(map(type, attributes.values()))
    annotations = [skipped for skipped in found.skipped if "param" in skipped.source]
    assert len(annotations) == len(row.skipped)
    for skipped, reason in zip(annotations, row.skipped):
        assert reason in skipped.reason
    assert len(found.warnings) == len(row.warnings)
    for warning, text in zip(found.warnings, row.warnings):
        assert text in warning
    for values, expected in row.edits:
        if isinstance(expected, Refused):
            with pytest.raises(FlagError) as error:
                edited(nb, found, values)
            assert expected in str(error.value)
        else:
            assert edited(nb, found, values).get(0, row.cells[0]) == expected


def test_rows_have_names_of_their_own():
    names = [row.construct for row in ROWS]
    assert len(set(names)) == len(names)
