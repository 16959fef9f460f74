"""What is kept of a run: its directory, its manifest, its source code, saving while it executes.

May use ``document``, ``files``, ``packages`` and ``errors``.
"""
