"""What cells print is kept, whenever they print it, and in order."""

from __future__ import annotations

import json
import re
import struct

import pytest

from guild_notebook.one_pipe import VARIABLE
from tests.helpers.project import Command, Project
from tests.helpers.runner import attempt, execute

LATE = """
import asyncio, atexit, threading, time
def work():
    time.sleep(0.5)
    print('from the thread')
thread = threading.Thread(target=work)
thread.start()
async def report():
    while thread.is_alive():
        await asyncio.sleep(0.1)
    print('from the task')
task = asyncio.ensure_future(report())
atexit.register(print, 'at the end')
"""


def test_what_a_thread_a_task_and_an_exit_handler_print_later_is_kept(project: Project):
    project.notebook("nb.ipynb", LATE, "thread.join(); await task; print('second')")
    done = execute(project, "nb.ipynb")
    cells = done.run.notebook("nb.ipynb")["cells"]
    for text in ("from the thread", "from the task", "second", "at the end"):
        assert done.stdout.count(text) == 1
        assert json.dumps(cells).count(text + "\\n") == 1


def test_stdout_and_stderr_are_recorded_in_the_order_in_which_they_were_printed(project: Project):
    """Also after the first scalar, at which Guild's reader imports what writes them."""
    project.notebook(
        "nb.ipynb",
        "import os, sys\nprint('loss: 0.5 (step 1)', flush=True)",
        "for i in range(300):\n    print(i, file=(sys.stdout, sys.stderr)[i % 2], flush=True)",
        f"print(sorted(name for name in os.environ if name == {VARIABLE!r}))",
    )
    project.without_reports("nb.ipynb")
    done = project.run("nb.ipynb")
    first, second, *lines = done.run.output.splitlines()
    assert first.startswith("loss:") and second.startswith("[1/3]")
    assert [int(line) for line in lines[:300]] == list(range(300))
    index = struct.iter_unpack("!QB", (done.run.dir / ".guild/output.index").read_bytes())
    assert [stream for _, stream in index] == [0, 1, *[0, 1] * 150, 1, 0, 1]
    assert done.stdout.splitlines()[1:-1] == [*map(str, range(0, 300, 2))]
    assert lines[301] == "[]"  # no other program is to write both streams to one pipe
    assert VARIABLE not in (done.run.dir / ".guild/attrs/env").read_text("utf-8")


def text_of(cell: dict) -> str:
    return "".join("".join(output["text"]) for output in cell["outputs"])


@pytest.fixture(scope="module")
def limited(shared: Project) -> Command:
    shared.notebook(
        "nb.ipynb",
        "for i in range(50_000):\n    print('line', i)",
        "print('y' * 1_000_000)",
        "print('short')",
    )
    shared.guildfile("a:\n  notebook: nb.ipynb\n  nb-output-limit: 20 KB\n  nb-report: none\n")
    return shared.run("a")


def test_the_notebook_keeps_head_and_tail_and_says_what_is_left_out_and_where_it_is(limited):
    for cell in limited.run.notebook("nb.ipynb")["cells"][:2]:
        assert len(text_of(cell)) < 21_000
        note = r"\[([\d,]+) characters of output are left out here .* \.guild/output\]"
        (said,) = re.findall(note, text_of(cell))
        assert int(said.replace(",", "")) > 400_000
    first = text_of(limited.run.notebook("nb.ipynb")["cells"][0])
    assert first.startswith("line 0\nline 1\n") and first.endswith("line 49998\nline 49999\n")


def test_all_of_it_is_in_the_output_of_the_run(limited):
    assert "".join(f"line {i}\n" for i in range(50_000)) in limited.run.output
    assert limited.run.output.count("y") >= 1_000_000


def test_a_short_output_is_kept_as_it_is(limited):
    assert text_of(limited.run.notebook("nb.ipynb")["cells"][2]) == "short\n"


def test_input_is_an_error_that_says_what_to_do(project: Project):
    project.notebook("nb.ipynb", "name = input('Your name? ')")
    done = attempt(project, "nb.ipynb")
    assert done.status == 1
    assert "a run has no keyboard" in done.stderr and "name=value" in done.stderr


def test_odd_bytes_crash_nothing(project: Project):
    project.notebook(
        "nb.ipynb",
        "import os, sys\nos.write(1, bytes(range(256)))\nprint()",
        "print('\\ud800 lone', '\\x00', '\\x1b[31m')\nsys.stdout.flush()",
        "print('after')",
    )
    done = attempt(project, "nb.ipynb", "--report", "html")
    assert "after" in done.stdout or "surrogates" in done.stderr
    json.loads((done.run.dir / "nb.ipynb").read_text("utf-8"))


def test_a_library_of_megabytes_and_the_figure_that_it_draws_stay_in_the_notebook(shared: Project):
    """Plotly's renderer `notebook` and Bokeh's INLINE show the one, then the other."""
    library = "display({'text/html': '<script>' + 'y' * 4_000_000 + '</script>'}, raw=True)"
    figure = "display({'text/html': '<p>figure' + 'z' * 10_000 + '</p>'}, raw=True)"
    shared.notebook("nb.ipynb", f"print('x' * 1000)\n{library}\n{figure}")
    (cell,) = execute(shared, "nb.ipynb").run.notebook("nb.ipynb")["cells"]
    kept = ["".join(out["data"]["text/html"]) for out in cell["outputs"] if "data" in out]
    assert [len(html) for html in kept] == [4_000_017, 10_013]


def test_of_pages_without_end_the_notebook_keeps_some(shared: Project):
    page = "display({'text/html': str(i) + 'y' * 1_000_000}, raw=True)"
    shared.notebook("nb.ipynb", f"for i in range(100):\n    {page}")
    (cell,) = execute(shared, "nb.ipynb").run.notebook("nb.ipynb")["cells"]
    kept = ["".join(out["data"]["text/html"]) for out in cell["outputs"] if "data" in out]
    assert 20 <= len(kept) <= 50 and kept[0].startswith("0y") and kept[-1].startswith("99y")
