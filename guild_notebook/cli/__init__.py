"""The command ``guild-notebook``: its arguments, and how flags and differences are printed.

May use ``document``, ``flags`` and ``secrets``.
"""

from .commands import main

__all__ = ["main"]
