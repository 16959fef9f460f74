"""Writing files of a run so that each is whole or absent."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from typing import Any


def write_whole(path: str, content: bytes) -> None:
    """Write beside, flush to disk, rename. Raises OSError and leaves what was there before."""
    folder = os.path.dirname(path) or "."
    os.makedirs(folder, exist_ok=True)
    fd, beside = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
    try:
        with os.fdopen(fd, "wb") as f:
            f.write(content)
            f.flush()
            os.fsync(f.fileno())
        os.chmod(beside, 0o666 & ~_umask())
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def _umask() -> int:
    # There is no call that only reads it; mkstemp makes files that nobody else may read.
    mask = os.umask(0)
    os.umask(mask)
    return mask


def notebook_content(nb: Any) -> bytes:
    """A notebook as Jupyter writes it: sorted keys, indent 1, sources and texts as lists of lines.

    A lone surrogate has no UTF-8, so such a notebook is written with escapes.
    """
    from nbformat import from_dict, v4

    nb = from_dict(nb)
    text: str = v4.writes_json(nb, ensure_ascii=False)
    try:
        return (text.rstrip("\n") + "\n").encode("utf-8")
    except UnicodeEncodeError:
        return (json.dumps(json.loads(v4.writes_json(nb)), indent=1) + "\n").encode("ascii")


def save_notebook(path: str, nb: Any) -> None:
    write_whole(path, notebook_content(nb))
