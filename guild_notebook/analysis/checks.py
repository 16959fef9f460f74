"""All that there is to say of a notebook before it runs: the rules together."""

from __future__ import annotations

from collections.abc import Iterator

from ..document.reader import Notebook
from ..flags.discover import Discovered
from . import names
from .findings import Finding


def findings(notebook: Notebook, found: Discovered) -> list[Finding]:
    """What all rules find in a notebook, whose flags are ``found``, in the order of its cells."""
    return sorted(_findings(notebook, found), key=lambda each: each.place)


def _findings(notebook: Notebook, _found: Discovered) -> Iterator[Finding]:
    yield from names.findings(notebook, names.names(notebook))
