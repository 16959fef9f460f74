"""200 trials on 4 workers: how fast, and what of them is left when workers are killed. Minutes."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.helpers.clusters import NEEDS_DASK, Cluster, stage, status
from tests.helpers.project import GUILD, Project, Run, start, wait_for

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600), NEEDS_DASK]

WORKERS = 4
TRIALS = 200
ALONE = 10  # trials of each worker by itself
SECONDS = 8  # that a trial sleeps: kernels alone would need more cores than there may be


def own_rates(project: Project) -> float:
    """Trials a second of all workers, if each ran its own one after the other, all at once."""
    runs = stage(project, "nb.ipynb", f"x={list(range(WORKERS * ALONE))}", "--stage-trials")
    rates: list[float] = []

    def run_alone(runs: list[Run]) -> None:
        began = time.monotonic()
        for run in runs:
            command = [*GUILD, "run", "-y", "--quiet", "--restart", str(run.dir)]
            subprocess.run(command, cwd=project.dir, env=project.environment(), check=True)
        rates.append(len(runs) / (time.monotonic() - began))

    threads = [threading.Thread(target=run_alone, args=(runs[i::WORKERS],)) for i in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rates) == WORKERS
    return sum(rates)


def test_the_cluster_is_as_fast_as_its_workers_by_themselves(project, tmp_path):
    """The workers' own rates are measured before and after: the machine may have other work."""
    project.notebook("nb.ipynb", "x = 1", f"import time; time.sleep({SECONDS})", "print(f'y: {x}')")
    before = own_rates(project)
    cluster = Cluster(tmp_path / "cluster")
    runs = stage(project, "nb.ipynb", f"x={list(range(TRIALS))}", "--stage-trials")
    try:
        cluster.start(*(f"worker-{i}" for i in range(WORKERS)))
        began = time.monotonic()
        command = ["run", "-y", "dask:cluster", f"scheduler-file={cluster.file}"]
        process = start(project, *command, "run-once=yes", "shared=no")
        said, _ = process.communicate(timeout=3000)
        rate = TRIALS / (time.monotonic() - began)
    finally:
        cluster.stop()
    after = own_rates(project)
    assert [run.attr("exit_status") for run in runs] == [0] * TRIALS, said
    assert all(run.output.count(f"y: {run.flags['x']}\n") == 1 for run in runs)
    own = (before + after) / 2
    print(
        f"\n{TRIALS} trials on {WORKERS} workers: {rate:.3f} a second, the workers' own "
        f"{before:.3f} before and {after:.3f} after, share {rate / own:.2f}"
    )
    assert rate >= 0.9 * own


def test_of_200_trials_none_is_lost_and_none_run_twice_though_workers_are_killed(project, tmp_path):
    log = tmp_path / "log"
    log.touch()
    # Each line is one write, and so whole.
    project.file("trial.sh", f'echo "$1 begins" >> {log}\nsleep 0.3\necho "$1 ends" >> {log}\n')
    project.guildfile(
        "trial:\n  exec: sh trial.sh ${x}\n  flags: {x: 1}\n  sourcecode: [{include: trial.sh}]\n"
    )
    runs = stage(project, "trial", f"x={list(range(TRIALS))}", "--stage-trials")
    cluster = Cluster(tmp_path / "cluster")
    try:
        cluster.start(*(f"worker-{i}" for i in range(WORKERS)))
        command = ["run", "-y", "dask:cluster", f"scheduler-file={cluster.file}"]
        output = Path(tmp_path / "said")
        with output.open("wb") as f:
            process = subprocess.Popen(
                [*GUILD, *command, "run-once=yes", "shared=no", "retries=3"],
                cwd=project.dir,
                env=project.environment(),
                stdin=subprocess.DEVNULL,
                stdout=f,
                stderr=subprocess.STDOUT,
            )
            for number, share in enumerate((0.2, 0.4, 0.6)):
                wait_for(lambda s=share: log.read_text().count("ends") > TRIALS * s, 1200)
                cluster.kill(f"worker-{number}")
                cluster.add(f"worker-{WORKERS + number}")
            process.wait(1800)
    finally:
        cluster.stop()
    said = output.read_text()
    assert process.returncode == 0, said
    assert {status(project, run) for run in runs} == {"completed"}, said
    lines = log.read_text().splitlines()
    restarts = said.count("starts anew")
    begun = [line for line in lines if line.endswith("begins")]
    ended = [line for line in lines if line.endswith("ends")]
    assert sorted(set(ended)) == sorted(f"{x} ends" for x in range(TRIALS))
    assert len(begun) <= TRIALS + restarts and 1 <= restarts <= 3 * 2
    assert len(ended) <= TRIALS + restarts
    print(f"\n{TRIALS} trials, 3 of {WORKERS} workers killed, {restarts} runs started anew")
