"""All that Guild calls: the plugin, its operations, their flag definitions and checks.

May use ``cluster``, ``optimizers``, ``flags/*``, ``compat``, ``document``, ``files``, ``kernels``,
``options``, ``scalars``, ``secrets``, ``start`` and ``errors``: reads notebooks and never executes
them.
"""

from .hooks import NotebookPlugin

__all__ = ["NotebookPlugin"]
