"""Notebook operations over Guild's ssh remote: a real sshd on loopback, its own keys and home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator

import pytest

from tests.helpers import sshd
from tests.helpers.project import LIMIT, Project, Run, start, wait_for

with_sshd = pytest.mark.skipif(bool(sshd.missing()), reason=sshd.missing())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Server]:
    with sshd.running(tmp_path_factory.mktemp("ssh")) as made:
        yield made


@pytest.fixture
def remote(project: Project, server: sshd.Server) -> Project:
    """A project whose remote ``box`` is the server."""
    project.env.update(server.environment(project.dir.parent, os.environ["PATH"]))
    project.guildfile("train:\n  notebook: notebooks/train.ipynb\n  flags-import: all\n")
    project.file("notebooks/helper.py", "RATE = 2\n")
    return project


def there(server: sshd.Server, run_id: str) -> Run:
    """A run's directory on the other side."""
    return Run(server.home / ".guild" / "runs" / run_id)


def newest(project: Project, *args: str) -> str:
    (line,) = project.guild("select", *args).stdout.split()
    return line


@pytest.mark.cluster  # in short the session of docs/remotes.md
@with_sshd
def test_a_notebook_runs_over_there_and_is_watched_pulled_and_compared(remote, server):
    remote.notebook(
        "notebooks/train.ipynb",
        "lr = 0.1",
        "import os, helper; print('home is', os.environ['HOME'])",
        "print(f'loss: {lr * helper.RATE}')",
    )
    done = remote.guild("run", "-y", "train", "lr=0.3", "--remote", "box")
    assert done.status == 0, done.stderr
    assert f"home is {server.home}" in done.stdout and "loss: 0.6" in done.stdout
    assert not done.run_dirs  # nothing is here yet
    run_id = newest(remote, "-r", "box")
    assert there(server, run_id).attr("exit_status") == 0

    assert "loss: 0.6" in remote.guild("watch", "-r", "box", run_id).stdout
    assert "train.html" in remote.guild("ls", "-r", "box", run_id).stdout
    assert remote.guild("pull", "box", "-y").status == 0
    run = Run(remote.home / "runs" / run_id)
    assert "lr = 0.3" in run.sources("notebooks/train.ipynb")
    assert (run.dir / "notebooks" / "train.html").exists()
    assert "lr = 0.1" in run.source("notebooks/train.ipynb").decode()
    here = remote.run("train", "lr=0.2").run
    compared = remote.guild("compare", "--table", "--strict-cols", "=lr,loss").stdout
    assert "0.3  0.6" in compared and "0.2  0.4" in compared

    assert remote.guild("push", "box", here.id, "-y").status == 0
    assert there(server, here.id).sources("notebooks/train.ipynb") == here.sources(
        "notebooks/train.ipynb"
    )


@pytest.mark.cluster
@with_sshd
def test_a_run_over_there_is_stopped_from_here_and_keeps_what_it_has(remote, server):
    remote.notebook("notebooks/train.ipynb", "print('kept')", "import time; time.sleep(300)")
    started = remote.guild("run", "-y", "train", "--remote", "box", "--no-wait")
    assert started.status == 0, started.stderr
    run_id = newest(remote, "-r", "box")
    output = there(server, run_id).dir / ".guild" / "output"
    wait_for(lambda: output.exists() and "kept" in output.read_text())
    watching = start(remote, "watch", "-r", "box", run_id)
    assert remote.guild("pull", "box", run_id, "-y").status == 0
    assert '"running"' in remote.guild("runs", "--json").stdout.replace(" (box)", "")
    assert remote.guild("stop", "-r", "box", run_id, "-y").status == 0
    said, _ = watching.communicate(timeout=LIMIT)
    assert "kept" in said and "stopped with a status of 'terminated'" in said
    assert remote.guild("pull", "box", run_id, "-y").status == 0
    run = Run(remote.home / "runs" / run_id)
    assert run.attr("exit_status") < 0
    assert "kept" in json.dumps(run.notebook("notebooks/train.ipynb"))


@pytest.mark.cluster
@with_sshd
def test_a_failing_cell_over_there_is_seen_here(remote, server):
    remote.notebook("notebooks/train.ipynb", "1 / 0")
    done = remote.guild("run", "-y", "train", "--remote", "box")
    assert "failed with ZeroDivisionError" in done.stdout
    assert (
        "stopped with a status of 'error'" in done.stderr
    )  # Guild's exit status is 0 all the same


@pytest.mark.cluster
@with_sshd
def test_trials_run_over_there(remote, server):
    remote.notebook("notebooks/train.ipynb", "lr = 0.1", "print(f'loss: {lr * 2}')")
    done = remote.guild("run", "-y", "train", "lr=[1,2]", "--remote", "box")
    assert done.status == 0, done.stderr
    assert "loss: 2" in done.stdout and "loss: 4" in done.stdout


# ---- what a package holds


def package(project: Project) -> set[str]:
    """The project's files in the package that Guild builds of it, without where they lie there."""
    done = project.guild("package", "--clean", "--dist-dir", str(project.dir / "dist"))
    assert done.status == 0, done.stderr
    (wheel,) = (project.dir / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    root = next(name for name in names if name.endswith("guild.yml"))[: -len("guild.yml")]
    return {name[len(root) :] for name in names if name.startswith(root)} - {"guild.yml"}


def test_a_package_holds_the_operations_notebooks_and_the_modules_beside_them(project):
    project.notebook("train.ipynb", "1")
    project.notebook("nbs/a b.ipynb", "1")
    project.notebook("nbs/no operation.ipynb", "1")
    project.file("nbs/helper.py", "")
    project.file("nbs/data.csv", "")
    project.guildfile("train: {notebook: train.ipynb}\nother: {notebook: nbs/a b.ipynb}\n")
    assert package(project) == {"train.ipynb", "nbs/a b.ipynb", "nbs/helper.py"}


def test_nothing_outside_the_project_gets_into_a_package(project):
    outside = project.dir.parent / "outside.ipynb"
    outside.write_text("{}")
    project.notebook("link-target.ipynb", "1")
    (project.dir / "link.ipynb").symlink_to(outside)
    project.guildfile(
        "a: {notebook: ../outside.ipynb}\nb: {notebook: link.ipynb}\n"
        "c: {notebook: link-target.ipynb}\n"
    )
    assert package(project) == {"link-target.ipynb"}


def test_a_package_of_its_own_name_keeps_its_data_files_and_gets_the_notebooks(project):
    project.notebook("train.ipynb", "1")
    project.file("data.csv", "1")
    project.guildfile(
        "- package: mine\n  version: 1.2\n  data-files: [data.csv]\n"
        "- operations:\n    train: {notebook: train.ipynb}\n"
    )
    assert package(project) == {"data.csv", "train.ipynb"}
    assert list((project.dir / "dist").glob("mine-1.2-*.whl"))


def test_a_project_without_notebooks_has_the_package_that_it_had(project):
    project.guildfile("train: {exec: 'true'}\n")
    assert package(project) == set()


def test_reading_a_guild_file_makes_no_package(project):
    project.notebook("train.ipynb", "1")
    project.guildfile("train: {notebook: train.ipynb}\n")
    program = "from guild import guildfile; gf = guildfile.for_dir('.'); print(gf.package)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project.dir, capture_output=True, text=True
    )
    assert done.stdout == "None\n", done.stderr
