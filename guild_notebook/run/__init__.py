"""The process that Guild starts for a notebook run: ``python -m guild_notebook.run``.

May use ``run/*``, ``flags/*``, ``document``, ``files``, ``options``, ``secrets``, ``start`` and
``errors``.
"""
