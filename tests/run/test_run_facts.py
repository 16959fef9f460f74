"""What a report says of its run, of a run directory that may hold anything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from guild_notebook.document import reader
from guild_notebook.flags import discover
from guild_notebook.run.execution.execute import Outcome
from guild_notebook.run.record.run_dir import RunDir
from guild_notebook.run.report.facts import FlagValue, RunFacts
from guild_notebook.run.run_facts import RunFlags, run_facts
from tests.helpers.project import notebook

ATTRS = {
    "id": "0123456789abcdef0123456789abcdef",
    "label": "a s3cret label",
    "tags": ["s3cret", "b"],
    "comments": [{"body": "says s3cret", "user": "a"}, {"body": "and more"}],
    "started": 1_790_000_000_000_000,
    "user": "ann",
    "vcs_commit": "git:9b901b51fce5*",
    "flags": {"lr": 0.5, "name": "s3cret", "gone": "x", "n": 3, "when": None},
    "user_flags": {"n": 3},
    "op": {},
}

CELL = "lr = 0.1\nname = 'plain'\nn = 3\nwhen = 2 * n"


def facts_of(folder: Path, attrs: dict[str, Any], outcome: Outcome | None = None) -> RunFacts:
    run_dir = folder / "runs" / "0123456789abcdef0123456789abcdef"
    (run_dir / ".guild" / "attrs").mkdir(parents=True)
    for name, value in attrs.items():
        path = run_dir / ".guild" / "attrs" / name
        if isinstance(value, Path):
            path.symlink_to(value)
        else:
            path.write_bytes(value if isinstance(value, bytes) else yaml.safe_dump(value).encode())
    (run_dir / ".guild" / "opref").write_text("guildfile:/p/guild.yml 9b '' train", "utf-8")
    source = folder / "train.ipynb"
    source.write_text(nbformat.writes(nbformat.from_dict(notebook(CELL))), "utf-8")
    found = discover.discover(reader.read(str(source), "train.ipynb"), wanted=["when"])
    record = RunDir(str(run_dir), "train.ipynb")
    values = attrs["flags"] if isinstance(attrs.get("flags"), dict) else {}
    flags = RunFlags(found, values, {}, ["nb-kernel=other"])
    nb = nbformat.from_dict(notebook(CELL))
    how = outcome or Outcome(), True, lambda text: text.replace("s3cret", "***")
    return run_facts(record, flags, nb, *how)


def test_facts_are_those_of_the_attributes_and_hold_no_secret_value(tmp_path: Path):
    facts = facts_of(tmp_path, ATTRS)
    assert "s3cret" not in repr(facts)
    assert (facts.operation, facts.run_id) == ("train", ATTRS["id"])
    assert (facts.label, list(facts.tags)) == ("a *** label", ["***", "b"])
    assert list(facts.comments) == ["says ***", "and more"]
    assert (facts.commit, facts.is_modified) == ("9b901b51fce5", True)
    assert facts.started.timestamp() == 1_790_000_000 and facts.started.utcoffset() is not None
    assert facts.flags == [
        FlagValue("lr", "0.5", "0.1", True),
        FlagValue("name", "***", "plain", True),
        FlagValue("n", "3", "3"),
        FlagValue("when", "2 * n", "2 * n"),
        FlagValue("gone", "x"),
    ]
    assert facts.command == ""  # it cannot be typed without the value
    assert facts.proto_command == "guild run --proto 01234567"


def test_what_was_assigned_is_in_the_command_though_the_notebook_has_the_same(tmp_path: Path):
    facts = facts_of(tmp_path, {**ATTRS, "flags": {"lr": 0.5, "name": "a b", "n": 3}})
    assert facts.command == "guild run train lr=0.5 'name=a b' n=3 nb-kernel=other"


ODD = {
    "nothing": {},
    "not YAML": {**dict.fromkeys(ATTRS, b"\xff{["), "op": {}},
    "links": {**dict.fromkeys(ATTRS, Path("/etc/hostname")), "op": {}},
    "numbers": {**dict.fromkeys(ATTRS, 5), "op": {}},
    "lists": {**{name: [[1, None], {"a": 1}] for name in ATTRS}, "op": {}},
    "a time of no calendar": {"started": 10**30},
    "a time before all": {"started": -(10**17)},
    "patterns that are none": {"op": {"output-scalars": [5, "(", {"a": "(b"}, {3: "c"}]}},
}


@pytest.mark.parametrize("name", ODD)
def test_attributes_that_cannot_be_read_are_left_out(tmp_path: Path, name: str):
    facts = facts_of(tmp_path, ODD[name])
    assert facts.operation == "train" and facts.state == "completed"
    assert os.path.basename(facts.run_id)


def test_a_run_that_has_failed_without_a_cell_is_not_called_completed(tmp_path: Path):
    facts = facts_of(tmp_path, ATTRS, Outcome(1, None, "the run was ended by an error"))
    assert (facts.state, facts.reason) == ("failed", "the run was ended by an error")
