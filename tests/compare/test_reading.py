"""A run directory read as data."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guild_notebook.compare import model, page_data, reading
from tests.helpers.mutations import PNG, mutant
from tests.helpers.project import Project, code, markdown, new_project, start, wait_for

SETTINGS = "# Settings\nlr = 0.5\nmode = 'fast'\ntoken = 'guess'"
TRAINING = """# Training
import sys
for step in range(3):
    print(f'loss: {lr / (step + 1)} (step {step})')
print('careful', file=sys.stderr)
if lr > 1:
    raise ValueError('it diverged')
print('level: nan')"""
SHOWN = f"""# Shown
from IPython.display import display
display({{'image/png': {PNG!r}, 'text/plain': 'a dot'}}, raw=True)
scrap = {{'name': 'score', 'data': lr * 2, 'encoder': 'json', 'version': 1}}
display({{'application/scrapbook.scrap+json': scrap}}, raw=True)
display({{'application/papermill.record+json': dict(kept=7, on=True, off=False)}}, raw=True)"""
WRITTEN = """# Written
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
writer = EventFileWriter('logs')
for step in range(4):
    value = Summary.Value(tag='val', simple_value=lr + step)
    writer.add_event(Event(step=step, summary=Summary(value=[value])))
writer.close()"""
GUILDFILE = """
train:
  notebook: train.ipynb
  flags-import: all
  flags:
    token:
      nb-secret: yes
text:
  notebook: text.py
  flags-import: all
  nb-report: none
script:
  main: script
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = new_project(tmp_path_factory.mktemp("reading"))
    cells = [markdown("# A descent"), SETTINGS, TRAINING, SHOWN, WRITTEN, ""]
    cells = [code(c) if isinstance(c, str) else c for c in cells]
    ids = [{**cell, "id": f"own-{index}"} for index, cell in enumerate(cells)]
    made.notebook("train.ipynb", *ids, nbformat_minor=5)
    made.guildfile(GUILDFILE)
    made.file("script.py", "print('accuracy: 0.75')\n")
    made.file("text.py", "# %% [markdown]\n# # Text\n\n# %%\nlr = 0.1\n\n# %%\nprint(lr)\n")
    return made


@pytest.fixture(scope="module")
def completed(project: Project) -> model.Run:
    args = ("train", "lr=0.25", "--label", "first", "--tag", "a")
    return reading.read_run(str(project.run(*args, TOKEN="correct horse").run.dir))


@pytest.fixture(scope="module")
def failed(project: Project) -> model.Run:
    done = project.guild("run", "-y", "train", "lr=4", TOKEN="correct horse")
    assert done.status == 1
    return reading.read_run(str(done.run.dir))


def test_a_run_has_what_guild_and_its_notebook_say_of_it(project: Project, completed: model.Run):
    assert (completed.operation, completed.status, completed.state) == (
        *("train", "completed", "completed"),
    )
    assert (completed.label, completed.tags, completed.reason) == ("first", ["a"], "")
    assert completed.flags == {"lr": 0.25, "mode": "fast", "token": "***"}
    assert (completed.notebook, completed.report) == ("train.ipynb", "train.html")
    kept = Path(completed.dir, ".guild", "sourcecode", "train.ipynb").read_bytes()
    assert completed.source_digest == hashlib.sha256(kept).hexdigest()
    assert completed.started and abs(completed.started.timestamp() - time.time()) < 3600
    assert completed.seconds and 0 < completed.seconds < 120
    assert len(completed.id) == 32 and completed.short_id == completed.id[:8]


def test_scalars_are_those_that_were_printed_written_and_recorded(completed: model.Run):
    values = {name: scalar.value for name, scalar in completed.scalars.items()}
    assert math.isnan(values.pop("level"))
    expected = {"loss": 0.25 / 3, "logs#val": 3.25, "score": 0.5, "kept": 7.0}
    assert values == pytest.approx(expected, rel=1e-6)
    assert completed.scalars["loss"].step == 2
    assert [step for step, _ in completed.scalars["loss"].points] == [0, 1, 2]
    assert list(completed.scalars["logs#val"].points) == [
        *((0, 0.25), (1, 1.25), (2, 2.25), (3, 3.25)),
    ]


