"""Mistakes of users, each with the one line that says what is wrong and what to do.

A row is what a person has in a folder, what they type, and all that they are told: nothing else is
printed, no run is left behind. To add a row, write it in the table of its kind; ``…`` in a line
stands for any text.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from guild_notebook import cli
from tests.helpers.forked_guild import ForkedGuild
from tests.helpers.project import Project, code, notebook


@dataclass(frozen=True)
class Mistake:
    """``command`` is typed behind ``guild``, in a folder that has a guild.yml of the text
    ``guildfile`` (none where it is empty) and ``files`` beside FILES; ``said`` is what is printed
    behind ``guild: ``."""

    command: str
    said: str
    guildfile: str = ""
    files: dict[str, str] = field(default_factory=dict)


def nb(*cells: str, language: str = "python") -> str:
    kernel = {"name": "python3" if language == "python" else language, "display_name": "x"}
    metadata = {"kernelspec": {**kernel, "language": language}}
    return json.dumps(notebook(*cells, metadata=metadata))


FILES = {
    "train.ipynb": nb(
        "learning_rate = 0.1\nbatch_size = 32\nsteps = 10\nlr = 1.5\nresult = steps + 1",
        "print(f'loss: {lr * steps}')",
    ),
    "notebooks/deep.ipynb": nb("depth = 3"),
}

OP = "fit:\n  notebook: train.ipynb\n"

NOTEBOOKS = [
    Mistake("run trian.ipynb", "notebook trian.ipynb does not exist - did you mean 'train.ipynb'?"),
    Mistake("run TRAIN.ipynb", "notebook TRAIN.ipynb does not exist - did you mean 'train.ipynb'?"),
    Mistake(
        "run tr31main.ipynb",
        "notebook tr31main.ipynb does not exist - did you mean 'tr [31main.ipynb'?",
        files={"tr\x1b[31main.ipynb": nb("a = 1")},
    ),
    Mistake(
        "run notebooks/dep.ipynb",
        "notebook notebooks/dep.ipynb does not exist - did you mean 'notebooks/deep.ipynb'?",
    ),
    Mistake(
        "run deep.ipynb",
        "notebook deep.ipynb does not exist - did you mean 'notebooks/deep.ipynb'?",
    ),
    Mistake(
        "run something_else.ipynb",
        "notebook something_else.ipynb does not exist - check its path, or 'guild operations' for "
        "the names of operations",
    ),
    Mistake(
        "run train", "there is no operation 'train' - did you mean the notebook 'train.ipynb'?"
    ),
    Mistake(
        "run trian", "there is no operation 'trian' - did you mean the notebook 'train.ipynb'?"
    ),
    Mistake(
        "run deep",
        "there is no operation 'deep' - did you mean the notebook 'notebooks/deep.ipynb'?",
    ),
    Mistake("run model", "there is no operation 'model' - notebooks here: train.ipynb"),
    Mistake("run fitt", "there is no operation 'fitt' - did you mean 'fit'?", OP),
    Mistake(
        "run train",
        "there is no operation 'train' - did you mean the notebook 'train.ipynb'?",
        OP,
    ),
    Mistake("run notebooks", "'notebooks' is a folder - give a notebook: notebooks/deep.ipynb"),
    Mistake(
        "run https://example.org/train.ipynb",
        "notebook https://example.org/train.ipynb does not exist - this is a URL, and runs are "
        "made of files: download it first (curl -LO URL)",
    ),
    Mistake(
        "run fit",
        "operation 'fit': notebook https://example.org/t.ipynb does not exist in … - this is a "
        "URL, and runs are made of files: download it first (curl -LO URL)",
        "fit:\n  notebook: https://example.org/t.ipynb\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': notebook trian.ipynb does not exist in … - did you mean 'train.ipynb'?",
        "fit:\n  notebook: trian.ipynb\n",
    ),
    Mistake(
        "run empty.ipynb",
        "notebook empty.ipynb is empty - save it again in Jupyter",
        files={"empty.ipynb": ""},
    ),
    Mistake(
        "run cut.ipynb",
        "notebook cut.ipynb is not valid JSON (…) - restore it or save it again in Jupyter",
        files={"cut.ipynb": '{"cells": [{"cell'},
    ),
    Mistake(
        "run page.ipynb",
        "page.ipynb is not a notebook: it is a web page (HTML) - download the file itself, of "
        "GitHub by 'Raw'",
        files={"page.ipynb": "\n\n<!DOCTYPE html>\n<html lang='en'></html>"},
    ),
    Mistake(
        "run lfs.ipynb",
        "lfs.ipynb is not a notebook: it is a pointer of Git LFS - get the file: git lfs pull",
        files={"lfs.ipynb": "version https://git-lfs.github.com/spec/v1\noid sha256:a\nsize 1\n"},
    ),
    Mistake(
        "run zip.ipynb",
        "zip.ipynb is not a notebook: it is an archive - unpack it",
        files={"zip.ipynb": "PK\x03\x04\x14"},
    ),
    Mistake(
        "run merged.ipynb",
        "merged.ipynb holds the conflict of a merge (<<<<<<< in line 2) - resolve it, or take one "
        "side: git checkout --ours merged.ipynb, or --theirs",
        files={"merged.ipynb": '{\n<<<<<<< HEAD\n"a": 1\n=======\n"a": 2\n>>>>>>> other\n}'},
    ),
    Mistake(
        "run 'my; merged.ipynb'",
        "my; merged.ipynb holds the conflict of a merge (<<<<<<< in line 2) - resolve it, or take "
        "one side: git checkout --ours 'my; merged.ipynb', or --theirs",
        files={"my; merged.ipynb": '{\n<<<<<<< HEAD\n"a": 1\n=======\n"a": 2\n>>>>>>> b\n}'},
    ),
    Mistake(
        "run newer.ipynb",
        "notebook newer.ipynb is of nbformat 5, newer than 4 - upgrade guild-notebook or save it "
        "as nbformat 4",
        files={"newer.ipynb": json.dumps({**notebook("x = 1"), "nbformat": 5})},
    ),
    Mistake(
        "run list.ipynb",
        "list.ipynb is not a notebook: it holds no JSON object",
        files={"list.ipynb": "[1, 2]"},
    ),
]

FLAGS = [
    Mistake("run train.ipynb LR=0.1", "train.ipynb has no flag 'LR' - did you mean 'lr'?"),
    Mistake(
        "run train.ipynb learn_rate=0.1",
        "train.ipynb has no flag 'learn_rate' - did you mean 'learning_rate'?",
    ),
    Mistake(
        "run train.ipynb learning-rate=0.1",
        "train.ipynb has no flag 'learning-rate' - did you mean 'learning_rate'?",
    ),
    Mistake("run train.ipynb bs=64", "train.ipynb has no flag 'bs' - did you mean 'batch_size'?"),
    Mistake("run train.ipynb step=5", "train.ipynb has no flag 'step' - did you mean 'steps'?"),
    Mistake(
        "run train.ipynb momentum=5",
        "train.ipynb has no flag 'momentum' - its flags are: batch_size, learning_rate, lr, steps",
    ),
    Mistake(
        "run train.ipynb result=5",
        "train.ipynb has no flag 'result': not a literal - name it in a guild.yml: flags-import: "
        "[all, result]",
    ),
    Mistake(
        "run grown.ipynb rows=5",
        "grown.ipynb has no flag 'rows': the notebook adds to rows, in the 1st cell (rows = []) - "
        "name it in a guild.yml: flags-import: [all, rows]",
        files={"grown.ipynb": nb("rows = []\nrow = 3\nrows.append(row)")},
    ),
    Mistake(
        "run fit i=5",
        "grown.ipynb has no flag 'i': a loop sets i, in the 2nd cell (for i in range(n): pass) - "
        "name it in guild.yml: flags-import: [all, i]",
        "fit:\n  notebook: grown.ipynb\n  flags-import: all\n",
        files={"grown.ipynb": nb("i = 3\nn = 3", "for i in range(n): pass")},
    ),
    Mistake(
        "run fit data=5",
        "grown.ipynb has no flag 'data': data: 2 lines - add it to 'flags-import' in guild.yml: "
        "flags-import: [..., data]",
        "fit:\n  notebook: grown.ipynb\n  flags-import: [n]\n",
        files={"grown.ipynb": nb("data = [1,\n 2]\nn = 3")},
    ),
    Mistake(
        "run fit count=5",
        "grown.ipynb has no flag 'count': the notebook counts with count, in the 1st cell (count = "
        "0; n = 3) - add to it in guild.yml: flags-import: [count]",
        "fit:\n  notebook: grown.ipynb\n",
        files={"grown.ipynb": nb("count = 0; n = 3\nwhile count < n: count += 1")},
    ),
    Mistake(
        "run train.ipynb kernel=other",
        "train.ipynb has no flag 'kernel' - did you mean the option 'nb-kernel'?",
    ),
    Mistake(
        "run fit lr=0.1",
        "operation 'fit' does not import the flag 'lr' of train.ipynb - add to it in guild.yml: "
        "flags-import: [lr], or flags-import: all",
        OP,
    ),
    Mistake(
        "run fit LR=0.1",
        "operation 'fit' does not import the flag 'lr' of train.ipynb - add to it in guild.yml: "
        "flags-import: [lr], or flags-import: all",
        OP,
    ),
    Mistake(
        "run fit steps=3",
        "operation 'fit' does not import the flag 'steps' of train.ipynb - add it to "
        "'flags-import' in guild.yml: flags-import: [..., steps]",
        f"{OP}  flags-import: [lr]\n",
    ),
    Mistake(
        "run fit steps=3",
        "operation 'fit' does not import the flag 'steps' of train.ipynb - take it out of "
        "'flags-import-skip' in guild.yml",
        f"{OP}  flags-import: all\n  flags-import-skip: [steps]\n",
    ),
    Mistake("train.ipynb", "'train.ipynb' is not a command - say: guild run train.ipynb"),
    Mistake("'a b.ipynb'", "'a b.ipynb' is not a command - say: guild run 'a b.ipynb'"),
    Mistake(
        "run train.ipynb out.ipynb lr=1",
        "'out.ipynb' is a second notebook - a command runs one, and its run keeps the executed one",
    ),
    Mistake("run train.ipynb lr 0.1", "'lr' is not an assignment - say NAME=VALUE: lr=0.1"),
    Mistake("run train.ipynb lr:0.1", "'lr:0.1' is not an assignment - say NAME=VALUE: lr=0.1"),
    Mistake("run train.ipynb lr: 0.1", "'lr:' is not an assignment - say NAME=VALUE: lr=0.1"),
    Mistake("run train.ipynb lr=[]", "flag lr: an empty list gives no trial - write lr='[[]]'"),
    Mistake(
        "run train.ipynb @trials.csv",
        "train.ipynb has no flag 'LR', which a batch file has - did you mean 'lr'?",
        files={"trials.csv": "LR,steps\n1,2\n2,3\n"},
    ),
    Mistake("run train.ipynb/", "'train.ipynb/' is not a folder - say: guild run train.ipynb"),
    Mistake("run train.ipynb -lr 3", "'3' is not an assignment - say NAME=VALUE: NAME=3"),
    Mistake("run train.ipynb =3", "an assignment begins with a name - say NAME=VALUE"),
    Mistake(
        "run train.ipynb lr=unifrom[0:1]",
        "unifrom[0:1]: there is no function 'unifrom' - did you mean 'uniform'?",
    ),
    Mistake(
        "run train.ipynb lr=log-uniform[1:2] --max-trials 2",
        "log-uniform[1:2]: there is no function 'log-uniform' - did you mean 'loguniform'?",
    ),
    Mistake("run", "say what to run - notebooks here: train.ipynb"),
    Mistake("run lr=1", "say what to run - notebooks here: train.ipynb"),
    Mistake("run train.ipynb lr = 0.1", "'lr' is not an assignment - say NAME=VALUE: lr=0.1"),
    Mistake("run train.ipynb lr", "'lr' is not an assignment - say NAME=VALUE: lr=VALUE"),
    Mistake(
        "run train.ipynb --lr 0.1", "unrecognized option '--lr' - a flag is an assignment: lr=0.1"
    ),
    Mistake(
        "run train.ipynb --lr=0.1", "unrecognized option '--lr' - a flag is an assignment: lr=0.1"
    ),
    Mistake(
        "run train.ipynb -p lr 0.1", "unrecognized option '-p' - a flag is an assignment: lr=0.1"
    ),
    Mistake(
        "run sum.ipynb n=1",
        "sum.ipynb has no flag 'n' - flags of scala are not read: say in guild.yml where each "
        "stands, by nb-replace",
        files={"sum.ipynb": nb("val n = 3", language="scala")},
    ),
]

OPTIONS = [
    Mistake(
        "run train.ipynb nb-kernl=python3",
        "operation 'train.ipynb': unknown option 'nb-kernl' - did you mean 'nb-kernel'?",
    ),
    Mistake(
        "run train.ipynb nb-something=5",
        "operation 'train.ipynb': unknown option 'nb-something' - there are nb-kernel, …",
    ),
    Mistake(
        "run train.ipynb nb-kernel=pyton3",
        "kernel 'pyton3' is not installed - did you mean 'python3'? Else install it, or set "
        "nb-kernel to the path of an environment, conda:NAME or one of: …python3…",
    ),
    Mistake(
        "run train.ipynb 'nb-kernel=Python 3 (ipykernel)'",
        "kernel 'Python 3 (ipykernel)' is what Jupyter shows for the kernel 'python3' - say "
        "nb-kernel=python3",
    ),
    Mistake(
        "run train.ipynb nb-kernel=../gone/.venv",
        "kernel '../gone/.venv': … is not there - give the path of an environment, or of its "
        "Python, relative to the folder of guild.yml",
    ),
    Mistake(
        "run train.ipynb nb-kernel=",
        "operation 'train.ipynb': 'nb-kernel' takes a name, not ''",
    ),
    Mistake(
        "run train.ipynb nb-report=htlm",
        "operation 'train.ipynb': 'nb-report': unknown report 'htlm' - did you mean 'html'?",
    ),
    Mistake(
        "run train.ipynb nb-report=html,paper",
        "operation 'train.ipynb': 'nb-report': unknown report 'paper' - there are html, "
        "html-no-input, sanitized, …",
    ),
    Mistake(
        "run train.ipynb nb-scalars=5",
        "operation 'train.ipynb': 'nb-scalars' takes lines, text, none, results or expressions of "
        "the notebook's names, not '5'",
    ),
    Mistake(
        "run fit nb-kernel=python3",
        "operation 'fit': 'nb-scalars' has 'lr lr', which is not an expression of Python (invalid "
        "syntax) - name a variable, as acc, or write it as NAME=EXPRESSION",
        f"{OP}  nb-scalars: [lr, 'x=lr lr']\n",
    ),
    Mistake(
        "run train.ipynb nb-scalars='lr,lr['",
        "operation 'train.ipynb': 'nb-scalars' has 'lr[', which is not an expression of Python … - "
        "name a variable, as acc, or write it as NAME=EXPRESSION",
    ),
    Mistake(
        "run sum.ipynb nb-scalars='n n'",
        "kernel 'scala' is not installed - …",
        files={"sum.ipynb": nb("val n = 3", language="scala")},
    ),
    Mistake(
        "run train.ipynb nb-cell-timeout=soon",
        "operation 'train.ipynb': 'nb-cell-timeout' takes a number of seconds above 0, not 'soon'",
    ),
    Mistake(
        "run train.ipynb nb-timeout=[1:9]",
        "operation 'train.ipynb': 'nb-timeout' takes a number of seconds above 0, not '[1:9]'",
    ),
    Mistake(
        "run train.ipynb nb-images=maybe",
        "operation 'train.ipynb': 'nb-images' takes yes or no, not 'maybe'",
    ),
    Mistake(
        "run train.ipynb nb-output-limit=big",
        "operation 'train.ipynb': 'nb-output-limit' takes a size above 0, like 500 KB or 1 MB, "
        "not 'big'",
    ),
    Mistake(
        "run train.ipynb nb-kernel=[python3,ir]",
        "operation 'train.ipynb': 'nb-kernel' takes one value for all trials, not [python3,ir] - "
        "start a command for each",
    ),
    Mistake(
        "run train.ipynb @trials.csv",
        "operation 'train.ipynb': 'nb-kernel' is in a batch file, and an option takes one value "
        "for all trials - take it out, and assign it on the command line: nb-kernel=VALUE",
        files={"trials.csv": "lr,nb-kernel\n1,python3\n2,ir\n"},
    ),
    Mistake(
        "run train.ipynb --kernel other",
        "unrecognized option '--kernel' - an option of a notebook is an assignment: "
        "nb-kernel=other",
    ),
    Mistake(
        "run train.ipynb --report=none lr=0.1",
        "unrecognized option '--report' - an option of a notebook is an assignment: nb-report=none",
    ),
    Mistake(
        "run --nb-images train.ipynb",
        "unrecognized option '--nb-images' - an option of a notebook is an assignment: "
        "nb-images=yes",
    ),
    Mistake(
        "run train.ipynb -k other",
        "unrecognized option '-k' - an option of a notebook is an assignment: nb-kernel=other",
    ),
    Mistake(
        "run train.ipynb -nb-kernel=other",
        "unrecognized option '-nb-kernel' - an option of a notebook is an assignment: "
        "nb-kernel=other",
    ),
    Mistake(
        "run train.ipynb --optimise lr=[1:2]",
        "unrecognized option '--optimise' - did you mean --optimize?",
    ),
    Mistake(
        "run train.ipynb --no-exec",
        "unrecognized option '--no-exec' - an option of a notebook is an assignment: nb-exec=no",
    ),
    Mistake(
        "run train.ipynb --allow-errors",
        "unrecognized option '--allow-errors' - an option of a notebook is an assignment: "
        "nb-allow-errors=yes",
    ),
    Mistake(
        "run shell nb-kernel=other",
        "operation 'shell' does not run a notebook, and 'nb-kernel' is for those",
        "shell:\n  exec: echo\n",
    ),
    Mistake(
        "run both nb-report=none",
        "operation 'both' does not run a notebook, and 'nb-report' is for those",
        f"{OP}both:\n  steps: [fit, fit]\n",
    ),
]

GUILDFILES = [
    Mistake(
        "run fit",
        "operation 'fit': unknown attribute 'notebok' - did you mean 'notebook'?",
        "fit:\n  notebok: train.ipynb\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': 'main' does not take a notebook - say 'notebook: train.ipynb'",
        "fit:\n  main: train.ipynb\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': 'main' does not take a notebook - say 'notebook: train.ipynb'",
        "fit: train.ipynb\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': 'notebook:train.ipynb' is not an attribute - write it with a colon and a "
        "blank: 'notebook: train.ipynb'",
        "fit:\n  notebook:train.ipynb\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': 'notebook train.ipynb --report none' is not an attribute - write it with "
        "a colon and a blank: 'notebook: train.ipynb --report none'",
        "fit:\n  notebook train.ipynb --report none\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit' names no notebook - say 'notebook: NAME.ipynb'",
        "fit:\n  notebook:\n",
    ),
    Mistake(
        "run fit",
        "there is no operation 'fit': it is below 'operations' - operations begin at the left "
        "margin of guild.yml, and 'operations:' is for models: take the line above out, and indent "
        "the operation less",
        "operations:\n  fit:\n    notebook: train.ipynb\n",
    ),
    Mistake(
        "run operations",
        "operation 'operations': 'fit' is an operation within it - operations begin at the left "
        "margin of guild.yml, and 'operations:' is for models: take the line above out, and indent "
        "the operation less",
        "operations:\n  fit:\n    notebook: train.ipynb\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit', flag lr: unknown type 'flaot' - did you mean 'float'?",
        f"{OP}  flags:\n    lr: {{type: flaot}}\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit', flag lr: unknown type 'date' - there are auto, string, int, float, "
        "boolean, number, path, existing-path",
        f"{OP}  flags:\n    lr: {{type: date}}\n",
    ),
    Mistake(
        "run fit",
        "resource 'data' required by operation 'fit' is not defined - a file or folder is required "
        "as 'file: data'",
        f"{OP}  requires: data\n",
    ),
    Mistake(
        "run train.ipynb nb-kernel=nope",
        "kernel 'nope' is not installed - …",
        f"{OP}  requires: data\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': 'env' takes names of variables, each with its value, not 'PATH'",
        f"{OP}  env: PATH\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': 'exec' does not take a notebook - say 'notebook: train.ipynb'",
        "fit:\n  exec: train.ipynb\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit' has both 'notebook' and 'main' - take out the one that it is not",
        f"{OP}  main: train\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit' has both 'notebook' and 'exec' - take out the one that it is not",
        f"{OP}  exec: echo\n",
    ),
    Mistake(
        "run train",
        "operation 'train' has nothing to run - add 'notebook: train.ipynb' to it",
        "train:\n  description: trains\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': 'flags-import' names 'stepz', and train.ipynb has no such flag - did you "
        "mean 'steps'?",
        f"{OP}  flags-import: [lr, stepz]\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': 'flags-import-skip' names 'momentum', and train.ipynb has no such flag - "
        "its flags are: …",
        f"{OP}  flags-import: all\n  flags-import-skip: [momentum]\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': 'flags-import' names 'n', and sum.ipynb has no such flag - flags of "
        "scala are not read: say in guild.yml where each stands, by nb-replace",
        "fit:\n  notebook: sum.ipynb\n  flags-import: ['n']\n",
        {"sum.ipynb": nb("val n = 3", language="scala")},
    ),
    Mistake(
        "run fit",
        "operation 'fit': unknown attribute 'flag-import' - did you mean 'flags-import'?",
        f"{OP}  flag-import: all\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': unknown attribute 'nb_kernel' - did you mean 'nb-kernel'?",
        f"{OP}  nb_kernel: python3\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': unknown attribute 'kernel' - did you mean 'nb-kernel'?",
        f"{OP}  kernel: python3\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': unknown option 'nb-kernal' - did you mean 'nb-kernel'?",
        f"{OP}  nb-kernal: python3\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': 'nb-report': unknown report 'htlm' - did you mean 'html'?",
        f"{OP}  nb-report: htlm\n",
    ),
    Mistake(
        "run fit",
        "kernel 'nope' is not installed - install it, or set nb-kernel to the path of an "
        "environment, conda:NAME or one of: …python3…",
        f"{OP}  nb-kernel: nope\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': 'nb-kernel' is an option, not a flag - take it out of 'flags', to the "
        "line of 'notebook'",
        f"{OP}  flags:\n    nb-kernel: python3\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit', flag lr: unknown attribute 'nb-replce' - did you mean 'nb-replace'?",
        f"{OP}  flags:\n    lr: {{nb-replce: 'x'}}\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit', flag lr: unknown attribute 'defualt' - did you mean 'default'?",
        f"{OP}  flags:\n    lr: {{defualt: 3}}\n",
    ),
    Mistake(
        "run fit",
        "guild.yml holds the conflict of a merge (<<<<<<< in line 3) - resolve it, or take one "
        "side: git checkout --ours guild.yml, or --theirs",
        f"{OP}<<<<<<< HEAD\n  label: a\n=======\n  label: b\n>>>>>>> other\n",
    ),
    Mistake(
        "run fit",
        "guild.yml cannot be read: invalid flags-import value 'lr': expected yes/all, no, or a "
        "list of flag names - correct it",
        f"{OP}  flags-import: lr\n",
    ),
    Mistake(
        "run fit",
        "guild.yml cannot be read: mapping values are not allowed here line 2, column 11 - correct "
        "it",
        "fit\n  notebook: train.ipynb\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': 'notebook' takes the path of a notebook, not '5'",
        "fit:\n  notebook: 5\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': options of train.ipynb cannot be read (No closing quotation): --report "
        "'html - correct the quotes",
        'fit:\n  notebook: "train.ipynb --report \'html"\n',
    ),
]

SEARCHES = [
    Mistake(
        "run fit -o mygp lr=[0.1:1]",
        "there is no optimizer 'mygp' - did you mean 'my-gp'?",
        f"{OP}  flags-import: all\n  optimizers: {{my-gp: {{optimizer: gp}}}}\n",
    ),
    Mistake(
        "run train.ipynb -o bayes lr=[0.1:1]",
        "there is no optimizer 'bayes' - did you mean 'gp'?",
    ),
    Mistake(
        "run train.ipynb -o randm lr=[0.1:1]",
        "there is no optimizer 'randm' - did you mean 'random'?",
    ),
    Mistake(
        "run train.ipynb -o annealing lr=[0.1:1]",
        "there is no optimizer 'annealing' - there are gp, forest, gbrt, random",
    ),
    Mistake(
        "run train.ipynb -o gp lr=1",
        "an optimizer searches a range, and no flag has one - say NAME=[MIN:MAX], as "
        "learning_rate=[0.01:1]",
    ),
    Mistake(
        "run train.ipynb -o grid lr=[0.1,1]",
        "there is no optimizer 'grid': lists of values are a grid without one - say "
        "NAME=[VALUE,VALUE]",
    ),
]

ALL = f"{OP}  flags-import: all\nall:\n  steps:\n    - "

STEPS = [
    Mistake(
        "run all",
        "operation 'all', step 2 (ft): there is no operation 'ft' - did you mean 'fit'?",
        f"{ALL}fit\n    - ft\n",
    ),
    Mistake(
        "run all",
        "operation 'all', step 1 (fit): train.ipynb has no flag 'learn_rate' - did you mean "
        "'learning_rate'?",
        f"{ALL}fit learn_rate=3\n",
    ),
    Mistake(
        "run all",
        "operation 'all', step 1 (fit): train.ipynb has no flag 'batchsize' - did you mean "
        "'batch_size'?",
        f"{ALL}{{run: fit, flags: {{batchsize: 3}}}}\n",
    ),
    Mistake(
        "run all",
        "operation 'all', step 1 (fit): operation 'fit': unknown option 'nb-kernl' - did you mean "
        "'nb-kernel'?",
        f"{ALL}fit nb-kernl=python3\n",
    ),
    Mistake(
        "run all",
        "operation 'all', step 1 (fit): operation 'fit': 'nb-cwd' takes …, not 'projct'…",
        f"{ALL}{{run: fit, flags: {{nb-cwd: projct}}}}\n",
    ),
    Mistake(
        "run all",
        "operation 'all', step 2 (gone): operation 'gone': notebook gone.ipynb does not exist in … "
        "- …",
        f"{ALL}fit\n    - gone\ngone:\n  notebook: gone.ipynb\n",
    ),
    Mistake(
        "run all",
        "operation 'm:all', step 1 (ft): there is no operation 'ft' - did you mean 'm:fit'?",
        "- model: m\n  operations:\n    fit: {notebook: train.ipynb}\n    all: {steps: [ft]}\n",
    ),
]

NEEDS = [
    Mistake(
        "run fit",
        "operation 'fit': 'data/nowhere.csv' in 'requires' does not exist in … - correct its path",
        f"{OP}  requires:\n    - file: data/nowhere.csv\n",
    ),
    Mistake(
        "run fit learning_rate=[1,2]",
        "operation 'fit': 'nowhere' in 'requires' does not exist in … - correct its path",
        f"{OP}  flags-import: all\n  requires: {{file: nowhere}}\n",
    ),
    Mistake(
        "run m:fit",
        "operation 'm:fit': 'nowhere' in 'requires' does not exist in … - correct its path",
        "- model: m\n  operations:\n    fit: {notebook: train.ipynb, requires: data}\n"
        "  resources: {data: [{file: nowhere}]}\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': 'objective' takes one of minimize and maximize, not minimise - did you "
        "mean 'minimize'?",
        f"{OP}  objective: {{minimise: loss}}\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': 'objective' takes one of minimize and maximize, not minimize, maximize - "
        "say minimize or maximize: SCALAR",
        f"{OP}  objective: {{minimize: loss, maximize: acc}}\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': 'output-scalars' has the pattern 'loss: (', which cannot be read: … - "
        "correct it",
        f"{OP}  output-scalars: 'loss: ('\n",
    ),
    Mistake(
        "run fit",
        "operation 'fit': 'output-scalars' has the pattern '3', which cannot be read: it is not a "
        "text - correct it",
        f"{OP}  output-scalars: [{{loss: 3}}]\n",
    ),
]

ROWS = [*NOTEBOOKS, *FLAGS, *OPTIONS, *GUILDFILES, *SEARCHES, *STEPS, *NEEDS]


@pytest.fixture(scope="module")
def guild(shared: Project) -> Iterator[ForkedGuild]:
    made = ForkedGuild(shared)
    yield made
    made.close()


def matches(said: str, line: str) -> bool:
    return bool(re.fullmatch(".*".join(map(re.escape, said.split("…"))), line))


def test_the_table_has_sixty_mistakes():
    assert len({(row.command, row.guildfile) for row in ROWS}) >= 60


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.command} {row.guildfile!r}")
def test_a_mistake_is_said_in_one_line_and_leaves_no_run(
    shared: Project, guild: ForkedGuild, row: Mistake
):
    folder = f"row{ROWS.index(row)}"
    for name, text in {**FILES, **row.files}.items():
        shared.file(f"{folder}/{name}", text)
    if row.guildfile:
        shared.file(f"{folder}/guild.yml", row.guildfile)
    done = guild(*shlex.split(row.command), cwd=folder)
    assert done.run_dirs == []
    assert done.status != 0
    (line,) = done.stderr.splitlines()
    assert matches(f"guild: {row.said}", line), line
    assert done.stdout == ""


WARNINGS = [
    Mistake(
        "run tags.ipynb nb-skip-tags=slwo",
        "tags.ipynb: nb-skip-tags: no cell has the tag 'slwo' - did you mean 'slow'?",
        files={"tags.ipynb": json.dumps(notebook(code("a = 1", tags=["slow"])))},
    ),
    Mistake(
        "run merged.ipynb",
        "merged.ipynb: the 1st cell (…) holds the conflict of a merge (<<<<<<<) - resolve it in "
        "Jupyter",
        files={"merged.ipynb": nb("<<<<<<< HEAD\na = 1\n=======\na = 2\n>>>>>>> other")},
    ),
    Mistake(
        "run none.ipynb",
        "none.ipynb: no cell has code: the run executes nothing",
        files={"none.ipynb": nb(" \n")},
    ),
    Mistake(
        "run .ipynb_checkpoints/a-checkpoint.ipynb",
        ".ipynb_checkpoints/a-checkpoint.ipynb: this is a checkpoint, a copy that Jupyter keeps of "
        "what was saved before",
        files={".ipynb_checkpoints/a-checkpoint.ipynb": nb("a = 1")},
    ),
    Mistake(
        "run fit",
        "train.ipynb: flag learn_rate changes nothing: it is not in the notebook, and nothing else "
        "of the operation uses it - did you mean 'learning_rate'?",
        f"{OP}  flags: {{learn_rate: 3}}\n",
    ),
    Mistake(
        "run fit",
        "sum.ipynb: no flags are imported: flags of scala are not read: say in guild.yml where "
        "each stands, by nb-replace",
        "fit:\n  notebook: sum.ipynb\n  flags-import: all\n",
        {"sum.ipynb": nb("val n = 3", language="scala")},
    ),
    Mistake(
        "run train.ipynb @trials.csv",
        "train.ipynb: there is no flag 'note', which a batch file has",
        files={"trials.csv": "lr,note\n1,a\n2,b\n"},
    ),
]
"""What is said and does not keep a run from its start."""


@pytest.mark.parametrize("row", WARNINGS, ids=lambda row: f"{row.command} {row.guildfile!r}")
def test_what_may_be_meant_is_warned_of_in_one_line(
    shared: Project, guild: ForkedGuild, row: Mistake
):
    folder = f"warning{WARNINGS.index(row)}"
    for name, text in {**FILES, **row.files}.items():
        shared.file(f"{folder}/{name}", text)
    if row.guildfile:
        shared.file(f"{folder}/guild.yml", row.guildfile)
    done = guild(*shlex.split(row.command), "--stage", "-y", cwd=folder)
    assert done.status == 0 and len(done.run_dirs) == 1
    (line,) = done.stderr.splitlines()
    assert matches(f"WARNING: {row.said}", line), line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["flags", "trian.ipynb"],
            "guild-notebook: notebook trian.ipynb does not exist - did you mean 'train.ipynb'?",
        ),
        (
            ["preview", "http://a.b/train.ipynb"],
            "guild-notebook: notebook http://a.b/train.ipynb does not exist - this is a URL, and "
            "runs are made of files: download it first (curl -LO URL)",
        ),
        (
            ["preview", "train.ipynb", "LR=3"],
            "guild-notebook: train.ipynb has no flag LR - did you mean 'lr'?",
        ),
        (
            ["preview", "train.ipynb", "nb-kernel=x"],
            "guild-notebook: train.ipynb has no flag nb-kernel - options are for guild run: they "
            "change how a notebook runs, not its source",
        ),
        (["flgs"], "guild-notebook: there is no command 'flgs' - did you mean 'flags'?"),
        (
            ["run", "train.ipynb"],
            "guild-notebook: there is no command 'run' - say: guild run NOTEBOOK",
        ),
        (
            ["flags"],
            "guild-notebook: the following arguments are required: NOTEBOOK - see "
            "guild-notebook flags --help",
        ),
        (["flags", "sum.ipynb"], "sum.ipynb has no flags: those of scala are not read"),
    ],
)
def test_guild_notebook_says_the_same(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    arguments: list[str],
    said: str,
):
    for name, text in {**FILES, "sum.ipynb": nb("val n = 3", language="scala")}.items():
        project.file(name, text)
    monkeypatch.chdir(project.dir)
    cli.main(arguments)
    printed = capsys.readouterr()
    assert (printed.err + printed.out).splitlines() == [said]


@pytest.mark.parametrize("name", ["browse", "compare", "diff", "reproduce", "share", "flags"])
def test_h_is_for_help_in_each_command(capsys: pytest.CaptureFixture, name: str):
    assert cli.main([name, "-h"]) == 0
    assert capsys.readouterr().out.casefold().startswith(f"usage: guild-notebook {name} [")


def test_guild_notebook_alone_shows_its_help(capsys: pytest.CaptureFixture):
    assert cli.main([]) == 0
    assert capsys.readouterr().out.startswith("usage: guild-notebook [-h] [--version] COMMAND")
