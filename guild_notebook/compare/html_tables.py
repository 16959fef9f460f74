"""Tables in HTML as texts: of pandas, polars, their styles, and of others.

HTML is read by the standard library's parser, which never fails. What spans several columns or rows
stands in each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape
from html.parser import HTMLParser

from .model import Table

MOST_CELLS = 50_000
"""Cells of a table that are kept."""

MOST_COLUMNS = 500

MOST_TEXT = 2_000_000
"""Characters of the cells that are kept, of which one that spans others has as many in each."""

_UNSEEN = ("script", "style", "head", "title", "template", "svg")
_LINES = ("br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "p", "pre", "tr")


@dataclass
class Page:
    """What HTML has: its tables, the text outside of them, and the addresses of its images."""

    tables: list[Table] = field(default_factory=list)
    text: str = ""
    images: list[str] = field(default_factory=list)


@dataclass
class _Cell:
    is_head: bool
    columns: int
    rows: int
    parts: list[str] = field(default_factory=list)

    @cached_property
    def text(self) -> str:
        return " ".join("".join(self.parts).split())


def page_of(html: str) -> Page:
    """What ``html`` has, in time linear in its length."""
    reader = _Reader()
    reader.feed(html)
    # What is not closed is text. The parser's own close() looks for its end at each "<" anew.
    reader.handle_data(unescape(reader.rawdata))
    reader.end_table()
    reader.page.text = "".join(reader.outside)
    return reader.page


class _Reader(HTMLParser):
    """Tables within cells of tables are text of these."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.outside: list[str] = []
        self._depth = 0  # of tables
        self._unseen = ""
        self._in_head = False
        self._rows: list[list[_Cell]] = []
        self._head_rows = 0
        self._cell: _Cell | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._unseen:
            return
        if tag in _UNSEEN:
            self._unseen = tag
        elif tag == "img":
            self.page.images.append(dict(attrs).get("src") or "")
        elif tag == "table":
            self._depth += 1
        elif self._depth == 1 and tag in ("thead", "tbody", "tfoot"):
            self._in_head = tag == "thead"
        elif self._depth == 1 and tag == "tr":
            self._end_cell()
            self._rows.append([])
            self._head_rows += self._in_head
        elif self._depth == 1 and tag in ("td", "th"):
            self._end_cell()
            if not self._rows:
                self._rows.append([])
            spans = dict(attrs)
            self._cell = _Cell(tag == "th", _span(spans, "colspan"), _span(spans, "rowspan"))
        elif tag in _LINES:
            self.handle_data("\n")

    def handle_endtag(self, tag: str) -> None:
        if self._unseen:
            self._unseen = "" if tag == self._unseen else self._unseen
        elif tag == "table" and self._depth:
            self._depth -= 1
            if not self._depth:
                self.end_table()
        elif self._depth == 1 and tag in ("td", "th", "tr"):
            self._end_cell()
        elif tag == "thead":
            self._in_head = False

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """HTML has none: it is a comment, of which the parser would say that it is wrong."""
        return self.parse_bogus_comment(i, report)

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        if self._cell:
            self._cell.parts.append(data)
        elif not self._depth:
            self.outside.append(data)

    def _end_cell(self) -> None:
        if self._cell:
            self._rows[-1].append(self._cell)
        self._cell = None

    def end_table(self) -> None:
        self._end_cell()
        if table := _table(self._rows, self._head_rows):
            self.page.tables.append(table)
        self._rows, self._head_rows, self._depth, self._in_head = [], 0, 0, False


def _span(attributes: dict[str, str | None], name: str) -> int:
    value = (attributes.get(name) or "").strip()[:6]
    return min(max(int(value), 1), MOST_COLUMNS) if value.isdecimal() else 1


def _table(rows: Sequence[Sequence[_Cell]], head_rows: int) -> Table | None:
    rows_of_cells, is_cut = _spread(rows)
    if not head_rows and rows_of_cells and all(cell.is_head for cell in rows_of_cells[0]):
        head_rows = 1
    width = max(map(len, rows_of_cells), default=0)
    if not width:
        return None
    body = rows_of_cells[head_rows:]
    head = [_column(rows_of_cells[:head_rows], index) for index in range(width)]
    index_columns = min(map(_leading_heads, body), default=0)
    texts = [[cell.text for cell in row] + [""] * (width - len(row)) for row in body]
    return Table(head, texts, index_columns if index_columns < width else 0, is_cut)


def _spread(rows: Sequence[Sequence[_Cell]]) -> tuple[list[list[_Cell]], bool]:
    """The rows with a cell in each of the columns and rows that it spans, as far as they are not
    too many, and whether there were more."""
    made: list[list[_Cell]] = []
    below: dict[int, tuple[_Cell, int]] = {}  # by column what goes on in the next rows, how far
    count = size = 0
    for row in rows:
        cells: list[_Cell] = []
        waiting = list(row)[::-1]
        while len(cells) < MOST_COLUMNS:
            above = below.pop(len(cells), None)
            if above:
                cell, left = above
                if left > 1:
                    below[len(cells)] = cell, left - 1
                cells.append(cell)
            elif waiting:
                cell = waiting.pop()
                for _ in range(min(cell.columns, MOST_COLUMNS - len(cells))):
                    if cell.rows > 1:
                        below[len(cells)] = cell, cell.rows - 1
                    cells.append(cell)
            else:
                break
        count += len(cells)
        size += sum(len(cell.text) for cell in cells)
        if count > MOST_CELLS or size > MOST_TEXT:
            return made, True
        if cells:
            made.append(cells)
    return made, False


def _column(head: Sequence[Sequence[_Cell]], index: int) -> str:
    """The name of a column: the texts above each other, each once."""
    texts = [row[index].text for row in head if index < len(row)]
    return " / ".join(dict.fromkeys(filter(None, texts)))


def _leading_heads(row: Sequence[_Cell]) -> int:
    count = 0
    while count < len(row) and row[count].is_head:
        count += 1
    return count
