"""``nb-scalars`` in real runs, and what ``--test-output-scalars`` says of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.helpers.project import Command, Project
from tests.helpers.reader import rows
from tests.scalars.test_text import LINES, NOTHING, TABLES, found_in, lines_of, same

PIN = "123456.75"

OUTPUT = "\n".join(
    [
        *LINES,
        *NOTHING[:60],
        *(f"{text}\n" for text, _ in TABLES.values()),
        "lr: 0.1",
        "Last loss: 3",
    ]
)

CELLS = (
    "lr = 0.1\nbatch_size = 8\npin = ''",
    f"# Show\nprint({OUTPUT!r})",
    "print('pin code:', pin)\nprint(f'gain = {pin}')\nprint(f'{{\"pin\": {pin}}}')",
    "import time\nfrom tqdm import tqdm\nbar = tqdm(range(3))\n"
    "for i in bar:\n    bar.set_postfix(bar_loss=i)",
    "# a = 5\n{'shown_loss': 0.5}",
    "import pandas as pd\npd.DataFrame({'last_row': [0.5]})",
)

GUILDFILE = """
text: &text
  notebook: nb.ipynb --scalars text
  flags-import: all
  flags:
    pin:
      nb-secret: yes
  nb-report: none
both:
  <<: *text
  output-scalars: 'Last (loss): (\\value)'
own:
  notebook: nb.ipynb
  flags-import: all
  output-scalars: 'Last (loss): (\\value)'
"none":
  notebook: few.ipynb
  nb-scalars: no
  output-scalars: 'Last (loss): (\\value)'
few:
  notebook: few.ipynb
  flags-import: [x]
  nb-report: none
by-flag:
  notebook: few.ipynb
  nb-scalars: ${x}
  flags: {x: text}
by-flag-after:
  notebook: few.ipynb --scalars ${x}
  flags: {x: text}
by-flag-beside:
  notebook: few.ipynb
  nb-scalars: ["${x}", acc]
  flags: {x: text}
beside:
  notebook: few.ipynb --kernel ${k} --scalars text
  flags: {k: python3, lr: 1, batch_size: 2, pin: 3}
wrong:
  notebook: few.ipynb
  nb-scalars: txt
