"""The table of checks: each is done with scripts and with notebooks, and must do the same."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Union

from tests.helpers.guild_commands import Guild, Result
from tests.helpers.project import notebook
from tests.helpers.sides import Side

Action = Union[str, Callable[[Side], None]]


@dataclass(frozen=True)
class Check:
    """``does``: guild commands, one a line, or a function of a side that runs them.

    ``status``: what each command ends with. ``short``: whether it is in the short form.
    ``prints``: whether both sides must print the same. ``quiet``: whether nothing that they print
    may look like a complaint. ``needs``: a module of the environment, or a $VARIABLE. ``only``:
    the one side that it is for. ``ordered``: whether lines must stand in the same order.
    ``apart``: whether one side must wait for the other, since both use the same port or package.
    """

    name: str
    does: Action
    status: int = 0
    short: bool = False
    prints: bool = True
    quiet: bool = True
    needs: str = ""
    only: str = ""
    ordered: bool = True
    apart: bool = False


def each(side: Side, action: Action) -> None:
    if callable(action):
        action(side)
        return
    for line in action.strip().splitlines():
        side(line.strip())


def in_background(side: Side) -> None:
    side("run slow -y --background")
    # Guild writes what is printed to the run's output first and then, a little later, the scalar
    # that it finds there.
    side.wait_until(lambda: bool(side.new_runs()[-1]["scalars"]))


def watch(side: Side) -> None:
    """``guild watch`` shows what a run has printed, and follows it until it is stopped."""
    command = [str(side.guild.bin_dir / "guild"), "watch", "1"]
    with subprocess.Popen(
        command,
        cwd=side.project,
        env=side.guild.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        shown = ""
        while "started: 1" not in shown:
            line = process.stdout.readline()
            assert line, f"it has ended: {shown}"
            shown += line
        side("stop -y")
        shown += process.communicate(timeout=120)[0]
    assert "stopped with a status of 'terminated'" in shown
    side.keep(Result("guild watch 1", process.returncode, shown, ""))


def stop(side: Side) -> None:
    in_background(side)
    side("stop -y")
    side.wait_until(lambda: side.guild.runs()[0]["status"] == "terminated")


def curses(side: Side) -> None:
    texts = ("evaluate", "completed", "operation:train", "0.5", "loss", "3.5")
    command = "compare --operation evaluate"
    shown = side.keep(side.guild.on_terminal(command, keys="q", texts=texts))
    for text in texts:
        assert text in shown.out, (text, shown.out)


def compare_csv(side: Side) -> None:
    result = side("compare --csv -")
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert {row["operation"] for row in rows if row["loss"]} >= {"train", "evaluate"}


def completion(side: Side) -> None:
    for words, expected in {
        "guild run ev": "plain,evaluate",
        "guild run train x": "plain,x=",
        "guild run train{file} x": "plain,x=",
    }.items():
        words = words.replace("{file}", side.ending)
        count = str(len(words.split()) - 1)
        env = {"_GUILD_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": count}
        result = side("", **env)
        assert expected in result.out.splitlines(), (words, result.out)


def view(side: Side) -> None:
    answer = side.guild.serve("view --no-open", "/runs")
    runs = json.loads(answer.out)
    shown = [(run["operation"], run["status"], run["flags"], run["scalars"]) for run in runs]
    assert len(runs) > 10, runs
    side.keep(replace(answer, out="\n".join(map(str, shown))))


def tensorboard(side: Side) -> None:
    """The runs are there, each with its scalars, and their flags to compare."""
    count = len(side.guild.runs())
    scalars = side.guild.serve(
        "tensorboard --no-open",
        "/data/plugin/scalars/tags",
        lambda text: len([tags for tags in json.loads(text).values() if tags]) >= count,
    )
    tags = [sorted(tags) for tags in json.loads(scalars.out).values()]
    assert tags.count(["accuracy", "loss", "time"]) > 3, tags
    side.keep(replace(scalars, out="\n".join(map(str, sorted(tags)))))


def api(side: Side) -> None:
    listed = json.loads(side("api runs").out)
    assert listed and all(run["id"] for run in listed)
    assert json.loads(side("api ops").out)


def exported_folder(side: Side) -> None:
    side("export exported -y 1:3")
    side("runs --archive exported")
    side("runs rm -y 1:3")
    side("import exported -y")


def archives(side: Side) -> None:
    side("runs purge -y")
    side("export exported.zip -y 1:2")
    side("runs delete -y 1:2")
    side("runs purge -y")
    side("import exported.zip -y")


def package(side: Side) -> None:
    side("package", folder="package")
    (wheel,) = (side.project / "package/dist").glob("*.whl")
    try:
        side(f"install package/dist/{wheel.name}")
        side("packages")
        side("packages info demo")
        side("run demo/demo:train x=2 -y")
    finally:
        side("uninstall -y demo")


def publish(side: Side) -> None:
    side("publish -y 1")
    published = list((side.project / "published-runs").glob("*/run.yml"))
    assert len(published) == 1


def as_json(side: Side) -> None:
    """What programs read of a run, but for its command."""
    for command in ("runs --json", "runs info --json {last}"):
        found = json.loads(side(command).out)
        for run in found if isinstance(found, list) else [found]:
            assert run.keys() > {"id", "status", "label"}
            for of_run in (run, run.get("batch_proto") or {}):
                of_run.pop("cmd", None)
                of_run.pop("command", None)
        last = side.results.pop()
        side.keep(replace(last, out=json.dumps(found, indent=1)))


def generated(side: Side) -> None:
    """What a run has made: of a notebook also its executed copy and its report."""
    listed = side("ls -n --generated -Fo train").out.split()
    of_notebooks = ["train.html", "train.ipynb"] if side.kind == "notebook" else []
    assert listed == ["made.txt", *of_notebooks]


def differences(side: Side) -> None:
    side("diff --flags --cmd 'diff -u' 1 2")
    assert re.search(r"^[-+]x: ", side.results[-1].out, re.MULTILINE)
    side("diff --output --cmd 'diff -u' 1 2")
    assert re.search(r"^[-+]loss: ", side.results[-1].out, re.MULTILINE)
    with side.changed("train", "print('newer: 1')\n"):
        side("run train x=0.2 -y")
    side("diff --sourcecode --cmd 'diff -ru' 2 1")
    assert "newer: 1" in side.results[-1].out
    side("runs rm -y 1")


def merge(side: Side) -> None:
    side("run train x=0.6 -y")
    target = side.project.parent / "merged"
    side(f"merge --target-dir {target} -y 1")
    side(f"merge --target-dir {target} --all -y 1")
    assert (target / f"train{side.ending}").exists()
    assert (target / "made.txt").exists()
    html = {path.name for path in target.glob("*.html")}
    assert html == ({"train.html"} if side.kind == "notebook" else set())
    shutil.rmtree(target)


def from_newer_source(side: Side) -> None:
    """A restart has the source that the run was started with, unless the newer is asked for."""
    with side.changed("train", "print('newer: 1')\n"):
        side("run train x=0.2 -y")
    assert "newer: 1" in side.results[-1].out
    side("run train x=0.3 -y")
    with side.changed("train", "print('newer: 1')\n"):
        for command in ("--restart {last}", "--proto {last}"):
            side(f"run {command} -y")
            assert "newer: 1" not in side.results[-1].out
        side("run --restart {last} --force-sourcecode -y")
        assert "newer: 1" in side.results[-1].out


def freeze(side: Side) -> None:
    """Guild lists the installed packages with pip, which not every environment has."""
    side("run train -y", NO_PIP_FREEZE="")
    side("cat --path .guild/attrs/pip_freeze {last}")
    assert "guildai==0.9" in side.results[-1].out


def on_the_python_path(side: Side) -> None:
    side("run train -y", PYTHONPATH=".")


def asks_first(side: Side) -> None:
    side("run train x=[0.1,0.2]", stdin="n\n")
    side("run train @batch.csv", stdin="n\n")


def dask(side: Side) -> None:
    side("run train x=0.11 --stage -y")
    side("run train x=0.12 --stage -y")
    side("run dask:scheduler workers=1 run-once=yes dashboard-address=127.0.0.1:0 -y")
    assert [run["status"] for run in side.guild.runs()[:2]] == ["completed"] * 2


USES_IPY = """
from guild import ipy

