"""The pkg_resources of setuptools, which Guild and TensorBoard import."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def without_its_deprecation() -> Iterator[None]:
    """Do not show that pkg_resources is deprecated, which each command of Guild would print with
    setuptools 80.9 to 81. Before, it is a warning that is not shown; from 82 on there is no such
    module (:mod:`~guild_notebook.compat.pkg_resources`)."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "pkg_resources is deprecated")
        yield
