"""Expressions of the filter box: which runs they leave, and what is said of a mistake.

They are typed into the box of a page in Chromium; the runs are those of the table of runs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import compare_data
from tests.helpers.both_browsers import InChromium, in_chromium
from tests.helpers.browser import Browser
from tests.helpers.silence import Silence

NAMES = ("plain", "best", "broken", "stopped", "other", "odd")


def _run(number: int, flags: dict[str, Any], scalars: dict[str, Any], **more: Any) -> Any:
    made = compare_data.run(number, flags, scalars, ["lr", "opt"], **more)
    return {**made, "short": f"{number}aa", "id": f"{number}aa" + "0" * 29}


def runs() -> list[Any]:
    failed = {
        **{"status": "error", "state": "failed", "failed": 1},
        "reason": "the cell Training failed with ValueError",
    }
    stopped = {"status": "terminated", "state": "timed out", "reason": "took over 60 seconds"}
    return [
        _run(0, {"lr": 0.1, "opt": "adam", "augment": True, "my flag": 1}, {"acc": 0.9, "loss": 1}),
        _run(
            *(1, {"lr": 0.01, "opt": "sgd", "augment": False}, {"acc": 0.97, "loss": "nan"}),
            **{"label": "the best one", "tags": ["keep", "paper"], "batch": "cafe0123"},
        ),
        _run(
            *(2, {"lr": 1, "opt": "adam", "augment": True}, {}),
            **{**failed, "error": {"name": "ValueError", "message": "loss is 3.5 at 0x7f01"}},
            seconds=3700.0,
        ),
        _run(3, {"lr": 0.001, "opt": "adam w"}, {"acc": 0.5}, **stopped, operation="tune"),
        _run(
            4,
            {"lr": 10, "opt": "", "label": "flagged", "loss": "huber"},
            {"acc": 0.7, "lr": 0.3},
            section=1,
        ),
        _run(
            *(5, {"lr": 2, "opt": "a,b", "or": "tanh"}, {"acc": -1.5, "val/acc": 0.2}),
            started="2026-11-28T23:30:00Z",
        ),
    ]


@pytest.fixture(scope="module")
def typed(
    browser: Browser, silence: Silence, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InChromium]:
    made = compare_data.Builder()
    made.source("x")
    slots = [
        *(compare_data.slot(name, 0.1, "text") for name in ("Data", "Training")),
        compare_data.slot("Data", 0.1, "text", section=1),
    ]
    cell = {"n": 1, "state": "completed", "seconds": 1.0, "memory": None, "source": 0}
    rows = [[{**cell, "outputs": []} for _ in range(number)] for number in (5, 5, 1)]
    data = made.data(runs(), slots, rows, [])  # type: ignore[arg-type]
    path = compare_data.written(tmp_path_factory.mktemp("typed") / "page.html", (data, {}))
    options = {"timezone_id": "Europe/Berlin"}
    with in_chromium(browser, silence, path.as_uri(), **options) as page:
        yield page
        assert page.errors() == []


def answer(page: InChromium, text: str) -> tuple[str, str]:
    """The runs that an expression leaves, by their numbers, and what is said of a mistake."""
    page.page.fill("#filter", text)
    page.frame()
    page.frame()
    shown = page.texts(".runs tbody tr[data-run] th button")
    return " ".join(sorted(each[0] for each in shown)), page.evaluate(
        "document.querySelector('#filter-error').textContent"
    )


LEFT = {
    "numbers": {
        "lr<0.1": "1 3",
        "lr<=0.1": "0 1 3",
        "lr > 1": "4 5",
        "lr>=1": "2 4 5",
        "lr=0.10": "0",
        "lr = 1e-1": "0",
        "lr == .1": "0",
        "lr!=0.1": "1 2 3 4 5",
        "lr <> 0.1": "1 2 3 4 5",
        "acc<0": "5",
        "acc=-1.5": "5",
        "loss=nan": "1",
        "loss>0": "0",
        "loss<inf": "0",
    },
    "texts": {
        "opt=adam": "0 2",
        "opt='adam w'": "3",
        'opt="adam w"': "3",
        "opt=Adam": "",
        'opt="a,b"': "5",
        'opt=""': "4",
        "opt<b": "0 2 3 4 5",
        "opt:adam": "0 2 3",
        "opt:ADAM": "0 2 3",
        "opt contains dam": "0 2 3",
        "opt not contains dam": "1 4 5",
        "opt is adam": "0 2",
        "opt is not adam": "1 3 4 5",
        "opt<1": "",
        "opt=0": "",
    },
    "truth": {
        "augment": "0 2",
        "not augment": "1 3 4 5",
        "augment=true": "0 2",
        "augment=no": "1",
        "augment is False": "1",
    },
    "lists": {
        "opt=adam,sgd": "0 1 2",
        "opt in [adam, sgd]": "0 1 2",
        "opt in adam,sgd": "0 1 2",
        "opt not in [adam, sgd]": "3 4 5",
        "opt!=adam,sgd": "3 4 5",
        "lr in [0.1, 1]": "0 2",
        "lr=[0.1, 1]": "0 2",
        "label:nothing,best": "1",
    },
    "missing values": {
        "acc=": "2",
        "no acc": "2",
        "acc is undefined": "2",
        "acc=undefined": "2",
        "acc is not undefined": "0 1 3 4 5",
        "not no acc": "0 1 3 4 5",
        "acc": "0 1 3 4 5",
        "acc!=": "0 1 3 4 5",
        "acc= and lr=1": "2",
        "(acc=)": "2",
        "no attr:label": "0 2 3 4 5",
        "no scalar:loss lr<1": "3",
        "acc=undefined,0.9": "0 2",
    },
    "attributes": {
        "status=error": "2",
        "status in [error,terminated]": "2 3",
        "state=failed": "2",
        "failed": "2",
        "not failed": "0 1 3 4 5",
        "completed": "0 1 4 5",
        '"timed out"': "3",
        "label:best": "1",
        'label = "the best one"': "1",
        "tag=keep": "1",
        "tags contains pap": "1",
        "operation=tune": "3",
        "op = train and acc > 0.9": "1",
        "id=1aa": "1",
        "run=1aa": "1",
        "id:00": "0 1 2 3 4 5",
        "batch=cafe": "1",
        "notebook=report.ipynb": "4",
        "cell=training": "2",
        "exception=ValueError": "2",
        "message:'is 3.5'": "2",
        "cause='Training: ValueError: loss is # at #'": "2",
        "time>1h": "2",
        "time<0:22": "0 1",
        "time < 22s": "0 1",
        "time>=24.5": "2 5",
        "started=2026-11-29": "5",
        "started<=2026-11-26": "0 1 2 3 4",
        "started>'2026-11-26 12:30'": "2 3 4 5",
        "started:2026-11-29T00:30": "5",
    },
    "what a name is of": {
        "flag:lr=10": "4",
        "scalar:lr<1": "4",
        "scalar:lr": "4",
        "flag:label=flagged": "4",
        "label=flagged": "4",  # a run without a label may have a flag that is called so
        "attr:label:best": "1",
        "flag:opt:dam": "0 2 3",
        '"my flag"=1': "0",
        'flag:"my flag"=1': "0",
        'no "my flag" lr<1': "1 3",
        "val/acc<1": "5",
        '"or"=tanh': "5",
        "or=tanh": "5",
    },
    "text of a run": {
        "best": "1",
        "BEST": "1",
        "adam": "0 2 3",
        "opt=sgd sgd": "1",
        '"3.5 at"': "2",
        '"best one"': "1",
        "nothing-like-it": "",
        "0x7f01 ValueError": "2",
        "unknown:text": "",
        "paper": "1",
    },
    "and, or, not": {
        "": "0 1 2 3 4 5",
        "  ": "0 1 2 3 4 5",
        "acc>=0.9 and not failed": "0 1",
        "acc>=0.9 augment": "0",
        "acc>0.9 or failed": "1 2",
        "ACC>0.9 OR failed": None,
        "acc>0.9 OR failed": "1 2",
        "acc>0.9 or failed opt=adam": "1 2",
        "(acc>0.9 or failed) opt=adam": "2",
        "not (acc>0.9 or failed)": "0 3 4 5",
        "not not failed": "2",
        "failed or completed and lr>1": "2 4 5",
        "lr<1 and(augment)": "0",
        "not lr<1 adam": "2",
    },
}  # fmt: skip
"""By subject: expressions and the runs that they leave, None where that is a mistake."""

TABLE = [(text, left) for texts in LEFT.values() for text, left in texts.items()]


@pytest.mark.parametrize("subject", LEFT)
def test_an_expression_leaves_the_runs_that_it_is_true_of(subject: str, typed: InChromium):
    wanted = {text: left for text, left in LEFT[subject].items() if left is not None}
    found = {text: answer(typed, text) for text in wanted}
    assert found == {text: (left, "") for text, left in wanted.items()}


DOCUMENTED = {
    "lr<0.1 loss<1": "",
    "lr=0.1,0.2": "0",
    "lr!=0.1": "1 2 3 4 5",
    "failed": "2",
    "completed": "0 1 4 5",
    '"timed out"': "3",
    "no loss": "2 3 5",
    "loss=nan": "1",
    "label:best": "1",
    "tag=keep": "1",
    "time>1m30s": "2",
    "started>=2026-11-01": "0 1 2 3 4 5",
    "cell=Training": "2",
    "exception=ValueError": "2",
    "message:finite": "",
    "flag:loss=huber": "4",
    "scalar:loss<1": "",
    "tanh": "5",
    '"the best"': "1",
}
"""The table of docs/comparing.md."""


def test_each_row_of_the_documentation_is_understood(typed: InChromium):
    text = (Path(__file__).parents[2] / "docs" / "comparing.md").read_text("utf-8")
    (table,) = re.findall(r"\n\| filter \| runs that \|\n\|---\|---\|\n((?:\|.*\n)+)", text)
    rows = [row.split(" | ")[0] for row in table.splitlines()]
    documented = [each for row in rows for each in re.findall("`([^`]+)`", row)]
    assert {each: answer(typed, each) for each in documented} == {
        each: (left, "") for each, left in DOCUMENTED.items()
    }


MISTAKES = {
    "lr<": "“lr<” needs a value, as in lr<1 (character 1)",
    "best lr<": "“lr<” needs a value, as in lr<1 (character 6)",
    "(lr<1": "the parenthesis ( is not closed (character 1)",
    "lr<1)": "“)” closes nothing (character 5)",
    "lrr<1": "no run has a flag, scalar or attribute lrr - do you mean lr? (character 1)",
    "scalar:opt=1": "no run has a flag, scalar or attribute scalar:opt - do you mean opt?"
    " (character 1)",
    "zzz=1": "no run has a flag, scalar or attribute zzz (character 1)",
    'lr<1 "abc': 'the quotation mark " has no second one (character 6)',
    "lr<1 and": "a test is missing at the end, as in lr<0.01 (character 9)",
    "and lr<1": "“and” has nothing before it, as in lr<0.01 (character 1)",
    "not": "a test is missing at the end, as in lr<0.01 (character 4)",
    "opt in [adam": "the list [ is not closed with ] (character 8)",
    "opt=adam,": "“opt=” needs a value, as in opt=1 (character 1)",
    "lr<1,2": "“lr<” takes one value, not a list (character 1)",
    "<1": "“<” has nothing before it, as in lr<0.01 (character 1)",
    "wow!": "“!” stands alone - put it in quotation marks (character 4)",
    "()": "“)” has nothing before it, as in lr<0.01 (character 2)",
    "(" * 500: "too many parentheses (character 101)",
}  # fmt: skip


def test_a_mistake_is_said_in_a_line_with_its_place_and_leaves_all_runs(typed: InChromium):
    for text, message in MISTAKES.items():
        assert answer(typed, text) == ("0 1 2 3 4 5", message), text
        assert typed.evaluate("document.querySelector('#filter').ariaInvalid") == "true"
    for text, left in TABLE:
        if left is None:
            assert answer(typed, text)[1], text
    assert answer(typed, "") == ("0 1 2 3 4 5", "")


class OfGuild:
    """A run as Guild's own filter asks for it."""

    def __init__(self, run: Any) -> None:
        self._run = run

    def get_attr(self, name: str) -> Any:
        names = {"run": "short", "short_id": "short", "op": "operation"}
        known = ("id", "run", "short_id", "operation", "op", "status", "label")
        return (self._run[names.get(name, name)] or None) if name in known else None

    def get_flag(self, name: str) -> Any:
        return self._run["flags"].get(name)

    def get_scalar(self, name: str) -> Any:
        value = self._run["scalars"].get(name)
        return None if value is None else {"last_val": math.nan if value == "nan" else value}


