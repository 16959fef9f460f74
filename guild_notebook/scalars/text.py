"""Scalars in lines as people and libraries print them: ``nb-scalars: text``.

A line is divided at commas, bars and dashes. A part of it counts if it is nothing but names and
values, so prose has none. What stands beside the progress bar of Keras, tqdm or rich counts once
the bar is full. A number in a table is of the name above it, if the table has one row, or a column
of steps. docs/scalars.md has each form. What is found is a scalar for the pattern of ``nb-scalars:
lines`` as well: names and flags are told apart there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .patterns import NO_NAME, TEXT, expanded, name_of
from .words import METRIC, is_metric, is_setting

_WORD = r"[\w@#%/.&^+'’()\[\]-]"
_NAME = rf"[^\W\d]{_WORD}*(?: {_WORD}+){{0,8}}"
_WORDS = rf"[^\W\d]{_WORD}*(?: [^\W\d]{_WORD}*){{0,8}}"  # a name without a number in it
_NUMBER = (
    r"(?:[+-]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
    r"|[+-]?(?:nan|NaN|NAN|inf|Inf|INF|infinity|Infinity))"
)
_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **{"ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9},
}
_VALUE = (
    r"(?:(?:tensor|array|np\.\w+)\()?"
    rf"(?P<value>{_NUMBER})(?:/\s*\d+\s*\((?P<share>{_NUMBER})\s?%\))?"
    rf"(?:\s?(?P<unit>%|{'|'.join(_SECONDS)}))?['\"]?(?![^\s)\]}}])[)\]}}]*"
    r"(?:\s+\[\s*\d+/\d+\])?"  # how far an epoch is
    rf"(?:\s*(?:±|\+/?-)\s*{_NUMBER}\s?%?)?(?:\s*\((?P<more>[^()]*)\))?[)\]}}]*\s*"
)
_PAIR = re.compile(
    rf"(?P<quote>['\"])?(?P<name>{_NAME})(?(quote)(?P=quote))\*{{0,2}}"
    rf"(?P<sign>\s*(?::=?|=|：)(?:\*\*)?\s*)(?(quote)['\"]?){_VALUE}"
)
_UNSIGNED_PAIR = re.compile(rf"(?P<name>{_WORDS})(?P<sign>\s+){_VALUE}")
_QUOTED = re.compile(r"\s*(['\"])((?:(?!\1).)*)\1\s*\Z")
_CELL = re.compile(rf"(?P<value>{_NUMBER})(?P<of>/\d+)?\s?%?\Z")
_NAME_CELL = re.compile(_NAME + r"\Z")
_ALONE = re.compile(rf"{_NUMBER}[)\]}}]*\Z")

_OF_A_STEP = "epoch|step|iter|iteration|episode|round|generation|batch"
_STEP = re.compile(
    r"\[?(?:(?:train|training|starting|end of|global)[ _-]|(?P<of>val|validation|test|eval)[ _-])?"
    rf"(?:{_OF_A_STEP})\s*(?:[:=#]\s*)?(?:\[\s*)?(?P<step>\d{{1,18}})(?:\.\d+)?"
    r"\s*(?:(?:/|of)\s*\d+\s*)?\]?(?![\w.%])(?:\s*(?:\[[^\]]*\]|\([^()]*\)))*\s*[:)]*\s*",
    re.IGNORECASE,
)
_STEP_NAME = re.compile(rf"(?:global_)?(?:{_OF_A_STEP})\Z")
_FIRST_STEP = re.compile(  # xgboost and LightGBM, a tutorial of PyTorch; CatBoost
    r"\s*(?:\[\s*(\d{1,18})(?:\s*[,/]\s*\d+)?\]\s+|(\d{1,18}):\s+(?=\w+:))"
)
_STEP_AFTER = re.compile(r"(?:epoch|step|iteration)\s+(\d{1,18})\Z")

_PREFIX = re.compile(
    rf"(?:\[(?P<inside>{_NAME})\]:?|(?P<name>{_NAME})\s*:)\s+"
    rf"(?!\s|tensor\(|array\(|np\.|{_NUMBER}\b)"
)
_NO_PREFIX = re.compile(r"(?:results?|metrics?|scores?|summary)\Z")
_DATA = re.compile(r"(?:train|training|val|valid|validation|test|testing|eval)\Z", re.IGNORECASE)
_BEFORE = re.compile(  # what loggers put before a line
    r"\s*(?:\[?(?:\d{4}[-/]\d\d[-/]\d\d[T ])?\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?\]?\s+)?"
    r"(?:\[?(?:INFO|DEBUG)\b\]?(?::[\w.]+:|[\s:-])\s*)?"
)
_NOT_READ = re.compile(  # the end of a cell and other lines of this package
    r"\[\d+(?:/\d+)?\] .*\((?:\d+ h )?\d+(?:\.\d)? (?:s|min(?: \d\d s)?)\)|guild-notebook:"
    r"|(?:CPU times|Wall time):|Traceback"  # of %%time
    r"|\s*File (?:\"|.+:\d+, in |[<~/].*:\d+\Z)"  # tracebacks
    r"|\s*(?:\(\w+\): )?"  # an object
    r"(?!\w*(?:Output|Results?|Metrics|Scores?)\()[^\W\d]\w*\([^\W\d]\w*="
)
_WARNING = re.compile(
    r"\b(?:WARNING|WARN|ERROR|CRITICAL|FATAL|Warning)\b(?!\s*[:=]\s*[-+.\d])"
    r"|\w(?:Warning|Exception)\b|\w\wError:\s*[^\s\d.+-]"
)
_NOT_NAMED = re.compile(
    r"(?:.*_)?(?:eta|version|port|pid|line|python|cuda|progress|remaining(?:_time)?|downloading)\Z"
    r"|v_num\Z|.*\.\.|.+_(?:is|was|are)_"
)
_NO_NAME = re.compile(NO_NAME + r"\Z")
_PROSE = re.compile(r"(?:.* )?(?:in|of|to|from|at|took|is|by|with|after|on|for|the|than|and|or)\Z")

_DRAWN = "[█▉▊▋▌▍▎▏▒░━╸╺]+"
_BAR = re.compile(
    rf"{_DRAWN}|\d+%\||\d+/(?:\d+|Unknown) \[[=>. -]*\]|\[\d+:\d\d(?::\d\d)?[<,]|\bETA\b"
)
_PERCENT = re.compile(rf"(\d+)%(?=\|)|{_DRAWN[:-1]}\s*(\d+)%")
_COUNT = re.compile(rf"(\d+)/(\d+|Unknown)\s*(?=\[|{_DRAWN}|\d+:\d\d)")
_IN_A_BAR = re.compile(  # what is drawn, counts, times and rates
    rf"\d+%\|[^|]*\||{_DRAWN}(?:\s*\d+%)?|\d+/\d+\s+(?=\d+:\d\d)|\[[=>. -]*\]"
    r"|\b\d+:\d\d(?::\d\d)?\b|\d[\d.,]*\s?[^\W\d]\w{0,5}/[^\W\d]\w*"
)
LONGEST = 500  # characters of a line from which on it is data: patterns go back and forth in it
_MARK = "\x1f"  # stands in a line for what is of a progress bar

_BETWEEN = re.compile(
    rf",(?![\d*])|[;|│┃║•\t{_MARK}]|\s(?:[-–—]+|[-–—=]*>)(?=\s)|\s/\s+(?!\d)"
    r"|(?<!\b[A-Z]\w\w)(?<!\b[a-z]\w\w)\.+\s+(?=[A-Z])"  # "Adj. R-squared" is one name
)
_BEFORE_PART = re.compile(r"(?:[^\w'\"\[]|\[(?![^\W\d])|[^\W\d]\w*\((?=[^\W\d]\w*=))*")

_AROUND = re.compile(r"(?<!\s)\s+[*=#<>~–—-]+\Z")

_DIGIT = re.compile(r"\d|nan|inf", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")
_POSSIBLE = re.compile(  # a name, a sign and a value; or a name and a value beside a step or a bar
    r"(?:\s[:=]\s*|[:=：](?:\*\*)?\s+|(?:[^\W\d]\d{0,6}|['\")\]%*])[:=：])"
    rf"(?:tensor\(|array\(|np\.\w+\()?[-+.\dni]|[|│┃║]|\b(?:{_OF_A_STEP})\b"
    rf"|\b{METRIC}\s+[-+.\d]",
    re.IGNORECASE,
)
_COLUMNS = re.compile(r"\s{2,}|\t")
_BORDERS = re.compile(r"[|│┃║]")
_REPORT = ["precision", "recall", "f1-score", "support"]  # of sklearn's classification_report


class Found(NamedTuple):
    """As a match of one of Guild's patterns: a name and a value, or a step without a name."""

    name: str
    value: str

    def groups(self) -> tuple[str, ...]:
        return tuple(filter(None, self))

    def groupdict(self) -> dict[str, str]:
        return {"_key": self.name, "_val": self.value} if self.name else {"step": self.value}


