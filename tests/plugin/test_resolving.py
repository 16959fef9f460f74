"""Paths and guild.yml forms that name a notebook."""

from __future__ import annotations

import pytest

from tests.helpers.project import Project, code
from tests.helpers.slow import but_slow

CELL = code("x = 1\nprint(f'value: {x}')")

GUILDFILES = {
    "operation-only": "train:\n  notebook: nb.ipynb\n  flags-import: all\n  nb-report: none\n",
    "models": "- model: m\n  operations:\n    train:\n      notebook: nb.ipynb\n"
    "      flags-import: all\n      nb-report: none\n",
    "config": "- config: base\n  flags:\n    x: 1\n"
    "- model: m\n  operations:\n    train:\n      notebook: nb.ipynb\n"
    "      flags:\n        $include: base\n      nb-report: none\n",
    "extends": "- config: base\n  operations:\n    train:\n      notebook: nb.ipynb\n"
    "      flags-import: [x]\n      nb-report: none\n- model: m\n  extends: base\n",
    "include": "- include: other.yml\n",
    "operation-defaults": "- model: m\n  operation-defaults:\n    flags-import: all\n"
    "    nb-report: none\n  operations:\n    train:\n      notebook: nb.ipynb\n",
    "params": "- config: base\n  params: {file: nb}\n  operations:\n    train:\n"
    "      notebook: '{{ file }}.ipynb'\n      flags-import: all\n      nb-report: none\n"
    "- model: m\n  extends: base\n",
    "nbexec": "train:\n  main: guild.plugins.nbexec nb.ipynb --html-no-input\n"
    "  flags-import: all\n",
    "default-flags": "train:\n  notebook: nb.ipynb\n  flags:\n    x: 1\n  nb-report: none\n",
}


@pytest.fixture
def made(project: Project) -> Project:
    project.notebook("nb.ipynb", CELL)
    project.file("other.yml", GUILDFILES["models"])
    return project


EXECUTED = ("operation-only", "nbexec")
"""Of the others it is known without which notebook would be executed, and with which value."""


@pytest.mark.parametrize("form", but_slow(GUILDFILES, "extends", "nbexec"))
def test_an_operation_of_any_form_runs_its_notebook(made: Project, form: str):
    made.guildfile(GUILDFILES[form])
    done = made.run("train", "x=5", NB_NO_EXEC="0" if form in EXECUTED else "1")
    assert ("value: 5" in done.stdout) == (form in EXECUTED)
    assert done.run.sources("nb.ipynb") == ["x = 5\nprint(f'value: {x}')"]
    assert done.run.flags == {"x": 5}
    assert "WARNING" not in done.stderr
    assert done.run.attr("exit_status") == 0


def test_options_come_from_attributes_and_from_what_follows_the_name(made: Project):
    made.guildfile(
        "a:\n  notebook: nb.ipynb --html-no-input\n"
        "b:\n  notebook: nb.ipynb\n  nb-report: none\n"
        "c:\n  notebook: nb.ipynb --no-exec\n  flags: {x: 8}\n"
    )
    only = made.run("a").run.dir
    hidden = (only / "nb.html").read_text("utf-8")  # alone it has the plain name
    assert not (only / "nb.html-no-input.html").exists()
    assert "value: 1" in hidden and "print" not in hidden.split("</head>")[-1]
    assert 'class="source"' not in hidden
    assert not (made.run("b").run.dir / "nb.html").exists()
    unexecuted = made.run("c").run
    assert unexecuted.sources("nb.ipynb") == ["x = 8\nprint(f'value: {x}')"]
    assert not (unexecuted.dir / "nb.html").exists()


def test_an_operation_named_like_a_notebook_runs_it(made: Project):
    made.guildfile("nb.ipynb:\n  flags: {x: 3}\n  nb-report: none\nother:\n  main: script\n")
    made.file("script.py", "print('script')\n")
    assert "value: 3" in made.run("nb.ipynb").stdout
    done = made.guild("operations")
    assert (done.status, done.stderr) == (0, "")


PATHS = ["nb.ipynb", "./nb.ipynb", "deep/er/nb.ipynb", "with space.ipynb", "UPPER.IPYNB"]


@pytest.mark.parametrize("path", but_slow(PATHS, "./nb.ipynb", "with space.ipynb"))
def test_a_path_runs_without_a_guild_yml(project: Project, path: str):
    project.notebook(path, CELL)
    run = project.run(path, "x=4", NB_NO_EXEC="1").run
    assert run.flags == {"x": 4}
    assert run.sources(path) == ["x = 4\nprint(f'value: {x}')"]


@pytest.mark.parametrize("kind", but_slow(["relative", "absolute"], "relative"))
def test_a_path_may_lead_out_of_the_directory_or_be_absolute(project: Project, kind: str):
    project.notebook("out/nb.ipynb", CELL)
    project.file("elsewhere/x.txt", "")
    path = "../out/nb.ipynb" if kind == "relative" else str(project.dir / "out/nb.ipynb")
    done = project.run(path, "x=6", cwd="elsewhere", NB_NO_EXEC="1")
    assert done.run.sources("nb.ipynb") == ["x = 6\nprint(f'value: {x}')"]
    again = project.run("--restart", done.run.id, "x=7", cwd="elsewhere")
    assert "value: 7" in again.stdout


def test_a_name_with_blanks_needs_no_quotes_in_guild_yml(project: Project):
    project.notebook("my nbs/the one.ipynb", CELL)
    project.guildfile("a:\n  notebook: my nbs/the one.ipynb --report none\n  flags-import: all\n")
    run = project.run("a", "x=2").run
    assert run.sources("my nbs/the one.ipynb")[0].startswith("x = 2")
    assert not (run.dir / "my nbs/the one.html").exists()


def test_a_project_with_notebooks_prints_no_warning(made: Project):
    made.guildfile("a:\n  notebook: nb.ipynb\n  flags-import: all\nb:\n  main: script\n")
    made.file("script.py", "y = 2\n")
    for command in (["operations"], ["run", "b", "-y"], ["help"], ["run", "a", "--help-op"]):
        done = made.guild(*command)
        assert done.status == 0, done.stderr
        assert "WARNING" not in done.stderr, done.stderr
    assert "default is 1" in done.stdout
