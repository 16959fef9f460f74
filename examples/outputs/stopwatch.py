"""An extension of IPython: ``%load_ext stopwatch`` gives cells the magic ``%%stopwatch``."""

import time

from IPython.core.magic import register_cell_magic


def load_ipython_extension(ipython):
    @register_cell_magic
    def stopwatch(line, cell):
        """Run the cell, and say how long it took."""
        started = time.perf_counter()
        ipython.run_cell(cell).raise_error()
        print(f"{line}: {time.perf_counter() - started:.1f} s on the stopwatch")
