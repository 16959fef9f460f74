"""Notebooks that are kept as text, through jupytext."""

from __future__ import annotations

import json
import os

import nbformat
import pytest

from guild_notebook.document import reader, text_formats
from guild_notebook.errors import NotebookError
from guild_notebook.flags import discover
from tests.helpers.project import Command, Project, Run
from tests.helpers.slow import but_slow

PERCENT = """\
# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     name: python3
#     language: python
#     display_name: Python 3
# ---

# %% [markdown]
# # A text

# %% tags=["parameters"]
lr = 0.1  # rate of learning
layers = [64, 32]

# %%
# %cd -q .
print(f"loss: {lr * 2}")
"""

HEADER = """\
---
jupyter:
  kernelspec:
    name: python3
    display_name: Python 3
---
"""

CELLS = """\
Text.

```python tags=["parameters"]
lr = 0.1
```

```python
print(f"loss: {lr}")
```
"""
MARKDOWN = HEADER + "\n" + CELLS

PAIR = '{"cells": [], "metadata": {"title": "the pair"}, "nbformat": 4, "nbformat_minor": 5}'

OPERATION = "train:\n  notebook: train.py\n  flags-import: all\n"


@pytest.fixture(scope="module")
def first(shared: Project) -> Command:
    shared.file("train.py", PERCENT)
    shared.file("train.ipynb", PAIR)
    shared.file("note.md", MARKDOWN)
    shared.file("readme.md", "# No notebook\n\n---\njupyter: no header\n---\n")
    # What jupytext's own command would execute, and follow.
    shared.file(".jupytext.py", "import os\nos.mkdir(os.environ['GUILD_HOME'] + '/executed')\n")
    shared.file("jupytext.toml", 'formats = "ipynb,md,py:percent"\n')
    shared.guildfile(OPERATION)
    return shared.run("train", "lr=0.5")


def check(shared: Project, run: Run, lr: float) -> None:
    """The run has executed the text with a value, and its sources are as they were."""
    nb = nbformat.read(run.dir / "train.ipynb", as_version=4)
    nbformat.validate(nb)
    assert f"lr = {lr}  # rate of learning" in nb.cells[1].source
    assert nb.cells[2].source.startswith("%cd -q .")
    assert nb.cells[2].outputs[0].text == f"loss: {lr * 2}\n"
    assert run.source("train.py") == PERCENT.encode()
    assert run.source("train.ipynb") == PAIR.encode()
    assert not (run.dir / "train.py").exists()
    lines = [line.split() for line in run.manifest if "train." in line]
    sources = [line[1] for line in lines if line[0] == "s"]
    assert sorted(sources) == [".guild/sourcecode/train.ipynb", ".guild/sourcecode/train.py"]
    listed = shared.guild("ls", "--generated", "-n", run.id).stdout.split()
    assert sorted(listed) == ["train.html", "train.ipynb"]
    assert (shared.dir / "train.py").read_text() == PERCENT
    assert (shared.dir / "train.ipynb").read_text() == PAIR


def test_a_text_runs_and_its_executed_notebook_is_a_notebook(shared: Project, first: Command):
    check(shared, first.run, 0.5)
    assert first.run.flags == {"lr": 0.5, "layers": "64 32"}
    assert "loss: 1.0" in first.stdout


def test_a_restart_begins_from_the_text(shared: Project, first: Command):
    shared.run("--restart", first.run.id, "lr=0.25")
    check(shared, first.run, 0.25)


@pytest.mark.slow
def test_a_run_made_from_another_begins_from_the_text_and_so_do_its_restarts(
    shared: Project, first: Command
):
    again = shared.run("--proto", first.run.id, "lr=2.5").run
    check(shared, again, 2.5)
    shared.run("--restart", again.id, "--force-sourcecode", "lr=4.0")
    check(shared, again, 4.0)
    done = shared.guild("diff", first.run.id, again.id, "--sourcecode", "-c", "diff -ru")
    assert "lr = " not in done.stdout, done.stdout


def test_jupyter_is_not_to_take_the_executed_notebook_for_half_of_a_pair(first: Command):
    metadata = first.run.notebook("train.ipynb")["metadata"]
    assert metadata["jupytext"] == {"formats": "ipynb"}


@pytest.mark.parametrize("has_pair", but_slow([True, False], True))
def test_who_requires_a_text_gets_what_its_cells_wrote_and_not_its_executed_notebook(
    shared: Project, first: Command, has_pair: bool
):
    shared.file("prep.py", "# %%\nopen('data.txt', 'w').write('1')\n")
    if has_pair:
        shared.file("prep.ipynb", PAIR)
    shared.file("use.py", "import os\nprint('files:', sorted(os.listdir('.')))\n")
    pipeline = """\
prep: {notebook: prep.py, nb-report: none}
use: {main: use, sourcecode: [use.py], requires: [{operation: prep}]}
"""
    shared.guildfile(OPERATION + pipeline)
    prep = shared.run("prep").run
    assert (prep.dir / "prep.ipynb").exists()
    used = shared.run("use").stdout
    assert "files: ['.guild', 'data.txt', 'use.py']" in used
    shared.guildfile(OPERATION)
    (shared.dir / "prep.ipynb").unlink(missing_ok=True)


