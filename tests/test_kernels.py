"""Kernels of other languages."""

from __future__ import annotations

import json
import sys

import pytest
from conftest import Project, code

bash_kernel = pytest.importorskip("bash_kernel")

BASH = {"kernelspec": {"name": "bash", "language": "bash", "display_name": "Bash"}}


@pytest.fixture(scope="module")
def with_bash(shared: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    kernels = tmp_path_factory.mktemp("jupyter") / "kernels" / "bash"
    kernels.mkdir(parents=True)
    argv = [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Bash", "language": "bash"}
    (kernels / "kernel.json").write_text(json.dumps(spec))
    shared.env["JUPYTER_PATH"] = str(kernels.parents[1])
    return shared


def test_a_bash_notebook_runs_with_flags_live_output_and_scalars(with_bash: Project):
    with_bash.notebook(
        "nb.ipynb", "x=1  # keep\nname='a b'", code("echo loss: $x; echo $name"), metadata=BASH
    )
    done = with_bash.run("nb.ipynb", "x=5", "name=c d'e")
    assert "loss: 5\nc d'e\n" in done.stdout
    assert done.run.sources("nb.ipynb")[0].startswith("x=5  # keep\nname=")
    assert "loss: 5.0" in with_bash.guild("runs", "info", done.run.id).stdout


def test_a_bash_cell_that_fails_ends_the_run(with_bash: Project):
    with_bash.notebook("fail.ipynb", "echo before", "false", "echo never", metadata=BASH)
    done = with_bash.guild("run", "-y", "fail.ipynb")
    assert done.status == 1
    assert "before" in done.stdout and "never" not in done.stdout
    assert "cell 2 (false) failed - see fail.html" in done.stderr


def test_a_bash_cell_over_its_time_is_ended(with_bash: Project):
    with_bash.notebook("long.ipynb", "echo before; sleep 600", metadata=BASH)
    with_bash.guildfile("a:\n  notebook: long.ipynb\n  nb-cell-timeout: 1\n")
    done = with_bash.guild("run", "-y", "a")
    assert done.status == 1 and "over 1 s (nb-cell-timeout)" in done.stderr
    assert "before" in json.dumps(done.run.notebook("long.ipynb"))
