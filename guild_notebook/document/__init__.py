"""A notebook as a file: reading it, the document a run executes, writing it, Jupyter's trust.

May use ``secrets`` and ``errors``.
"""
