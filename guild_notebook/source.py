"""The text of one code cell: its statements, comments and magics, and where they stand.

Everything is found by reading. All offsets are characters of the cell's own text; the columns
that ``ast`` gives are UTF-8 bytes and become characters here, and nowhere else.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from .scan import NEWLINE, Scan, scan

# Cell magics that run the rest of the cell as Python in the kernel's own namespace; any other
# `%%name` hands it to something else: a shell, a file, another language, another process.
PYTHON_CELL_MAGICS = frozenset(
    {"capture", "debug", "lprun", "memit", "memray", "mprun", "notify", "prun", "pyinstrument"}
    | {"scalene", "snakeviz", "time", "timeit", "wandb"}
)

_CELL_MAGIC = re.compile(r"(?:[ \t\f]*(?:\#[^\r\n]*)?(?:\r\n|\r|\n))*[ \t]*%%(\w*)[^\r\n]*")
_INDENT = re.compile(r"[ \t\f]*")
_CLAUSE = re.compile(r"(?:else|elif|except|finally|case)\b")
_UNREADABLE_CHARS = re.compile("[\x00\ud800-\udfff]")
_CHAIN = re.compile(r"[-+*/.\[(%@&|^]")
_LONGEST_CHAIN = 30_000  # before Python 3.11 ast.parse overflows the C stack at about 60,000
_RESCANS = 50

# Python runs out of stack (RecursionError, MemoryError), integers may be too long to convert
# and characters impossible to encode (ValueError): to us all are text that cannot be read.
_PARSE_ERRORS = (SyntaxError, ValueError, RecursionError, MemoryError)


@dataclass(frozen=True)
class Statement:
    """A simple or compound statement with where it stands.

    ``branches`` names the branches around it, outermost first, as (the statement's offset, the
    branch's name): two statements stand in branches of one ``if`` where the offsets are equal
    and the names differ.
    """

    node: ast.stmt
    start: int
    end: int
    branches: tuple[tuple[int, str], ...] = ()


class Source:
    """One cell's text as Python; never raises for what the text is.

    ``magic`` is the name of the cell magic ("" where there is none). Statements that cannot be
    read are left out; those before and after them are kept.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        match = _CELL_MAGIC.match(text)
        self.magic = match.group(1) if match else ""
        self.is_python = match is None or self.magic in PYTHON_CELL_MAGICS
        self._magic_line = (match.start(1) - 2, match.end()) if match else None
        self._rescans_left = _RESCANS

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(m.end() for m in NEWLINE.finditer(self.text))]

    @cached_property
    def _plain(self) -> str:
        """The text with what Python's parser refuses put out of its way, offset by offset."""
        text = _UNREADABLE_CHARS.sub("\ufffd", self.text)
        if text.startswith("\ufeff"):
            text = "\f" + text[1:]  # a form feed counts for nothing at the start of a line
        return _blanked(text, [self._magic_line]) if self._magic_line else text

    @cached_property
    def scan(self) -> Scan:
        """Logical lines, comments and strings, those of IPython's lines left out."""
        return scan(self._plain)

    @cached_property
    def comments(self) -> list[tuple[int, int]]:
        """Python's comments, from ``#`` to the end of the line, in the order of the text."""
        assert self._statements is not None  # reading a broken cell scans parts of it again
        return sorted(set(self.scan.comments)) if self.is_python else []

    @cached_property
    def body(self) -> list[Statement]:
        """The cell's top-level statements, as far as they can be read."""
        return [s for s in self._statements if not s.branches]

    @cached_property
    def statements(self) -> list[Statement]:
        """All statements at any depth, in the order of their text."""
        nested = [inner for outer in self._statements for inner in self._nested(outer)]
        return sorted(nested, key=lambda s: (s.start, -s.end))

    @cached_property
    def _statements(self) -> list[Statement]:
        if not self.is_python:
            return []
        tree = _parsed(self._plain)
        if tree is None:
            tree = self._parsed_without_ipython()
        if tree is not None:
            return [self._statement(node) for node in tree.body]
        return list(self._readable(self.scan.lines))

    def _parsed_without_ipython(self) -> ast.Module | None:
        if self.scan.unclosed:
            return None
        plain = _blanked(self._plain, self.scan.ipython, "0")
        tree = _parsed(plain)
        lines = self.scan.lines
        if tree is None and lines and _indent(plain, lines[0][0]):
            tree = _parsed_indented(plain, 1)  # IPython takes off a first line's indentation
        return tree

    def _readable(self, lines: list[tuple[int, int]]) -> Iterator[Statement]:
        """The statements of a cell that does not parse: block by block, else line by line."""
        plain = _blanked(self._plain, self.scan.ipython, "0")
        for block in self._blocks(plain, lines):
            start, end = block[0][0], block[-1][1]
            tree = self._parsed_at(plain, start, end)
            if tree is not None:
                yield from (self._statement(node) for node in tree.body)
                continue
            for line in block:
                yield from self._readable_line(plain, line)

    def _readable_line(self, plain: str, line: tuple[int, int]) -> Iterator[Statement]:
        inside = ((line[0], "unreadable"),) if _indent(plain, line[0]) else ()
        tree = self._parsed_at(plain, *line)
        if tree is not None:
            yield from (self._statement(node, inside) for node in tree.body)
            return
        # Brackets or quotes that never close swallow what follows: begin anew on the next line.
        if line[0] in self.scan.unclosed and self._rescans_left:
            self._rescans_left -= 1
            after = NEWLINE.search(plain, line[0])
            if after is not None:
                again = scan(plain, after.end())
                self.scan.unclosed.extend(again.unclosed)
                self.scan.comments.extend(c for c in again.comments if c[0] >= after.end())
                yield from self._readable(again.lines)

    def _blocks(self, plain: str, lines: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
        """Logical lines by top-level statement: a line at column 0 begins one."""
        blocks: list[list[tuple[int, int]]] = []
        decorated = False
        for line in lines:
            first = line[0] + _indent(plain, line[0])
            begins = first == line[0] and not _CLAUSE.match(plain, first) and not decorated
            if begins or not blocks:
                blocks.append([])
            blocks[-1].append(line)
            decorated = plain[first] == "@"
        return blocks

    def _parsed_at(self, plain: str, start: int, end: int) -> ast.Module | None:
        line = self.position(start)[0]
        if _indent(plain, start):
            return _parsed_indented(plain[start:end], line)
        return _parsed(plain[start:end], line)

    def _statement(self, node: ast.stmt, branches: tuple[tuple[int, str], ...] = ()) -> Statement:
        return Statement(node, *self.span(node), branches)

    def _nested(self, outer: Statement) -> Iterator[Statement]:
        stack = [outer]
        while stack:
            statement = stack.pop()
            yield statement
            for name, nodes in _branches(statement.node):
                inside = (*statement.branches, (statement.start, name))
                stack.extend(self._statement(node, inside) for node in nodes)

    def statements_before(self, offset: int, line_start: int) -> Iterator[Statement]:
        """Statements that begin before ``offset`` and end after ``line_start``, the offset of
        its line: the innermost and last first."""
        for index in range(bisect_left(self._statement_starts, offset) - 1, -1, -1):
            if self.statements[index].end > line_start:
                yield self.statements[index]

    @cached_property
    def _statement_starts(self) -> list[int]:
        return [statement.start for statement in self.statements]

    def span(self, node: ast.stmt | ast.expr | ast.keyword) -> tuple[int, int]:
        """Where ``node`` begins and ends, in characters from the start of the cell."""
        assert node.end_lineno is not None and node.end_col_offset is not None  # parsed, not made
        return (
            self._offset(node.lineno, node.col_offset),
            self._offset(node.end_lineno, node.end_col_offset),
        )

    def _offset(self, lineno: int, column: int) -> int:
        start = self._line_starts[lineno - 1]
        # A line that is short of `column` characters is not short of `column` bytes.
        head = self._plain[start : start + column]
        if not head.isascii():
            head = head.encode()[:column].decode(errors="ignore")
        return start + len(head)

    def position(self, offset: int) -> tuple[int, int]:
        """Line, from 1, and column in characters, from 0, of a character of the cell."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1]

    def line_at(self, offset: int) -> str:
        """The physical line of ``offset``, without blanks around it."""
        line = self.position(offset)[0]
        start = self._line_starts[line - 1]
        end = self._line_starts[line] if line < len(self._line_starts) else len(self.text)
        return self.text[start:end].strip()


def _branches(node: ast.stmt) -> Iterator[tuple[str, list[ast.stmt]]]:
    for name in ("body", "orelse", "finalbody"):
        nodes = getattr(node, name, None)
        if isinstance(nodes, list) and nodes:
            yield name, nodes
    for name in ("handlers", "cases"):
        for index, part in enumerate(getattr(node, name, ())):
            yield f"{name} {index}", part.body


def _parsed(text: str, line: int = 1) -> ast.Module | None:
    """The syntax tree of ``text``, its first line numbered ``line``; None if it is no Python."""
    if sys.version_info < (3, 11) and _has_long_chain(text):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes and the like: not ours to say
            tree = ast.parse(text)
        return ast.increment_lineno(tree, line - 1) if line != 1 else tree
    except _PARSE_ERRORS:
        return None


def _parsed_indented(text: str, line: int) -> ast.Module | None:
    tree = _parsed("if 1:\n" + text, line - 1)
    if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.If):
        return None
    return ast.Module(body=tree.body[0].body, type_ignores=[])


def _has_long_chain(text: str) -> bool:
    if len(text) < _LONGEST_CHAIN:
        return False
    return any(len(_CHAIN.findall(part)) > _LONGEST_CHAIN for part in re.split("[,;]", text))


def _indent(text: str, start: int) -> int:
    match = _INDENT.match(text, start)
    assert match is not None  # the pattern matches the empty string
    return match.end() - start


def _blanked(text: str, spans: list[tuple[int, int]], stand_in: str = "") -> str:
    """``text`` with ``spans`` blank but for line ends and their indentation, the same length.

    ``stand_in`` is put where a blanked line's first character was: a block that holds nothing
    but such lines needs a statement.
    """
    parts = []
    done = 0
    for start, end in spans:
        first = start + _indent(text, start) if stand_in else start
        blank = re.sub(r"[^\r\n]", " ", text[first:end])
        # the wrapped lines of a magic are blank lines, not lines of a wrong indentation
        parts += [text[done:first], stand_in, blank[len(stand_in) :]]
        done = end
    return "".join([*parts, text[done:]])