def test_a_cell_has_its_source_names_state_time_memory_and_outputs(completed: model.Run):
    names = [cell.name for cell in completed.cells]
    assert names == ["A descent", "Settings", "Training", "Shown", "Written", ""]
    settings, training, shown = completed.cells[1:4]
    assert settings.source == SETTINGS.replace("'guess'", "***")
    assert "lr = 0.25" in settings.executed and "guess" not in settings.executed
    assert (training.label, training.number) == ("cell [2] (Training)", 2)
    assert [cell.id for cell in completed.cells] == [f"own-{index}" for index in range(6)]
    assert [cell.state for cell in completed.cells] == ["", *["completed"] * 4, ""]
    assert training.seconds is not None and 0 < training.seconds < 60
    if sys.platform == "linux":
        assert training.peak_memory and training.peak_memory > 1_000_000
    assert {(o.kind, o.source) for o in training.outputs} == {
        ("text", "stdout"),
        ("text", "stderr"),
    }
    image = shown.outputs[0].image
    assert image and (image.mime, image.data) == ("image/png", PNG)


def test_no_text_of_a_run_holds_a_secret(completed: model.Run, failed: model.Run):
    for run in (completed, failed):
        assert "correct horse" not in repr(run) and "guess" not in repr(run)


def test_a_failed_run_says_which_cell_has_ended_it_and_why(failed: model.Run):
    assert (failed.status, failed.state, failed.failed_cell) == ("error", "failed", 2)
    assert failed.reason == "cell [2] (Training) failed with ValueError"
    assert [cell.state for cell in failed.cells] == [
        *("", "completed", "failed", "not run", "not run", ""),
    ]
    assert failed.cells[2].outputs[-1].message == "it diverged"


def test_a_trial_knows_its_batch_and_cells_of_a_text_have_no_ids_of_their_own(project: Project):
    done = project.run("text", "lr=[0.2,0.3]", "--keep-batch")
    (batch,) = (run for run in done.runs if (run.dir / ".guild" / "proto").exists())
    trials = reading.read_runs(str(run.dir) for run in done.runs if run.id != batch.id)
    assert {trial.batch for trial in trials} == {batch.id}
    assert len({trial.source_digest for trial in trials}) == 1
    assert sorted(trial.flags["lr"] for trial in trials) == [0.2, 0.3]
    (run,) = (trial for trial in trials if trial.flags == {"lr": 0.2})
    assert [(cell.name, cell.id) for cell in run.cells] == [
        *(("Text", ""), ("Text", ""), ("Text: print(lr)", "")),
    ]
    assert run.notebook == "text.ipynb"
    assert "lr = 0.1" in run.cells[1].source and "lr = 0.2" in run.cells[1].executed


def test_a_run_of_a_script_has_scalars_and_a_reason_for_what_it_lacks(project: Project):
    run = reading.read_run(str(project.run("script").run.dir))
    assert (run.status, run.notebook, run.cells) == ("completed", "", ())
    assert run.scalars["accuracy"].value == 0.75


def test_a_run_is_read_while_it_is_executed_and_after_it_was_killed(project: Project):
    project.notebook(
        "slow.ipynb", "# First\nprint('loss: 0.5')", "# Second\nimport time\ntime.sleep(600)"
    )
    before = project.run_dirs()
    process = start(project, "run", "-y", "slow.ipynb", "nb-report=none")
    cache = reading.RunCache()

    def is_in_second() -> bool:
        dirs = project.run_dirs() - before
        runs = cache.read(map(str, dirs))
        return bool(runs) and [c.state for c in runs[0].cells] == ["completed", "running"]

    try:
        wait_for(is_in_second)
        (run_dir,) = project.run_dirs() - before
        run = reading.read_run(str(run_dir))
        assert (run.status, run.state, run.reason, run.seconds) == ("running", "running", "", None)
        assert run.scalars["loss"].value == 0.5
        pid = int((run_dir / ".guild" / "LOCK").read_text())
        process.kill()  # so that nobody says how the run has ended
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: cache.read([str(run_dir)])[0].status == "error")
    finally:
        process.kill()
        process.communicate()
    (run,) = cache.read([str(run_dir)])
    assert (run.state, run.failed_cell) == ("failed", 1)
    assert run.reason == "it was killed in the 2nd cell (Second)"


