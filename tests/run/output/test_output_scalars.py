"""Output scalars of an operation's own, and TensorBoard event files that a notebook writes."""

from __future__ import annotations

import csv
import io
import shutil

import pytest

from tests.helpers.project import Project, Run, code
from tests.helpers.slow import but_slow

CELLS = [
    code(
        "for step in (1, 2):\n"
        "    print(f'epoch {step}: loss=0.{step} [train]')\n"
        "print('acc: 0.5')\n"
    ),
    code(
        "#@title loss=9.9 acc: 7\nclass R:\n    def __repr__(self):\n"
        "        return 'loss=0.25 [result]'\nR()"
    ),
    code("import os, shutil\nshutil.copytree(os.environ['PROJECT_DIR'] + '/.logs', 'logs')"),
]
WRITES = [
    code(
        "from tensorboard.compat.proto.event_pb2 import Event\n"
        "from tensorboard.compat.proto.summary_pb2 import Summary\n"
        "from tensorboard.summary.writer.event_file_writer import EventFileWriter\n"
        "writer = EventFileWriter('logs')\n"
        "for step, value in enumerate((0.75, 0.875)):\n"
        "    summary = Summary(value=[Summary.Value(tag='tb_loss', simple_value=value)])\n"
        "    writer.add_event(Event(step=step, summary=summary))\n"
        "writer.close()"
    ),
]

CONFIGS = {
    "string": (r"'epoch (\step): loss=(\value)'", {}),
    "list": (r"[ 'loss=(?P<loss>\value)' ]", {"loss": "0.25"}),
    "mapping": (r"{ loss: 'loss=(\value)', step: 'epoch (\step)' }", {"loss": "0.25", "step": "2"}),
    "key": (r"'(\key)=(\value)'", {"loss": "0.25"}),
    "mixed": (r"[ '^(\key): (\value)$', {loss: 'loss=(\value) \[train'} ]",
              {"loss": "0.2", "acc": "0.5"}),
    "none": ("off", {}),
}  # fmt: skip


@pytest.fixture(scope="module")
def made(shared: Project) -> Project:
    """One operation writes event files itself, and the others copy its: the library that writes
    them takes longer to import than all else does."""
    shared.notebook("nb.ipynb", *CELLS)
    shared.notebook("writes.ipynb", *CELLS[:-1], *WRITES)
    shared.guildfile(
        "".join(
            f"{name}:\n  notebook: {'writes' if name == 'key' else 'nb'}.ipynb\n"
            f"  nb-report: none\n  output-scalars: {config}\n"
            for name, (config, _expected) in CONFIGS.items()
        )
    )
    return shared


@pytest.fixture(scope="module")
def writing(made: Project) -> Run:
    run = made.run("key").run
    shutil.copytree(run.dir / "logs", made.dir / ".logs")  # which Guild does not copy
    return run


def scalars(project: Project, run_id: str) -> dict[str, str]:
    """The scalars that ``guild runs info`` shows of a run."""
    info = project.guild("runs", "info", run_id).stdout
    lines = info.split("scalars:")[1].splitlines() if "scalars:" in info else []
    pairs = [line.strip().split(": ", 1) for line in lines if line.startswith("  ")]
    return {key: value.split(" (")[0] for key, value in pairs}


@pytest.mark.parametrize("name", but_slow(CONFIGS, "string", "key"))
def test_the_operations_patterns_are_matched_in_all_that_cells_show(
    made: Project, writing: Run, name: str
):
    run = writing if name == "key" else made.run(name).run
    found = scalars(made, run.id)
    assert float(found.pop("logs#tb_loss")) == 0.875
    if name == "string":  # the first group is the key where there are two, as in Guild
        assert {key: float(value) for key, value in found.items()} == {
            "1": pytest.approx(0.1),
            "2": pytest.approx(0.2),
        }
        return
    expected = {key: float(value) for key, value in CONFIGS[name][1].items() if key != "step"}
    assert {key: float(value) for key, value in found.items()} == pytest.approx(expected)


def test_compare_shows_them(made: Project, writing: Run):
    table = made.guild("compare", "--csv", "-", writing.id).stdout
    (row,) = csv.DictReader(io.StringIO(table))
    assert float(row["loss"]) == 0.25
    assert float(row["tb_loss"]) == 0.875


def test_what_guild_tests_of_output_scalars_is_what_counts(made: Project):
    made.notebook("plain.ipynb", "lr = 1")
    made.file("output.txt", "loss: 1e+5\nlr: 3\n")
    done = made.guild("run", "plain.ipynb", "--test-output-scalars", "output.txt")
    assert "loss=100000.0" in done.stdout
    assert "lr=3" not in done.stdout
