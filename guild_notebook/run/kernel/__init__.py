"""The kernel of a run: its process and what supervises it, its messages, what prepares it.

May use ``document``, ``kernels``, ``start`` and ``errors``.
"""
