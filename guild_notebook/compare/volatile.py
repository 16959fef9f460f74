"""What differs between two runs though a reader calls it unchanged: times and durations, addresses
and ids of objects, temporary files, the run's own id and the date on which it ran.

It is masked where texts are compared, never where they are shown. A date is masked only where it is
that of the run: others are data.
"""

from __future__ import annotations

import datetime
import re
from functools import cached_property, lru_cache

from .model import Run

_UNIT = r"(?:ns|[µμu]s|ms|s|secs?|seconds?|mins?|minutes?|hrs?|hours?|h)"
_NUMBER = r"(?<![\w.])\d[\d.,]{0,30}(?:[eE][-+]?\d+)?"

_ALWAYS: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    (
        ("0x",),
        re.compile(r"(?<=\bat )0x[0-9a-fA-F]+|\b0x(?:0000|[57][f-])[0-9a-fA-F]{8,12}\b"),
        "«address»",
    ),
    (("-",), re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "«id»"),
    # of uuid.uuid1 and uuid4, as Guild's runs have them
    (
        ("",),
        re.compile(r"(?<![0-9a-f])[0-9a-f]{12}[14][0-9a-f]{3}[89ab][0-9a-f]{15}(?![0-9a-f])"),
        "«id»",
    ),
    (
        ("ipykernel_", "<ipython-input"),
        re.compile(r"\bipykernel_\d+(?:[/\\]\d+\.py)?|<ipython-input-\d+-[0-9a-f]+>"),
        "«cell»",
    ),
    (
        ("tmp", "jl_"),
        re.compile(r"(?<=[/\\])(?:tmp[a-z0-9_]{8}|tmp\.\w{6,12}|Rtmp\w{6}|jl_\w{6,10})(?!\w)"),
        "«temporary»",
    ),
    (
        ("127.0.0.1:", "localhost:"),
        re.compile(r"(?:(?<=127\.0\.0\.1:)|(?<=localhost:))\d+"),
        "«port»",
    ),
    (("pid", "PID"), re.compile(r"\b(?:pid|PID)[ =:]{1,3}\d+(?!\.?\d)"), "«process»"),
    ((":",), re.compile(r"\b[IWEF]\d{4} \d\d:\d\d:[\d.]+ +\d+ "), "«time» "),  # Google's log
    (
        ("/",),
        re.compile(
            rf"(?:{_NUMBER}|\?)[ ]?(?:"  # 3 m/s is a result
            r"(?:[kKMGT]?i?[bB](?:ytes)?|its?|row|ex|img|(?!met|mile)\w{4,12})"
            r"[ ]?/[ ]?(?:s|sec|second)"
            r"|(?:[nuµμm]?s|secs?|seconds?|min|h)[ ]?/[ ]?"
            r"(?:it|iter|step|batch|sample|epoch|image))\b"
        ),
        "«speed»",
    ),
    (
        ("<",),  # tqdm
        re.compile(r"\d+:\d\d(?::\d\d)?<(?:\d+:\d\d(?::\d\d)?|\?)(?:, *[^\n,/\]]{1,30}/\w{1,9})?"),
        "«time»",
    ),
    (
        (":",),
        re.compile(r"(?<![-/.]\d\d[ T])(?<![\w:.])\d{1,3}:\d\d:\d\d(?:[.,]\d+)?(?![\w:])"),
        "«time»",
    ),
    (
        ("sec",),
        re.compile(rf"^\W{{0,9}}{_NUMBER}[ ]?(?:seconds?|secs?)\b(?=\W{{0,9}}$)", re.MULTILINE),
        "«time»",
    ),
)
"""What is masked in all texts: what a text has of which it may have some (looking for that takes
less time than the pattern), the pattern, and the word in its place."""

_TIMED = re.compile(
    r"\b(?:wall|cpu|took|taken|elapsed|durations?|runtime|eta|finished|done|completed|timing)\b"
    r"|times?\b|per loop\b|«speed»|\b(?:in|after) [\d.]+ ?[a-zµμ]+\b",
    re.IGNORECASE,
)
"""What a line says in which numbers with a unit of time are durations of the run."""

_TIMED_WORDS = (
    *("wall", "cpu", "took", "taken", "elapsed", "duration", "runtime", "eta", "finished", "done"),
    *("completed", "timing", "time", "per loop", "«speed»", "in ", "after "),
)
"""Those of which a text has one where _TIMED or _NAMED find something."""

_DURATION = re.compile(rf"{_NUMBER}[ ]?{_UNIT}(?![\w/])")

