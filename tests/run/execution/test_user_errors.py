"""What a user can do wrong ends in one line that says what to do."""

from __future__ import annotations

import json

import nbformat
import pytest

from tests.helpers.project import Command, Project, markdown, notebook
from tests.helpers.runner import attempt, execute
from tests.helpers.slow import but_slow


def lines_of(done: Command) -> list[str]:
    assert done.status == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()


CONTENTS = {
    "empty": (b"", "is empty"),
    "broken": (b'{"cells": [', "is not valid JSON"),
    "binary": (bytes(range(256)), "is not valid JSON"),
    "text": (b"print('a script')", "is not valid JSON"),
    "list": (b"[1, 2]", "is not a notebook"),
    "other": (b'{"a": 1}', "is not a notebook"),
    "newer": (json.dumps(notebook("x", nbformat=5)).encode(), "is of nbformat 5"),
    "no cells": (json.dumps({"nbformat": 4, "cells": None}).encode(), "no list of cells"),
    "unknown cell": (json.dumps(notebook({"cell_type": "odd", "source": ""})).encode(), "'odd'"),
    "malformed 3": (
        json.dumps({"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code"}]}]}).encode(),
        "cannot be upgraded",
    ),
    "format 1": (json.dumps({"nbformat": 1, "cells": []}).encode(), "no nbformat number"),
    "bad cell": (json.dumps({"nbformat": 4, "cells": [5]}).encode(), "the 1st cell"),
    "no text": (json.dumps(notebook({"cell_type": "code", "source": 5})).encode(), "not text"),
}


@pytest.mark.parametrize("case", but_slow(CONTENTS, "empty", "broken", "newer", "bad cell"))
def test_a_file_that_is_no_notebook_is_refused_in_a_line(project: Project, case: str):
    content, said = CONTENTS[case]
    project.file("nb.ipynb", content)
    (line,) = lines_of(project.guild("run", "-y", "nb.ipynb"))
    assert said in line and "nb.ipynb" in line


def test_a_notebook_that_is_missing_is_said_in_a_line(project: Project):
    (line,) = lines_of(project.guild("run", "-y", "none.ipynb"))
    assert "notebook none.ipynb does not exist" in line
    project.guildfile("a:\n  notebook: none.ipynb\n  flags: {x: 1}\n")
    (line,) = lines_of(project.guild("run", "-y", "a", "x=2"))
    assert "operation 'a': notebook none.ipynb does not exist" in line
    assert project.guild("operations").status == 0


def test_an_operation_that_names_no_notebook_is_refused_in_a_line(project: Project):
    project.guildfile("a:\n  notebook: 5\nb:\n  main: guild.plugins.nbexec\n")
    (line,) = lines_of(project.guild("run", "-y", "a"))
    assert "operation 'a': 'notebook' takes the path of a notebook, not '5'" in line
    (line,) = lines_of(project.guild("run", "-y", "b"))
    assert "operation 'b' names no notebook" in line


def test_a_folder_named_like_a_notebook_is_refused_in_a_line(project: Project):
    (project.dir / "nb.ipynb").mkdir()
    (line,) = lines_of(project.guild("run", "-y", "nb.ipynb"))
    assert "nb.ipynb" in line


def test_an_unknown_flag_is_refused_in_a_line(project: Project):
    project.notebook("nb.ipynb", "x = 1")
    assert "'y'" in lines_of(project.guild("run", "-y", "nb.ipynb", "y=2"))[0]


def test_an_unknown_option_is_refused_with_the_nearest(project: Project):
    project.notebook("nb.ipynb", "x = 1")
    project.guildfile("a:\n  notebook: nb.ipynb --html-no-inputs\nb:\n  notebook: nb.ipynb\n"
                      "  nb-repotr: none\n")  # fmt: skip
    (line,) = lines_of(project.guild("run", "-y", "a"))
    assert "did you mean '--html-no-input'?" in line
    (line,) = lines_of(project.guild("run", "-y", "b"))
    assert "did you mean 'nb-report'?" in line


def test_an_unknown_report_is_said_and_the_cells_have_run(project: Project):
    project.notebook("nb.ipynb", "print('ran')")
    done = attempt(project, "nb.ipynb", "--report", "htlm")
    assert "unknown report 'htlm'" in lines_of(done)[-1]
    assert "ran" in json.dumps(done.run.notebook("nb.ipynb"))


