"""The sources of flags: each finds the flags that a notebook declares in its way.

May use ``flags/model``, ``flags/languages``, ``document`` and ``errors``.
"""
