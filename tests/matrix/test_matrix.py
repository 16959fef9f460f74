"""Guild's commands with notebooks do what they do with scripts, in one environment.

``make matrix`` runs this for every environment (noxfile.py). The environment is the one whose
commands are in MATRIX_BIN, else that of the tests; MATRIX_FORM=short leaves all but the most
telling checks out. Checks build on the runs of those before them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.helpers.sides import Side
from tests.matrix.checks import CHECKS, Check, each

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(900)]

BIN = Path(os.getenv("MATRIX_BIN") or Path(sys.executable).parent).absolute()
SHORT = os.getenv("MATRIX_FORM") == "short"


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> tuple[Side, Side]:
    """The project of scripts and the project of notebooks."""
    folder = tmp_path_factory.mktemp("matrix")
    return Side("script", BIN, folder / "script"), Side("notebook", BIN, folder / "notebook")


def _has(need: str) -> bool:
    if need.startswith("$"):
        return need[1:] in os.environ
    # Found, not imported: one that is there and broken is a failure.
    program = f"import sys, importlib.util as u; sys.exit(not u.find_spec({need!r}))"
    return subprocess.run([BIN / "python", "-c", program]).returncode == 0


@pytest.mark.parametrize("check", [c for c in CHECKS if c.short or not SHORT], ids=lambda c: c.name)
def test_a_notebook_does_what_a_script_does(check: Check, sides: tuple[Side, Side]):
    if check.needs and not _has(check.needs):
        pytest.skip(f"{check.needs} is not there")
    for side in sides:
        side.forget()
    asked = [side for side in sides if check.only in ("", side.kind)]
    with ThreadPoolExecutor(1 if check.apart else 2) as pool:
        list(pool.map(lambda side: each(side, check.does), asked))
    for side in asked:
        ends = [(result.command, result.status) for result in side.results]
        output = "\n".join(result.out + result.err for result in side.results)
        assert {status for _, status in ends} == {check.status}, f"{side.kind}: {ends}\n{output}"
        assert not (check.quiet and side.complaints()), f"{side.kind}:\n{output}"
    if not check.only:
        script, notebook = sides
        if check.prints:
            arranged = list if check.ordered else sorted
            assert arranged(notebook.printed()) == arranged(script.printed())
        assert notebook.new_runs() == script.new_runs()
