"""Pages look as they should on GitHub too, which knows nothing of Sphinx, and all can be found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.helpers.page import BLOCK, File, steps
from tests.helpers.reader import DOCS, PAGES, README

OTHERS = [page for page in PAGES if page.name != "index.md"]


def parsed(text: str) -> list[Token]:
    """Markdown with tables, as GitHub and MyST both read it."""
    return MarkdownIt("commonmark").enable("table").parse(text)


def lines_of_paragraphs(text: str) -> list[str]:
    return [line for t in parsed(text) if t.type == "inline" for line in t.content.splitlines()]


def links(text: str) -> list[tuple[str, str]]:
    """The text and the target of each link within text, which a toctree is not."""
    found = []
    for inline in parsed(text):
        children = inline.children or []
        for index, token in enumerate(children):
            if token.type == "link_open":
                rest = children[index + 1 :]
                closed = next(i for i, other in enumerate(rest) if other.type == "link_close")
                shown = "".join(other.content for other in rest[:closed])
                found.append((shown, str(token.attrs["href"])))
    return found


def unnamed(text: str) -> list[str]:
    """Files to make that the text between them and the block before them does not name."""
    found, begin = [], 0
    for block in BLOCK.finditer(text):
        before, begin = text[begin : block.start()], block.end()
        made = steps(block.group())
        found += [s.name for s in made if isinstance(s, File) and f"`{s.name}`" not in before]
    return found


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.name)
def test_no_line_of_a_paragraph_is_a_definition(page: Path):
    lines = lines_of_paragraphs(page.read_text("utf-8"))
    assert [line for line in lines if line.startswith(": ")] == []


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.name)
def test_each_link_has_a_text(page: Path):
    assert [target for shown, target in links(page.read_text("utf-8")) if not shown] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_text_before_a_file_names_it(page: Path):
    assert unnamed(page.read_text("utf-8")) == []


def test_what_these_tests_look_for_is_found():
    assert ": an explanation" in lines_of_paragraphs("`name`\n: an explanation\n")
    assert links("See [](a.md), [`b`](b.md).\n") == [("", "a.md"), ("b", "b.md")]
    file = '```yaml title="a.yml"\na: 1\n```\n'
    assert unnamed(f"`a.yml`:\n\n{file}\nand\n\n{file}") == ["a.yml"]


def targets(page: Path) -> set[str]:
    return {target for _shown, target in links(page.read_text("utf-8"))}


def test_the_index_links_each_page_in_its_text_and_in_a_toctree():
    text = (DOCS / "index.md").read_text("utf-8")
    trees = re.findall(r"^```\{toctree\}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    listed = [line for tree in trees for line in tree.splitlines() if line and line[0] != ":"]
    assert sorted(listed) == [page.stem for page in OTHERS]
    assert {page.name for page in OTHERS} <= targets(DOCS / "index.md")


def test_the_readme_links_each_page():
    assert {f"docs/{page.name}" for page in PAGES} <= targets(README)
