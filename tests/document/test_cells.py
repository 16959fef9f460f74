"""What cells are called: one name and one number for each, wherever it is named."""

from __future__ import annotations

import pytest

from guild_notebook.document.cells import Cell, cell_label, cell_names
from tests.helpers import growth


def names(*cells: str | tuple[str, str]) -> list[str]:
    """The names of cells of code; a pair is a kind and its text."""
    pairs = [cell if isinstance(cell, tuple) else ("code", cell) for cell in cells]
    return cell_names([Cell(i, kind, text) for i, (kind, text) in enumerate(pairs)])


def markdown(text: str) -> tuple[str, str]:
    return ("markdown", text)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("#@title Train the model", "Train the model"),
        ('# @title Train {display-mode: "form"}\nx = 1', "Train"),
        ("x = 1\n#@title **Train** the `model`", "Train the model"),
        ("# words\n#@title Train", "Train"),
        ("#@title\nx = 1", "x = 1"),
    ],
)
def test_a_title_of_a_form_is_the_name(source, name):
    assert names(markdown("# Heading"), "x", source)[-1] in (name, f"Heading: {name}")
    assert names(source) == [name]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("# load data\n# and more\nx = 1", "load data"),
        ("\n\n  # Load data", "Load data"),
        ("#Load data", "Load data"),
        ("# ======\n# Load data\n# ======\nx = 1", "Load data"),
        ("#### Load data ####\nx = 1", "Load data"),
        ("# ---- Load data ----\nx = 1", "Load data"),
        ("# ## **Load** data\nx = 1", "Load data"),
        ("# *** Load data ***\nx = 1", "Load data"),
        ("# noqa: E501\n# Load data\nx = 1", "Load data"),
        ("# Load data  # noqa\nx = 1", "Load data"),
        ("#@markdown text\n# Load data\nx = 1", "Load data"),
        ("# -*- coding: utf-8 -*-\n# Load data", "Load data"),
        ("#| label: figure\n# Load data", "Load data"),
        ("# %%\n# Load data", "Load data"),
        ("# In[12]:\n# Load data", "Load data"),
        ("%%time\n# Load data\nx = 1", "Load data"),
        ("%%capture out\n\n# Load data\nx = 1", "Load data"),
        ("%%bash\n# Load data\nls", "Load data"),
        ("%matplotlib inline\n# Imports\nimport x", "Imports"),
        ("# import libraries\nimport x", "import libraries"),
        ("# lr = learning rate\nlr = 1", "lr = learning rate"),
        ("# Load C#\nx = 1", "Load C#"),
        ("# <One> and List<int>\nx = 1", "<One> and List<int>"),
        ("# Figure(s)\nx = 1", "Figure(s)"),
        ("# Note: needs a GPU\nx = 1", "Note: needs a GPU"),
        ("#!/usr/bin/env bash\n# Load data\nls", "Load data"),  # Bash
        ("#' Load data\nx <- 1", "Load data"),  # R
        ("#= Load data =#\nx = 1", "Load data"),  # Julia
        ("// Load data\nlet x = 1", "Load data"),
    ],
)
def test_a_comment_in_the_first_line_is_the_name(source, name):
    assert names(source) == [name]
    assert names(markdown("# Heading"), source)[-1] == name


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("x = 1\n# later comment", "x = 1"),
        ("def f():\n    x = 1\n    # plt.legend()\n    return x", "def f():"),
        ("# plt.legend()\nfig.show()", "fig.show()"),
        ("# x = 5\ny = 1", "y = 1"),
        ("# x <- 5\ny <- 1", "y <- 1"),
        ("# import pandas as pd\ny = 1", "y = 1"),
        ("#!pip install torch\nimport torch", "import torch"),
        ("#%pip install torch\nimport torch", "import torch"),
        ("%%time\nmodel.fit(x)", "model.fit(x)"),
        ("%matplotlib inline\n%load_ext autoreload\nimport x", "import x"),
        ("%%bash\nls", "ls"),
        ("%%R -i x\nplot(x)", "plot(x)"),
        ("%%bash\n", "%%bash"),
        ("%%writefile train.py\nimport x", "%%writefile train.py"),
        ("!pip install torch", "!pip install torch"),
        ('act = "relu" #@param ["relu", "tanh"]', 'act = "relu"'),
        ("n = 1 # @param {type: 'integer'}\ns", "n = 1"),
        ("#@markdown text\nn = 1", "n = 1"),
        ("library(ggplot2)", "library(ggplot2)"),
        ("using Plots\nplot(x)", "using Plots"),
        ("export X=1", "export X=1"),
        ("%matplotlib inline", "%matplotlib inline"),
        ("# plt.legend()", "# plt.legend()"),
        ("x = '" + "a" * 100 + "'", "x = '" + "a" * 54 + "…"),
        ("x\x1b[31m = 1\u202e", "x [31m = 1"),
        ('api_key = "sk-123"', "api_key = …"),
        ("os.environ['HF_TOKEN'] = 'hf_1'", "os.environ['HF_TOKEN'] = …"),
        ('login(token="hf_1", write=True)', "login(token=…, write=True)"),
        ("export API_TOKEN=abc123", "export API_TOKEN=…"),
    ],
)
def test_else_the_first_line_of_code_is_the_name(source, code):
    assert names(source) == [code]


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("# Train", "Train"),
        ("### Train ###", "Train"),
        ("#Train", "Train"),
        ("# Head\ntext\n## Sub", "Sub"),
        ("# Head\n```\n# no heading\n```", "Head"),
        ("# Head\n~~~\n# no\n```\n# no\n~~~~", "Head"),
        ("Train\n=====", "Train"),
        ("Train\n---", "Train"),
        ("# Head\n\n- item\n---", "Head"),
        ("# Head\n\ntext\n\n---\n", "Head"),
        ("<h2 id='t'>Train</h2>", "Train"),
        ("<center><h1 style='color: red'>\n  Train &amp; test\n</h1></center>", "Train & test"),
        ("## **Train** the *model*", "Train the model"),
        ("## ***Train*** __the__ _model_ ~~now~~", "Train the model now"),
        ("## Train `model_a` and model_b_c", "Train model_a and model_b_c"),
        ("## [Train](https://x.org/a_(b)) the [model][1]", "Train the model"),
        ("## ![logo](logo.png) Train", "Train"),
        ("## H<sub>2</sub>O", "H2O"),
        ('## <a id="t"></a>Train <!-- now -->', "Train"),
        ("## <font color='red'>Train</font>", "Train"),
        ("## The rate $\\alpha_{1}$ of \\$5", "The rate alpha_1 of $5"),
        ("## 1\\. Train {#train}", "1. Train"),
        ("## Ünïcode 训练 🚀", "Ünïcode 训练 🚀"),
        ("# Head\r\n\r\ntext", "Head"),
    ],
)
def test_the_heading_above_names_the_first_cell_without_its_markup(text, heading):
    assert names(markdown(text), "x = 1") == [heading, heading]


