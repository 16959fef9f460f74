"""The command ``guild-notebook``: its arguments, how flags and differences are printed, and what is
made of runs that have ended.

May use ``analysis``, ``compare``, ``run``, ``flags/*``, ``document``, ``files``,
``kernel_folders``, ``kernels``, ``options``, ``secrets``, ``errors`` and ``texts``.
"""

from .commands import main

__all__ = ["main"]