_NAMED = re.compile(
    r"((?:\b|_)(?:(?i:elapsed|duration|runtime|took)|ETA"
    r"|[Tt](?i:ime)(?!s\b)(?:[_ ](?:taken|elapsed|spent))?(?=[^\d\n]{0,12}(?:[:=]|\bis\b|\bwas\b)))"
    r"(?:[_ ]?[\[(]?(?:s|ms|secs?|seconds|min|minutes)[\])]?(?!\w))?['\"]?"
    r"[ \t]{0,8}(?:[:=]|is\b|was\b)?[ \t]{0,8})"
    r"\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?(?![\d.,eE]*\d|[ ][^\W\d]\w*(?![\w=:]| [=:\d]))"
)
"""A duration that is called so, without a unit or a word that says what was counted behind it."""

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = rf"(?P<{{}}>{'|'.join(_MONTHS)})[a-z]{{{{0,6}}}}"
_DATE = re.compile(
    r"(?<!\d)(?P<y1>20\d\d)(?P<s>[-/_.]?)(?P<m1>\d\d)(?P=s)(?P<d1>\d\d)"
    r"(?:[-_T]?\d{6}|[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[-+]\d\d:?\d\d)?)?(?!\d)"
    r"|(?<![\d/.])(?P<a>\d\d?)[/.](?P<b>\d\d?)[/.](?P<y2>20\d\d)(?!\d)"
    rf"|\b{_MONTH.format('m3')}\.?[ ]{{1,2}}(?P<d3>\d\d?)(?:[ ,]+(?P<y3>20\d\d))?\b(?!:)"
    rf"|(?<!\d)(?P<d4>\d\d?)[ -]{_MONTH.format('m4')}[ ,-]+(?P<y4>20\d\d)\b",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(r"\b(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b", re.I)
_EPOCH = re.compile(r"(?<![\w.])1\d{9}(?:\d{3})?(?:\.\d+)?(?![\w.])")

_DAY = datetime.timedelta(days=1)
_1970 = datetime.datetime(1970, 1, 1)


class Mask:
    """Masks what a reader calls unchanged in texts of ``run``, or of any run: then dates stay."""

    def __init__(self, run: Run | None = None) -> None:
        self._run = run
        self._last = lru_cache(maxsize=4)(self._masked)  # a text is asked for several times

    def __call__(self, text: str) -> str:
        """``text`` with words in place of what is masked; it has as many lines."""
        return self._last(text)

    def _masked(self, text: str) -> str:
        for name in self._names:
            text = text.replace(name, "«run»")
        if not any(map(str.isdigit, text)):
            return text
        if any(word in text for word in self._seconds):
            text = _EPOCH.sub(self._without_epoch, text)
        lower = text.lower()
        if any(word in lower for word in self._date_words):
            text = "\n".join(map(self._without_dates, text.split("\n")))
        for words, pattern, word in _ALWAYS:
            if any(each in text for each in words):
                text = pattern.sub(word, text)
        if "«speed»" in text or any(word in lower for word in _TIMED_WORDS):
            text = "\n".join(map(_without_durations, text.split("\n")))
        return text

    @cached_property
    def _names(self) -> list[str]:
        run = self._run
        return [name for name in (run.dir, run.id) if len(name) > 7] if run else []

    @cached_property
    def _days(self) -> frozenset[datetime.date]:
        """The days on which the run ran, wherever its clock is."""
        started = self._run.started if self._run else None
        if not started:
            return frozenset()
        count = int((self._run and self._run.seconds) or 0) // 86_400 + 3
        try:
            return frozenset(started.date() + _DAY * day for day in range(-1, min(count, 400)))
        except OverflowError:
            return frozenset()

    @cached_property
    def _date_words(self) -> set[str]:
        """Of which a text has one where it has one of these days."""
        months = {_MONTHS[day.month - 1] for day in self._days}
        return months.union(str(day.year) for day in self._days)

    @cached_property
    def _seconds(self) -> set[str]:
        """What the seconds of these days since 1970 begin with."""
        noons = (datetime.datetime(day.year, day.month, day.day, 12) for day in self._days)
        return {str(int((noon - _1970).total_seconds()))[:4] for noon in noons}

    def _without_epoch(self, match: re.Match[str]) -> str:
        seconds = float(match[0][:10])
        day = (_1970 + datetime.timedelta(seconds=seconds)).date()
        return "«time»" if day in self._days else match[0]

    def _without_dates(self, line: str) -> str:
        made = _DATE.sub(self._without_date, line)
        return made if made == line else _WEEKDAY.sub("«day»", made)

    def _without_date(self, match: re.Match[str]) -> str:
        found = match.groupdict()
        years = {int(year) for key in ("y1", "y2", "y3", "y4") if (year := found[key])}
        numbers = [int(found[key] or 0) for key in ("m1", "d1", "a", "b", "d3", "d4")]
        month, day, a, b, d3, d4 = numbers
        named = (found["m3"] or found["m4"] or "").lower()
        if named:
            month, day = _MONTHS.index(named) + 1, d3 or d4
        dates = {(month, day)} if month else {(a, b), (b, a)}
        is_of_run = any(
            (each.month, each.day) in dates and (not years or each.year in years)
            for each in self._days
        )
        return "«date»" if is_of_run else match[0]


def _without_durations(line: str) -> str:
    lower = line.lower()
    if not any(word in lower for word in _TIMED_WORDS):
        return line
    if _TIMED.search(line):
        line = _DURATION.sub("«time»", line)
    return _NAMED.sub(r"\1«time»", line)


@lru_cache(maxsize=1000)
def is_duration(name: str) -> bool:
    """Whether a scalar or a column of this name is a time that the run has taken."""
    return "«" in Mask()(f"{name}: 1.5")
