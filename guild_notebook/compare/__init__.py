"""Runs read as data, cells matched across them, outputs compared, and the page that shows it,
as a file or from a server.

May use ``run``, ``run/record``, ``analysis``, ``flags/*``, ``document``, ``files``, ``options``,
``packages``, ``secrets``, ``errors`` and ``texts``.
"""