class TextPattern:
    """Takes the place of a compiled pattern: ``pattern`` is that of ``nb-scalars: lines``, with the
    mark of the other mode. Lines are to come in order, and an empty one at the end: a row of a
    table is known by the lines above and below it."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._scalar = re.compile(expanded(pattern[len(TEXT) :]))
        self._above = ""  # the line that may be the header of a table
        self._row: list[Found] = []  # the only one of the table so far
        self._has_rows = False

    def finditer(self, line: str) -> Iterator[Found]:
        """What is found in a line, and in the table that ends before it."""
        return iter(self._read(line))

    def search(self, line: str) -> bool:
        """Whether there are scalars in a line alone."""
        if len(line) > LONGEST:
            return False
        text = _without_bar(line) if _DIGIT.search(line) and _POSSIBLE.search(line) else None
        return bool(text and self._checked(_found_in(text)))

    def lines_with_scalars(self, lines: Iterable[str]) -> Iterator[str]:
        """Those of ``lines`` that hold scalars which are not settings."""
        last = ""
        for line in [*map(str.rstrip, lines), ""]:
            if any(each.name and not is_setting(*each) for each in self._read(line)):
                yield line if self.search(line) else last  # the row of a table
            last = line if _DIGIT.search(line) else last

    def _read(self, line: str) -> list[Found]:
        if not line or line.isspace():
            is_report = _cells(self._above) == _REPORT  # which has empty lines
            return self._end_table(self._above if is_report else "")
        if len(line) > LONGEST:
            return self._end_table("")
        if not _DIGIT.search(line):
            is_rule = not _LETTER.search(line)
            return [] if is_rule else self._end_table(line)
        found = []
        if _POSSIBLE.search(line):
            text = _without_bar(line)
            if text is None:
                return []
            found = self._checked(_found_in(text))
            line = text.partition(_MARK)[0].rstrip(": ") or line
        if found or not self._above or not (_COLUMNS.search(line) or _BORDERS.search(line)):
            return self._end_table(line) + found
        return self._read_row(line)

    def _end_table(self, above: str) -> list[Found]:
        found, self._row = self._row, []
        self._above, self._has_rows = above, False
        return found

    def _read_row(self, line: str) -> list[Found]:
        row, header = _cells(line), [cell for cell in _cells(self._above) if cell]
        if header == _REPORT and len(row) > 2:
            return self._checked(_of_report(row))
        labels = len(row) - len(header)  # of the row: pandas has its index there
        is_named = len(header) > 1 or self._above.startswith("  ")
        cells = [_CELL.match(cell) for cell in row[labels:]] if labels in (0, 1) else []
        if not (is_named and len(row) > 1 and any(cells) and all(map(_NAME_CELL.match, header))):
            return self._end_table(line)
        named = [(name_of(name), cell) for name, cell in zip(header, cells) if cell]
        pairs = [(name, c["value"]) for name, c in named if not c["of"] or _STEP_NAME.match(name)]
        found = _with_step([], pairs)
        if found and not found[0].name:
            self._has_rows = True
            return self._checked(found)
        self._row = [] if self._has_rows else self._checked(found)
        self._has_rows = True
        return []

    def _checked(self, found: list[Found]) -> list[Found]:
        return [
            each
            for each in found
            if not each.name
            or (self._scalar.match(f"{each.name}: 0") and not _NOT_NAMED.match(each.name))
        ]


def _without_bar(line: str) -> str | None:
    """``line`` without the parts of a progress bar, a mark in their place; None where the bar is
    not known to be full."""
    if not _BAR.search(line):
        return line
    percents, counts = _PERCENT.findall(line), _COUNT.findall(line)
    if percents:
        is_full = "100" in percents[-1]
    elif counts:
        is_full = counts[-1][0] == counts[-1][1]
    else:
        is_full = not re.search(r"\[\d+:\d\d", line)
    if not is_full or "ETA" in line:
        return None
    return _IN_A_BAR.sub(_MARK, line)


def _found_in(text: str) -> list[Found]:
    """The step and the scalars of a line."""
    if _NOT_READ.match(text) or _WARNING.search(text):
        return []
    quoted = _QUOTED.match(text)  # a string that a cell ends with
    text = quoted[2] if quoted else text[_end(_BEFORE, text) :]
    first = _FIRST_STEP.match(text)
    steps = [first[1] or first[2]] if first else []
    text = text[first.end() if first else 0 :]
    is_row = bool(_BORDERS.match(text.lstrip()))
    is_divided = bool(_BORDERS.search(text))
    cells = _cells(text) if is_row else []
    if len(cells) == 2 and _NAME_CELL.match(cells[0]) and _CELL.match(cells[1]):
        return _with_step(steps, [(name_of(cells[0]), cells[1].rstrip(" %"))])
    found: list[tuple[str, str]] = []
    prefix, others = "", False
    for part in _BETWEEN.split(text):
        rest, label = _after_labels(part, prefix, steps)
        pairs = _pairs(rest)
        if not pairs:
            pairs = _unsigned_pairs(rest, bool(steps) or (is_divided and not is_row))
        if _DATA.match(rest):
            prefix = name_of(rest)
            continue
        prefix = label if pairs or not rest else prefix
        for pair in pairs:
            if _NO_NAME.match(pair["name"]):
                continue
            name = name_of(pair["name"])
            is_step = _STEP_NAME.match(name) or not prefix
            found.append((name if is_step else f"{prefix}_{name}", _value(pair)))
            after = _STEP_AFTER.match(pair["more"] or "")
            steps += [after[1]] if after else []
        if not pairs and found and not is_divided and _ALONE.match(rest):
            found.pop()  # it is the first of several numbers
        others = others or bool(rest and not pairs)
    if not found:
        return [] if others else _with_step(steps, [])
    is_port = len(found) == 1 and not steps and re.search(r"\w:\d+\Z", text)
    return [] if is_port else _with_step(steps, found)


def _end(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.match(text)
    return match.end() if match else 0


def _after_labels(part: str, prefix: str, steps: list[str]) -> tuple[str, str]:
    """What is left of a part of a line without what it begins with: a step, which is added to
    ``steps``, and what the names after it are of, which takes the place of ``prefix``."""
    rest = _inner(part)
    for _ in range(2):
        step = _STEP.match(rest)
        if step:
            steps.append(step["step"])
            prefix = name_of(step["of"] or "") or prefix
            rest = rest[step.end() :].lstrip("-–—=> ")
        of = _PREFIX.match(rest)
        if not of:
            break
        prefix = name_of(of["inside"] or of["name"])
        prefix = "" if _NO_PREFIX.match(prefix) else prefix
        rest = _inner(rest[of.end() :])
    return rest, prefix


def _inner(part: str) -> str:
    """``part`` without what people put around it. Asterisks stand for secret values too: those that
    touch a word are left."""
    return _AROUND.sub("", part[_end(_BEFORE_PART, part) :].rstrip(" .:!…"))


def _pairs(text: str, pattern: re.Pattern[str] = _PAIR) -> list[re.Match[str]]:
    """The names and values that ``text`` is made of; none where there is more in it."""
    found: list[re.Match[str]] = []
    while not found or found[-1].end() < len(text):
        pair = pattern.match(text, found[-1].end() if found else 0)
        if not pair:
            return []
        found.append(pair)
    return found


def _unsigned_pairs(text: str, are_any: bool) -> list[re.Match[str]]:
    """Names and values without a sign between. Those that are not ``are_any`` are to be metrics
    with a share or a fraction: ``Accuracy 0.93``, ``Acc@1 76.1 Acc@5 92.9``."""
    pairs = _pairs(text, _UNSIGNED_PAIR)
    if are_any:
        return [] if any(_PROSE.match(pair["name"].lower()) for pair in pairs) else pairs
    are_metrics = all(
        is_metric(pair["name"]) and (pair["unit"] == "%" or not pair["value"].isdigit())
        for pair in pairs
    )
    return pairs if are_metrics else []


def _value(pair: re.Match[str]) -> str:
    value = (pair["share"] or pair["value"]).replace(",", "")
    seconds = _SECONDS.get(pair["unit"] or "", 1.0)
    return value if seconds == 1 else f"{float(value) * seconds:.12g}"


def _with_step(steps: list[str], pairs: list[tuple[str, str]]) -> list[Found]:
    """What is found, the first step before it: one of ``steps``, or of the pairs."""
    found = []
    for name, value in pairs:
        value = value.replace(",", "")
        if not _STEP_NAME.match(name):
            found += [Found(name, value)] if name else []
        elif abs(float(value)) < 1e18:
            steps = [*steps, str(int(float(value)))]
    return [Found("", steps[0]), *found] if steps else found


def _cells(line: str) -> list[str]:
    """The cells of a row of a table, drawn with bars or aligned with blanks."""
    if not _BORDERS.search(line):
        return _COLUMNS.split(line.strip())
    cells = [cell.strip() for cell in _BORDERS.split(line.strip())]
    return cells[not cells[0] : len(cells) - (not cells[-1])]


def _of_report(row: list[str]) -> list[Found]:
    """The scalars of a row of classification_report: of the averages, not of each class."""
    if row[0] in ("accuracy", "micro avg", "macro avg", "weighted avg", "samples avg"):
        if row[0] == "accuracy":
            return [Found("accuracy", row[-2])]
        return [Found(name_of(f"{row[0]} {name}"), v) for name, v in zip(_REPORT[:3], row[1:4])]
    return []