def train(x):
    print(f"loss: {x}")

for optimizer in ("random", "gp", "forest", "gbrt"):
    ipy.run(train, x=slice(0.0, 1.0), _optimizer=optimizer, _max_trials=2)
runs = ipy.runs()
assert len(runs.compare()) == len(runs.guild_flags()) > 8
assert len(runs.scalars()) > 8
runs.iloc[0].info()
"""


def ipy(side: Side) -> None:
    (side.project.parent / "uses_ipy.py").write_text(USES_IPY)
    side.keep(side.guild.program("python", "../uses_ipy.py"))


def shared_cells(side: Side) -> None:
    """Two trials that share the cells before the one that reads their flag."""
    cells = "import random\nrandom.seed(1)", "x = 0.1", "print('loss:', x + random.random())"
    path = side.project / "shared.ipynb"
    path.write_text(json.dumps(notebook(*cells)))
    side("run shared.ipynb x=[0.1,0.2] nb-fork=verify -y")
    path.unlink()
    said = side.results[-1].out + side.results[-1].err
    assert said.count("nb-fork: verify: a fresh kernel gives the same") == 2, said


def own_command(side: Side) -> None:
    side.keep(side.guild.program("guild-notebook", "flags train.ipynb"))
    side.keep(side.guild.program("guild-notebook", "preview train.ipynb x=2"))


def init(side: Side) -> None:
    """An environment that Guild makes works, when Guild is told to install this package."""
    wheel = Path(os.environ["MATRIX_WHEEL"]).as_uri()
    made = side.guild(f"init -y --no-progress --guild 'guild-notebook @ {wheel}' ../made")
    assert made.status == 0, made.out + made.err  # pip may have more to say
    inside = Guild(side.project.parent / "made" / side.guild.bin_dir.name, side.project.parent)
    side.keep(inside("run train -y"))


SEEDED = "--random-seed 7 -y"

RUNNING = [
    Check("run", "run train -y", short=True),
    Check("run a file", "run train{file} x=0.2 -y", short=True),
    Check("flags, label, tag, comment", "run train x=0.2 n=2 --label a --tag b --comment c -y"),
    Check("needed", "run train x=0.2 n=2 --needed -y"),
    Check("stage, start", "run train x=0.3 --stage -y\nrun --start {last} -y", short=True),
    Check("restart", "run --restart {last} -y"),
    Check("restart with a flag", "run --restart {last} x=0.4 -y", short=True),
    Check("proto", "run --proto {last} x=0.5 -y", short=True),
    Check("force-sourcecode", from_newer_source),
    Check("pip freeze", freeze, short=True),
    Check("run-dir", "run train --run-dir ../elsewhere -y"),
    Check("grid", "run train x=[0.1,0.2] -y", short=True),
    Check("batch file", f"run train @batch.csv {SEEDED}"),
    Check("stage trials", "run train x=[0.1,0.2] --stage-trials -y\nrun --start {last} -y"),
    Check("asks first", asks_first),
    Check("random", f"run train x=[0.0:1.0] -o random -m 2 {SEEDED}"),
    Check("random, implied", f"run train x=[0.0:1.0] -m 2 {SEEDED}"),
    Check("gp", f"run train x=[0.0:1.0] -o gp -m 3 -Fo random-starts=2 {SEEDED}", short=True),
    Check("forest", f"run train x=[0.0:1.0] -o forest -m 3 -Fo random-starts=2 {SEEDED}"),
    Check("gbrt", f"run train x=[0.0:1.0] -o gbrt -m 3 -Fo random-starts=2 {SEEDED}"),
    Check("optimize", f"run train x=[0.0:1.0] --optimize -m 1 {SEEDED}"),
    Check("minimize", f"run train x=[0.0:1.0] -o gp -m 2 --minimize loss {SEEDED}"),
    Check("maximize", f"run train x=[0.0:1.0] -o gp -m 2 --maximize accuracy {SEEDED}"),
    Check("bounds of guild.yml", f"run bounded -o gp -m 2 {SEEDED}"),
    Check("steps", "run pipeline -y", short=True),
    Check("requires: operation", "run evaluate -y", short=True),
    Check("requires: config, file", "run configured level=3 -y"),
    Check("queue", "run train x=0.7 --stage -y\nrun queue run-once=yes -y"),
    Check("dask:scheduler", dask, needs="distributed", prints=False, apart=True),
    Check("background", in_background),
    # A cell that is stopped shows where, a script ends without a word.
    Check("watch", watch, quiet=False, prints=False),
    Check("stop", stop),
    Check("an operation that fails", "run fails -y", status=3),
    Check("an unknown flag", "run train nosuch=1 -y", status=1, prints=False),
    Check("an unknown operation", "run nosuch -y", status=1, prints=False),
    Check("project on the Python path", on_the_python_path),
]

DESCRIBING = [
    Check("print-cmd", "run train --print-cmd"),
    Check("print-env", "run train --print-env"),
    Check("print-trials", "run train x=[1,2] --print-trials"),
    Check("save-trials", "run train x=[1,2] --save-trials trials.csv"),
    Check("help-op", "run train --help-op", prints=False),
    Check("help-op of a file", "run train{file} --help-op", prints=False),
    Check("help-model", "run train --help-model"),
    Check("test-sourcecode", "run train --test-sourcecode", prints=False),
    Check("test-flags", "run train --test-flags", prints=False),
    Check("test-output-scalars", "run train --test-output-scalars data.csv", prints=False),
]

LOOKING = [
    Check("version, help", "--version\n--help"),
    Check("check", "check --verbose", short=True),
    Check("runs", "runs\nruns --all\nruns -Fo train\nruns --completed", short=True),
    Check("runs --verbose", "runs --verbose"),
    Check("runs info", "runs info {last}"),
    Check("runs --json, runs info --json", as_json),
    Check("compare --table", "compare --table"),
    Check("compare --csv", compare_csv, short=True),
    Check(
        "compare, other options",
        "compare --csv - --skip-unchanged --min loss\n"
        "compare --print-scalars\ncompare --csv - --cols =x,loss\ncompare --csv - --strict-cols =n",
        ordered=False,  # a batch lists its trials by their IDs
    ),
    Check("compare on a terminal", curses, prints=False),
    Check("diff", differences, prints=False),
    Check(
        "label",
        "label --set new -y 1\nruns\nlabel --append b -y 1\nlabel --prepend a -y 1\nruns\n"
        "label --clear -y 1\nruns",
    ),
    Check("tag", "tag --add t -y 1\ntag --list-all\nruns -Ft t\ntag --delete t -y 1\nruns -Ft t"),
    Check("mark", "mark -y 1\nruns --marked\nmark --clear -y 1\nruns --marked"),
    Check("comment", "comment --add hello -y 1\ncomment --list 1"),
    Check("cat", "cat --path .guild/attrs/flags {last}\ncat --output {last}"),
    Check("cat a dependency's file", "cat --path made.txt -Fo train"),
    Check("ls", "ls -n {last}", short=True),
    Check("ls --all", "ls -n --all -Fo train --path .guild/attrs"),
    Check("ls --sourcecode", "ls -n --sourcecode -Fo train", ordered=False),
    Check("ls --dependencies", "ls -n --dependencies -Fo evaluate", short=True),
    Check("ls --generated", generated, prints=False),
    Check(
        "ls, other options",
        "ls -n --path '*.txt' {last}\nls -n --follow-links {last}\nls --full-path {last}\n"
        "ls --human-readable {last}\nls -n --full-path -Fo train --completed\n"
        "ls -n --filter 'loss < 3' {last}",
    ),
    Check("open", "open --cmd echo {last}"),
    Check("select", "select --min loss\nselect --max accuracy -Fo train"),
    Check("operations", "operations\noperations --all"),
    Check("operations --verbose", "operations --verbose", prints=False),
    Check("models", "models --verbose"),
    Check("help", "help --no-pager\nhelp --markdown", prints=False),
    Check("api", "api compare\napi help-op train"),
    Check("api runs, api ops", api, prints=False),
    Check(
        "completion scripts",
        "completion --shell bash\ncompletion --shell zsh\ncompletion --shell fish",
    ),
    Check("completion", completion),
    Check("shell", "shell"),
    Check("remotes, sync, sys", "remotes\nsync\nsys shutdown-timer status"),
    Check("tensorboard, export", "tensorboard --export-scalars -"),
    Check("tensorboard", tensorboard),
    Check("view", view),
]

MOVING = [
    Check(
        "rm, restore, purge",
        "runs rm -y 1\nruns --deleted\nruns restore -y 1\nruns delete -y 1\nruns purge -y",
        short=True,
    ),
    Check("export, import", exported_folder),
    Check("archives", archives),
    Check("merge", merge),
    Check("publish", publish),
    Check("package", package, apart=True),
    Check("init", "init -y local"),
    Check("guild.ipy", ipy, only="script", needs="pandas"),
    Check("guild-notebook", own_command, only="notebook"),
    Check("shared cells", shared_cells, only="notebook", short=True),
    Check("init, environment", init, only="notebook", needs="$MATRIX_WHEEL"),
]

CHECKS = [*RUNNING, *DESCRIBING, *LOOKING, *MOVING]
