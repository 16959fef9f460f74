"""The pages made of an executed notebook.

May use ``document``, ``files``, ``options``, ``start`` and ``errors``.
"""
