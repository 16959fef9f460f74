"""The languages of cells: reading literals and assignments, and writing values as literals.

May use ``document``.
"""
