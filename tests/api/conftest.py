"""A project with two notebooks, in whose Guild home this process and those that it starts are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.in_process import at_home
from tests.helpers.project import Project, code, new_project

PARAMETERS = """\
lr = 0.1
layers = [1, 2]
name = "a"
fails = False"""

TRAINING = """\
# Training
import base64
import sys
from IPython.display import Image, display
print("to stderr", file=sys.stderr)
for step in range(3):
    print(f"loss: {lr * (3 - step)} (step {step})")
display(Image(base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)))
if fails:
    1 / 0
layers, name"""

LOOP = """\
# Loop
import time
for i in range(n):
    print(f"step: {i}")
    print(f"count: {i + 1}")
    time.sleep(0.1)"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    made = new_project(tmp_path_factory.mktemp("python"))
    made.notebook("train.ipynb", code(PARAMETERS, tags=["parameters"]), TRAINING)
    made.notebook("loop.ipynb", "n = 2", LOOP)
    made.guildfile(
        "train:\n  notebook: train.ipynb\n  flags-import: all\n"
        "loop:\n  notebook: loop.ipynb\n  flags-import: all\n  nb-report: none\n"
    )
    with pytest.MonkeyPatch.context() as patched:
        for name, value in made.environment().items():
            patched.setenv(name, value)
        patched.chdir(made.dir)
        with at_home(made.home):
            yield made
