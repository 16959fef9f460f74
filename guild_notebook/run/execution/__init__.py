"""Executing cells on a kernel, and how they end.

May use ``run.kernel`` and ``run.output``.
"""
