"""The pages made of an executed notebook.

May use ``document``, ``secrets`` and ``files``.
"""
