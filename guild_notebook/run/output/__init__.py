"""What is shown live: streams of text, displays, images, the lines of this package itself; and the
scalars that a run keeps beside what it prints.

May use ``document``, ``files``, ``one_pipe``, ``scalars``, ``secrets``, ``errors`` and ``texts``.
"""
