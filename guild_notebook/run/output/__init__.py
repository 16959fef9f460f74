"""What is shown live: streams of text, displays, images, the lines of this package itself.

May use ``document``, ``files``, ``one_pipe``, ``secrets``, ``errors`` and ``texts``.
"""
