"""Executing cells on a kernel, and how they end.

May use ``run/kernel``, ``run/output``, ``document``, ``kernels``, ``scalars``, ``secrets``,
``start`` and ``errors``.
"""
