"""The text of one cell as Python: its statements, comments and magics, and where they stand.

A cell is split into logical lines, and each is parsed by itself: IPython syntax, or a line that is
not Python at all, hides no other line. All offsets are characters of the cell's own text. The
columns of ``ast`` are UTF-8 bytes; they become characters in this module and nowhere else.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from .scanner import NEWLINE, Line, Scan, scan
from .values import LONGEST_STATEMENT

# Cell magics that run the rest of the cell as Python in the kernel's own namespace; any other
# `%%name` hands it to something else: a shell, a file, another language, another process.
PYTHON_CELL_MAGICS = frozenset(
    {"capture", "debug", "lprun", "memit", "memray", "mprun", "notify", "prun", "pyinstrument"}
    | {"scalene", "snakeviz", "time", "timeit", "wandb"}
)

_CELL_MAGIC = re.compile(
    r"(?:[ \t\f]*(?:\#[^\r\n]*)?(?:\r\n|\r(?!\n)|\n))*[ \t]*%%(\w*)[^\r\n]*(?:\r\n|\r|\n|\Z)"
)
_UNREADABLE_CHARS = re.compile("[\x00\ud800-\udfff]")
# `case` and `match` are names too: an assignment to one is not a clause.
_CLAUSE = re.compile(r"(?:else|elif|except|finally)\b|case\b(?![ \t]*[=.,:])")
_BLOCK = re.compile(r"(?:if|for|while|with|try|def|class|async|match(?!\w|[ \t]*[=.,:]))\b")
# What must stand before a clause for the two to be a statement.
_BEFORE_CLAUSE = {
    "else": "if 1: pass\n",
    "elif": "if 1: pass\n",
    "except": "try: pass\n",
    "finally": "try: pass\n",
    "case": "match 1:\n ",
}
_PART = 512  # characters of a line whose bytes are counted at once
_LONGEST_EXCERPT = 1000
_CHAIN = re.compile(r"[-+*/.\[(%@&|^]")
_LONGEST_CHAIN = 30_000  # before Python 3.11 ast.parse overflows the C stack at about 60,000

# Python runs out of stack (RecursionError, MemoryError), integers may be too long to convert
# and characters impossible to encode (ValueError): to us all are text that cannot be read.
_PARSE_ERRORS = (SyntaxError, ValueError, RecursionError, MemoryError)


@dataclass(frozen=True)
class Statement:
    """A statement of a logical line; ``start`` and ``end`` as offsets in the cell."""

    node: ast.stmt
    start: int
    end: int
    parsed: ParsedLine


@dataclass
class ParsedLine:
    """A logical line and the syntax tree of its text; ``nodes`` is empty where it has none.

    ``shift`` is how many lines and ``column`` how many characters were put before the line's
    text when it was parsed.
    """

    source: Source
    line: Line
    nodes: list[ast.stmt] = field(default_factory=list)
    shift: int = 0
    column: int = 0

    def span(self, node: ast.stmt | ast.expr) -> tuple[int, int]:
        """Where ``node`` begins and ends, in characters from the start of the cell."""
        assert node.end_lineno is not None and node.end_col_offset is not None  # it was parsed
        return (
            self._offset(node.lineno, node.col_offset),
            self._offset(node.end_lineno, node.end_col_offset),
        )

    def _offset(self, lineno: int, column: int) -> int:
        if lineno == 1 + self.shift:
            start, column = self.line.start, column - self.column
        else:
            start = self.source.line_start(
                self.source.position(self.line.start)[0] + lineno - 1 - self.shift
            )
        return start + self.source.characters(start, column)

    @cached_property
    def statements(self) -> list[Statement]:
        """The line's statements at any depth, in the order of their text."""
        found = []
        stack = list(self.nodes)
        while stack:
            node = stack.pop()
            if node.lineno > self.shift:
                found.append(Statement(node, *self.span(node), self))
            stack.extend(_inner(node))
        return sorted(found, key=lambda s: (s.start, -s.end))


