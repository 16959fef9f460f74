"""What the cells of a notebook do to each other, as far as their code says.

May use ``flags/*`` and ``document``.
"""
