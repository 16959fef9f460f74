"""The process that Guild starts for a notebook run: ``python -m guild_notebook.run``.

May use ``run/*``, ``flags/*``, ``document``, ``options``, ``secrets``, ``start`` and ``errors``.
"""
