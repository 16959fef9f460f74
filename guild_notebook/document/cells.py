"""A cell, and what it is called, wherever one is named: by its number or position, and by its name.

The number is the one that Jupyter shows before a cell that ran, ``[3]``. Before that a cell has
none, and is called by its position among all cells, Markdown among them. No other counts are shown.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..secrets.settings import names_secret

KINDS = ("code", "markdown", "raw")
LONGEST_NAME = 60  # characters of a cell's name

FOR_TOOLS = re.compile(
    r"(?<!#)#+[ \t]*(?:(?:noqa|nosec|nosemgrep|nolint|NOSONAR|noinspection)\b|type:[ \t]*ignore\b"
    r"|(?:pylint|fmt|mypy|pyright|pyre|pytype|isort|ruff|flake8|yapf|black|pragma|lintr|codespell"
    r"|cspell|spell-checker)[ \t]*:|shellcheck[ \t]+\w+=|@|%%|!)[^#]*"
)
"""Comments that are read by linters, formatters and forms, not by people."""

TITLE = re.compile(r"^[ \t]*#[ \t]*@title\b[ \t]*([^\r\n]*)", re.MULTILINE)
_TITLE_OPTIONS = re.compile(r"(?<!\s)\s*\{[^{}]*(?:\}\s*)?$")
_LONGEST_LINE = 500  # characters of a line that are read for a name
_LINE = re.compile(r"[^\r\n]+")
_COMMENT = re.compile(r"#|//")
_ORNAMENT = re.compile(r"^(?:[#/=~+'\s-]|\*+(?=\s))+|(?:\s[#/=~*\s-]*|[#/=~-]{2,}|=#)$")
_FOR_OTHERS = re.compile(r"#[ \t]*(?:\||-\*-|In[ \t]?\[|[+-]?$)")
_SETTING_UP = re.compile(
    r"%%(?!writefile\b|file\b)|%(?:time|timeit|prun|mprun|memit|matplotlib|load_ext|reload_ext"
    r"|autoreload|pylab|config|precision|env|set_env|pip|conda|mamba|cd)\b"
)
"""Magics that say how a cell runs, or prepare it, and not what it does."""

_MAY_BE_CODE = re.compile(r"[=(%!]|<-|\bimport\b|\bfrom\b")
_FORM_COMMENT = re.compile(r"\s#+[ \t]*@[ \t]*\w+.*")
_SECRET = re.compile(
    r"""(?<!\w)(\w+)(['"]?\]?\s*(?:=|<-|:)\s*)("[^"]*"?|'[^']*'?|[\w./+-]*\d[\w./+-]*)"""
)

_MAY_BE_HEADING = re.compile(
    r"^ {0,3}(?:#|`{3}|~{3}|(?:=+|-{2,})[ \t]*$)|<h[1-6]\b", re.MULTILINE | re.IGNORECASE
)
_ATX = re.compile(r" {0,3}#{1,6}(?!#)[ \t]*(.*)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-{2,})[ \t]*")
_NO_PARAGRAPH = re.compile(r"\s{4}|\s*(?:[-*+>|<#]|\d+[.)]\s|$)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HTML_HEADING = re.compile(r"<h[1-6]\b[^<>]*>(.*)", re.IGNORECASE)
_HTML_END = re.compile(r"</h[1-6]", re.IGNORECASE)
_TAGS = (
    "a|abbr|b|big|br|center|cite|code|del|details|div|em|font|h[1-6]|hr|i|img|ins|kbd|mark|p|path"
    "|q|s|samp|small|span|strike|strong|sub|summary|sup|svg|tt|u|var"
)
_MARKUP: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"!\[[^\[\]]*\](?:\([^()]*\)|\[[^\[\]]*\])"), ""),  # images
    (re.compile(r"\[([^\[\]]*)\](?:\([^()]*(?:\([^()]*\)[^()]*)*\)|\[[^\[\]]*\])"), r"\1"),
    (re.compile(r"<((?:https?|mailto):[^<>\s]*)>"), r"\1"),
    (re.compile(rf"<!--.*?-->|</?(?:{_TAGS})\b[^<>]*>", re.IGNORECASE), ""),
    (re.compile(r"(`+)[ ]?([^`]+?)[ ]?\1"), r"\2"),
    (re.compile(r"(\*{1,3}|~~)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(\*{1,2})(?=\S)(.+?)(?<=\S)\1"), r"\2"),  # within those
    (re.compile(r"(?<!\w)(_{1,2})(?=[^\s_])(.+?)(?<=[^\s_])\1(?!\w)"), r"\2"),
    (re.compile(r"\s*\{[#.:][^{}]*\}$"), ""),  # attributes
)
_MATH = re.compile(r"(\$\$?)(?=\S)([^$]+?)(?<=\S)\1(?!\d)")
_TEX = re.compile(r"\\(?=[A-Za-z])|[{}]")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


@dataclass(frozen=True)
class Cell:
    """One cell. ``index`` counts all cells of the notebook from 0, ``kind`` is nbformat's
    ``cell_type`` and one of KINDS, ``source`` the text with its own line endings. ``number`` is
    the one that Jupyter shows for a cell that ran, None where it has not."""

    index: int
    kind: str
    source: str
    tags: tuple[str, ...] = ()
    number: int | None = None

    @property
    def is_code(self) -> bool:
        return self.kind == "code"


def cell_label(position: int, name: str = "", number: int | None = None) -> str:
    """What messages call a cell: ``cell [3] (Train)`` by the number that Jupyter shows, or
    ``the 4th cell (Train)`` by its ``position`` among all cells, from 1."""
    cell = f"the {ordinal(position)} cell" if number is None else f"cell [{number}]"
    return f"{cell} ({name})" if name else cell


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}th" if number % 100 in (11, 12, 13) else f"{number}{ending}"


def cell_names(cells: Sequence[Cell]) -> list[str]:
    """The name of each cell, "" for one without.

    Of code it is its ``#@title``, or the comment in its first line, or the heading above. The first
    cell under a heading has it alone, further ones with their first line of code; without a heading
    that line is the name. Of Markdown it is its own heading.
    """
    names = []
    heading, is_taken = "", False
    for cell in cells:
        name = ""
        if cell.kind == "markdown":
            name = _last_heading(cell.source)
            heading, is_taken = (name, False) if name else (heading, is_taken)
        elif cell.is_code and cell.source.strip():
            name = own_name(cell.source)
            if not name and heading and not is_taken:
                name = heading
            elif not name:
                name = ": ".join(filter(None, (heading, _code(cell.source))))
            is_taken = True
        names.append(short_name(_printable(name)))
    return names


def own_name(source: str) -> str:
    """The name that code has by itself: its ``#@title``, or the comment in its first line; ""
    without."""
    matches = TITLE.finditer(source) if "@title" in source else ()
    for match in matches:
        if title := _plain(title_text(match)):
            return title
    return _comment(source)


def short_name(name: str) -> str:
    """``name``, cut where it is longer than LONGEST_NAME."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def title_text(match: re.Match[str]) -> str:
    """The text of a match of TITLE, without the options in braces."""
    return _TITLE_OPTIONS.sub("", match.group(1)[:_LONGEST_LINE]).strip()


def _lines(source: str) -> Iterator[str]:
    """The lines that may say what a cell does: not those for tools, of ornaments or magics of
    setting up."""
    for match in _LINE.finditer(source):
        line = match.group()[:_LONGEST_LINE].strip()
        is_for_tools = FOR_TOOLS.match(line) or _FOR_OTHERS.match(line) or _SETTING_UP.match(line)
        if re.search(r"\w", line) and not is_for_tools:
            yield line


def _comment(source: str) -> str:
    """The words of the comment in the first line of code, "" for none or for code in a comment."""
    line = next(_lines(source), "")
    if not _COMMENT.match(line):
        return ""
    text = _ORNAMENT.sub("", FOR_TOOLS.sub("", line))
    return "" if _is_code(text) else _plain(text)


def _is_code(text: str) -> bool:
    """Whether a comment is code that has been taken out: ``plt.legend()``, ``x = 5``."""
    if not _MAY_BE_CODE.search(text):
        return False
    if text[0] in "%!":
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes
            (statement,) = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    if isinstance(statement, ast.Expr):  # "import data" and "Figure(s)" are words
        return isinstance(statement.value, (ast.Call, ast.Compare)) and not text.endswith("(s)")
    if isinstance(statement, ast.Import):
        return any(name.asname or "." in name.name for name in statement.names)
    return not isinstance(statement, ast.AnnAssign) or statement.value is not None


def _code(source: str) -> str:
    """The first line of code, without a form's comment and secret values; a cell that has comments
    or magics alone has the first of these."""
    line = next((line for line in _lines(source) if not _COMMENT.match(line)), "")
    if not line:
        first = _LINE.search(source.strip())
        line = first.group()[:_LONGEST_LINE] if first else ""
        if re.match(r"#[ \t]*@", line):
            return ""
    return _SECRET.sub(_without_secret, _FORM_COMMENT.sub("", line))


def _without_secret(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]}…" if names_secret(match[1]) else match.group()


def _last_heading(source: str) -> str:
    """The last heading of a Markdown cell, "" where it has none."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    found = fence = ""
    read = 0  # up to the end of the last line
    for match in _MAY_BE_HEADING.finditer(source):
        if match.start() < read:
            continue
        end = source.find("\n", match.start())
        read = end if end >= 0 else len(source)
        start = source.rfind("\n", 0, match.start()) + 1
        line, after = _line_at(source, start)
        fenced = _FENCE.match(line)
        if fence:
            is_end = fenced and fenced[1].startswith(fence) and not line.strip(" `~")
            fence = "" if is_end else fence
        elif fenced:
            fence = fenced[1]
        else:
            before, _ = _line_at(source, source.rfind("\n", 0, max(start - 1, 0)) + 1)
            found = _plain(_heading(line, before if start else "", after)) or found
    return found


def _line_at(source: str, start: int) -> tuple[str, str]:
    """The line that begins at ``start``, and the beginning of what comes after it."""
    end = source.find("\n", start)
    end = len(source) if end < 0 else end
    line = source[start : min(end, start + _LONGEST_LINE)]
    return line.rstrip(), source[end + 1 : end + 1 + _LONGEST_LINE].strip()


def _heading(line: str, before: str, after: str) -> str:
    """The text of a heading by its ``line``, and those before and after it; "" for other lines."""
    if in_html := _HTML_HEADING.search(line):  # its text may be on the next line
        first = in_html[1].strip() or after.partition("\n")[0]
        return _HTML_END.split(first, maxsplit=1)[0]
    if heading := _ATX.match(line):
        text = heading[1].rstrip()
        without = text.rstrip("#")  # which may close it, behind a blank
        return without.rstrip() if without[-1:] in ("", " ", "\t") else text
    is_underlined = _UNDERLINE.fullmatch(line) and not _NO_PARAGRAPH.match(before)
    return before if is_underlined else ""


def _plain(text: str) -> str:
    """``text`` without the markup of Markdown, HTML and TeX."""
    for pattern, plain in _MARKUP:
        text = pattern.sub(plain, text)
    text = _MATH.sub(lambda match: _TEX.sub("", match[2]), text)
    text = _ESCAPED.sub(r"\1", text)
    if "&" in text:
        import html

        text = html.unescape(text)
    return " ".join(text.split())


def _printable(name: str) -> str:
    if name.isprintable():
        return " ".join(name.split())
    kept = (c if c.isprintable() or c == "\u200d" else " " for c in name)
    return " ".join("".join(kept).split())
