"""The value of a secret flag where a run is executed elsewhere, on a worker of a cluster or over
ssh: it is in the kernel's environment there, and in nothing that either side writes."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import sshd
from tests.helpers.clusters import SHARED, Cluster, run_cluster, stage, status
from tests.helpers.project import Command, Project, Run
from tests.helpers.secret_values import OF_THE_USER, OTHER, VALUE, all_forms, digest, leaks

# What a cell sees of the run while it runs: the files around it that hold its value.
CELLS = [
    "token = ''\npin = ''\nlr = 1",
    "import hashlib, os, sys\nfrom pathlib import Path\n"
    "print('digests', *(hashlib.sha256(v.encode()).hexdigest()[:12] for v in (token, pin)), lr)\n"
    "print(token, pin)\nprint(pin, file=sys.stderr)",
    "home = Path.cwd()\nwhile home.name != 'runs':\n    home = home.parent\n"
    "for path in home.parent.parent.rglob('*'):\n"
    "    if path.is_file():\n"
    "        content = path.read_bytes()\n"
    "        if token.encode() in content or pin.encode() in content:\n"
    "            print('found in', path)\n"
    "print('looked')",
    "if lr > 1:\n    raise ValueError('refused: ' + token + pin)",
]
GUILDFILE = """
train:
  notebook: nb.ipynb
  flags-import: all
  flags: {token: {nb-secret: yes}, pin: {nb-secret: HUB}}
lacking:
  notebook: lacking.ipynb
  flags-import: all
  flags: {key: {nb-secret: ELSEWHERE}, pin: {nb-secret: HUB}}
"""

# Keeps what a worker removes when a run has gone back: its folder, and the archive that came.
KEEPING = """
import os, shutil
rmtree, unlink = shutil.rmtree, os.unlink
def keep(path, *args, **kwargs):
    if os.path.basename(path).startswith("guild-"):
        return os.rename(path, os.path.join({kept!r}, os.path.basename(path)))
    return rmtree(path, *args, **kwargs)
def unlink_kept(path, *args, **kwargs):
    if str(path).endswith(".tar.gz"):
        os.link(path, path + ".kept")
    return unlink(path, *args, **kwargs)
shutil.rmtree, os.unlink = keep, unlink_kept
"""


def made(project: Project) -> Project:
    project.notebook("nb.ipynb", *CELLS)
    project.notebook("lacking.ipynb", "key = ''\npin = ''", "print(len(key))")
    project.guildfile(GUILDFILE)
    return project


def found_in(folder: Path, values: tuple[str, ...] = (VALUE, OTHER)) -> list[tuple[str, str]]:
    """The files below a folder that hold a value in any form, compressed ones too."""
    forms = [form.encode() for value in values for form in all_forms(value)]
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            content += gzip.decompress(content) if content[:2] == b"\x1f\x8b" else b""
            found += [(str(path), form.decode()) for form in forms if form in content]
    return found


def command(done: object) -> Command:
    return Command(done.stdout, done.stderr or "", done.returncode)


# ---- on a cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A worker that has the secrets in its environment. All log what they can, and what the
    worker removes is kept in ``kept``."""
    pytest.importorskip("distributed", reason="dask is not installed")
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "kept").mkdir()
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(KEEPING.format(kept=str(folder / "kept")))
    cluster = Cluster(folder / "cluster")
    settings = [f"TOKEN={VALUE}", f"HUB={OTHER}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DASK_LOGGING__DISTRIBUTED", "debug")
        try:
            cluster.start()
            cluster.add(
                "one", threads=2, inside=("env", *settings, f"PYTHONPATH={folder / 'site'}")
            )
            cluster.wait_for_workers(1)
            yield cluster
        finally:
            cluster.stop()


