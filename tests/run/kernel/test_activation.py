"""The variables of a kernel: those of its environment as if it were active, none of Guild's."""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

import pytest

from guild_notebook.run.kernel import launcher
from guild_notebook.run.kernel.environment import Environment

KINDS = ("venv", "conda", "plain")


def environment(folder: Path, kind: str) -> str:
    (folder / "bin").mkdir(parents=True)
    if kind == "venv":
        (folder / "pyvenv.cfg").write_text("")
    if kind == "conda":
        (folder / "conda-meta").mkdir()
    return str(folder)


@pytest.mark.parametrize(
    ("kind", "active"), [*itertools.product(KINDS, [(), ("venv",), ("conda",)])]
)
def test_no_environment_but_the_kernel_s_own_is_active(
    tmp_path: Path, kind: str, active: tuple[str, ...]
):
    own = environment(tmp_path / "own", kind)
    environ = {"PATH": "/a:/b"}
    for other in active:
        folder = environment(tmp_path / f"other {other}", other)
        name = {"venv": "VIRTUAL_ENV", "conda": "CONDA_PREFIX"}[other]
        more = {"venv": "VIRTUAL_ENV_PROMPT", "conda": "CONDA_DEFAULT_ENV"}[other]
        environ.update({name: folder, more: "other", "PATH": f"/a:{folder}/bin:/b"})
    launcher.activate(environ, f"{own}/bin", own)
    expected = {"PATH": f"{own}/bin:/a:/b"}
    if active == ("conda",) and kind != "conda":  # a virtual environment leaves conda's commands
        expected["PATH"] = f"{own}/bin:/a:{tmp_path}/other conda/bin:/b"
    if kind == "venv":
        expected["VIRTUAL_ENV"] = own
    if kind == "conda":
        expected.update({"CONDA_PREFIX": own, "CONDA_DEFAULT_ENV": "own"})
    assert environ == expected
    again = dict(environ)
    launcher.activate(again, f"{own}/bin", own)
    assert again == environ


def test_an_environment_that_is_active_stays_as_it_is(tmp_path: Path):
    own = environment(tmp_path / "own", "venv")
    (tmp_path / "link").symlink_to(own)
    environ = {"VIRTUAL_ENV": own, "VIRTUAL_ENV_PROMPT": "mine", "PATH": f"{own}/bin:/b"}
    launcher.activate(environ, f"{own}/bin", own)
    assert environ == {
        "VIRTUAL_ENV": own,
        "VIRTUAL_ENV_PROMPT": "mine",
        "PATH": f"{own}/bin:/b",
    }
    launcher.activate(environ, f"{tmp_path}/link/bin", f"{tmp_path}/link")
    assert environ["PATH"].split(":")[0] == f"{tmp_path}/link/bin"


@pytest.mark.parametrize(
    ("argv", "begins"),
    [
        (["{own}/bin/python", "-m", "ipykernel_launcher"], "{own}/bin"),
        (["{own}/bin/python", "script.py"], "{own}/bin"),
        (["{own}/bin/xpython", "-f"], "{own}/bin"),
        (["{own}/bin/R", "--slave"], "{own}/bin"),
        (["python", "-m", "ipykernel_launcher"], os.path.dirname(sys.executable)),
        (["{plain}/bin/R", "--slave"], "/a"),
        (["of-nobody"], "/a"),
    ],
)
def test_path_begins_with_the_folder_of_a_kernel_that_is_of_an_environment(
    tmp_path: Path, argv: list[str], begins: str, monkeypatch: pytest.MonkeyPatch
):
    folders = {kind: environment(tmp_path / kind, kind) for kind in ("venv", "plain")}
    names = {"own": folders["venv"], "plain": folders["plain"]}
    for folder, name in itertools.product(folders.values(), ("python", "xpython", "R")):
        Path(folder, "bin", name).write_text("")
        Path(folder, "bin", name).chmod(0o755)
    monkeypatch.setenv("PATH", "/a:/b")
    variables = Environment([]).variables([word.format(**names) for word in argv])
    assert variables["PATH"].split(":")[0] == begins.format(**names)


def test_the_user_s_own_entries_of_pythonpath_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import guild

    of_guild = os.path.dirname(os.path.dirname(guild.__file__))
    (tmp_path / "link").symlink_to(of_guild)
    entries = ["/of/user", of_guild, "/usr/lib/python3/dist-packages", f"{tmp_path}/link"]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*entries, "/of/user"]))
    variables = Environment([str(tmp_path)]).variables([sys.executable, "-m", "ipykernel_launcher"])
    assert variables["PYTHONPATH"] == "/of/user:/usr/lib/python3/dist-packages"
    of_other = Environment([str(tmp_path)]).variables(["R"])["PYTHONPATH"]
    assert of_other == f"{tmp_path}:/of/user:/usr/lib/python3/dist-packages"
    monkeypatch.setenv("PYTHONPATH", of_guild)
    python = [sys.executable, "-m", "ipykernel_launcher"]
    assert "PYTHONPATH" not in Environment([]).variables(python)


@pytest.mark.parametrize(("level", "kept"), [("20", None), ("DEBUG", "DEBUG")])
def test_what_guild_sets_for_itself_is_of_use_or_not_there(
    level: str, kept: str | None, monkeypatch: pytest.MonkeyPatch
):
    given = {"CMD_DIR": "/cmd", "GUILD_HOME": "home", "RUN_DIR": "home/runs/1", "LOG_LEVEL": level}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    variables = Environment([]).variables(["R"])
    assert variables["GUILD_HOME"] == "/cmd/home" and variables["RUN_DIR"] == "/cmd/home/runs/1"
    assert variables.get("LOG_LEVEL") == kept
    monkeypatch.setenv("GUILD_HOME", "/abs")
    assert Environment([]).variables(["R"])["GUILD_HOME"] == "/abs"
