"""Which kernel a notebook runs on: what ``nb-kernel`` and notebooks name, the installed kernels,
the environments of Python and of conda, and what an environment lacks to have a kernel.

May use ``errors``. jupyter_client is imported by ``kernelspecs`` only, since that takes longer than
most of what Guild does for a run.
"""
