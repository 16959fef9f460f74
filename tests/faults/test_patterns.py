"""No regular expression of the package takes more than linear time, on whatever text."""

from __future__ import annotations

import time

import pytest

from tests.helpers.figures import figure
from tests.helpers.growth import DOUBLED, seconds_of
from tests.helpers.patterns import Used, texts, used_patterns


@pytest.fixture(scope="module")
def found() -> tuple[list[Used], list[str]]:
    """The patterns that are constants, and where others are made."""
    return used_patterns()


LOCAL_FILES = [
    "compat/command_line.py",
    "compat/commands.py",  # of Guild itself
    "document/reader.py",  # beginnings of files, a table
    "flags/discover.py",
    *("flags/languages/bash.py",) * 3,
    *("flags/languages/julia.py",) * 3,
    "flags/languages/lazy.py",  # of patterns that are found where they are made
    *("flags/languages/line_based.py",) * 4,
    *("flags/languages/r.py",) * 2,
    *("flags/languages/scanner.py",) * 2,  # tables of patterns, which are among the constants
    "flags/languages/statements.py",
    "flags/sources/patterns.py",
    "plugin/checks.py",
    "plugin/not_copied.py",  # of the escaped name of an operation
    "plugin/objective.py",
    "scalars/__init__.py",  # of Guild, and of an operation
    "scalars/text.py",
    "scalars/words.py",
    *("secrets/masking.py",) * 4,  # of patterns that are constants, and of values that are escaped
]

SLOW = 0.01
"""Seconds for 4,000 characters from which on it is looked at how the time grows."""


def run(used: Used, text: str) -> None:
    """Use the pattern as the package does, and no more often than once for a place of the text."""
    text = text if isinstance(used.pattern.pattern, str) else text.encode("utf-8", "replace")
    for method in used.methods:
        if method in ("match", "fullmatch"):
            getattr(used.pattern, method)(text)
        else:
            for _ in used.pattern.finditer(text):
                pass


def slowest(used: Used, size: int) -> tuple[float, str]:
    """The seconds for the slowest text, and its beginning and end."""
    worst = 0.0, ""
    for text in texts(used.pattern, size):
        began = time.perf_counter()
        run(used, text)
        seconds = time.perf_counter() - began
        if seconds > max(worst[0], SLOW):
            first, second = (seconds_of(lambda t: run(used, t), each, 3) for each in _two(text))
            assert second <= DOUBLED * first + 0.002, (used.where, text[:40], text[-5:], second)
        worst = max(worst, (seconds, text[:40]))
    return worst


def _two(text: str) -> tuple[str, str]:
    """A text of this form and one of twice the size."""
    middle = len(text) // 2
    unit = text[middle - 200 : middle + 200]
    return text, text[:middle] + unit * (len(text) // len(unit)) + text[middle:]


def test_patterns_are_found_in_all_modules(found):
    assert len(found[0]) > 100
    assert len({used.where.split(":")[0] for used in found[0]}) > 20


def test_patterns_that_are_made_where_they_are_used_are_few(found):
    """They are made of constants, of patterns of a user or of Guild, or of escaped values."""
    assert sorted(where.split(":")[0] for where in found[1]) == LOCAL_FILES


BOUNDED = {
    "run/report/formulas.py: re.compile(f'(?P<escaped>": 5_000,
    "run/output/updates.py: re.compile('<(style": 5_000,
    "scalars/text.py: ": 500,
    'document/cells.py: re.compile("^(?:[#/=~+': 500,
    "flags/discover.py: re.compile('\\n      \\\\[ [^": 200,
    'flags/languages/r.py: lazy.pattern(f"""{QUOTED}': 5_000,
}
"""Beginnings of patterns that are used on texts of at most so many characters."""


def limit_of(used: Used) -> int | None:
    return next((most for start, most in BOUNDED.items() if used.where.startswith(start)), None)


@pytest.fixture(scope="module")
def linear(found) -> list[Used]:
    return [used for used in found[0] if limit_of(used) is None]


def test_a_pattern_takes_linear_time_on_texts_made_against_it(linear: list[Used]):
    for used in linear:
        slowest(used, 4_000)


def test_a_pattern_for_short_texts_takes_no_time_on_these(found):
    bounded = [used for used in found[0] if limit_of(used)]
    for start in BOUNDED:
        assert any(used.where.startswith(start) for used in bounded), start
    for used in bounded:
        for text in texts(used.pattern, limit_of(used)):
            assert seconds_of(lambda each, used=used: run(used, each), text) < 0.5, text[:40]


@pytest.mark.faults
def test_all_patterns_on_texts_of_40_000_characters(linear: list[Used]):
    worst = max((slowest(used, 40_000), used.where) for used in linear)
    figure("the slowest pattern on 40,000 characters", f"{worst[0][0]:.3f} s", "linear")
    assert worst[0][0] < 2, worst
