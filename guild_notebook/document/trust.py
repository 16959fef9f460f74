"""Jupyter's trust in the executed notebook.

Jupyter shows widgets, scripts and styles only of notebooks whose outputs its user has made. It
keeps signatures of these notebooks in its data folder (nbformat.sign). All outputs of an executed
notebook are of the run, since those of its source are not in it.
"""

from __future__ import annotations

import contextlib
import logging
from typing import Any

SHOWN_ANYWAY = {"text/plain", "text/latex", "text/markdown", "image/png", "image/jpeg", "image/gif"}
"""MIME types that Jupyter shows without a signature."""


def sign(nb: Any) -> None:
    """Store a signature of ``nb``, an nbformat node, in Jupyter's data folder, if it has an output
    that Jupyter would not show without one.

    Never raises: the run is good without, and Jupyter's data may be read-only on purpose.
    """
    bundles = (output.get("data") or {} for cell in nb.cells for output in cell.get("outputs", ()))
    if all(SHOWN_ANYWAY.issuperset(data) for data in bundles):
        return
    log = logging.getLogger(__name__)
    log.setLevel(logging.CRITICAL)
    with contextlib.suppress(Exception):  # OSError, sqlite3.Error, UnicodeEncodeError
        from nbformat.sign import NotebookNotary

        notary = NotebookNotary(log=log)
        notary.sign(nb)
        notary.store.close()
