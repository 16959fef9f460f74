"""All that there is to say of a notebook before it runs: the rules together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..document.reader import Notebook
from ..flags.discover import Discovered
from . import imports, names
from .findings import Finding


def findings(
    notebook: Notebook, found: Discovered, folders: Sequence[str], lacking: imports.Lacking
) -> list[Finding]:
    """What all rules find in a notebook, whose flags are ``found``, in the order of its cells.
    ``folders`` are those from which its cells import modules of their own, that in which they work
    first; ``lacking`` says which other modules are not there."""
    each = set(_findings(notebook, found, folders, lacking))
    return sorted(each, key=lambda finding: (finding.place, finding.text))


def _findings(
    notebook: Notebook, _found: Discovered, folders: Sequence[str], lacking: imports.Lacking
) -> Iterator[Finding]:
    known = names.names(notebook)
    yield from names.findings(notebook, known)
    yield from imports.findings(notebook, known, folders, lacking)
