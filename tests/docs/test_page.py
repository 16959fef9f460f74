"""The executor of pages fails where a page is wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.helpers.page import Command, File, Shell, execute, steps

PAGE = """
Text with `$ no command`.

```yaml title="guild.yml"
a: 1
```

```yaml
b: no file
```

```console
$ cat guild.yml
a: 1
$ printf '%s\\n' one \\
    two
one
...
```
"""


def follow(page: str, folder: Path) -> None:
    shell = Shell(folder, dict(os.environ))
    try:
        execute(page, folder, shell)
    finally:
        shell.close()


def console(text: str) -> str:
    return f"```console\n{text}\n```\n"


def test_a_page_is_files_and_commands_in_its_order():
    assert steps(PAGE) == [
        File("guild.yml", "a: 1\n"),
        Command("cat guild.yml", "a: 1"),
        Command("printf '%s\\n' one \\\n    two", "one\n..."),
    ]


RIGHT = {
    "what varies": "$ echo run 1a2b done\nrun ... done",
    "widths of columns": "$ printf 'a   b\\n1   2\\n'\na  b\n1  2",
    "lines that vary": "$ printf 'one\\ntwo\\nthree\\n'\none\n...\nthree",
    "lines that may be missing": "$ printf 'one\\ntwo\\n'\none\n...\ntwo\n...",
    "nothing": "$ true",
    "a folder that stays": "$ mkdir sub; cd sub\n$ basename $PWD\nsub",
    "a variable that stays": "$ x=1\n$ echo $x\n1",
    "a failure that is shown": "$ (exit 3)\n$ echo $?\n3",
    "stderr": "$ echo said >&2\nsaid",
}

WRONG = {
    "other output": "$ echo one\ntwo",
    "less output": "$ echo one\none\ntwo",
    "more output": "$ printf 'one\\ntwo\\n'\none",
    "output that is not shown": "$ echo one",
    "a failure": "$ false",
    "a failure with output": "$ echo one; false\none",
    "a failure with another status": "$ (exit 3)\n$ echo $?\n4",
    "a success that is shown as a failure": "$ true\n$ echo $?\n1",
    "the end of the shell": "$ exit",
    "an unknown command": "$ guildd runs\n...",
    "output without a command": "one",
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_page_passes(case: str, tmp_path: Path):
    follow(console(RIGHT[case]), tmp_path)


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_page_fails(case: str, tmp_path: Path):
    with pytest.raises(AssertionError):
        follow(console(WRONG[case]), tmp_path)


def test_a_notebook_is_shown_as_its_cells(tmp_path: Path):
    cells = (
        '# %% [markdown]\n# # Training\n\n# %% tags=["parameters"]\nlr = 0.1\n\n# %%\n%time lr\n'
    )
    follow(f'```python title="sub/nb.ipynb"\n{cells}```\n', tmp_path)
    nb = json.loads((tmp_path / "sub/nb.ipynb").read_text("utf-8"))
    kinds = [(cell["cell_type"], "".join(cell["source"])) for cell in nb["cells"]]
    assert kinds == [("markdown", "# Training"), ("code", "lr = 0.1"), ("code", "%time lr")]
    assert nb["cells"][1]["metadata"]["tags"] == ["parameters"]
    assert nb["metadata"]["kernelspec"]["name"] == "python3"