"""

FEW = "print('Test accuracy: 0.93')\nprint('x: 1')\nprint('   acc  loss\\n0  0.5  0.25')"


@dataclass
class Runs:
    project: Project
    text: Command
    few: Command
    scalars: dict[str, float]


@pytest.fixture(scope="module")
def runs(shared: Project) -> Runs:
    shared.env["PIN"] = PIN
    shared.notebook("nb.ipynb", *CELLS)
    shared.notebook("few.ipynb", "x = 1", "# lr = 5\nx = 1", FEW)
    shared.guildfile(GUILDFILE)
    shared.file("output.txt", OUTPUT)
    text, few = shared.run("text"), shared.run("few")
    return Runs(shared, text, few, scalars(shared, text.run.id))


def scalars(project: Project, run_id: str) -> dict[str, float]:
    info = project.guild("runs", "info", run_id).stdout.partition("scalars:")[2]
    pairs = re.findall(r"^  (\S+): (\S+)", info, re.MULTILINE)
    return {name: float(value) for name, value in pairs if value not in ("nan", "inf", "-inf")}


def found_by_guild(project: Project, operation: str, file: str) -> Iterator[dict[str, float]]:
    """What ``--test-output-scalars`` finds in the lines of a file."""
    printed = project.guild("run", operation, "--test-output-scalars", file).stdout
    for line in re.split(r"^(?! )", printed, flags=re.MULTILINE):
        assigned = ", ".join(re.findall(r"\] \((.*)\)$", line, re.MULTILINE))
        yield {name: float(v) for name, v in re.findall(r"([^\s=]+)=([^\s,]+)", assigned)}


def last_values(lines: Iterable[dict[str, float]]) -> dict[str, float]:
    """The value of each scalar that Guild shows of a run: that of the highest step. Values that are
    no numbers are left out."""
    found: dict[str, tuple[float, float]] = {}
    step = 0.0
    for line in lines:
        step = line.get("step", step)
        found.update((n, (step, v)) for n, v in line.items() if step >= found.get(n, (step,))[0])
    return {n: v for n, (_step, v) in found.items() if n != "step" and math.isfinite(v)}


def close_to(expected: dict[str, float]) -> Any:
    return pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_a_run_has_the_scalars_of_what_is_printed_and_shown(runs: Runs):
    shown = {"bar_loss": 2, "shown_loss": 0.5, "last_row": 0.5}
    assert runs.scalars == close_to({**last_values(lines_of(OUTPUT)), **shown})


def test_a_masked_value_is_no_scalar(runs: Runs):
    assert PIN not in runs.text.run.output
    assert "pin code: ***\ngain = ***\n" in runs.text.run.output
    assert not {"pin", "pin_code", "gain"} & runs.scalars.keys()


def test_guilds_test_of_output_scalars_finds_what_a_run_does(runs: Runs):
    runs.project.file("printed.txt", runs.text.run.output)
    found = found_by_guild(runs.project, "text", "printed.txt")
    assert last_values(found) == close_to(runs.scalars)


def test_patterns_of_the_operation_count_alone_or_beside_the_mode(runs: Runs):
    alone = last_values(found_by_guild(runs.project, "own", "output.txt"))
    assert alone == {"loss": 3}
    both = found_by_guild(runs.project, "both", "output.txt")
    last_loss = {"loss": 3.0}  # after the value of the mode, in one line
    expected = last_values([*lines_of(OUTPUT), last_loss])
    assert last_values([*both, last_loss]) == close_to(expected)
    done = runs.project.guild("run", "none", "--test-output-scalars", "output.txt")
    assert done.stderr == "Output scalars disabled, nothing to test\n"


def test_a_run_without_scalars_says_once_which_lines_look_like_some(runs: Runs):
    said = "no scalars - 2 lines look like metrics (Test accuracy: 0.93): "
    said += "nb-scalars=text records such lines"
    assert (runs.few.stdout + runs.few.stderr).count("no scalars") == 1
    assert said in runs.few.stderr
    assert "no scalars" not in runs.text.stdout + runs.text.stderr
    assert "no scalars" not in runs.few.run.output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("print('loss: 0.5')\nprint('Test accuracy: 0.93')", 0),
        ("print('done')\nx = 5\nprint('x: 1')", 0),
        (
            "print('   Test accuracy   :   0.93' + ' ' * 50 + '(of all of them ' + 'x' * 90 + ')')",
            1,
        ),
    ],
)
def test_only_a_run_that_has_none_and_could_have_some_says_so(project: Project, cell, said):
    project.notebook("nb.ipynb", "x = 1", cell)
    done = project.run("nb.ipynb")
    lines = [line for line in done.stderr.splitlines() if "no scalars" in line]
    assert len(lines) == said
    for line in lines:
        assert "1 line looks like a metric (Test accuracy : 0.93 (of all" in line
        assert "x…): nb-scalars=text records such lines" in line


@pytest.mark.slow
def test_the_trials_of_a_sweep_say_it_once(project: Project):
    project.notebook("nb.ipynb", "x = 1", "print('Test accuracy: 0.93')")
    done = project.guild("run", "nb.ipynb", "x=[1,2,3]", "-y")
    assert (done.stdout + done.stderr).count("no scalars - ") == 1


def test_a_word_that_no_cell_has_is_refused_before_there_is_a_run(runs: Runs):
    done = runs.project.guild("run", "wrong", "-y")
    assert done.stderr == (
        "guild: operation 'wrong': 'nb-scalars' names 'txt', and no cell of few.ipynb does - did "
        "you mean 'text'?\n"
    )
    assert not done.run_dirs


@pytest.mark.parametrize("row", rows("scalars.md", "## `text`"), ids=lambda r: ascii(r[0]))
def test_the_page_says_what_a_line_has(row: list[str]):
    printed, expected = row[0].strip("`"), row[1].rstrip(" |")
    pairs = {name: float(value) for name, value in re.findall(r"`(\S+)=(\S+)`", expected)}
    step = re.search(r"step (\d+)", expected)
    assert pairs
    assert same(found_in(printed), {**pairs, **({"step": float(step[1])} if step else {})})


def test_a_mode_that_depends_on_a_flag_is_refused(runs: Runs):
    for operation in ("by-flag", "by-flag-after", "by-flag-beside"):
        done = runs.project.guild("run", operation, "-y")
        assert done.stderr == (
            f"guild: operation '{operation}': 'nb-scalars' takes no reference to a flag, since "
            "Guild has to know it before the run - write what it says there\n"
        )
    beside = found_by_guild(runs.project, "beside", "output.txt")
    assert last_values(beside) == close_to(last_values(lines_of(OUTPUT)))


def test_the_mode_may_be_assigned_on_the_command_line(runs: Runs):
    done = runs.project.guild(
        "run", "few.ipynb", "nb-scalars=text", "--test-output-scalars", "output.txt"
    )
    assert "train_loss=" in done.stdout
    done = runs.project.guild("run", "text", "nb-scalars=no", "--test-output-scalars", "output.txt")
    assert done.stderr == "Output scalars disabled, nothing to test\n"


def test_a_run_that_starts_again_has_the_mode_that_is_assigned_then(runs: Runs):
    project, run = runs.project, runs.few.run
    assert scalars(project, run.id) == {}
    again = project.guild("run", "--restart", run.id, "nb-scalars=text", "-y")
    assert "no scalars" not in again.stderr
    expected = {"test_accuracy": 0.93, "acc": 0.5, "loss": 0.25}
    assert scalars(project, run.id) == close_to(expected)
    run.dir.joinpath(".guild/output").unlink()
    for events in run.dir.glob(".guild/events*"):
        events.unlink()
    project.guild("run", "--restart", run.id, "-y")
    assert scalars(project, run.id) == close_to(expected)
