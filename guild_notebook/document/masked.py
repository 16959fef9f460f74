"""Secret values masked in the notebook that is saved: in sources and metadata."""

from __future__ import annotations

import copy
from typing import Any

from ..secrets.masking import Masker


def notebook(nb: Any, masker: Masker) -> Any:
    """``nb`` as it may be shown: itself, or a copy in which sources and metadata that hold a value
    are masked. Its outputs are masked already."""
    if not masker:
        return nb
    shown = copy.copy(nb)
    shown["cells"] = [cell(made, masker) for made in nb["cells"]]
    shown["metadata"] = metadata(nb["metadata"], masker)
    return shown


def cell(made: Any, masker: Masker) -> Any:
    """A cell of a notebook, in the same way."""
    if not masker:
        return made
    source, its_metadata = masker.data(made["source"]), metadata(made["metadata"], masker)
    if source == made["source"] and its_metadata is made["metadata"]:
        return made
    made = copy.copy(made)
    made["source"], made["metadata"] = source, its_metadata
    return made


def metadata(value: Any, masker: Masker) -> Any:
    """Metadata of a notebook or cell, in the same way."""
    masked = masker.data(value) if masker else value
    return value if masked == value else type(value)(masked)
