"""The executed notebook as one that its user trusts, as a notebook that Jupyter has executed is.

Jupyter shows widgets, scripts and styles of a notebook only where their user has made them: it
keeps signatures of such notebooks (nbformat.sign, in Jupyter's data folder). Whatever outputs a
notebook had before, none is left in the executed one.
"""

from __future__ import annotations

import logging
from typing import Any

SHOWN_ANYWAY = {
    *("text/plain", "text/latex", "text/markdown"),
    *("image/png", "image/jpeg", "image/gif"),
}
"""MIME types that Jupyter shows of any notebook as they are."""


def sign(nb: Any) -> None:
    """Note in Jupyter's own data that this user has made the outputs of ``nb``, where it matters.

    Never raises: what is lost is a look, and that Jupyter's data cannot be written may be meant.
    """
    if not _matters(nb):
        return
    log = logging.getLogger(__name__)
    log.setLevel(logging.CRITICAL)
    try:
        from nbformat.sign import NotebookNotary

        notary = NotebookNotary(log=log)
        notary.sign(nb)
        notary.store.close()
    except Exception as e:  # of files, of the database, of text that cannot be encoded
        log.debug("not signed: %r", e)


def _matters(nb: Any) -> bool:
    shown = (output.get("data") or {} for cell in nb.cells for output in cell.get("outputs", ()))
    return any(not SHOWN_ANYWAY.issuperset(data) for data in shown)
