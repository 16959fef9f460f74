"""Runs read as data, cells matched across them, outputs compared, and the page that shows it.

May use ``run``, ``run/record``, ``analysis``, ``flags/*``, ``document``, ``files``, ``secrets``,
``errors`` and ``texts``.
"""
