"""Whether a notebook's path is inside its project."""

from __future__ import annotations

import os

from ..errors import NotebookError


def outside_error(notebook: str, project: str) -> NotebookError:
    """The error for ``notebook`` (a phrase with its path), which is outside of ``project``."""
    return NotebookError(
        f"{notebook} lies outside of the project {project} - copy it there, or run it by its own "
        "path: guild run PATH"
    )


def is_inside(path: str, folder: str) -> bool:
    """Whether ``path`` is in ``folder`` when all links are followed."""
    real_path, real_folder = os.path.realpath(path), os.path.realpath(folder)
    return os.path.commonpath([real_path, real_folder]) == real_folder
