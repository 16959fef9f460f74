"""Reports of many megabytes open at once; the figures are printed by ``python -m
benchmarks.reports``."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import reports
from tests.helpers.browser import Browser

SECONDS = 3
"""In which a page of 50 MB of outputs opens in Chromium on a machine that does nothing else."""

BUSY = 4
"""How many times as long it may take beside other tests."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", reports.KINDS)
def test_50_mb_of_outputs_open_in_seconds(kind: str, browser: Browser, tmp_path: Path):
    path, seconds = reports.written(kind, tmp_path)
    assert path.stat().st_size > 30_000_000
    took = reports.opened(browser, path)
    print(f"\n{kind}: written in {seconds:.1f} s, open in {took:.1f} s")
    assert took < SECONDS * BUSY