OF_THE_PAGE = re.compile(
    r"(state|tags?|batch|notebook|cell|exception|cause|time|started)\W"  # Guild has none, or a text
    r"|\b(failed|completed)\b|\(augment|=\["  # words alone, and lists without "in"
    r"|nan$|inf$|=no$"  # words that are values
)
"""What is nothing or something else for Guild."""


def test_guild_s_own_filter_leaves_the_same_runs_where_it_knows_an_expression(typed: InChromium):
    from guild.filter import parser

    guild, compared = parser(), 0
    for text, left in TABLE:
        try:
            expression = guild.parse(text)
            found = [str(i) for i, run in enumerate(runs()) if expression(OfGuild(run)) is True]
        except (SyntaxError, TypeError):
            continue
        is_test = re.search(r"[=<>]| in | is | contains ", text)  # a word alone is true for Guild
        if is_test and left is not None and not OF_THE_PAGE.search(text):
            compared += 1
            assert " ".join(found) == left, text
    assert compared > 40


@pytest.mark.parametrize(
    ("typed_text", "completed"),
    [
        ("", "operation"),
        ("op", "opt"),
        ("lr<1 op", "lr<1 opt"),
        ("opt=", "opt=adam"),
        ("opt=s", "opt=sgd"),
        ("opt='", None),
        ("fai", "failed"),
        ("lr<1 and fa", "lr<1 and failed"),
        ("flag:op", None),
        ("opt:", 'opt:"adam w"'),
    ],
    ids=lambda value: str(value),
)
def test_the_box_suggests_what_the_text_may_go_on_with(
    typed_text: str, completed: str | None, typed: InChromium
):
    typed.page.focus("#filter")
    answer(typed, typed_text)
    options = typed.evaluate(
        "[...document.querySelectorAll('#filter-completions option')].map(o => o.value)"
    )
    if completed is None:
        assert all(option.startswith(typed_text) for option in options)
    else:
        assert completed in options


def test_an_expression_is_in_the_address_and_comes_back(typed: InChromium):
    answer(typed, "lr<0.1 or failed")
    typed.wait("location.hash.includes('failed')")
    typed.page.reload()
    typed.wait("document.querySelectorAll('.runs tbody tr[data-run]').length === 3")
    assert typed.evaluate("document.querySelector('#filter').value") == "lr<0.1 or failed"