def test_a_run_is_read_again_when_one_of_its_files_has_changed(
    completed: model.Run, tmp_path: Path
):
    copied = shutil.copytree(completed.dir, tmp_path / "copied", symlinks=True)
    cache = reading.RunCache()
    (first,) = cache.read([str(copied)])
    assert cache.read([str(copied)])[0] is first
    for name, text in {"label": "other\n", "exit_status": "1\n"}.items():
        (copied / ".guild" / "attrs" / name).write_text(text)
        (second,) = cache.read([str(copied)])
        assert second is not first
        first = second
    assert (first.label, first.status, first.state) == ("other", "error", "failed")
    assert first.reason == "all cells ran, and not everything could be saved"
    shutil.rmtree(copied)
    assert cache.read([str(copied)])[0].reason.endswith("it is not a run's directory")


def test_images_that_are_the_same_are_one_object_and_ids_are_never_twice(
    completed: model.Run, tmp_path: Path
):
    copied = [shutil.copytree(completed.dir, tmp_path / name, symlinks=True) for name in ("a", "b")]
    first, second = reading.read_runs(map(str, copied))
    images = [run.cells[3].outputs[0].image for run in (first, second)]
    assert images[0] is images[1]
    assert first.id == completed.id and second.id == str(copied[1])


def _write(name: str, content: bytes) -> Callable[[Path], Any]:
    return lambda run_dir: (run_dir / name).write_bytes(content)


def _link(name: str, target: str) -> Callable[[Path], Any]:
    def made(run_dir: Path) -> None:
        (run_dir / name).unlink()
        (run_dir / name).symlink_to(target)

    return made


def _fifo(name: str) -> Callable[[Path], Any]:
    def made(run_dir: Path) -> None:
        (run_dir / name).unlink(missing_ok=True)
        os.mkfifo(run_dir / name)

    return made


BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "\n".join(
    f"{name}: &{name} [*{before},*{before},*{before},*{before},*{before},*{before},*{before}]"
    for before, name in zip("abcdefgh", "bcdefghi")
)

HOSTILE = {
    "a flag of a billion values": (_write(".guild/attrs/flags", BOMB.encode()), ""),
    "a flag of very many digits": (
        _write(".guild/attrs/flags", b"a: 0x" + b"f" * 9000 + b"\nb: [0x" + b"f" * 9000 + b"]"),
        "",
    ),
    "flags that lie in each other": (
        _write(".guild/attrs/flags", b"a: " + b"[" * 900 + b"]" * 900 + b"\nb: &b [*b]"),
        "",
    ),
    "flags that are a text": (_write(".guild/attrs/flags", b"odd"), ""),
    "flags that are not YAML": (_write(".guild/attrs/flags", b"{{{{"), ""),
    "flags that are a pipe": (_fifo(".guild/attrs/flags"), ""),
    "a large attribute": (_write(".guild/attrs/label", b"x" * 2_000_000), "label is too large"),
    "an operation of many megabytes": (
        _write(".guild/attrs/op", b"#" * 20_000_000),
        "cannot be read: .guild/attrs/op is larger than 10 MB",
    ),
    "a run that was stopped before it began": (_write(".guild/attrs/stopped", b"1"), ""),
    "an operation that is a list": (_write(".guild/attrs/op", b"- 1"), ""),
    "a status that is a text": (_write(".guild/attrs/exit_status", b"odd"), ""),
    "a status that is a pipe": (_fifo(".guild/attrs/exit_status"), ""),
    "a lock that is a pipe": (
        lambda d: [_fifo(".guild/LOCK")(d), (d / ".guild/attrs/exit_status").unlink()],
        "",
    ),
    "times beyond all times": (_write(".guild/attrs/started", b"9" * 30), ""),
    "a manifest that is a folder": (
        lambda d: [(d / ".guild/manifest").unlink(), (d / ".guild/manifest").mkdir()],
        "no executed notebook",
    ),
    "a notebook that is a link": (_link("train.ipynb", "/etc/passwd"), "no executed notebook"),
    "a notebook that is a pipe": (_fifo("train.ipynb"), "no executed notebook"),
    "a notebook that is empty": (_write("train.ipynb", b""), "is empty"),
    "a notebook that is deep": (_write("train.ipynb", b"[" * 100_000), "nested too deeply"),
    "a source that is a link": (
        _link(".guild/sourcecode/train.ipynb", "/etc/passwd"),
        "source is not readable",
    ),
    "a source that is no notebook": (
        _write(".guild/sourcecode/train.ipynb", b"{}"),
        "source is not readable",
    ),
    "event files of noise": (
        lambda d: [path.write_bytes(os.urandom(5000)) for path in d.rglob("*.tfevents.*")],
        "",
    ),
}


