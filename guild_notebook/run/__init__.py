"""The process that Guild starts for a notebook run: ``python -m guild_notebook.run``."""
