"""The tests, in folders as the package's rooms, with what they share in ``helpers/``.

They are one package, with the root of the checkout on sys.path (``pythonpath`` in pyproject.toml),
and import each other's helpers by their full names: ``from tests.helpers.project import Project``.
"""

import pytest

from guild_notebook.document.text_formats import skip_format_packages

skip_format_packages()  # each worker would take seconds for them
pytest.register_assert_rewrite("tests.helpers")
