"""Which elements of two sequences are the same one, in order."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from difflib import SequenceMatcher

MOST = 1_000_000
"""Pairs of elements that are looked at. Beyond, elements that occur often are paired by their
places between others."""


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
    inner = _inner(a[start : len(a) - end], b[start : len(b) - end])
    yield from ((start + first, start + second) for first, second in inner)
    yield from ((len(a) - end + n, len(b) - end + n) for n in range(end))


def _inner(a: Sequence[Hashable], b: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    if not a or not b:
        return
    is_large = len(a) * len(b) > MOST
    i = j = 0
    for first, second, size in SequenceMatcher(None, a, b, autojunk=is_large).get_matching_blocks():
        for n in range(min(first - i, second - j) if is_large else 0):
            if a[i + n] == b[j + n]:
                yield i + n, j + n
        yield from ((first + n, second + n) for n in range(size))
        i, j = first + size, second + size
