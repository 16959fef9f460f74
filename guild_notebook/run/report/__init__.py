"""The pages made of an executed notebook.

May use ``document``, ``files``, ``start`` and ``errors``.
"""