@SHARED
def test_a_worker_has_the_value_in_its_environment_and_in_no_file(
    project: Project, cluster: Cluster, shared: str
):
    made(project)
    secrets = {"TOKEN": "another-value-here", "HUB": "one-more-value-here"}
    project.env.update(secrets, USERS_API_KEY=OF_THE_USER)
    runs = stage(project, "train", f"token={VALUE}", "lr=[1,2]", "--stage-trials")
    secrets["ELSEWHERE"] = "what-only-the-dispatcher-has"
    project.env = {"ELSEWHERE": secrets["ELSEWHERE"]}
    (lacking,) = stage(project, "lacking", "--stage")
    project.env = {**secrets, "USERS_API_KEY": OF_THE_USER}
    values = (VALUE, OTHER, *secrets.values())
    assert leaks(project, values=values) == []

    done = run_cluster(project, cluster, f"shared={shared}", "loglevel=debug")
    assert done.returncode == 0, done.stdout
    assert [status(project, run) for run in (*runs, lacking)] == ["completed", "error", "error"]
    for run, lr in zip(runs, (1, 2)):
        assert f"digests {digest(VALUE)} {digest(OTHER)} {lr}\n*** ***\n***\n" in run.output
        assert "looked" in run.output and "found in" not in run.output
        assert run.flags == {"token": "***", "pin": "***", "lr": lr}
        assert 'token = __import__("os").environ["TOKEN"]\n' in run.sources("nb.ipynb")[0]
    assert "ValueError: refused: ******" in runs[1].output
    assert "secret flag key needs its value again" in lacking.output
    assert "ELSEWHERE" in lacking.output

    assert leaks(project, command(done), values=values) == []
    assert found_in(cluster.folder.parent, values=(*values, OF_THE_USER)) == []
    kept = {path.name for path in cluster.folder.parent.joinpath("kept").rglob("*.tar.gz*")}
    assert shared == "yes" or kept == {"in.tar.gz.kept", "out.tar.gz"}
    log = cluster.log("scheduler")
    assert "Message from" in log or "Calling into handler" in log  # there was a log to look at


# ---- over an ssh remote


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Server]:
    """An ssh server whose logins have one of the secrets, and to which the client sends another."""
    folder = tmp_path_factory.mktemp("ssh")
    with sshd.running(folder, accepted="TOKEN", login=f"HUB={OTHER}") as made:
        yield made


@pytest.fixture
def remote(project: Project, server: sshd.Server) -> Project:
    made(project)
    project.env.update(server.environment(project.dir.parent, os.environ["PATH"]))
    return project


def written_over_there(server: sshd.Server) -> list[tuple[str, str]]:
    log = (server.folder / "sshd.log").read_text("utf-8", errors="replace")
    return found_in(server.home) + [("sshd.log", v) for v in (VALUE, OTHER) if v in log]


def test_over_ssh_the_value_comes_from_the_environment_and_is_in_no_file(
    remote: Project, server: sshd.Server
):
    remote.env["TOKEN"] = VALUE
    done = remote.guild("run", "-y", "train", "--label", f"with {VALUE}", "--remote", "box")
    assert f"digests {digest(VALUE)} {digest(OTHER)} 1\n*** ***\n***\n" in done.stdout
    assert "looked" in done.stdout and "found in" not in done.stdout
    assert "command lines" not in done.stderr
    assert remote.guild("pull", "box", "-y").status == 0
    (folder,) = (remote.home / "runs").iterdir()
    assert Run(folder).flags == {"token": "***", "pin": "***", "lr": 1}
    assert Run(folder).attr("label") == "with ***" and Run(folder).attr("exit_status") == 0
    assert leaks(remote, done) == [] and written_over_there(server) == []


@pytest.mark.cluster
def test_a_value_that_is_typed_for_a_remote_is_warned_of_and_in_no_file(
    remote: Project, server: sshd.Server
):
    done = remote.guild("run", "-y", "train", f"token={VALUE}", "lr=2", "--remote", "box")
    assert "secret flag token: its value is on the command lines of ssh and of box" in done.stderr
    assert "set TOKEN in the environment there" in done.stderr
    assert f"digests {digest(VALUE)} {digest(OTHER)} 2\n" in done.stdout
    assert "found in" not in done.stdout and "ValueError: refused: ******" in done.stdout
    assert leaks(remote, done) == [] and written_over_there(server) == []
