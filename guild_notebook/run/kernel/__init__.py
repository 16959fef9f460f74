"""The kernel of a run: its process and what supervises it, its messages, what prepares it.

May use ``document``, ``fork_host``, ``kernel_folders``, ``kernels``, ``socket_dir``, ``start`` and
``errors``.
"""
