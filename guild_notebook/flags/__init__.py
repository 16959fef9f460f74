"""Flags: where a notebook declares them, and how values are put back into its source."""
