"""The copy button of a block gives what is to be typed: no prompt, no output."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.helpers.browser import Browser
from tests.helpers.page import BLOCK, steps
from tests.helpers.reader import DOCS

PAGE = """# A page

```console
$ guild run train.ipynb \\
    lr=0.1
[1] Settings (0.1 s)
loss: 0.5 (step 1)
$ echo done
done
```

```python
# %%
price = "$ 5"
lr = 0.1
```
"""

COPIED = ["guild run train.ipynb \\\n    lr=0.1\necho done", '# %%\nprice = "$ 5"\nlr = 0.1']


def copied(text: str, folder: Path, browser: Browser) -> list[str]:
    """What the button of each block of a page gives, by the settings of docs/."""
    build = pytest.importorskip("sphinx.cmd.build", reason="no Sphinx: make dev")
    pytest.importorskip("sphinx_copybutton", reason="no sphinx-copybutton: make dev")
    (folder / "docs").mkdir()
    shutil.copy(DOCS / "conf.py", folder / "docs")
    (folder / "docs" / "index.md").write_text(text, "utf-8")
    built = str(folder / "built")
    assert build.main(["-q", "-b", "html", str(folder / "docs"), built]) == 0
    with browser.open(folder / "built" / "index.html", allowed="file:") as visit:
        visit.page.evaluate(
            """() => { window.copied = [];
                document.addEventListener('copy', e => window.copied.push(e.target.value)) }"""
        )
        for button in visit.page.locator("button.copybtn").all():
            button.click(force=True)
        return visit.page.evaluate("window.copied")


def test_a_button_leaves_out_prompts_and_output(tmp_path: Path, browser: Browser):
    assert copied(PAGE, tmp_path, browser) == COPIED


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tutorial.md", "failures.md", "text.md"])
def test_the_buttons_of_a_page_give_the_commands_that_its_test_types(
    name: str, tmp_path: Path, browser: Browser
):
    text = (DOCS / name).read_text("utf-8")
    sessions = [block.group() for block in BLOCK.finditer(text) if block.group(2) == "console"]
    typed = ["\n".join(step.text for step in steps(session)) for session in sessions]
    assert typed
    assert copied("# A page\n\n" + "\n\n".join(sessions), tmp_path, browser) == typed
