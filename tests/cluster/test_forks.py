"""Which trials have which host on a worker, and for how long (``nb-fork``)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from guild_notebook import fork_host
from guild_notebook.cluster import forks
from tests.helpers.project import wait_for


def trial(folder: Path, name: str, **attributes: object) -> str:
    attrs = folder / name / ".guild" / "attrs"
    attrs.mkdir(parents=True)
    for attribute, value in attributes.items():
        (attrs / attribute).write_text(yaml.safe_dump(value))
    return str(folder / name)


def test_trials_of_one_batch_have_one_host_and_others_have_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(forks, "IDLE_SECONDS", 0.2)
    own = str(tmp_path)
    varying = {"cmd": ["train.ipynb", "--fork=yes"], "varying_flags": ["lr"]}
    runs = [
        trial(tmp_path, "first", flags={"lr": 0.1, "depth": 1}, **varying),
        trial(tmp_path, "second", flags={"lr": 0.2, "depth": 1}, **varying),
        trial(tmp_path, "other", flags={"lr": 0.1, "depth": 2}, **varying),
        trial(tmp_path, "none", flags={"lr": 0.1, "depth": 1}, cmd=varying["cmd"]),
        trial(tmp_path, "odd", flags=[1], varying_flags={"lr": 1}),
    ]
    seen = []
    for run in runs:
        with forks.variables(run, own) as variables:
            seen.append(variables.get(fork_host.VARIABLE, ""))
            assert fork_host.is_offered(variables) == bool(variables)
    assert seen[0] == seen[1] != seen[2]
    assert seen[2]
    assert seen[3:] == ["", ""]
    with forks.variables(runs[0], own) as variables:
        assert variables == {fork_host.VARIABLE: seen[0]}
        wait_for(lambda: not os.path.exists(seen[2]), 20)
        assert os.path.exists(seen[0])
    wait_for(lambda: not os.path.exists(seen[0]), 20)
    with forks.variables(runs[0], own) as variables:
        assert os.path.exists(variables[fork_host.VARIABLE])
    forks._close_all()
    assert not os.path.exists(variables[fork_host.VARIABLE])