def test_a_kernel_that_is_not_installed_is_said_in_a_line(project: Project):
    unknown = {"kernelspec": {"name": "gone", "language": "fortran", "display_name": "Gone"}}
    project.notebook("nb.ipynb", "x", metadata=unknown)
    (line,) = lines_of(project.guild("run", "-y", "nb.ipynb"))
    assert "kernel 'gone' is not installed" in line and "python3" in line
    project.guildfile("a:\n  notebook: nb.ipynb\n  nb-kernel: none-such\n")
    (line,) = lines_of(project.guild("run", "-y", "a"))
    assert "kernel 'none-such' is not installed" in line


def test_a_python_kernel_that_is_not_installed_is_replaced_and_said(project: Project):
    env = {"kernelspec": {"name": "my-env", "language": "python", "display_name": "My env"}}
    project.notebook("nb.ipynb", "import sys\nprint('prefix', sys.prefix)", metadata=env)
    done = execute(project, "nb.ipynb")
    said = [line for line in done.stderr.splitlines() if "'my-env' is not installed" in line]
    assert len(said) == 1


def test_a_run_without_ipykernel_says_what_to_install(project: Project):
    # A module of this name that cannot be found stands for a Python without ipykernel.
    project.file("hide/sitecustomize.py", HIDE_IPYKERNEL)
    env = {"kernelspec": {"name": "my-env", "language": "python", "display_name": "My env"}}
    project.notebook("nb.ipynb", "x = 1", metadata=env)
    done = attempt(project, "nb.ipynb", PYTHONPATH=str(project.dir / "hide"))
    (line,) = lines_of(done)
    assert "there is no ipykernel" in line and "pip install ipykernel" in line


HIDE_IPYKERNEL = """
import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "ipykernel" else find_spec(name, *a)
"""


def test_a_kernel_that_does_not_start_is_said_in_a_line(project: Project, tmp_path):
    spec = {"argv": ["no-such-program", "{connection_file}"], "display_name": "B", "language": "x"}
    kernels = tmp_path / "jupyter" / "kernels" / "broken"
    kernels.mkdir(parents=True)
    (kernels / "kernel.json").write_text(json.dumps(spec))
    project.notebook("nb.ipynb", "x", metadata={"kernelspec": {"name": "broken"}})
    done = attempt(project, "nb.ipynb", JUPYTER_PATH=str(tmp_path / "jupyter"))
    (line,) = lines_of(done)
    assert "kernel 'broken' ended before it was ready: no-such-program: No such file" in line
    spec["argv"] = ["sh", "-c", "echo out of luck >&2; exit 3"]
    (kernels / "kernel.json").write_text(json.dumps(spec))
    done = attempt(project, "nb.ipynb", JUPYTER_PATH=str(tmp_path / "jupyter"))
    (line,) = lines_of(done)
    assert "kernel 'broken' ended before it was ready: out of luck" in line


@pytest.mark.parametrize("version", but_slow([2, 3], 2))
def test_a_notebook_of_an_old_format_is_upgraded(project: Project, version: int):
    current = nbformat.from_dict(notebook("x = 1", "print(f'value: {x}')"))
    old = nbformat.convert(nbformat.convert(current, 3), version)
    project.file("nb.ipynb", json.dumps(old))
    done = execute(project, "nb.ipynb", flags={"x": 4})
    assert "value: 4" in done.stdout
    assert done.run.source("nb.ipynb") == (project.dir / "nb.ipynb").read_bytes()
    nbformat.validate(nbformat.from_dict(done.run.notebook("nb.ipynb")))


@pytest.mark.parametrize("cells", but_slow([[markdown("# Only text")], []], []))
def test_a_notebook_without_code_completes(project: Project, cells: list):
    project.notebook("nb.ipynb", *cells)
    assert (execute(project, "nb.ipynb").run.dir / "nb.ipynb").exists()


def test_a_notebook_that_lacks_what_jupyter_writes_still_runs(project: Project):
    bare = {"nbformat": 4, "cells": [{"cell_type": "code", "source": ["x = 1\n", "print(x)"]}]}
    project.file("nb.ipynb", json.dumps(bare))
    done = execute(project, "nb.ipynb", flags={"x": 2})
    assert done.stdout.endswith("2\n")
    nbformat.validate(nbformat.from_dict(done.run.notebook("nb.ipynb")))


def test_a_kernel_that_cannot_be_prepared_is_said_once(project: Project):
    startup = project.home / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "odd.py").write_text("import atexit\natexit.register = None\n")
    project.notebook("nb.ipynb", "print('ran')")
    done = execute(project, "nb.ipynb", IPYTHONDIR=str(project.home / "ipython"))
    said = "the kernel is not prepared as a run needs it: TypeError: "
    assert "ran" in done.stdout and done.stderr.count(said) == 1
