"""The head of a report, of real runs: each says which one it is."""

from __future__ import annotations

import datetime
import html
import platform
import re
import shlex
import subprocess
import time

import pytest

from tests.helpers.project import GUILD, Project, Run, markdown
from tests.helpers.runner import attempt
from tests.helpers.secret_values import VALUE

REPORTS = {"html": "train.html", "html-no-input": "train.html-no-input.html"}
REPORTS["sanitized"] = "train.sanitized.html"

PARAMETERS = """
lr = 0.01
name = "plain"
layers = [64, 32]
use_gpu = False
token = ""
"""

TRAIN = """
# Train
from IPython.display import Image, display
import struct, zlib
def chunk(kind, data):
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum
rows = b"".join(b"\\0" + bytes([200, 30, 30] * 40) for _ in range(20))
png = b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 20, 8, 2, 0, 0, 0))
png += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
display(Image(png))
for step in range(3):
    print(f"step: {step}")
    print(f"loss: {1 / (step + 1)}")
print("best: nan")
print("done:", token[:0], 7)
"""

GUILDFILE = """
train:
  notebook: train.ipynb
  flags-import: all
  flags:
    token: {nb-secret: TRAIN_TOKEN}
  nb-report: [html, html-no-input, sanitized]
"""


def git(project: Project, *args: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(
        ["git", *who, *args], cwd=project.dir, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def run(shared: Project) -> Run:
    shared.notebook("train.ipynb", markdown("# A model"), PARAMETERS, TRAIN)
    shared.guildfile(GUILDFILE)
    git(shared, "init", "-q")
    git(shared, "add", ".")
    git(shared, "commit", "-qm", "first")
    shared.file("note.txt", "not committed")
    flags = ["lr=0.5", "name=a 'b' <i>", "layers=8 8"]
    about = ["-l", "my <label>", "-t", "green", "-c", "the first try"]
    return shared.run("train", *flags, *about, TRAIN_TOKEN=VALUE).run


def head(run: Run, report: str = "html") -> str:
    page = (run.dir / REPORTS[report]).read_text("utf-8")
    (found,) = re.findall(r'<header class="run-head .*?</header>', page, re.DOTALL)
    return found


def facts(found: str) -> dict[str, str]:
    """The list of what is known of a run, by name."""
    pairs = re.findall(r"<dt>([^<]*)</dt><dd>(.*?)</dd>", found, re.DOTALL)
    return {name: html.unescape(re.sub(r"<[^<>]*>", "", value)) for name, value in pairs}


def table(found: str, kind: str) -> list[list[str]]:
    (rows,) = re.findall(rf'<table class="{kind}">.*?<tbody>(.*?)</tbody>', found, re.DOTALL)
    cells = [re.findall(r"<t[hd][^<>]*>(.*?)</t[hd]>", row) for row in rows.split("</tr>")[:-1]]
    return [[html.unescape(re.sub(r"<[^<>]*>", "", cell)) for cell in row] for row in cells]


@pytest.mark.parametrize("report", REPORTS)
def test_each_page_says_which_run_it_is_of(shared: Project, run: Run, report: str):
    found = head(run, report)
    known = facts(found)
    assert found.startswith('<header class="run-head completed">\n<h1><bdi>train</bdi></h1>')
    assert known["Run"] == run.id
    assert known["Label"] == "my <label>"
    assert known["Commit"] == f"{git(shared, 'rev-parse', 'HEAD')} modified"
    assert known["Kernel"] == f"python3 (Python {platform.python_version()})"
    assert known.get("By", known.get("Host", "")).endswith(platform.node())
    assert re.fullmatch(r"\d\.\d s", known["Took"])
    assert "Trial of" not in known
    assert '<li class="run-tag"><bdi>green</bdi></li>' in found and "the first try" in found
    started = datetime.datetime.fromisoformat(re.findall(r'<time datetime="(.*?)">', found)[0])
    assert started.utcoffset() is not None
    assert started.timestamp() == run.attr("started") // 1_000_000


@pytest.mark.parametrize("report", REPORTS)
def test_flags_that_differ_from_the_notebook_come_first(run: Run, report: str):
    assert table(head(run, report), "run-flags") == [
        ["lr", "0.5", "0.01"],
        ["name", "a 'b' <i>", "plain"],
        ["layers", "8 8", "64 32"],
        ["use_gpu", "no", "the same"],
        ["token", "***", ""],
    ]


@pytest.mark.parametrize("report", REPORTS)
def test_scalars_are_complete_and_those_of_guild(shared: Project, run: Run, report: str):
    assert table(head(run, report), "run-scalars") == [
        ["loss", "0.333333", "", "2", "0.333333", "1"],
        ["best", "nan", "", "2", "", ""],
        ["done", "7", "", "2", "", ""],
    ]
    listed = shared.guild("runs", "info", run.id).stdout
    assert "loss: 0.333333 (step 2)" in listed and "done: 7" in listed


@pytest.mark.parametrize("report", REPORTS)
def test_the_image_is_in_the_page_once_and_in_the_strip(run: Run, report: str):
    page = (run.dir / REPORTS[report]).read_text("utf-8")
    assert page.count("data:image/png;base64,") == 1
    assert re.search(r'<a href="#cell-3" title="cell \[2\][^"]*"><svg class="thumbnail"', page)
    assert '<use href="#guild-image-1"' in page and 'id="guild-image-1"' in page


@pytest.mark.parametrize("report", REPORTS)
def test_no_page_has_the_secret(run: Run, report: str):
    page = (run.dir / REPORTS[report]).read_text("utf-8")
    assert VALUE not in page and html.escape(VALUE) not in page
    assert "TRAIN_TOKEN" in head(run, report)


def test_the_commands_of_the_page_run_it_again(shared: Project, run: Run):
    commands = re.findall(r"<pre><code>(.*?)</code></pre>", head(run, "sanitized"))
    assert html.unescape(commands[0]) == (
        "guild run train lr=0.5 " + shlex.quote("name=a 'b' <i>") + " 'layers=8 8'"
    )
    assert commands[1] == f"guild run --proto {run.id[:8]}"
    for command in map(html.unescape, commands):
        before = shared.run_dirs()
        pasted = f'guild() {{ {shlex.join(GUILD)} "$@"; }}\n{command} -y nb-report=none\n'
        done = subprocess.run(
            ["bash", "-c", pasted],
            cwd=shared.dir,
            env={**shared.environment(), "TRAIN_TOKEN": VALUE},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        (made,) = shared.run_dirs() - before
        assert Run(made).flags == run.flags


def test_a_trial_names_its_batch_and_what_that_varies(shared: Project, run: Run):
    options = ["--keep-batch", "nb-report=html", "token=x1y2z3w4"]
    runs = shared.run("train", "lr=[0.1,0.01]", *options).runs
    (batch,) = [each for each in runs if each.op_name == "+"]
    trials = [each for each in runs if each is not batch]
    for trial in trials:
        assert facts(head(trial))["Trial of"] == f"{batch.id}, which varies lr"
    (same,) = [each for each in trials if each.flags["lr"] == 0.01]
    # The value is the notebook's, and not that of the batch: the command has it all the same.
    assert "guild run train lr=0.01 nb-report=html<" in head(same)


@pytest.mark.slow
def test_a_run_that_is_started_again_or_was_staged_says_what_it_is_now(shared: Project, run: Run):
    made = shared.run("train", "lr=0.1", "nb-report=html", TRAIN_TOKEN="x1y2z3w4").run
    assert table(head(made), "run-flags")[0] == ["lr", "0.1", "0.01"]
    first = re.findall(r'<time datetime="(.*?)">', head(made))
    time.sleep(1)
    shared.run("--restart", made.id, "lr=0.2", TRAIN_TOKEN="x1y2z3w4")
    assert table(head(made), "run-flags")[0] == ["lr", "0.2", "0.01"]
    assert re.findall(r'<time datetime="(.*?)">', head(made)) > first
    staged = shared.run("--stage", "train", "lr=0.3", "nb-report=html").run
    shared.run("--start", staged.id, TRAIN_TOKEN="x1y2z3w4")
    assert table(head(staged), "run-flags")[0] == ["lr", "0.3", "0.01"]
    assert facts(head(staged))["Run"] == staged.id


ENDS = [
    ("raise ValueError('3 < 4')", [], "failed", "{} failed with ValueError", "ValueError: 3 < 4"),
    ("raise KeyError", [], "failed", "{} failed with KeyError", ""),
    ("import sys; sys.exit(3)", [], "failed", "{} exited with status 3", ""),
    ("import sys; sys.exit('no data')", [], "failed", "{}: no data", ""),
    ("import time; time.sleep(60)", ["--cell-timeout", "0.3"], "timed out",
     "{} was interrupted: over 0.3 s (nb-cell-timeout)", ""),
    ("import os; os._exit(7)", [], "kernel died", "the kernel died in {}: exit status 7", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "options", "state", "reason", "error"),
    [ENDS[0], *(pytest.param(*end, marks=pytest.mark.slow) for end in ENDS[1:])],
    ids=["raises", "without a text", "exits", "exits with a text", "timeout", "dies"],
)
def test_a_run_that_fails_says_how_and_links_to_the_cell(
    project: Project, source: str, options: list[str], state: str, reason: str, error: str
):
    project.notebook("train.ipynb", "x = 1", f"# Train <it>\n{source}")
    done = attempt(project, "train.ipynb", *options, "--report", "html")
    found = head(done.run)
    assert found.startswith('<header class="run-head not-completed">')
    assert f'<strong class="run-state"><bdi>{state}</bdi></strong>' in found
    link = '<a href="#guild-failed-cell">cell [2] (Train &lt;it&gt;)</a>'
    assert reason.format(link) in found
    assert html.escape(error) in found and bool(error) == ("run-error" in found)
    page = (done.run.dir / "train.html").read_text("utf-8")
    assert page.count('id="guild-failed-cell"') == 1


AT_THE_END = """
import atexit
from guild_notebook.scalars.event_file import ScalarWriter
atexit.register(lambda: ScalarWriter("logs").add_scalar("loss", 0.5, 3))
"""


def test_a_run_outside_of_git_and_without_flags_says_what_it_knows(project: Project):
    project.notebook("train.ipynb", "print('x: 1')", AT_THE_END)
    run = attempt(project, "train.ipynb", "--report", "html").run
    found = head(run)
    assert "Commit" not in found and re.findall("<h2>(.*?)</h2>", found) == ["Scalars"]
    assert facts(found)["Run"] == run.id
    # Its end has written it, and as here nobody has recorded its output, no other is there.
    assert table(found, "run-scalars") == [["logs#loss", "0.5", "", "3", "", ""]]
