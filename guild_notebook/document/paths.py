"""Where a notebook may lie: inside its project, links followed."""

from __future__ import annotations

import os

from ..errors import NotebookError


def outside_error(what: str, project: str) -> NotebookError:
    return NotebookError(
        f"{what} lies outside of the project {project} - copy it there, or run it by its own path: "
        "guild run PATH"
    )


def is_inside(path: str, folder: str) -> bool:
    """Whether a path lies in a folder when all links are followed."""
    real, around = os.path.realpath(path), os.path.realpath(folder)
    try:
        return os.path.commonpath([real, around]) == around
    except ValueError:  # another drive (Windows)
        return False
