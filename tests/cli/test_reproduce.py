"""``guild-notebook reproduce``: whether runs come out the same again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from guild_notebook.run import reproduction
from guild_notebook.run.finished import FinishedRun
from tests.helpers.causes import linux
from tests.helpers.environments import activated, linked
from tests.helpers.examples import copied
from tests.helpers.in_process import guild_notebook
from tests.helpers.project import (
    LIMIT,
    Command,
    Project,
    Run,
    markdown,
    new_project,
    start,
    wait_for,
)

STEADY = ("lr = 0.1", "# Training\nprint('loss:', lr * 2)", "# Report\nprint('done')")

LOOSE = (
    "lr = 0.1\nimport random",
    "# Draw\nx = random.random()\nprint(f'drawn: {x:.17f}')",
    "# Twice\ny = 2 * x\ny",
    "# Apart\nz = 2 * lr\nz",
)

FAILING = ("lr = 0.1", "# Divide\n1 / 0", "# Never\nprint('never')")

SLOW = (
    "import os, time\nprint('begun')",
    "# Wait\nprint('waiting')\ntime.sleep(float(os.environ.get('SECONDS', '0')))",
    "# After\nprint('after')",
)

TELLS = """\
import os
print([name for name in os.environ if name.startswith("FLAG_")], os.environ["FLAG_LR"])
print(os.path.basename(os.environ["RUN_DIR"]) == os.environ["RUN_ID"])"""

OUTER = """\
# Outer
import os, subprocess, sys
command = [sys.executable, "-m", "guild_notebook.cli", "reproduce", os.environ["WHICH"]]
done = subprocess.run(command, capture_output=True, text=True)
print(done.stdout, done.stderr, done.returncode)"""

GUILDFILE = """
steady: {notebook: steady.ipynb, flags-import: all, nb-report: none}
loose: {notebook: loose.ipynb, flags-import: all, nb-report: none}
failing: {notebook: failing.ipynb, flags-import: all, nb-report: none}
slow: {notebook: slow.ipynb, nb-report: none}
reads: {notebook: reads.ipynb, nb-report: none, requires: [file: data.csv]}
tells: {notebook: tells.ipynb, flags-import: all, nb-report: none}
outer: {notebook: outer.ipynb, flags-import: all, nb-report: none}
secret:
  notebook: secret.ipynb
  flags-import: all
  nb-report: none
  flags: {token: {nb-secret: yes}}
beside: {notebook: beside.ipynb, nb-report: none, nb-cwd: project}
makes: {notebook: makes.ipynb, nb-report: none}
uses: {notebook: uses.ipynb, nb-report: none, requires: [operation: makes]}
script: {main: script}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = new_project(tmp_path_factory.mktemp("reproduce"))
    made.guildfile(GUILDFILE)
    made.notebook("steady.ipynb", markdown("A text"), *STEADY)
    made.notebook("loose.ipynb", *LOOSE)
    made.notebook("failing.ipynb", *FAILING)
    made.notebook("slow.ipynb", *SLOW)
    made.notebook("tells.ipynb", "lr = 1", TELLS)
    made.notebook("outer.ipynb", "depth = 1", OUTER)
    made.notebook("reads.ipynb", "# Read\nprint(open('data.csv').read())")
    made.notebook("secret.ipynb", "token = ''", "# Use\nprint(len(token))")
    made.file("data.csv", "1,2\n")
    made.notebook("beside.ipynb", "# Beside\nprint(open('own/' + 'more' + '.csv').read())")
    made.file("own/more.csv", "5\n")
    made.notebook("makes.ipynb", "open('made.txt', 'w').write('7')")
    made.notebook("uses.ipynb", "# Use\nprint(open('made.txt').read())")
    made.file("script.py", "print(1)\n")
    return made


@pytest.fixture(scope="module")
def steady(project: Project) -> Run:
    return project.run("steady", "lr=0.2").run


@pytest.fixture(scope="module")
def loose(project: Project) -> Run:
    return project.run("loose").run


