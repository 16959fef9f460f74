"""Which elements of two sequences are the same one, in order; differences of lines by that."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from difflib import SequenceMatcher

MOST = 1_000_000
"""Pairs of elements that are looked at: beyond, those that are there once are found first."""


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
        pairs = _around_single(inner_a, inner_b) if is_large else _longest(inner_a, inner_b)
        yield from ((start + i, start + j) for i, j in pairs)
    yield from ((len(a) - end + n, len(b) - end + n) for n in range(end))


def _longest(a: Sequence[Hashable], b: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    for first, second, size in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks():
        yield from ((first + n, second + n) for n in range(size))


def _around_single(a: Sequence[Hashable], b: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    """What is common without the elements that only one has: those that are there once (as the
    patience diff of Git), and then what is common between two of them; where that is still too
    much, what is at the same place."""
    shared = {*a}.intersection(b)
    kept = [[n for n, each in enumerate(side) if each in shared] for side in (a, b)]
    if len(kept[0]) < len(a) or len(kept[1]) < len(b):
        pairs = common([a[i] for i in kept[0]], [b[j] for j in kept[1]])
        yield from ((kept[0][i], kept[1][j]) for i, j in pairs)
        return
    counts = Counter(a), Counter(b)
    places = {each: j for j, each in enumerate(b) if counts[1][each] == 1}
    single = [(i, places[e]) for i, e in enumerate(a) if e in places and counts[0][e] == 1]
    i = j = 0
    for next_i, next_j in [*increasing(single), (len(a), len(b))]:
        gap = a[i:next_i], b[j:next_j]
        if len(gap[0]) * len(gap[1]) > MOST:
            yield from ((i + n, j + n) for n, pair in enumerate(zip(*gap)) if pair[0] == pair[1])
        else:
            yield from ((i + m, j + n) for m, n in common(*gap))
        if next_i < len(a) and next_j < len(b):
            yield next_i, next_j
        i, j = next_i + 1, next_j + 1


def increasing(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """A longest part of ``pairs``, which are in the order of the first, in which the second grow
    too."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, (_, value) in enumerate(pairs):
        place = bisect_left(ends, value)
        before.append(last[place - 1] if place else -1)
        ends[place : place + 1] = [value]
        last[place : place + 1] = [index]
    chosen = []
    index = last[-1] if last else -1
    while index >= 0:
        chosen.append(pairs[index])
        index = before[index]
    return chosen[::-1]


def unified(before: Sequence[str], after: Sequence[str], context: int = 3) -> list[str]:
    """The lines of a unified difference without its head, as difflib's."""
    gaps = []
    i = j = 0
    for next_i, next_j in [*common(before, after), (len(before), len(after))]:
        if i < next_i or j < next_j:
            gaps.append((i, next_i, j, next_j))
        i, j = next_i + 1, next_j + 1
    lines = []
    group: list[tuple[int, int, int, int]] = []
    for gap, following in itertools.zip_longest(gaps, gaps[1:]):
        group.append(gap)
        if following and following[0] - gap[1] <= 2 * context:
            continue
        first = max(0, group[0][0] - context)
        last = min(len(before), gap[1] + context)
        old, new = (first, last), (group[0][2] - group[0][0] + first, gap[3] - gap[1] + last)
        lines.append(f"@@ -{_range(*old)} +{_range(*new)} @@")
        for start, end, added, added_end in group:
            lines += [f" {line}" for line in before[first:start]]
            lines += [f"-{line}" for line in before[start:end]]
            lines += [f"+{line}" for line in after[added:added_end]]
            first = end
        lines += [f" {line}" for line in before[first:last]]
        group = []
    return lines


def _range(start: int, end: int) -> str:
    """Lines as a unified difference counts them, from 1."""
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"
