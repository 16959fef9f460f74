"""The trials of a grid or a batch file: Guild's ``+``.

Most batches hold no function, so the patches wait until the first one is met.
"""

from __future__ import annotations

from guild import batch_main

from . import patch_before_flag_functions, run

main = batch_main.main

if __name__ == "__main__":
    patch_before_flag_functions()
    run(main)