def reproduce(project: Project, *arguments: str, **env: str) -> Command:
    """``guild-notebook reproduce ARGUMENTS`` in the project, and the runs that it has made."""
    before = project.run_dirs()
    done = subprocess.run(
        [sys.executable, "-m", "guild_notebook.cli", "reproduce", *arguments],
        cwd=project.dir,
        env={**project.environment(), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT,
        text=True,
    )
    made = sorted(project.run_dirs() - before, key=lambda path: path.stat().st_mtime)
    return Command(done.stdout, done.stderr, done.returncode, made)


def refused(project: Project, *arguments: str) -> str:
    """What the command says that makes no run, in this process, without its name."""
    runs = project.run_dirs()
    done = guild_notebook(project.home, Path.cwd(), "reproduce", *arguments)
    assert done.status == 2
    assert project.run_dirs() == runs
    (line,) = done.err.splitlines()
    return line.removeprefix("guild-notebook: ")


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def shown(done: Command, of: str) -> str:
    """What is said of the cell or scalar that is called so."""
    lines = [line for line in done.stdout.splitlines() if of in line[14:]]
    return lines[0][:13].strip()


def test_a_run_of_what_is_deterministic_comes_out_the_same(project: Project, steady: Run) -> None:
    before = content(steady.dir)
    done = reproduce(project, steady.id)
    assert done.status == 0, done.stderr
    new = done.run
    begins, *output, first, second, third, same, unknown, last = done.stdout.splitlines()
    assert begins == f"reproducing run {steady.id[:8]} (steady lr=0.2) as {new.id[:8]}"
    assert output == ["loss: 0.4", "done"]
    assert [first, second, third] == [
        "same          cell [1] (lr = 0.1)",  # by its source
        "same          cell [2] (Training)",
        "same          cell [3] (Report)",
    ]
    assert same.startswith("the same: the kernel, ")
    assert unknown == "not known: neither run has recorded its packages"
    assert last == f"run {new.id[:8]} came out as {steady.id[:8]}: 3 cells the same"
    assert "[2/3] Training" in done.stderr
    assert content(steady.dir) == before


def test_the_new_run_says_what_it_reproduces(project: Project, steady: Run) -> None:
    new = reproduce(project, steady.id[:8]).run
    assert (new.attr("reproduces"), new.flags) == (steady.id, steady.flags)
    assert new.attr("tags") == [f"reproduces:{steady.id[:8]}"]
    assert new.source("steady.ipynb") == steady.source("steady.ipynb")
    info = project.guild("runs", "info", new.id).stdout
    assert f"reproduces: {steady.id}" in info
    listed = project.guild("runs", "--tag", f"reproduces:{steady.id[:8]}").stdout
    assert f"{new.id[:8]}]" in listed and f"{steady.id[:8]}]" not in listed


def test_a_cell_that_is_not_deterministic_is_named(project: Project, loose: Run) -> None:
    done = reproduce(project, loose.id)
    assert done.status == 1, done.stderr
    cells = [line for line in done.stdout.splitlines() if " cell [" in line[:20]]
    assert [line[:13].strip() for line in cells] == ["same", "differs", "differs", "same"]
    assert "cell [2] (Draw): drawn 0." in cells[1]
    assert cells[2].endswith("(an earlier cell that differs goes into it)")
    conclusion, why, more = done.stdout.splitlines()[-3:]
    assert more == f"more: guild-notebook diff {loose.id[:8]} {done.run.id[:8]}"
    assert conclusion.endswith(" in 2 of 4 cells, first in cell [2] (Draw)")
    assert why == (
        "cell [2] (Draw) is not deterministic: source, flags and what is recorded of the "
        "environment are the same"
    )


def test_a_cell_that_shows_nothing_may_be_where_a_difference_comes_from(project: Project) -> None:
    cells = ("size = 3", "# Draw\nimport random\ndrawn = random.random()", "# Show\nprint(drawn)")
    project.notebook("silent.ipynb", *cells)
    first = project.guild("run", "-y", "silent.ipynb").run
    why = "cell [3] (Show) or cell [2] (Draw), which shows nothing, is not deterministic: "
    assert why in reproduce(project, first.id).stdout


def test_numbers_within_the_tolerance_are_the_same(project: Project, loose: Run) -> None:
    assert reproduce(project, loose.id, "--atol", "3").status == 0
    assert reproduce(project, loose.id, "--rtol", "1e-9").status == 1


def test_runs_are_reproduced_one_after_the_other(project: Project, steady: Run, loose: Run) -> None:
    script = project.guild("run", "-y", "script").run
    done = reproduce(project, steady.id[:8], script.id[:8], loose.id[:8])
    assert done.status == 2
    assert (
        f"guild-notebook: run {script.id[:8]} is not reproduced: it has no executed notebook - "
        "give a run of a notebook\n"
    ) in done.stderr
    heads, *rows = [line.split() for line in done.stdout.splitlines()[-4:]]
    assert heads == ["RUN", "NEW", "RUN", "RESULT", "CELLS"]
    new = {row[0]: row for row in rows}
    made = {run.attr("reproduces"): run.id[:8] for run in done.runs}
    assert new[steady.id[:8]] == [steady.id[:8], made[steady.id], "same", "3", "of", "3"]
    assert new[loose.id[:8]][1:6] == [made[loose.id], "differs", "4", "of", "4"]
    assert new[script.id[:8]][1:3] == ["not", "reproduced"]


def test_as_json_all_else_is_on_stderr(project: Project, loose: Run) -> None:
    done = reproduce(project, loose.id, "--json")
    assert done.status == 1
    assert "drawn: " in done.stderr
    (entry,) = json.loads(done.stdout)["runs"]
    assert (entry["run"], entry["new_run"]) == (loose.id, done.run.id)
    assert (entry["result"], entry["not_deterministic"]) == ("differs", [1])
    assert [(cell["result"], cell["follows"]) for cell in entry["cells"]] == [
        ("same", False),
        ("differs", False),
        ("differs", True),
        ("same", False),
    ]
    assert entry["environment"]["changes"] == []


def test_a_run_that_came_out_the_same_may_be_deleted(
    project: Project, steady: Run, loose: Run
) -> None:
    assert reproduce(project, steady.id, "--delete").run_dirs == []
    assert len(reproduce(project, loose.id, "--delete").run_dirs) == 1


@pytest.mark.parametrize("name", ["Training", "2", "3rd"])
def test_cells_behind_a_cell_are_not_run(project: Project, steady: Run, name: str) -> None:
    done = reproduce(project, steady.id, "--cells-until", name)
    assert done.status == 0, done.stderr
    assert "the cells after cell [2] (Training) are not run (nb-until)" in done.stderr
    assert "not compared  cell [3] (Report): the new run was not to run it" in done.stdout
    assert done.stdout.endswith(f" came out as {steady.id[:8]}: 2 of 3 cells the same\n")
    assert done.run.attr("op")["op-cmd"]["cmd-args"][-1] == f"nb-until={name}"


def test_a_cell_that_is_not_there_makes_no_run(project: Project, steady: Run) -> None:
    assert refused(project, steady.id, "--cells-until", "Trainig") == (
        f"run {steady.id[:8]} is not reproduced: no cell that runs is called 'Trainig' - did you "
        "mean 'Training'?"
    )
    # As of a variable of a script that is not set.
    assert refused(project, steady.id, "--cells-until", "").startswith(
        f"run {steady.id[:8]} is not reproduced: no cell that runs is called '' - "
    )


def test_a_run_that_fails_in_the_same_way_is_the_same(project: Project) -> None:
    failed = project.guild("run", "-y", "failing").run
    done = reproduce(project, failed.id)
    assert done.status == 0, done.stdout
    assert done.run.attr("exit_status") == 1
    assert "same          cell [2] (Divide): failed" in done.stdout
    assert "not compared  the 3rd cell (Never): not run" in done.stdout
    assert done.stdout.splitlines()[-1].endswith(
        ": 2 of 3 cells the same, cell [2] (Divide) failed with ZeroDivisionError"
    )


@linux
def test_of_a_stopped_run_the_cells_that_had_ended_are_compared(project: Project) -> None:
    before = project.run_dirs()
    project.env["SECONDS"] = "100"
    process = start(project, "run", "-y", "slow", start_new_session=True)
    del project.env["SECONDS"]
    wait_for(lambda: [d for d in project.run_dirs() - before if "waiting" in output_of(d)])
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=LIMIT)
    (stopped,) = project.run_dirs() - before
    done = reproduce(project, stopped.name)
    assert done.status == 0, done.stdout + done.stderr
    assert "same          cell [1] (import os, time)" in done.stdout
    assert shown(done, "cell [2] (Wait)") == "not compared"
    assert shown(done, "cell [3] (After)") == "not compared"
    assert done.stdout.splitlines()[-1].endswith(": 1 of 3 cells the same")


