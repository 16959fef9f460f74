"""Flags that are meant, with the real ``guild``: what ``flags-import: all`` leaves out, how
guild.yml names it, and what is said of a flag that is set and assigned again."""

from __future__ import annotations

import pytest

from tests.helpers.project import Command, Project

SETUP = "lr = 0.1\nrows = []\ncount = 0\ni = 3\ndata = [\n    1,\n    2,\n]"
TRAIN = "for i in range(3):\n    rows.append(i)\n    count += 1\n    lr *= 0.9"
AGAIN = "lr = 0.01\nprint('end')"

GUILDFILE = """
all:
  notebook: train.ipynb
  flags-import: all
  nb-exec: no
and-rows:
  notebook: train.ipynb
  flags-import: [all, rows]
  nb-exec: no
listed:
  notebook: train.ipynb
  flags-import: [rows, i, data]
  nb-exec: no
defined:
  notebook: train.ipynb
  flags-import: all
  flags:
    count:
      description: where to begin
    rows:
      default: [[4]]
  nb-exec: no
skipping:
  notebook: train.ipynb
  flags-import: all
  flags-import-skip: [rows, i]
  nb-exec: no
pattern:
  notebook: train.ipynb
  flags-import: all
  flags:
    first:
      nb-replace: 'count = (\\d+)'
  nb-exec: no
"""


@pytest.fixture(scope="module")
def project(shared: Project) -> Project:
    shared.notebook("train.ipynb", SETUP, TRAIN, AGAIN)
    shared.guildfile(GUILDFILE)
    return shared


@pytest.fixture(scope="module")
def listed(project: Project) -> Command:
    return project.run("listed", "rows=[[7]]", "i=5", "data=[[8,9]]")


@pytest.mark.parametrize(
    ("operation", "names"),
    [
        ("train.ipynb", {"lr"}),
        ("all", {"lr"}),
        ("and-rows", {"lr", "rows"}),
        ("listed", {"rows", "i", "data"}),
        ("defined", {"lr", "count", "rows"}),
        ("pattern", {"lr", "first"}),
    ],
)
def test_what_nobody_means_is_a_flag_where_guild_yml_names_it(project, operation, names):
    shown = project.guild("run", operation, "--help-op").stdout
    below = shown.partition("Flags:")[2].splitlines()
    assert {line.split()[0] for line in below if line.startswith("  ")} - {"(default"} == names


def test_a_flag_that_is_named_is_set_as_others_are(listed: Command):
    assert listed.run.sources("train.ipynb")[0].splitlines() == [
        "lr = 0.1", "rows = [7]", "count = 0", "i = 5", "data = [8, 9]"
    ]  # fmt: skip


def test_a_run_that_has_such_a_flag_is_started_again_where_guild_yml_names_it_no_more(
    project: Project, listed: Command
):
    project.guildfile(GUILDFILE.replace("[rows, i, data]", "all"))
    try:
        project.run("--restart", listed.run.id, "lr=0.3")
        proto = project.run("--proto", listed.run.id, "lr=0.4").run
    finally:
        project.guildfile(GUILDFILE)
    for run, lr in ((listed.run, 0.3), (proto, 0.4)):
        assert run.sources("train.ipynb")[0].splitlines()[:2] == [f"lr = {lr}", "rows = [7]"]


def test_what_is_passed_over_may_be_left_out_by_name_as_well(project: Project):
    assert project.run("skipping", "--stage").run.flags == {"lr": 0.1}


def test_a_flag_that_is_set_and_assigned_again_is_warned_of_once(project: Project, listed: Command):
    done = project.run("all", "lr=0.5", "--stage")
    (line,) = [line for line in done.stderr.splitlines() if "assigned again" in line]
    assert line.startswith("WARNING: train.ipynb: flag lr ")
    assert "assigned again in the 3rd cell" in line
    assert "assigned again" not in project.run("all", "--stage").stderr
    (line,) = [line for line in listed.stderr.splitlines() if "assigned again" in line]
    assert "flag i " in line
    assert "in the 2nd cell" in line
