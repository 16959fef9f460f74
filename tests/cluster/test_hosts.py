"""``dask:cluster`` where each worker is a host with an address of its own: network namespaces on a
bridge, made by the test where it may (root, iproute2)."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.clusters import (
    NEEDS_DASK,
    Cluster,
    end,
    processes_of,
    run_cluster,
    stage,
    start_cluster,
    status,
)
from tests.helpers.project import Project, wait_for

pytestmark = [pytest.mark.cluster, NEEDS_DASK]

NETWORK = "10.213.87"


def ip(*args: str) -> None:
    done = subprocess.run(["ip", *args], capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"ip {' '.join(args)}: {done.stderr.strip()}")


@pytest.fixture
def hosts() -> Iterator[list[str]]:
    """Two namespaces at .11 and .12 of the network, this one at .1."""
    if not shutil.which("ip"):
        pytest.skip("there is no ip (Debian: iproute2)")
    tag = uuid.uuid4().hex[:6]
    bridge, names = f"br{tag}", [f"gn-{tag}-{i}" for i in (1, 2)]
    made: list[tuple[str, ...]] = []
    try:
        try:
            ip("link", "add", bridge, "type", "bridge")
            made.append(("link", "del", bridge))
            ip("addr", "add", f"{NETWORK}.1/24", "dev", bridge)
            ip("link", "set", bridge, "up")
            for number, name in enumerate(names, start=1):
                here, there = f"v{tag}{number}", f"w{tag}{number}"
                ip("netns", "add", name)
                made.append(("netns", "del", name))
                ip("link", "add", here, "type", "veth", "peer", "name", there)
                made.append(("link", "del", here))
                ip("link", "set", here, "master", bridge, "up")
                ip("link", "set", there, "netns", name)
                ip("-n", name, "addr", "add", f"{NETWORK}.{10 + number}/24", "dev", there)
                ip("-n", name, "link", "set", there, "up")
                ip("-n", name, "link", "set", "lo", "up")
        except OSError as e:
            pytest.skip(f"no network namespaces here: {e}")
        yield names
    finally:
        for command in reversed(made):
            subprocess.run(["ip", *command], capture_output=True)


@pytest.fixture
def cluster(hosts: list[str], tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path / "cluster", host=f"{NETWORK}.1")
    try:
        made.start()
        for name in hosts:
            made.add(name, inside=("ip", "netns", "exec", name))
        made.wait_for_workers(len(hosts))
        yield made
    finally:
        made.stop()


def test_runs_travel_to_hosts_and_back(project: Project, cluster: Cluster, hosts: list[str]):
    project.notebook("nb.ipynb", "x = 1", "import os; print('home is', os.environ['HOME'])")
    runs = stage(project, "nb.ipynb", "x=[1,2,3,4]", "--stage-trials")
    done = run_cluster(project, cluster, "shared=no")
    assert done.returncode == 0, done.stdout
    assert [status(project, run) for run in runs] == ["completed"] * 4
    addresses = {run.attr("dask_worker").split("//")[1].split(":")[0] for run in runs}
    assert addresses == {f"{NETWORK}.11", f"{NETWORK}.12"}
    assert all(any(name in run.output for name in hosts) for run in runs)


def test_a_host_that_cannot_be_reached_any_more_makes_its_run_an_error(
    project: Project, cluster: Cluster, hosts: list[str]
):
    """Its link is cut: what runs over there ends by itself when nobody asks for it any more."""
    gate = project.dir / "begun"
    project.notebook("nb.ipynb", f"import time\nopen({str(gate)!r}, 'w').close()\ntime.sleep(600)")
    cluster.kill(hosts[1])
    (run,) = stage(project, "nb.ipynb", "--stage")
    process = start_cluster(project, cluster, "shared=no")
    try:
        wait_for(gate.exists)
        links = ["ip", "-n", hosts[0], "-br", "link"]
        listed = subprocess.run(links, capture_output=True, text=True).stdout
        name = next(line.split("@")[0] for line in listed.splitlines() if line.startswith("w"))
        ip("-n", hosts[0], "link", "set", name, "down")
        wait_for(lambda: status(project, run) == "error", 400)
        assert "died while it had the run" in run.output
        wait_for(lambda: not processes_of(run), 400)
    finally:
        end(process)
