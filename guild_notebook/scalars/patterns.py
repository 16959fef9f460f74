"""The patterns of ``nb-scalars``: Guild's defaults, and the values that these lose.

Guild's default patterns (guild/summary.py, DEFAULT_OUTPUT_SCALARS) take digits, ``.``, ``e`` and
``-`` as a value, so ``1e+5``, ``nan`` and ``inf`` go unseen; anything without a blank is a name, as
in ``2020-01-01: 5``; and the first of them looks at every character of a line for a start, which
takes minutes on a line of 100,000 characters without a blank. These match the same lines of names
beside those values, in linear time.

Each begins with a comment that names its mode, by which others know it: Guild keeps the patterns of
a run in its attributes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

LINES = "(?#nb-scalars: lines)"
TEXT = "(?#nb-scalars: text)"

VALUE = r"(?:[0-9.eE+\-]+|[+\-]?(?:nan|NaN|NAN|inf|Inf|INF|infinity|Infinity))"

NO_NAME = (
    "(?:nan|inf|None|True|False|SystemExit|StopIteration|Exception"
    "|(?:Assertion|Index|Key|Runtime|Type|Value)Error)"
)
"""Python's constants, and the exceptions whose message may be a number (``KeyError: 3``)."""

_MONTH = (
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    "|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_WEEKDAY = "(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
_DATE = (
    rf"(?i:(?:{_WEEKDAY}[-/,._]+(?:\d{{1,2}}[-/.,_]*)?)?{_MONTH}"
    r"(?:[-/]\d\d|[-/.,_]*(?:\d{1,2}[-/.,_]+)?(?:19|20)\d\d)(?:[-/.,_T]\d[\d:.]*)?"
    r"|[qhw]\d{1,2}[-/_]?(?:19|20)\d\d)"
)
"""``Jan-01``, ``Jan-01-2020``, ``Sunday,1-Jan-2020``, ``Q1-2020``. Others begin with a digit."""

_FILE = (
    r"(?:[ct]sv|txt|jsonl?|ya?ml|toml|ini|cfg|xml|html?|py|ipynb|sh|png|jpe?g|gif|svg|tiff?|bmp"
    r"|pdf|h5|hdf5|pkl|pickle|joblib|np[yz]|pth|ckpt|onnx|keras|safetensors|parquet|feather|xlsx?"
    r"|sqlite|dat|bin|zip|tar|t?gz|bz2|xz|7z|wav|mp[34]|avi)"
)
"""Endings of the names of files. A scalar's name may have others: ``layer1.weight``, ``jet.pt``."""

NAME = (
    r"(?!\S*(?::(?://|\d+:\s)"  # a URL, a host with a port, a line of a file
    rf"|\.(?i:{_FILE}):\s|/:\s|\\"  # a file, a folder, a path of Windows
    r"|\d\.\d+\.\d|@[\w-]+(?:\.[A-Za-z]{2,8})+:\s))"  # a version, an address of mail
    rf"(?!(?:{_DATE}|[vV]\d+(?:\.\d+)+|www\.\S*|{NO_NAME}):\s)"
    r"[^\w\s/.~\\]*[^\W\d][^ \t]*"
)
"""A name: its first letter or digit is a letter, so no number is one, no date and no time; a path
that begins with ``/``, ``.`` or ``~`` is none, nor what is a file's, a version or a date in
another way."""


def default_patterns(flag_names: Iterable[str], mode: str = "lines") -> list[str]:
    """What takes the place of Guild's defaults for an operation with these flags, by its
    ``nb-scalars``.

    Guild ignores scalars that are named like a flag, but only with its own patterns
    (guild/commands/run_impl.py, _output_scalars_summary), so these patterns exclude them. That of
    ``text`` is one of ``lines`` to a Guild without this package.
    """
    if mode == "none":
        return []
    flags = set(flag_names)
    if mode == "text":
        flags.update(map(name_of, list(flags)))
    names = "|".join(re.escape(name) for name in sorted(flags) if name)
    no_flag = rf"(?!(?:{names}):\s)" if names else ""
    return [
        rf"{LINES}(?<![^ \t]){NAME}: +{VALUE}\s+\((?:step\s+)?(?P<step>\step)\)$",
        rf"{TEXT if mode == 'text' else LINES}^{no_flag}({NAME}):\s+({VALUE})(?:\s+\(.*\))?$",
    ]


def name_of(text: str) -> str:
    """The name of a scalar that is called ``text`` where people read it: ``test_accuracy`` for
    ``Test accuracy (%)``."""
    return scalar_name(re.sub(r"['’]s\b|\^|\.(?= )", "", text.lower()))


def scalar_name(text: str) -> str:
    """The name of a scalar that is ``text`` in code: ``history.loss`` for itself, ``report_f1`` for
    ``report["f1"]``."""
    return re.sub(r"[^\w@/.&+-]+", "_", text).strip("_")


ALIASES = ((r"\key", "[^ \t]+"), (r"\value", r"[0-9\.e\-]+"), (r"\step", r"[0-9]+"))
"""As guild/summary.py ALIASES, which takes long to import."""

_GUILDS = (
    r"\key: +\value\s+\((?:step\s+)?(?P<step>\step)\)$",
    r"^(\key):\s+(\value)(?:\s+\(.*\))?$",
)
"""DEFAULT_OUTPUT_SCALARS there."""

_KEY_AND_VALUE = re.compile(rb":[\t\x0b-\r\x1c- \x80-\xff]+[-+.0-9eEnNiI]")
"""What each line holds that one of the default patterns matches. White space is of these bytes, and
so is what Guild drops as it is not UTF-8."""


def expanded(pattern: str) -> str:
    """A pattern of ``output-scalars`` as Guild compiles it."""
    for alias, expression in ALIASES:
        pattern = pattern.replace(alias, expression)
    return pattern


def are_lines(patterns: Iterable[Any]) -> bool:
    """Whether compiled ``patterns`` are those of ``nb-scalars: lines``."""
    texts = [pattern.pattern for pattern in patterns]
    return bool(texts) and all(text.startswith(LINES) for text in texts)


def possible_scalar(patterns: Iterable[Any]) -> re.Pattern[bytes] | None:
    """What is found in each line, in bytes, in which a scalar is that one of the compiled
    ``patterns`` matches; None where one of them is none of the defaults here or of Guild, and so
    may match any line."""
    guilds = set(map(expanded, _GUILDS))
    texts = [pattern.pattern for pattern in patterns]
    are_known = texts and all(text in guilds or text.startswith(LINES) for text in texts)
    return _KEY_AND_VALUE if are_known else None


def lines_with(pattern: re.Pattern[bytes], text: bytes) -> Iterator[bytes]:
    """The lines of ``text`` in which ``pattern`` is found."""
    end = 0
    while match := pattern.search(text, end):
        start = text.rfind(b"\n", end, match.start()) + 1 or end
        end = text.find(b"\n", match.end()) + 1 or len(text)
        yield text[start:end]