def test_two_runs_of_a_text_have_the_same_cell_ids(shared: Project, first: Command):
    ids = [cell["id"] for cell in reader.read(str(shared.dir / "train.py")).data["cells"]]
    assert [cell["id"] for cell in first.run.notebook("train.ipynb")["cells"]] == ids
    assert len(set(ids)) == 3


def test_markdown_with_a_notebooks_header_runs_by_its_path(shared: Project, first: Command):
    run = shared.run("note.md", "lr=0.75").run
    assert "loss: 0.75" in run.output
    assert run.source("note.md") == MARKDOWN.encode()
    assert run.sources("note.ipynb")[0] == "lr = 0.75"


def test_other_markdown_is_no_operation_and_a_script_stays_a_script(shared: Project, first):
    assert "cannot run 'readme.md'" in shared.guild("run", "readme.md", "-y").stderr
    script = shared.run("train.py", "lr=3.0").run
    assert (script.dir / "train.py").exists() and not (script.dir / "train.html").exists()


def no_jupytext(project: Project) -> dict[str, str]:
    path = project.file("shadow/jupytext.py", "raise ImportError('not installed')\n")
    return {"PYTHONPATH": str(path.parent)}


def test_flags_of_a_text_are_read_once(shared: Project, first: Command):
    shown = shared.guild("run", "train", "--help-op", **no_jupytext(shared))
    assert "rate of learning" in shown.stdout


def test_without_jupytext_a_run_says_what_to_install(shared: Project, first: Command):
    done = shared.guild("run", "train", "-y", **no_jupytext(shared))
    assert done.stderr.strip().splitlines()[-1] == (
        "guild: notebook train.py is a text, which jupytext reads - install it: "
        'pip install "guild-notebook[jupytext]"'
    )
    assert not done.run_dirs


MYST = (
    (HEADER + CELLS)
    .replace("```python tags=", "```{code-cell}\n:tags: ")
    .replace("```python", "```{code-cell}")
)
TEXTS = {
    "percent.py": '# %% [markdown]\n# Text.\n# %% tags=["parameters"]\nlr = 0.1\n# %%\nprint(lr)\n',
    "light.py": '# Text.\n\n# + tags=["parameters"]\nlr = 0.1\n\n# +\nprint(lr)\n',
    "plain.md": CELLS,
    "rmarkdown.Rmd": CELLS.replace("```python tags=", "```{python tags=").replace('"]\n', '"]}\n'),
    "myst.md": MYST,
    "bom.py": '\ufeff# %% tags=["parameters"]\nlr = 0.1\n',
}


@pytest.mark.parametrize("name", TEXTS)
def test_flags_are_found_in_each_format(name, tmp_path):
    path = tmp_path / name
    path.write_text(TEXTS[name], "utf-8")
    found = discover.discover(reader.read(str(path)))
    assert found.source == "parameters"
    assert [(flag.name, flag.default) for flag in found.flags.values()] == [("lr", 0.1)]


@pytest.mark.parametrize(
    ("name", "language"),
    [("a.R", "r"), ("a.jl", "julia"), ("a.sh", "bash"), ("a.py", "python"), ("a.rs", "rust")],
)
def test_the_name_says_the_language_where_no_header_does(name, language, tmp_path):
    (tmp_path / name).write_text("# %%\nx = 1\n" if name != "a.rs" else "// %%\nlet x = 1;\n")
    assert reader.read(str(tmp_path / name)).language == language


MARIMO = "import marimo\napp = marimo.App()\n@app.cell\ndef f():\n    lr = 0.1\n"
STATED = (
    "---\njupyter:\n  jupytext:\n    text_representation:\n      extension: .md\n      {}\n---\n"
)
CONVERTED = {
    "app.py": (MARIMO, "marimo"),
    "fenced.md": ("::: {.cell}\n", "Pandoc"),
    "stated.md": (STATED.format("format_name: pandoc"), "Pandoc"),
    "doc.qmd": ("```{python}\nlr = 0.1\n```\n", "Quarto"),
}


@pytest.mark.parametrize("name", CONVERTED)
def test_no_program_is_run_to_read_a_text(name, tmp_path, monkeypatch):
    for program in ("marimo", "pandoc", "quarto"):
        (tmp_path / program).write_text(f"#!/bin/sh\ntouch {tmp_path}/executed\necho 99.0\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    text, program = CONVERTED[name]
    with pytest.raises(NotebookError, match=f"{name} is a {program} document, .* jupytext --to"):
        text_formats.parse_text(text.encode(), name, name)
    assert not (tmp_path / "executed").exists()


BROKEN = {
    "latin.py": ("# %%\nx = 'ü'\n".encode("latin-1"), "is not UTF-8"),
    "header.md": (b"---\njupyter: [\n---\n\n```python\nx = 1\n```\n", ""),
    "header.py": (b"# ---\n# jupyter: 7\n# ---\n\n# %%\nx = 1\n", ""),
    "tags.py": (b'# %% tags=["parameters"\nx = 1\n', ""),
    "empty.py": (b"\n", "is empty"),
    "null.py": (b"\0\0\0", ""),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_text_is_read_or_refused_in_one_line(name, tmp_path):
    content, message = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    try:
        nb = reader.read(str(tmp_path / name), name)
    except NotebookError as e:
        assert name in str(e) and "\n" not in str(e) and message in str(e)
    else:
        assert not message
        json.dumps(nb.data)


def test_nothing_of_jupytexts_configuration_is_executed(shared: Project, first: Command):
    assert not (shared.home / "executed").exists()
