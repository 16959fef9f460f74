"""Which elements of two sequences are the same one, in order."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from difflib import SequenceMatcher

MOST = 4_000_000
"""Pairs of elements that are looked at: beyond, those that occur often do not count."""


def common(a: Sequence[Hashable], b: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    """The places of equal elements in a long common subsequence of both, in order."""
    most = min(len(a), len(b))
    start = 0
    while start < most and a[start] == b[start]:
        start += 1
    end = 0
    while end < most - start and a[-1 - end] == b[-1 - end]:
        end += 1
    yield from ((index, index) for index in range(start))
    inner_a, inner_b = a[start : len(a) - end], b[start : len(b) - end]
    if inner_a and inner_b:
        is_large = len(inner_a) * len(inner_b) > MOST
        matcher = SequenceMatcher(None, inner_a, inner_b, autojunk=is_large)
        for first, second, size in matcher.get_matching_blocks():
            yield from ((start + first + n, start + second + n) for n in range(size))
    yield from ((len(a) - end + n, len(b) - end + n) for n in range(end))
