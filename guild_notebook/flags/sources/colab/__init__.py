"""Colab forms: assignments with a ``#@param`` comment."""
