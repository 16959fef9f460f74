"""The command ``guild-notebook``: its arguments, and how flags and differences are printed.

May use ``flags/*``, ``document``, ``secrets`` and ``errors``.
"""

from .commands import main

__all__ = ["main"]
