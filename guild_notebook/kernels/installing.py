"""How a distribution is installed in the environment of a Python."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

_IN_CONDA = {
    "graphviz": "python-graphviz",
    "igraph": "python-igraph",
    "opencv-python": "opencv",
    "psycopg2-binary": "psycopg2",
    "tables": "pytables",
    "torch": "pytorch",
}
"""Names in conda-forge of distributions that have another one there."""


def install_command(
    interpreter: str, prefix: str, path: Sequence[str], distribution: str, again: bool = False
) -> str:
    """The command of a shell that installs a distribution for ``interpreter``, which has this
    ``sys.prefix`` and ``sys.path``: conda's in its environments, uv's where there is no pip. With
    ``again`` it installs one that is there but broken, in its newest release."""
    python, anew = shlex.quote(interpreter), "--upgrade --force-reinstall " * again
    if os.path.isdir(os.path.join(prefix, "conda-meta")):
        name = _IN_CONDA.get(distribution, distribution.lower())
        anew = "--force-reinstall " * again
        return f"conda install {anew}--prefix {shlex.quote(prefix)} --channel conda-forge {name}"
    if any(os.path.isfile(os.path.join(folder, "pip", "__init__.py")) for folder in path):
        return f"{python} -m pip install {anew}{distribution}"
    return f"uv pip install --python {python} {anew}{distribution}"
