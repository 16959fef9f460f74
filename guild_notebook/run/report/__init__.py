"""The pages made of an executed notebook.

May use ``document``, ``files``, ``options``, ``start``, ``errors`` and ``texts``.
"""
