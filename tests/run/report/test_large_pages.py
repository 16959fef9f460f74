"""Reports of many megabytes open at once; the figures are printed by ``python -m
benchmarks.reports``."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil
import pytest

from benchmarks import reports
from tests.helpers.browser import Browser
from tests.helpers.growth import least

SECONDS = 3
"""In which a page of 50 MB of outputs opens in Chromium on a machine that does nothing else."""

BUSY = 4
"""How many times as much of the processor it may take beside other tests."""


def processor_seconds() -> float:
    """What the browser has taken of the processor: beside other tests it may wait for long."""
    seconds = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has ended
            seconds += sum(process.cpu_times()[:2])
    return seconds


@pytest.mark.slow
@pytest.mark.parametrize("kind", reports.KINDS)
def test_50_mb_of_outputs_open_in_seconds(kind: str, browser: Browser, tmp_path: Path):
    path, seconds = reports.written(kind, tmp_path)
    assert path.stat().st_size > 30_000_000
    took = least(lambda: reports.opened(browser, path, processor_seconds), SECONDS * BUSY)
    print(f"\n{kind}: written in {seconds:.1f} s, opened with {took:.1f} s of the processor")
    assert took < SECONDS * BUSY
