"""Flags: where a notebook declares them, and how values are put back into its source.

May use ``flags/*``, ``document``, ``secrets`` and ``errors``.
"""
