"""Notebooks that make files and notebooks that read them, for operations that require others."""

from __future__ import annotations

from tests.helpers.project import Run

PREPARE = """
import os
n = 1
os.makedirs("parts", exist_ok=True)
for name in ("data.txt", "parts/one.txt", "train.py", "train.ipynb"):
    with open(name, "w") as f:
        f.write("n" * n)
"""


TRAIN = """
import os
print("rows:", len(open("data.txt").read()) + len(open("parts/one.txt").read()))
print("files:", *sorted(name for name in os.listdir() if not name.startswith(".")))
"""


SHOWS = "from IPython.display import display, Image\ndisplay(Image(bytes.fromhex('{png}')))".format(
    png="89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c626001000000050001a5f645400000000049454e44ae426082"
)


def dependencies(run: Run) -> list[str]:
    """What a run got from others, by Guild's own account."""
    lines = [line.split() for line in run.manifest if line.startswith("d ")]
    return sorted(line[1] for line in lines if not line[3].startswith("notebook:"))
