"""The trials of a grid or a batch file: Guild's ``+``.

Most batches hold no function, so the shims wait until the first one is met.
"""

from __future__ import annotations

from guild import batch_main

from ..compat import skopt
from .batch_functions import shim_flag_functions

main = batch_main.main

if __name__ == "__main__":
    shim_flag_functions()
    skopt.run(main)
