"""What the notebook holds of a cell, whatever the cell puts out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guild_notebook.document.limits import Limits
from guild_notebook.run.execution.cell_outputs import Bundle, CellOutputs
from tests.helpers.growth import check_growth

LIMIT = 10_000


def display(**data: Any) -> dict[str, Any]:
    named = {mime.replace("_", "/"): value for mime, value in data.items()}
    return {"output_type": "display_data", "data": named, "metadata": {}}


def error(evalue: str, *traceback: str) -> dict[str, Any]:
    return {
        "output_type": "error", "ename": "E", "evalue": evalue, "traceback": list(traceback)
    }  # fmt: skip


def outputs_with(added: Iterable[Any], limit: int) -> CellOutputs:
    """The outputs of a cell that prints the texts and shows the other outputs."""
    outputs = CellOutputs(Limits(limit))
    for output in added:
        if isinstance(output, str):
            outputs.add_text("stdout", output)
        else:
            outputs.add(output)
    return outputs


def outputs_of(*added: Any, limit: int = LIMIT) -> list[dict[str, Any]]:
    return outputs_with(added, limit).nodes()


def characters(nodes: list[dict[str, Any]]) -> int:
    return len(json.dumps(nodes))


KINDS = {
    "text": ["x" * 100],
    "one text": ["x" * 100_000],
    "displays of text": [display(text_plain="x" * 10)],
    "a display of text": [display(text_plain="x" * 100_000)],
    "errors": [error("x" * 100, "y" * 100)],
    "an error": [error("x" * 100_000, *["y" * 1000] * 100)],
    "an error of a long name": [{**error("x"), "ename": "x" * 100_000}],
    "texts and displays": ["x", display(text_plain="x")],
}


@pytest.mark.parametrize("kind", KINDS)
def test_of_text_the_notebook_holds_what_the_limit_says(kind: str):
    nodes = outputs_of(*KINDS[kind] * 1000)
    assert LIMIT / 4 < characters(nodes) < 3 * LIMIT
    assert "characters of output are left out here (nb-output-limit" in json.dumps(nodes)


DATA = {
    "pages": display(text_html="x" * 10_000),
    "images": display(image_png="x" * 50_000),
    "vectors": display(image_svg="x" * 50_000),
    "JSON": display(application_json={"a": ["x" * 100] * 100}),
    "lines": display(text_html=["x" * 100] * 100),
    "metadata": {**display(text_plain="x"), "metadata": {"a": "x" * 50_000}},
}


@pytest.mark.parametrize("kind", DATA)
def test_of_other_data_it_holds_fifty_times_as_much(kind: str):
    nodes = outputs_of(*[DATA[kind]] * 500)
    assert 50 * LIMIT / 3 < characters(nodes) < 60 * LIMIT
    assert "displays): its text is in .guild/output]" in json.dumps(nodes)


def test_the_first_and_the_last_are_there():
    nodes = outputs_of(*(display(text_plain=f"<{i}>") for i in range(1000)))
    shown = [node["data"]["text/plain"] for node in nodes if "data" in node]
    assert shown[0] == "<0>" and shown[-1] == "<999>" and 40 < len(shown) < 60


def test_the_last_output_stays_whatever_its_size_and_nothing_more_than_a_message():
    (kept,) = outputs_of(display(image_png="x" * 900_000))
    assert len(kept["data"]["image/png"]) == 900_000
    (kept,) = outputs_of({**display(text_plain="x"), "metadata": {"a": "x" * 1_000_001}})
    assert (kept["data"], kept["metadata"]) == ({"text/plain": "x"}, {})
    (kept,) = outputs_of(display(image_png="x" * 1_000_001, text_plain="<Figure>"))
    assert kept["data"] == {
        "text/plain": "<Figure>\n[image/png of 1,000,001 characters is left out (nb-output-limit)]"
    }


def test_of_a_long_result_its_head_and_its_tail_stay():
    (kept,) = outputs_of(display(text_plain="a" * 50_000 + "z" * 50_000))
    text = kept["data"]["text/plain"]
    assert text.startswith("aaa") and text.endswith("zzz")
    assert "[95,000 characters of output are left out here (nb-output-limit)" in text


def test_what_is_left_out_is_counted_in_characters_and_displays():
    outputs = CellOutputs(Limits(LIMIT))
    for _ in range(100):
        outputs.add(display(image_png="x" * 50_000))
    left = [node for node in outputs.nodes() if "data" in node]
    assert outputs.left_out == (50_000 * (100 - len(left)), 100 - len(left))


def test_a_display_that_an_update_makes_large_counts_as_it_is_then():
    outputs = CellOutputs(Limits(LIMIT))
    bundles = [Bundle(display(text_plain="x"), Limits(LIMIT)) for _ in range(40)]
    for bundle in bundles:
        outputs.add({"output_type": "display_data"}, bundle)
    assert outputs.left_out == (0, 0)
    for bundle in bundles:
        size = bundle.size
        bundle.replace(display(text_plain="y" * 4000))
        outputs.has_grown(bundle.size - size)
        assert characters(outputs.nodes()) < 3 * LIMIT
    assert outputs.left_out[1] > 30


@given(
    st.lists(
        st.one_of(
            st.text("ab", min_size=1, max_size=3000),
            st.integers(0, 3000).map(lambda n: display(text_plain="x" * n)),
            st.integers(0, 300_000).map(lambda n: display(image_png="x" * n)),
            st.integers(0, 3000).map(lambda n: error("x" * n, "y" * n)),
        ),
        max_size=30,
    ),
    st.sampled_from([1, 100, 1000, LIMIT]),
)
def test_all_is_there_or_said_to_be_left_out(added: list[Any], limit: int):
    outputs = outputs_with(added, limit)
    nodes = outputs.nodes()
    characters, displays = outputs.left_out
    text = "".join(node["text"] for node in nodes if node.get("name") == "stdout")
    whole = "".join(output for output in added if isinstance(output, str))
    others = [output for output in added if not isinstance(output, str)]
    assert (
        len([node for node in nodes if node["output_type"] != "stream"]) == len(others) - displays
    )
    assert (characters == 0) <= (text == whole)
    assert len(text) >= len(whole) - characters


def update(sizes: list[int]) -> None:
    """Update displays that a cell shows thousands of times."""
    cell, bundle = CellOutputs(Limits()), Bundle(display(text_plain="x"), Limits())
    for _ in sizes:
        cell.add({"output_type": "display_data"}, bundle)
    for size in sizes:
        before = bundle.size
        bundle.replace(display(text_plain="x" * size))
        cell.has_grown(bundle.size - before)
    cell.nodes()


def show(outputs: list[Any]) -> None:
    cell = CellOutputs(Limits())
    for i, output in enumerate(outputs):
        if isinstance(output, str):
            cell.add_text(("stdout", "stderr")[i % 2], output)
        else:
            cell.add(output)
    cell.nodes()


@pytest.mark.parametrize(
    ("work", "kind"),
    [
        (show, ["x" * 100]),
        (show, [display(text_plain="x")]),
        (show, ["x", display(text_plain="x")]),
        (show, [display(image_png="x" * 1000)]),
        (show, [error("x" * 100)]),
        (update, [100]),
        (update, [1, 100_000]),
    ],
)
def test_time_grows_as_the_number_of_outputs_does(work: Any, kind: list[Any]):
    check_growth(work, lambda n: list(itertools.islice(itertools.cycle(kind), n)), 1000)
