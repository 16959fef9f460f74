"""A notebook as a file: reading it, the document a run executes, writing it, Jupyter's trust.

May use ``errors`` and ``secrets``.
"""