def test_further_cells_under_a_heading_add_their_first_line_of_code():
    cells = [
        *("a = 0", markdown("# Train"), "%%time\nx = 1", markdown("text"), "y = 2"),
        *("# Own name\nz = 3", "", ("raw", "raw"), "act = 'relu' #@param", markdown("# Test"), "w"),
    ]
    own = {0: "a = 0", 2: "Train", 4: "Train: y = 2", 5: "Own name", 6: "", 7: ""}
    own.update({8: "Train: act = 'relu'", 10: "Test"})
    assert {index: name for index, name in enumerate(names(*cells)) if index in own} == own


@pytest.mark.parametrize(
    ("position", "name", "number", "label"),
    [
        (4, "Train", 3, "cell [3] (Train)"),
        (4, "", 3, "cell [3]"),
        (1, "Train", None, "the 1st cell (Train)"),
        (2, "", None, "the 2nd cell"),
        (3, "", None, "the 3rd cell"),
        (11, "", None, "the 11th cell"),
        (112, "", None, "the 112th cell"),
        (121, "", None, "the 121st cell"),
    ],
)
def test_a_cell_is_called_by_jupyters_number_or_else_by_its_position(position, name, number, label):
    assert cell_label(position, name, number) == label


@pytest.mark.parametrize(
    "piece",
    [
        "# x\n",
        "## **a** [b](c)\n",
        "<h1>\n",
        "```\n",
        "text\n---\n",
        "(",
        "[a](",
        "**a",
        "$a\n",
        "x",
    ],
)
@pytest.mark.parametrize("kind", ["code", "markdown"])
def test_names_are_found_in_linear_time(kind, piece):
    growth.check_growth(lambda text: names((kind, text), "x"), lambda n: piece * n, 2_000)


def test_a_line_of_many_tags_is_read_once(monkeypatch):
    from guild_notebook.document import cells

    read: list[str] = []
    heading = cells._heading
    monkeypatch.setattr(cells, "_heading", lambda *args: read.append(args[0]) or heading(*args))
    assert cell_names([Cell(0, "markdown", "# Data" + " <h1>" * 90 + "\ntext\n# Fit")]) == ["Fit"]
    assert len(read) == 2
