"""Tests in which processes live beside each other as long as there is memory."""

from __future__ import annotations

import pytest

from guild_notebook.run.kernel import grown, prefix


def skip_where_half_is_taken() -> None:
    """With some to spare, since other tests run meanwhile."""
    free, size = grown.memory(prefix.sibling)
    if free < size * (grown.KEPT_FREE + 0.1):
        pytest.skip("half of the memory is taken")
