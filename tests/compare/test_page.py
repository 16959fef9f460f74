"""The file of the page that compares runs: its policy, its data, its images."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import re
from typing import Any

from guild_notebook.compare.page import page
from tests.helpers import compare_data


class Elements(html.parser.HTMLParser):
    """Scripts, styles and policies of a page, as a browser finds them: the text of each."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.policy = ""
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(given["content"])
        if tag in ("script", "style"):
            self.found.append((tag, given, ""))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][2] == "" and self.tags[-1] in ("script", "style"):
            self.found[-1] = (*self.found[-1][:2], data)


def elements(made: tuple[Any, Any], **options: Any) -> Elements:
    return Elements("".join(page(*made, **options)))


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_policy_allows_our_script_and_our_style_and_loads_nothing():
    found = elements(compare_data.sweep())
    scripts = [text for tag, given, text in found.found if tag == "script" and not given]
    styles = [text for tag, _given, text in found.found if tag == "style"]
    assert len(scripts) == len(styles) == 1
    assert found.policy == (
        f"default-src 'none'; img-src blob: data:; script-src 'sha256-{digest(scripts[0])}'; "
        f"style-src 'sha256-{digest(styles[0])}'; base-uri 'none'; form-action 'none'"
    )


def test_a_live_page_asks_its_own_server_and_holds_no_image():
    data, images = compare_data.sweep()
    found = elements(({**data, "live": True}, images), live=True)
    assert "img-src blob: data: 'self'; connect-src 'self'; script-src" in found.policy
    assert not [given for _tag, given, _text in found.found if given.get("type") == "text/plain"]


def test_images_come_last_each_once_and_those_of_the_cell_that_changed_most_first():
    data, images = compare_data.sweep()
    found = elements((data, images))
    islands = [given["id"] for _, given, _ in found.found if given.get("type") == "text/plain"]
    assert [given.get("type") for _tag, given, _text in found.found][: -len(islands)] == [
        *(None, "application/json", None)
    ]
    assert len(islands) == len(set(islands)) == len(images)
    of_mistakes = {
        data["images"][data["outputs"][index]["image"]]["digest"]
        for cell in data["cells"][2]
        for index in cell.get("outputs", ())
    }
    assert {f"o{each}" for each in of_mistakes} == set(islands[: len(of_mistakes)])


def test_the_data_comes_back_as_it_is_whatever_texts_it_has():
    data, images = compare_data.sweep()
    odd = "</script><script>alert(1)</script><!-- <script> \u2028 é \ud800 &amp; ]]>"
    data = {**data, "title": odd, "sources": [odd]}
    found = elements((data, images))
    (text,) = (text for _tag, given, text in found.found if given.get("id") == "data")
    read = json.loads(text)
    assert read["sources"] == [odd.replace("\ud800", "?")]
    assert read["runs"] == data["runs"]
    assert len([1 for tag, given, _text in found.found if tag == "script" and not given]) == 1


def test_a_page_without_runs_and_without_cells_is_made():
    empty: dict[str, list[Any]] = {
        name: []
        for name in (
            *("runs", "flags", "scalars", "sections", "slots"),
            *("cells", "sources", "outputs", "images", "curves"),
        )
    }
    assert "0 runs" in "".join(page({"title": "0 runs", **empty, "live": False}, {}))


def test_no_script_of_the_page_makes_html_or_code_of_text():
    text = next(
        text
        for _tag, given, text in elements(compare_data.sweep()).found
        if _tag == "script" and not given
    )
    ways = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser"
    assert re.findall(ways, text) == []
