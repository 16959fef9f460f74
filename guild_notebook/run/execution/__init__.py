"""Executing cells on a kernel, and how they end.

May use ``run/kernel``, ``run/output``, ``document``, ``kernels``, ``secrets``, ``start`` and
``errors``.
"""
