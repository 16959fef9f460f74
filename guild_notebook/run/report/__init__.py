"""The pages made of an executed notebook.

May use ``document``, ``files``, ``secrets``, ``start`` and ``errors``.
"""
