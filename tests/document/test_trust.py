"""Listing operations and reading flags of a project that nobody has vouched for: nothing of it
runs, and nothing outside of it is read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.helpers.project import CHECKOUT, GUILD, LIMIT, Project, code, notebook
from tests.helpers.slow import but_slow

HOOK = """
import os, sys
_log = open(os.environ["AUDIT_LOG"], "a", buffering=1)
_starts = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty",
           "os.startfile", "pty.spawn", "socket.connect", "socket.bind")

def _hook(event, args):
    if event == "open" and not isinstance(args[0], int) and args[0] is not None:
        path = os.path.realpath(os.fsdecode(args[0]))
        _log.write("open " + ("w " if args[2] & (os.O_WRONLY | os.O_RDWR) else "r ") + path + "\\n")
    elif event in _starts:
        _log.write(f"start {event} {args!r}\\n")

sys.addaudithook(_hook)
"""
"""A sitecustomize: Python tells it of each file that it opens and each process that it starts."""

READING = {
    "operations": ["operations"],
    "help": ["help"],
    "help of an operation": ["run", "inside", "--help-op"],
    "help of a path": ["run", "hostile.ipynb", "--help-op"],
    "help of one outside": ["run", "outside", "--help-op"],
    "models": ["models"],
}

COMPLETED = {"guild run ": "inside", "guild run inside ": "mode=", "guild run linked ": ""}
"""What is typed when TAB is pressed, and what it is completed by."""


def hostile_cells(marker: Path) -> list:
    touch = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    return [
        code(f"{touch}\nlr = {touch} or 0.1"),
        code(f"!touch {marker}\n%system touch {marker}\nimport os; os.system('touch {marker}')"),
        code(f"%%bash\ntouch {marker}"),
        code(
            f"#@title {{{touch}}}\n"
            f'mode = "a" #@param ["a", {touch}]\n'
            f'kind = "a" #@param ["a"] {{allow-input: {touch}}}\n'
            f"raw = {touch} #@param {{type: 'raw'}}\n"
            f"level = 1 #@param {{type: 'slider', min: {touch}, max: 2}}\n"
            f"when = '{{{touch}}}' #@param {{type: 'date'}}\n"
            f"form = f'{{{touch}}}' #@param\n"
        ),
        code(f"rate: {touch} = 0.5  # {touch}\nname = f'{{{touch}}}'", tags=["parameters"]),
        code(f"def f(x={touch}): ...\nclass C(metaclass={touch}): y = {touch}"),
        code(f"layer = Dense(64 if {touch} else 3)"),
    ]


@pytest.fixture(scope="module")
def hostile(shared: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose every part would leave ``marker``, and notebooks outside of it."""
    marker = shared.home.parent / "marker"
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.ipynb").write_text(json.dumps(notebook("outside_flag = 1")))
    shared.file("hostile.ipynb", json.dumps(notebook(*hostile_cells(marker))))
    kernel = {"name": f"../../$(touch {marker})", "display_name": f"`touch {marker}`"}
    old = notebook(
        *hostile_cells(marker), metadata={"kernelspec": {**kernel, "language": "python"}}
    )
    shared.file("kernel.ipynb", json.dumps(old))
    cells = [
        {"cell_type": "code", "input": f"x = open({str(marker)!r}, 'w')", "language": "python",
         "outputs": [], "metadata": {}, "collapsed": False, "prompt_number": 1}
    ]  # fmt: skip
    worksheets = [{"cells": cells, "metadata": {}}]
    old = {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": worksheets}
    shared.file("old.ipynb", json.dumps(old))
    (shared.dir / "link.ipynb").symlink_to(outside / "secret.ipynb")
    (shared.dir / "folder").symlink_to(outside)
    up = os.path.relpath(outside, shared.dir)
    shared.guildfile(
        f"""
        inside:
          notebook: hostile.ipynb --kernel '$(touch {marker})'
          flags-import: all
          flags:
            layer: {{nb-replace: 'Dense\\((?P<x>\\d+)'}}
            code: {{nb-replace: '(?{{__import__("os").system("touch {marker}")}})(1)'}}
        kernel: {{notebook: kernel.ipynb, flags-import: all, nb-kernel: '../../$(touch {marker})'}}
        old: {{notebook: old.ipynb, flags-import: all}}
        shell: {{notebook: 'hostile.ipynb; touch {marker}', flags-import: all}}
        outside: {{notebook: {up}/secret.ipynb, flags-import: all}}
        absolute: {{notebook: {outside}/secret.ipynb, flags-import: all}}
        up-and-down: {{notebook: folder/../{up}/secret.ipynb, flags-import: all}}
        linked: {{notebook: link.ipynb, flags-import: all}}
        linked-folder: {{notebook: folder/secret.ipynb, flags-import: all}}
        above: {{notebook: secret.ipynb, sourcecode: {{root: {up}}}, flags-import: all}}
        home: {{notebook: '~/secret.ipynb', flags-import: all}}
        reference:
          notebook: ${{nb}}
          flags: {{nb: {up}/secret.ipynb}}
        linked-reference:
          notebook: ${{nb}}.ipynb
          flags: {{nb: folder/secret}}
        {outside}/secret.ipynb: {{flags-import: all}}
        """
    )
    return shared


OUTSIDE = ("outside", "absolute", "up-and-down", "linked", "linked-folder", "above")


@pytest.fixture
def audited(hostile: Project, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "sitecustomize.py").write_text(HOOK)
    log = tmp_path / "log"
    log.touch()
    no_bytecode = {"PYTHONDONTWRITEBYTECODE": "1"}  # of this package, after a change of its code
    return {"PYTHONPATH": str(tmp_path), "AUDIT_LOG": str(log), **no_bytecode}


def seen(audited: dict[str, str], project: Project) -> list[str]:
    """What a command has started, written or read that is none of its business."""
    python = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
    package = CHECKOUT / "guild_notebook"
    its_own = [project.dir, project.home, audited["PYTHONPATH"], package, *python]
    its_own += [
        "/dev/null",
        "/dev/urandom",
        "/proc",
        "/etc/localtime",
        "/usr/share/zoneinfo",
    ]  # psutil, dates
    roots = [os.path.realpath(path) for path in its_own]
    lines = Path(audited["AUDIT_LOG"]).read_text("utf-8").splitlines()
    assert any(line.startswith("open r") and line.endswith("guild.yml") for line in lines) or any(
        line.endswith(".ipynb") for line in lines
    ), "the hook has seen nothing"
    found = []
    for line in lines:
        what, _, path = line.partition(" ")
        path = path[2:]
        inside = any(path == root or path.startswith(root + os.sep) for root in roots)
        written = line.startswith("open w") and not path.startswith(
            (str(project.home), "/dev/null", audited["AUDIT_LOG"])
        )
        of_guild = "nvidia-smi" in line  # it looks for GPUs
        if (what == "start" or not inside or written) and not of_guild:
            found.append(line)
    return found


@pytest.mark.parametrize("command", but_slow(READING, "operations", "help of a path"))
def test_reading_a_project_runs_nothing_and_reads_nothing_outside(
    hostile: Project, audited: dict[str, str], command: str
):
    done = hostile.guild(*READING[command], **audited)
    assert "outside_flag" not in done.stdout + done.stderr
    if command == "operations":
        assert {"inside", "linked", "reference"} <= set(done.stdout.split())
    assert seen(audited, hostile) == []
    assert not (hostile.home.parent / "marker").exists()


@pytest.mark.parametrize("typed", but_slow(COMPLETED, "guild run inside "))
def test_completion_runs_nothing_and_reads_nothing_outside(
    hostile: Project, audited: dict[str, str], typed: str
):
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    done = subprocess.run(
        [Path(sys.executable).with_name("guild")],
        cwd=hostile.dir,
        env={**hostile.environment(), **audited, **words, "_GUILD_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert COMPLETED[typed] in done.stdout and "outside_flag" not in done.stdout
    assert seen(audited, hostile) == []
    assert not (hostile.home.parent / "marker").exists()


@pytest.mark.parametrize(
    "name", but_slow(["hostile.ipynb", "kernel.ipynb", "old.ipynb"], "hostile.ipynb")
)
@pytest.mark.parametrize("command", ["flags", "preview"])
def test_the_flags_of_a_notebook_are_read_and_not_run(
    hostile: Project, audited: dict[str, str], command: str, name: str
):
    done = subprocess.run(
        [sys.executable, "-m", "guild_notebook.cli", command, name],
        cwd=hostile.dir,
        env={**hostile.environment(), **audited},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stderr
    assert seen(audited, hostile) == []
    assert not (hostile.home.parent / "marker").exists()


def test_the_hook_sees_what_a_command_starts_and_reads(hostile: Project, audited: dict[str, str]):
    program = "import os; os.system('true'); open('/etc/hostname').close(); open('guild.yml')"
    subprocess.run(
        [sys.executable, "-c", program], cwd=hostile.dir, env={**hostile.environment(), **audited}
    )
    found = seen(audited, hostile)
    assert any("os.system" in line for line in found)
    assert any("/etc/hostname" in line for line in found)


@pytest.mark.parametrize("operation", but_slow(OUTSIDE, "outside", "linked"))
def test_a_notebook_outside_of_the_project_is_not_run(hostile: Project, operation: str):
    done = hostile.guild("run", "-y", operation)
    assert (done.status, done.run_dirs) == (1, [])
    last = done.stderr.strip().splitlines()[-1]
    assert f"operation '{operation}': notebook " in last
    assert "lies outside of the project" in last and "run it by its own path" in last


@pytest.mark.parametrize(
    "operation", but_slow(["reference", "linked-reference"], "linked-reference")
)
def test_nor_one_that_a_flag_names(hostile: Project, operation: str):
    done = hostile.guild("run", "-y", operation)
    assert done.status == 1
    assert "lies outside of the project" in done.stderr.strip().splitlines()[-1]
    assert "outside_flag" not in json.dumps(os.listdir(done.run.dir))
    assert not list(done.run.dir.glob("secret*.html"))


def test_a_path_on_the_command_line_may_lead_anywhere(hostile: Project):
    up = os.path.relpath((hostile.dir / "folder").resolve(), hostile.dir)
    for path in (f"{up}/secret.ipynb", "link.ipynb", "folder/secret.ipynb"):
        done = hostile.run(path, "outside_flag=2", NB_NO_EXEC="1")
        assert done.run.flags == {"outside_flag": 2}


def test_links_within_the_project_and_to_the_project_are_followed(project: Project, tmp_path: Path):
    project.notebook("nbs/a.ipynb", "lr = 1\nprint('lr', lr)")
    (project.dir / "b.ipynb").symlink_to("nbs/a.ipynb")
    project.guildfile("b: {notebook: b.ipynb, flags-import: all, nb-report: none}\n")
    linked = tmp_path / "linked"
    linked.symlink_to(project.dir)
    done = subprocess.run(
        [*GUILD, "run", "-y", "b", "lr=3"],
        cwd=linked,
        env=project.environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0 and "lr 3" in done.stdout, done.stderr
