"""Fixtures that all tests share."""

from __future__ import annotations

import functools
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.helpers.project import Project, new_project

pytest_plugins = [f"tests.helpers.{name}" for name in ("silence", "browser", "firefox")]

# How long an example takes says how busy the machine is.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_xdist_auto_num_workers() -> int:
    """Twice as many workers as there are cores: many tests wait for a time to pass."""
    cores = os.cpu_count() or 1
    return int(os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS", cores * 2))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The tests of a module that share something stay with one worker, all others go to whichever
    is free. (xdist's own ``loadgroup`` does not work with pytest 9.2.)"""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.split("::")[0]
            return path if shares(config.rootpath / path) else nodeid

    return Scheduling(config, log)


@functools.cache
def shares(path: Path) -> bool:
    """Whether a module has fixtures that are made once for several of its tests."""
    return bool(re.search(r'scope="module"|shared: Project', path.read_text("utf-8")))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return new_project(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One project for the tests of a module, that share its runs."""
    return new_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(autouse=True, scope="session")
def _signals_as_on_a_terminal() -> None:
    """What was started with nohup or in the background of a script ignores these, and all that it
    starts does so too."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.fixture(autouse=True, scope="session")
def _no_inherited_run() -> Iterator[None]:
    """Tests may themselves be run by Guild: none of its environment may reach them."""
    for name in ("RUN_DIR", "RUN_ID", "GUILD_HOME", "PROJECT_DIR", "GUILD_OP"):
        os.environ.pop(name, None)
    # Threads of numerical libraries wait for each other by computing, and for other tests.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    yield