@pytest.mark.parametrize(("change", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_whatever_a_run_directory_holds_it_is_read(
    change: Callable[[Path], Any], reason: str, failed: model.Run, tmp_path: Path
):
    copied = tmp_path / "copied"
    shutil.copytree(failed.dir, copied, symlinks=True)
    change(copied)
    run = reading.read_run(str(copied))
    assert reason in run.reason
    assert "root:" not in repr(run)
    assert "guess" not in repr(run) or "source is not readable" in run.reason
    data, _ = page_data.page_data([run])
    assert len(json.dumps(data, allow_nan=False)) < 1_000_000


def test_scalars_beyond_the_most_are_counted(completed: model.Run, tmp_path: Path):
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    copied = shutil.copytree(completed.dir, tmp_path / "copied", symlinks=True)
    writer = EventFileWriter(str(copied / "many"))
    values = [Summary.Value(tag=f"s{n}", simple_value=1.0) for n in range(600)]
    writer.add_event(Event(step=1, summary=Summary(value=values)))
    writer.close()
    run = reading.read_run(str(copied))
    assert run.reason == "105 of its scalars are left out, beyond 500"
    assert run.scalars["loss"].step == 2 and run.state == "completed"


def test_a_completed_run_without_its_notebook_says_so(completed: model.Run, tmp_path: Path):
    copied = shutil.copytree(completed.dir, tmp_path / "copied", symlinks=True)
    (copied / completed.notebook).unlink()
    assert reading.read_run(str(copied)).reason == "it has no executed notebook"


def test_a_number_that_was_printed_is_what_an_event_file_has_of_it():
    numbers = [0.8999999999999999, 0.10000000149011612, 1e300, -2.0, float("inf")]
    assert [*map(reading.shortest, numbers)] == [0.9, 0.1, 1e300, -2.0, float("inf")]
    assert str(reading.shortest(float("nan"))) == "nan"


def test_a_directory_that_is_none_of_a_run_and_one_that_is_not_there_are_runs_with_a_reason(
    tmp_path: Path,
):
    for path in (tmp_path, tmp_path / "gone"):
        run = reading.read_run(str(path))
        assert run.reason == "cannot be read: it is not a run's directory"
        assert (run.id, run.state) == (path.name, "failed")


def test_malformed_notebooks_are_read_or_refused(completed: model.Run, tmp_path: Path):
    copied = shutil.copytree(completed.dir, tmp_path / "copied", symlinks=True)
    read = 0
    for seed in range(80):
        (copied / "train.ipynb").write_bytes(mutant(seed))
        run = reading.read_run(str(copied))
        assert run.cells or run.reason, seed
        data, _ = page_data.page_data([run])
        json.dumps(data, allow_nan=False).encode("utf-8")
        read += bool(run.cells)
    assert read > 30


def test_two_hundred_runs_would_take_less_than_five_seconds_of_a_processor(
    completed: model.Run, tmp_path: Path
):
    for index in range(40):
        shutil.copytree(completed.dir, tmp_path / f"{index:032}", symlinks=True)
    dirs = sorted(map(str, tmp_path.iterdir()))
    program = (
        "import sys, time; from guild_notebook.compare import reading; "
        "reading.read_runs(sys.argv[1:3]); start = time.process_time(); "
        "reading.read_runs(sys.argv[1:]); print(time.process_time() - start)"
    )
    done = subprocess.run([sys.executable, "-c", program, *dirs], capture_output=True, text=True)
    assert float(done.stdout) < 40 * 0.025, done.stderr  # 200 in 5 seconds