def output_of(run_dir: Path) -> str:
    path = run_dir / ".guild" / "output"
    return path.read_text("utf-8") if path.exists() else ""


def make_stopped(run: Run, *states: str) -> None:
    """As if a run of ``slow`` had been stopped, and its cells had had these states then."""
    path = run.dir / "slow.ipynb"
    document = json.loads(path.read_text("utf-8"))
    failed = {"status": "terminated", "failed_cell": states.index("stopped")}
    document["metadata"]["guild"] = failed
    for cell, state in zip(document["cells"], states):
        cell["metadata"]["guild"] = {"status": state}
    path.write_text(json.dumps(document), "utf-8")
    (run.dir / ".guild" / "attrs" / "exit_status").write_text("-15")


def test_where_no_cell_had_ended_there_is_no_answer(project: Project) -> None:
    ended = project.run("slow").run
    make_stopped(ended, "stopped", "not run", "not run")
    done = reproduce(project, ended.id)
    assert done.status == 2, done.stdout
    assert done.stderr.endswith(
        f"run {ended.id[:8]} is not reproduced: none of its cells had ended, there is nothing to "
        f"compare the new run {done.run.id[:8]} with\n"
    )


@linux
@pytest.mark.parametrize("first", ["completed", "stopped"])
def test_ctrl_c_stops_the_new_run_and_there_is_no_answer(project: Project, first: str) -> None:
    slow = project.run("slow").run
    if first == "stopped":
        make_stopped(slow, "completed", "stopped", "not run")
    before = project.run_dirs()
    process = subprocess.Popen(
        [sys.executable, "-m", "guild_notebook.cli", "reproduce", slow.id],
        cwd=project.dir,
        env={**project.environment(), "SECONDS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(lambda: [d for d in project.run_dirs() - before if "waiting" in output_of(d)])
    os.killpg(process.pid, signal.SIGINT)
    _out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 2
    assert err.splitlines()[-1] == (
        f"guild-notebook: run {slow.id[:8]} is not reproduced: the new run was stopped - start it "
        "again"
    )
    (new,) = project.run_dirs() - before
    assert Run(new).attr("exit_status") < 0


def test_ctrl_c_before_the_first_cell_is_said_as_well(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_arguments: object) -> int:
        raise KeyboardInterrupt

    steady = project.run("steady").run
    monkeypatch.setattr("guild_notebook.run.reproduction.start", interrupted)
    done = guild_notebook(project.home, project.dir, "reproduce", steady.id)
    assert (done.status, done.err.splitlines()[-1]) == (
        2,
        f"guild-notebook: run {steady.id[:8]} is not reproduced: the new run was stopped - start "
        "it again",
    )


def test_after_ctrl_c_no_other_run_is_reproduced(
    project: Project, steady: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = project.run("steady").run
    before = project.run_dirs()

    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("guild_notebook.run.reproduction.stage", interrupted)
    done = guild_notebook(project.home, project.dir, "reproduce", other.id, steady.id)
    assert (done.status, done.err) == (
        2,
        f"guild-notebook: run {other.id[:8]} is not reproduced: the new run was stopped - start "
        "it again\n",
    )
    assert steady.id[:8] not in done.out
    assert project.run_dirs() == before


def test_a_new_run_that_is_stopped_while_it_is_made_is_not_left(
    project: Project, steady: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def interrupted(command: list[str], **_options: object) -> None:
        made.append(steady.dir.parent / command[command.index("--run-id") + 1])
        (made[0] / ".guild").mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reproduction.stage(FinishedRun(str(steady.dir)), reproduction.Choice())
    assert not made[0].exists()


def test_a_trial_of_a_sweep_is_reproduced_as_a_run_of_its_own(project: Project) -> None:
    made = project.run("steady", "lr=[0.3,0.4]", "--keep-batch").runs
    (batch,) = [run for run in made if (run.dir / ".guild" / "proto").exists()]
    (trial,) = [run for run in made if run.flags == {"lr": 0.4}]
    done = reproduce(project, trial.id)
    assert (done.status, done.run.flags) == (0, {"lr": 0.4})
    assert refused(project, batch.id) == (
        f"{batch.id[:8]} is a batch, which has executed no notebook: give its trials - see "
        "guild-notebook reproduce --help"
    )


def test_within_a_run_the_new_one_starts_as_from_a_shell(project: Project) -> None:
    told = project.run("tells").run
    made = project.guild("run", "outer", "-y", WHICH=told.id)
    assert "\n['FLAG_LR'] 1\nTrue\n" in made.stdout
    assert f" came out as {told.id[:8]}: 2 cells the same\n" in made.stdout


def test_a_required_file_that_has_changed_is_named(project: Project) -> None:
    read = project.run("reads").run
    same = reproduce(project, read.id)
    assert (same.status, ", 1 file\n" in same.stdout) == (0, True)
    project.file("data.csv", "1,3\n")
    try:
        done = reproduce(project, read.id)
    finally:
        project.file("data.csv", "1,2\n")
    assert done.status == 1
    assert "\nenvironment: data.csv changed\n" in done.stdout
    assert "\nwhat differs in the environment may be why\n" in done.stdout


def test_the_run_that_an_operation_required_is_required_again(project: Project) -> None:
    needed = project.run("makes").run
    first = project.run("uses").run
    project.run("makes")
    done = reproduce(project, first.id)
    assert done.status == 0, done.stdout
    assert done.run.flags == first.flags == {"operation:makes": needed.id}
    digests = [
        [line for line in run.manifest if line.startswith("d made.txt ")]
        for run in (first, done.run)
    ]
    assert len(digests[0]) == 1 and digests[0] == digests[1]


def test_a_file_that_cells_read_in_the_project_and_that_has_changed_is_named(
    project: Project,
) -> None:
    read = project.run("beside").run
    assert list(read.attr("project_files")) == ["own/more.csv"]
    project.file("own/more.csv", "6\n")
    done = reproduce(project, read.id)
    assert "\nenvironment: own/more.csv of the project changed\n" in done.stdout
    assert "not known: files" not in done.stdout
    (project.dir / "own" / "more.csv").unlink()
    gone = reproduce(project, read.id)
    assert "\nenvironment: own/more.csv of the project removed\n" in gone.stdout


def test_a_required_file_that_is_gone_makes_no_run(project: Project) -> None:
    read = project.run("reads").run
    (project.dir / "data.csv").unlink()
    try:
        done = reproduce(project, read.id)
    finally:
        project.file("data.csv", "1,2\n")
    assert (done.status, done.run_dirs) == (2, [])
    assert "Guild does not make the run: " in done.stderr and "data.csv" in done.stderr


def test_a_secret_comes_from_the_environment_and_is_not_written_down(project: Project) -> None:
    first = project.run("secret", TOKEN="correct horse").run
    assert refused(project, first.id) == (
        f"run {first.id[:8]} is not reproduced: secret flag token needs its value again, which no "
        "run keeps - set TOKEN in the environment"
    )
    done = reproduce(project, first.id, TOKEN="correct horse")
    assert done.status == 0, done.stderr
    assert not [name for name, data in content(done.run.dir).items() if b"correct horse" in data]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return linked(tmp_path_factory.mktemp("environment") / "env", "ipykernel")


def test_the_recorded_kernel_is_used_where_another_would_be(
    project: Project, environment: Path
) -> None:
    first = project.run("steady", **activated(environment)).run
    done = reproduce(project, first.id)
    assert done.status == 0, done.stderr
    kernels = [
        run.notebook("steady.ipynb")["metadata"]["guild_kernel"] for run in (first, done.run)
    ]
    assert kernels[0]["interpreter"] == kernels[1]["interpreter"]
    assert kernels[0]["interpreter"].startswith(str(environment))


def test_packages_that_differ_are_named(project: Project, environment: Path) -> None:
    (site,) = environment.glob("lib/python*/site-packages")
    info = site / "colours-1.0.dist-info"
    with_packages = {"NO_PIP_FREEZE": ""}
    first = project.run("loose", f"nb-kernel={environment}", **with_packages).run
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: colours\nVersion: 1.0\n")
    try:
        done = reproduce(project, first.id, **with_packages)
    finally:
        shutil.rmtree(info)
    assert "\nenvironment: colours 1.0 added\n" in done.stdout
    assert "\nwhat differs in the environment may be why\n" in done.stdout


def test_a_kernel_that_is_gone_is_said(project: Project, environment: Path) -> None:
    first = project.run("steady", f"nb-kernel={environment}").run
    by_name = project.run("steady", **activated(environment)).run
    away = environment.rename(environment.with_name("away"))
    try:
        said = refused(project, first.id)
        unknown = refused(project, first.id, "--kernel", "nothere")
        named = reproduce(project, first.id, "--kernel", "python3")
        other = reproduce(project, by_name.id)
    finally:
        away.rename(environment)
    python = f"{environment}/bin/python"
    assert said.startswith(f"run {first.id[:8]} is not reproduced: {python}")
    assert said.endswith(" - or name another: --kernel NAME")
    assert "kernel 'nothere' is not installed" in unknown
    assert (named.status, other.status) == (0, 0)
    assert f"interpreter {python}" in named.stdout
    assert f", which was the kernel, is not there: the kernel is {sys.executable} now" in (
        other.stdout
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say which runs: numbers or IDs of guild runs, or filters - see guild-notebook "
             "reproduce --help"),
        (["-Fo", "nothing"], "there is no such run - guild runs, with the same filters, lists "
                             "them"),
        (["1", "--rtol", "-1"], "--rtol takes a number from 0 on, not -1.0 - see guild-notebook "
                                "reproduce --help"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_an_error_of_one_line(
    project: Project, steady: Run, arguments: list[str], message: str
) -> None:
    assert refused(project, *arguments) == message


def test_a_run_that_has_not_ended_is_not_reproduced(project: Project) -> None:
    staged = project.run("steady", "--stage").run
    assert refused(project, staged.id) == (
        f"run {staged.id[:8]} is not reproduced: it is staged - start it: guild run --start "
        f"{staged.id[:8]}"
    )


@pytest.mark.slow
def test_the_digits_example_comes_out_the_same(tmp_path_factory: pytest.TempPathFactory) -> None:
    pytest.importorskip("sklearn")
    project = copied("digits", tmp_path_factory)
    first = project.run("digits").run
    done = reproduce(project, first.id)
    assert done.status == 0, done.stdout
    assert done.stdout.splitlines()[-1].endswith(": 7 cells the same")


def test_its_help_says_what_its_exit_statuses_mean(project: Project) -> None:
    done = reproduce(project, "--help")
    assert "0  all came out the same\n" in done.stdout
