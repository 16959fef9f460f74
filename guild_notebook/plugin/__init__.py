"""All that Guild calls: the plugin, its operations, their flag definitions and checks.

May use every room but ``run`` and ``cli``: reads notebooks and never executes them.
"""

from .hooks import NotebookPlugin

__all__ = ["NotebookPlugin"]
