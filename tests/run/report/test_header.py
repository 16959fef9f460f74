"""The head of a page: what it says of a run, in any text and any number of it."""

from __future__ import annotations

import dataclasses
import datetime
import html.parser
import math
import re
from typing import Any

import pytest

from guild_notebook.run.report.facts import CellError, FlagValue, RunFacts, Scalar
from guild_notebook.run.report.header import header_html

EMPTY = {"br", "path", "use", "image"}


class Page(html.parser.HTMLParser):
    """The elements of a page in order, with their attributes and the text in each table's cells;
    ``errors`` are end tags that end what is not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.errors: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.errors += self._open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self._open.append(tag)
        if tag in ("dt", "li", "tr", "p", "h2", "td"):
            self.text += "\n"

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.errors.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def scalar(name: str, *values: float) -> Scalar:
    numbers = [value for value in values if math.isfinite(value)]
    return Scalar(
        name, values[-1], len(values) - 1, min(numbers, default=None), max(numbers, default=None),
        len(values), len(values) - len(numbers), list(enumerate(values)),
    )  # fmt: skip


STARTED = datetime.datetime(
    2026, 11, 27, 9, 5, 7, 250_000, datetime.timezone(datetime.timedelta(hours=5, minutes=45))
)

FACTS = RunFacts(
    operation="train",
    run_id="0123456789abcdef0123456789abcdef",
    label="lr=0.1",
    tags=["green", "blue"],
    comments=["the first try"],
    state="failed",
    reason="cell [3] (Train) failed with ValueError",
    failed=CellError(4, "cell [3] (Train)", "ValueError: 3 is too many"),
    errors=[CellError(1, "cell [1] (Load)", "cell [1] (Load) failed with KeyError")],
    started=STARTED,
    seconds=75.2,
    user="ann",
    host="box7",
    kernel="python3 (Python 3.11.7)",
    commit="9b901b51fce5a0898bab0e3a998f92abaafb6afe",
    is_modified=True,
    flags=[
        FlagValue("layers", "2", "2"),
        FlagValue("lr", "0.1", "0.01", True),
        FlagValue("other", "5"),
    ],
    scalars=[scalar("loss", 1, 0.25, 0.5)],
    batch="fedcba9876543210fedcba9876543210",
    varied=["layers", "lr"],
    command="guild run train lr=0.1",
    proto_command="guild run --proto 01234567",
    variables=["HF_TOKEN"],
)


def test_a_head_says_all_that_is_known_of_a_run():
    page = Page(header_html(FACTS))
    assert not page.errors
    lines = [line.strip() for line in page.text.splitlines() if line.strip()]
    assert lines == [
        "train",
        "failed cell [3] (Train) failed with ValueError",
        "ValueError: 3 is too many",
        "cell [1] (Load) failed with KeyError, and the run went on.",
        "green", "blue",
        "the first try",
        "Run0123456789abcdef0123456789abcdef",
        "Labellr=0.1",
        "Trial offedcba9876543210fedcba9876543210, which varies layers, lr",
        "Started2026-11-27 09:05:07 +05:45",
        "Took1 min 15 s",
        "Byann on box7",
        "Kernelpython3 (Python 3.11.7)",
        "Commit9b901b51fce5a0898bab0e3a998f92abaafb6afe modified",
        "Flags 1 of 3 differ from the notebook",
        "FlagValueIn the notebook",
        "lr", "0.1", "0.01",
        "layers", "2", "the same",
        "other", "5",
        "Scalars",
        "ScalarLastCurveStepLowestHighest",
        "loss", "0.5", "2", "0.25", "1",
        "Run it again",
        "with the project's code as it is now, in its folderguild run train lr=0.1",
        "with the code of this run, where Guild has itguild run --proto 01234567",
        "Secret flags need their values in the environment: HF_TOKEN",
    ]  # fmt: skip
    assert [link["href"] for link in page.attributes("a")] == [
        "#guild-failed-cell", "#guild-failed-cell-1",
    ]  # fmt: skip
    (time,) = page.attributes("time")
    assert time["datetime"] == "2026-11-27T09:05:07+05:45"
    assert [row.get("class") for row in page.attributes("tr")][1] == "differs"
    ids = [code["title"] for code in page.attributes("code") if "title" in code]
    assert ids == [FACTS.run_id, FACTS.batch, FACTS.commit]


def test_what_is_not_known_is_not_said():
    page = Page(header_html(RunFacts(operation="train", run_id="0123456789abcdef")))
    assert [line for line in page.text.splitlines() if line.strip()] == [
        "train", "completed ", "Run0123456789abcdef",
    ]  # fmt: skip
    assert not page.attributes("table") and not page.errors


@pytest.mark.parametrize(
    ("count", "seconds", "cells", "took"),
    [(1, 2.44, "1 cell was", "2.4 s"), (9, 75, "9 cells were", "1 min 15 s")],
)
def test_cells_of_several_runs_are_counted(count: int, seconds: float, cells: str, took: str):
    page = Page(header_html(RunFacts(shared=count, shared_seconds=seconds)))
    assert f"\nShared{cells} executed once for several runs, in {took} (nb-fork)" in page.text


TEXTS = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</bdi></dd></div></header><iframe srcdoc=x>",
    "a & b &lt; &amp;",
    "‏שלום‏ مرحبا",
    "line 1\nline 2",
    "x" * 10_000,
    "\n".join(f"line {n}" for n in range(1_000)),
    "naïve 日本語 🎉 \u202e gnp.exe",
    "\0\x1b[31m",
]


def everywhere(text: str) -> RunFacts:
    """Facts with the text in all fields that hold one."""

    def put(value: Any) -> Any:
        if isinstance(value, str):
            return text
        if isinstance(value, list):
            return [put(item) for item in value]
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [field.name for field in dataclasses.fields(value)]
            return dataclasses.replace(value, **{n: put(getattr(value, n)) for n in names})
        return value

    made: RunFacts = put(FACTS)
    return made


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_any_text_is_text(text: str):
    page = Page(header_html(everywhere(text)))
    allowed = {
        *("a", "bdi", "blockquote", "code", "dd", "details", "div", "dl", "dt", "h1", "h2"),
        *("header", "li", "p", "path", "pre", "small", "span", "strong", "summary", "svg"),
        *("table", "tbody", "td", "th", "thead", "time", "tr", "ul"),
    }
    assert {tag for tag, _ in page.elements} <= allowed
    assert not page.errors
    names = {name for _, attributes in page.elements for name in attributes}
    assert not [name for name in names if name.startswith("on") or name in ("src", "style")]
    assert all(link["href"].startswith("#guild-failed-cell") for link in page.attributes("a"))
    shown = page.text.replace("\ufffd", "\0")
    assert shown.count(text) >= 15 or len(text) > 200


def test_a_long_value_is_folded_and_whole():
    value = "".join(f"{n:05}," for n in range(1_700))
    made = header_html(RunFacts(operation="a", flags=[FlagValue("names", value, "", True)]))
    page = Page(made)
    assert value in page.text and "(10,200 characters)" in page.text
    (details,) = page.attributes("details")
    assert "open" not in details and not page.errors


def test_a_value_without_bound_is_cut_and_the_page_says_so():
    made = header_html(RunFacts(operation="a", flags=[FlagValue("names", "x" * 5_000_000, "")]))
    assert len(made) < 30_000
    assert "4,980,000 more characters are in the run only" in made


@pytest.mark.parametrize(("value", "shown"), [("", "empty"), ("   ", "3 blanks"), ("0", "0")])
def test_a_value_that_is_not_seen_has_a_word(value: str, shown: str):
    made = header_html(RunFacts(operation="a", flags=[FlagValue("x", value, "z", True)]))
    assert re.search(rf"<td><\w+>(?:<bdi>)?{shown}<", made)


def test_of_many_flags_those_that_differ_are_seen_and_most_others_folded():
    flags = [FlagValue(f"f{n}", str(n), str(n)) for n in range(60)]
    flags[40] = FlagValue("f40", "41", "40", True)
    page = header_html(RunFacts(operation="a", flags=flags))
    seen, _, folded = page.partition("<details")
    assert re.findall(r"<bdi>(f\d+)<", seen) == ["f40", *(f"f{n}" for n in range(11))]
    assert "48 more flags that do not differ" in folded
    assert len(re.findall(r"<bdi>f\d+<", page)) == 60


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([FlagValue("a", "1", "1")], "<h2>Flags <small>as in the notebook</small></h2>"),
        ([FlagValue("a", "1")], "<h2>Flags</h2>"),
        ([FlagValue("a", "***")], "<code><bdi>***</bdi></code></td><td></td>"),
    ],
)
def test_flags_are_compared_only_with_what_is_known(flags: list[FlagValue], said: str):
    assert said in header_html(RunFacts(operation="a", flags=flags))


def test_of_many_scalars_most_are_folded():
    scalars = [scalar(f"s{n}", n) for n in range(60)]
    page = header_html(RunFacts(operation="a", scalars=scalars, more_scalars=1_234))
    seen, _, _ = page.partition("<details")
    assert len(re.findall(r"<bdi>s\d+<", seen)) == 12
    assert "48 more scalars" in page and "1,234 more scalars are in the run only" in page


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ((0.5,), ["0.5", "", "0", "", ""]),
        ((1, 2), ["2", "C", "1", "1", "2"]),
        ((math.nan,), ["nan", "", "0", "", ""]),
        ((1, 2, math.nan), ["nan", "C 1 of 3 not finite", "2", "1", "2"]),
        ((1, math.inf), ["inf", " 1 of 2 not finite", "1", "1", "1"]),
        ((-math.inf, -math.inf), ["-inf", " 2 of 2 not finite", "1", "", ""]),
        ((1e-7, 123456789), ["123456789", "C", "1", "1e-07", "123456789"]),
    ],
)
def test_a_scalar_has_its_last_value_its_curve_and_its_range(values, cells):
    made = header_html(RunFacts(operation="a", scalars=[scalar("s", *values)]))
    (row,) = re.findall(r"<th scope=\"row\"><bdi>s</bdi></th>(.*?)</tr>", made)
    row = re.sub(r"<svg.*?</svg>", "C", row)
    found = [re.sub(r"<[^<>]*>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", row)]
    assert found == cells


def test_many_cells_that_failed_are_folded_and_all_linked():
    errors = [CellError(n, f"cell [{n}]", f"cell [{n}] failed with KeyError") for n in range(30)]
    made = header_html(RunFacts(operation="a", errors=errors))
    assert made.partition("<details")[0].count("went on.") == 5
    assert "25 more cells failed" in made and made.count('href="#guild-failed-cell-') == 30