def _inner(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements of a statement's blocks; handlers and cases hold such blocks too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.excepthandler) or hasattr(child, "guard"):
            yield from _inner(child)


class Source:
    """One cell's text as Python. Nothing here raises for what the text is, but Python may warn of
    it (invalid escapes), which callers silence once for all cells.

    ``magic`` is the name of the cell magic ("" where there is none). Logical lines after the
    one that holds ``end`` are not read.
    """

    def __init__(self, text: str, end: int | None = None) -> None:
        self.text = text
        self._end = end
        self._parsed: dict[Line, ParsedLine] = {}
        self._sizes: dict[int, list[int]] = {}  # of a line's parts in bytes, summed up
        match = _CELL_MAGIC.match(text)
        self.magic = match.group(1) if match else ""
        self.is_python = match is None or self.magic in PYTHON_CELL_MAGICS
        self._start = match.end() if match else 0

    @cached_property
    def plain(self) -> str:
        """The text with each character that Python's parser refuses replaced by another."""
        # a form feed counts for nothing at the start of a line, unlike a byte order mark
        text = "\f" + self.text[1:] if self.text.startswith("\ufeff") else self.text
        return _UNREADABLE_CHARS.sub("\ufffd", text)

    @cached_property
    def scan(self) -> Scan:
        """Logical lines, comments and strings, those of IPython's lines left out."""
        return scan(self.plain, self._start, self._end)

    @cached_property
    def top_level(self) -> list[Line]:
        """The logical lines outside all blocks. IPython removes the first line's indentation."""
        lines = self.scan.lines
        return [line for line in lines if line.indent <= lines[0].indent]

    def line_of(self, offset: int) -> Line | None:
        """The logical line that holds ``offset``, a comment at its end included."""
        index = bisect_right(self._logical_starts, offset) - 1
        if index < 0 or self.scan.lines[index].end <= offset:
            return None
        return self.scan.lines[index]

    @cached_property
    def _logical_starts(self) -> list[int]:
        return [line.start for line in self.scan.lines]

    def parsed(self, line: Line) -> ParsedLine:
        """The syntax trees of a logical line's statements; none where it is not Python."""
        if line not in self._parsed:
            self._parsed[line] = self._parse(line)
        return self._parsed[line]

    def take_parsed(self, line: Line) -> ParsedLine:
        """As ``parsed``, for who asks once: it is not kept for others."""
        parsed = self.parsed(line)
        del self._parsed[line]  # which refers to this object: neither would end before the other
        return parsed

    def parse_together(self, lines: list[Line]) -> None:
        """Parse ``lines`` in groups of LONGEST_STATEMENT characters: faster than one by one, where
        those of a group are Python together."""
        first = size = 0
        for index, line in enumerate(lines):
            length = line.end - line.start + 1
            if size + length > LONGEST_STATEMENT:
                self._parse_group(lines[first:index])
                first, size = index, 0
            size += length
        self._parse_group(lines[first:])

    def _parse_group(self, lines: list[Line]) -> None:
        texts = [self.plain[line.start : line.end] for line in lines]
        nodes = statements_of("\n".join(texts))
        if not nodes:
            return
        shift = index = 0
        for line, text in zip(lines, texts):
            after = shift + len(NEWLINE.findall(text)) + 1
            first = index
            while index < len(nodes) and nodes[index].lineno <= after:
                index += 1
            self._parsed[line] = ParsedLine(self, line, nodes[first:index], shift)
            shift = after

    def _parse(self, line: Line) -> ParsedLine:
        text = self.plain[line.start : line.end]
        nodes = statements_of(text)
        clause = None if nodes else _CLAUSE.match(text)
        before = _BEFORE_CLAUSE[clause.group()] if clause else ""
        return ParsedLine(
            self,
            line,
            nodes=nodes or (statements_of(before + text) if clause else []),
            shift=before.count("\n"),
            column=len(before) - before.rfind("\n") - 1,
        )

    def block_header(self, line: Line) -> ast.stmt | None:
        """The statement that a logical line is the head of, like ``for x in y:``."""
        nodes = statements_of(_without_comment(self, line) + " pass")
        return nodes[-1] if nodes else None

    @cached_property
    def branches(self) -> dict[int, dict[int, int]]:
        """For each logical line, by its start: which branch of which statements it stands in,
        as a number by the statement's start. Read from indentation and clauses alone."""
        result: dict[int, dict[int, int]] = {}
        open_blocks: list[tuple[int, int, int]] = []  # indentation, start, branch
        for line in self.scan.lines:
            column = self.plain.rfind("\n", 0, line.start) + 1
            column = len(self.plain[column : line.start].expandtabs())
            clause = _CLAUSE.match(self.plain, line.start)
            while open_blocks and open_blocks[-1][0] > column - (clause is None):
                open_blocks.pop()
            if clause and open_blocks and open_blocks[-1][0] == column:
                indent, start, branch = open_blocks.pop()
                open_blocks.append((indent, start, branch + 1))
            elif _BLOCK.match(self.plain, line.start):
                open_blocks.append((column, line.start, 0))
            result[line.start] = {start: branch for _indent, start, branch in open_blocks}
        return result

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(m.end() for m in NEWLINE.finditer(self.text))]

    def line_start(self, line: int) -> int:
        """The offset at which a physical line, counted from 1, begins."""
        return self._line_starts[line - 1]

    def characters(self, start: int, size: int) -> int:
        """How many characters the first ``size`` bytes are of the line at ``start``, in UTF-8."""
        if self.plain.isascii():
            return size
        if start not in self._sizes:
            stop = self._line_end(self.position(start)[0])
            parts = range(start, stop, _PART)
            sizes = (len(self.plain[part : min(part + _PART, stop)].encode()) for part in parts)
            self._sizes[start] = [0, *accumulate(sizes)]
        sizes_before = self._sizes[start]
        part = bisect_right(sizes_before, size) - 1
        first = start + part * _PART
        head = self.plain[first : first + _PART].encode()[: size - sizes_before[part]]
        return part * _PART + len(head.decode(errors="ignore"))

    def position(self, offset: int) -> tuple[int, int]:
        """Line, from 1, and column in characters, from 0, of a character of the cell."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1]

    def line_at(self, offset: int) -> str:
        """The physical line of ``offset``, without blanks around it."""
        line = self.position(offset)[0]
        return self.text[self.line_start(line) : self._line_end(line)].strip()

    def excerpt(self, offset: int) -> str:
        """As ``line_at``, but of a long line no more than what begins at ``offset``."""
        line = self.position(offset)[0]
        start, end = self.line_start(line), self._line_end(line)
        if end - start > _LONGEST_EXCERPT:
            start, end = offset, min(end, offset + _LONGEST_EXCERPT)
        return self.text[start:end].strip()

    def _line_end(self, line: int) -> int:
        return self._line_starts[line] if line < len(self._line_starts) else len(self.text)


def _without_comment(source: Source, line: Line) -> str:
    for start, end in source.scan.comments:
        if line.start < start and end == line.end:
            return source.plain[line.start : start]
    return source.plain[line.start : line.end]


def statements_of(text: str) -> list[ast.stmt]:
    """The statements of ``text``; none if it is not Python, or too much for Python's parser."""
    tree = _tree(text, "exec")
    return tree.body if isinstance(tree, ast.Module) else []


def expression_of(text: str) -> ast.expr | None:
    """The expression that ``text`` is, without the blanks around it; None where it is not one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = _tree(text.strip(), "eval")
    return tree.body if isinstance(tree, ast.Expression) else None


def _tree(text: str, mode: str) -> ast.AST | None:
    if len(text) > LONGEST_STATEMENT or (sys.version_info < (3, 11) and _has_long_chain(text)):
        return None
    try:
        return ast.parse(text, mode=mode)
    except _PARSE_ERRORS:
        return None


def _has_long_chain(text: str) -> bool:
    if len(text) < _LONGEST_CHAIN:
        return False
    return any(len(_CHAIN.findall(part)) > _LONGEST_CHAIN for part in re.split("[,;]", text))
