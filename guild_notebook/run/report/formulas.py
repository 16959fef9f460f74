"""Formulas in TeX as MathML, which browsers show without a script, found where MathJax finds them.

A formula that cannot be read stays as it is written, in a ``code`` element whose title says so.
"""

from __future__ import annotations

import functools
import html
import re
import threading
from collections.abc import Callable, Iterator

LONGEST = 10_000  # characters of a formula that is read: real ones have hundreds
MOST = 500_000  # characters of formulas of a page that are read
FEW = 150  # commands and brackets that can be within each other in the stack of any thread
STACK = 64 << 20  # bytes in which LONGEST characters can be: the parser calls itself for each level
EXPANSIONS = 1_000  # macros that are expanded in a formula

MOST_STEPS = 10_000_000
"""Characters that are looked at for the end of formulas, each as often as formulas begin before."""

_ENVIRONMENT = r"\\begin\{(?P<name>[a-zA-Z]+\*?)\}(?s:.*?)\\end\{(?P=name)\}"

MONEY = r"\$(?=\d[^$]*(?:\$\d|\s\$[\w\\]))"
"""A sign before an amount: the next is before a digit, or at the beginning of a word."""

_FORMULA = re.compile(
    r"(?P<escaped>\\\$)"
    r"|\$\$(?P<dollars>(?:[^$\\]|\\.|\$(?!\$))+)\$\$"
    r"|\\\[(?P<brackets>(?:[^\\]|\\[^\[\]])*)\\\]"
    r"|\\\((?P<parentheses>(?:[^\\]|\\[^()])*)\\\)"
    rf"|(?!{MONEY})\$(?P<dollar>(?:[^$\\]|\\.)+)\$"
    rf"|(?P<environment>{_ENVIRONMENT})",
    re.DOTALL,
)

MAY_HOLD = re.compile(r"\$|\\\(|\\\[|\\begin\{")  # what any text with a formula matches

# A tag matches without its end as well: to look for this from each anew would take quadratic time.
_TAG = re.compile(
    r"<!--(?:(?!<!--).)*?-->|<(?P<end>/?)(?P<name>[a-zA-Z][^\s/<>]*)(?=[\s/>])"
    r"""(?P<attributes>(?:[^"'<>]|"[^"]*"|'[^']*')*)>?""",
    re.DOTALL,
)
_SKIPPED = re.compile(
    "annotation|annotation-xml|code|math|noscript|option|pre|script|select|style|svg|textarea|title"
)
_IGNORED = re.compile(r"\b(?:tex2jax_ignore|mathjax_ignore)\b")

_LEFT_OUT = re.compile(
    r"\\(?:(?:label|require)\s*\{[^{}]*\}|(?:nonumber|notag|limits|nolimits|strut|null|allowbreak"
    r"|smash|tiny|scriptsize|footnotesize|small|normalsize|large|Large|LARGE|huge|Huge)(?![a-zA-Z]))"
)
_RENAMED = {"widetilde": "tilde", "pmb": "boldsymbol", "bm": "boldsymbol", "mathds": "mathbb"}
_RENAMED |= {"dotsc": "ldots", "dotsb": "cdots", "dotsm": "cdots", "dotsi": "cdots"}
_RENAMED |= {"dotso": "ldots", "thicksim": "sim"}
_NAMED = re.compile(r"\\(" + "|".join(_RENAMED) + r")(?![a-zA-Z])")
_ANGLE = re.compile(r"\\(left|middle|right)\s*([<>])")
_TEXT = re.compile(r"\\(?:(text(?:bf|it|up)?)|textrm|textnormal|textsf|texttt|mbox|hbox)\s*(?=\{)")
_IN_TEXT = re.compile(r"(?s:\\.)|(?P<sign>[_#%&])|\$(?P<formula>[^$]*)\$")
_TABLES = re.compile(
    r"\\(begin|end)\{(?:(align|equation|gather|multline)|(?:(?:x?x?align|align)(?:at|edat)|flalign"
    r"|eqnarray)\*?|(split|smallmatrix|subequations))\}(?:(?<=at\})\{\d+\}|(?<=at\*\})\{\d+\})?"
)
_BEFORE = {"split": "aligned", "smallmatrix": "matrix", "subequations": "gather*"}

_OPENING = re.compile(r"\\[a-zA-Z]+|[({\[^_]")
_STRUCTURE = re.compile(r"\\(?:begin|end|left|right)(?![a-zA-Z])|&")
_NUMBERED = re.compile(r"\\tag(?![a-zA-Z])")

_EQUATION = re.compile(r"\\(?:begin|end)\{equation\*?\}|(?<=\\operatorname)\*")
_UNKNOWN = re.compile(r"\\begin\{(?!(?:align\*|split|array|cases|smallmatrix|[pbBvV]?matrix)\})")
"""Of latex2mathml."""

_MATHML = re.compile(
    r"<math(?: [a-z]+=\"[^\"<>&]*\")*>"
    r"(?:[^<>&]|&(?:#x?[0-9a-fA-F]+|[a-zA-Z]+);|</?(?:m[a-z]+|none|b|i)"
    r"(?: (?!on|href|src)[a-z]+=\"(?:[^\"<>&(\\]|&\#?\w+;)*\")* ?/?>)*</math>"
)
"""Elements of MathML, whose attributes load nothing and run nothing."""

_COMMAND = re.compile(r"\\([a-zA-Z]+)")
_PLACE = re.compile(r"(\\[a-zA-Z]+)?#(\d)")
_DEFINITION = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand)\*?\s*(?:\{\s*\\([a-zA-Z]+)\s*\}|\\([a-zA-Z]+))"
    r"(?:\s*\[(\d)\])?(?:\s*\[([^\]]{0,500})\])?\s*(?=\{)"
    r"|\\def\s*\\([a-zA-Z]+)((?:#\d)*)\s*(?=\{)"
    r"|\\DeclareMathOperator\*?\s*\{\s*\\([a-zA-Z]+)\s*\}\s*(?=\{)"
)


class Formulas:
    """The formulas of a page, in order: a macro that one defines (``\\newcommand``) is known to
    those after it."""

    def __init__(self) -> None:
        self._read = 0
        self._macros: dict[str, tuple[int, str | None, str]] = {
            "substack": (1, None, r"\begin{matrix}#1\end{matrix}")
        }

    def html(self, tex: str, is_block: bool = False) -> str:
        """MathML of the formula ``tex``, or a ``code`` element; "" for one that but defines
        macros."""
        self._read += len(tex)
        if len(tex) > LONGEST or self._read > MOST:
            return _as_written(tex, "too long to be typeset")
        try:
            rest = self._expanded(self._without_definitions(tex))
            if not rest.strip():
                return ""
            return _mathml(_LEFT_OUT.sub("", rest), is_block)
        except Exception:  # any, of a parser of what anybody may have written
            return _as_written(tex, "not typeset: TeX that this page cannot show")

    def in_text(self, text: str) -> str:
        """HTML of a plain ``text`` with its formulas."""
        return "".join(
            html.escape(part, quote=False) if kind == "text" else self._formula(kind, part)
            for kind, part in _parts(text)
        )

    def in_html(self, piece: str) -> str:
        """HTML, whose tags and comments have an end, with the formulas of its texts; what stands in
        elements for code is none."""
        has_ends = piece.rfind("<") <= piece.rfind(">")
        if not MAY_HOLD.search(piece) or not has_ends or piece.count("<!--") > piece.count("-->"):
            return piece
        parts: list[str] = []
        position = depth = 0
        skipped = ""  # the element in which nothing is typeset
        for tag in _TAG.finditer(piece):
            text = piece[position : tag.start()]
            parts += [text if skipped else self._in_text_of_html(text), tag[0]]
            position = tag.end()
            name = (tag["name"] or "").lower()
            if skipped:
                if name == skipped:
                    depth += -1 if tag["end"] else 0 if tag[0].endswith("/>") else 1
                    skipped = skipped if depth else ""
            elif _is_skipped(tag, name):
                skipped, depth = name, 1
        rest = piece[position:]
        return "".join([*parts, rest if skipped else self._in_text_of_html(rest)])

    def _in_text_of_html(self, text: str) -> str:
        if not MAY_HOLD.search(text):
            return text
        made, position = [], 0
        for match in _found(text):
            kind, part = _formula_of(match)
            made.append(text[position : match.start()])
            made.append("$" if kind == "escaped" else self._formula(kind, html.unescape(part)))
            position = match.end()
        return "".join([*made, text[position:]])

    def _formula(self, kind: str, tex: str) -> str:
        if kind == "escaped":
            return "$"
        return self.html(tex, kind not in ("dollar", "parentheses"))

    def _without_definitions(self, tex: str) -> str:
        """``tex`` without definitions of macros, which are known from now on."""
        parts, position = [], 0
        for match in _DEFINITION.finditer(tex):
            if match.start() < position:
                continue  # within the text of another
            body, end = _group(tex, match.end())
            name = match[1] or match[2] or match[5] or match[7]
            count = int(match[3] or len(match[6] or "") // 2)
            self._macros[name] = (
                count,
                match[4],
                rf"\operatorname{{{body}}}" if match[7] else body,
            )
            parts.append(tex[position : match.start()])
            position = end
        return "".join([*parts, tex[position:]]) if position else tex

    def _expanded(self, tex: str) -> str:
        if not self._macros:
            return tex
        done: list[str] = []
        for _ in range(EXPANSIONS):
            known = (m for m in _COMMAND.finditer(tex) if m[1] in self._macros)
            match = next(known, None)
            if match is None:
                return "".join([*done, tex])
            count, default, body = self._macros[match[1]]
            values, end = _arguments(tex, match.end(), count, default)
            body = _PLACE.sub(functools.partial(_value, values), body)
            if not _STRUCTURE.search(body):
                body = f"{{{body}}}"
            done.append(tex[: match.start()])
            tex = body + tex[end:]
            if sum(map(len, done)) + len(tex) > LONGEST:
                break
        raise ValueError("macros without an end")


def _is_skipped(tag: re.Match[str], name: str) -> bool:
    """Whether a start tag is of an element in which nothing is typeset."""
    if not name or tag["end"] or tag[0].endswith("/>"):
        return False
    return bool(_SKIPPED.fullmatch(name) or _IGNORED.search(tag["attributes"]))


def _parts(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    for match in _found(text):
        yield "text", text[position : match.start()]
        yield _formula_of(match)
        position = match.end()
    yield "text", text[position:]


def _found(text: str) -> Iterator[re.Match[str]]:
    """The formulas of a text; none where it would take long to look for the end of each sign that
    may begin one in all that follows."""
    if max(map(text.count, ("\\begin{", "\\(", "\\["))) * len(text) > MOST_STEPS:
        return iter(())
    return _FORMULA.finditer(text)


def _formula_of(match: re.Match[str]) -> tuple[str, str]:
    kinds = ("escaped", "dollars", "brackets", "parentheses", "dollar", "environment")
    return next((kind, match[kind]) for kind in kinds if match[kind] is not None)


def _group(tex: str, start: int) -> tuple[str, int]:
    """What the braces at ``start`` hold, and where they end. Raises ValueError without an end."""
    depth, position = 0, start
    while position < len(tex):
        character = tex[position]
        if character == "\\":
            position += 1
        depth += (character == "{") - (character == "}")
        position += 1
        if not depth:
            return tex[start + 1 : position - 1], position
    raise ValueError("a brace without an end")


def _arguments(tex: str, position: int, count: int, default: str | None) -> tuple[list[str], int]:
    """The arguments of a macro at ``position``, and where they end."""
    values: list[str] = []
    if default is not None and count:
        optional = re.compile(r"\s*\[([^\]]*)\]").match(tex, position)
        values.append(optional[1] if optional else default)
        position = optional.end() if optional else position
    while len(values) < count:
        blank = re.compile(r"\s*").match(tex, position)
        position = blank.end() if blank else position
        if tex[position : position + 1] == "{":
            value, position = _group(tex, position)
        else:
            token = re.compile(r"\\[a-zA-Z]+|\\.|.", re.DOTALL).match(tex, position)
            if token is None:
                raise ValueError("a macro without its argument")
            value, position = token[0], token.end()
        values.append(value)
    return values, position


def _value(values: list[str], place: re.Match[str]) -> str:
    """What stands in place of ``#1`` and so on; a letter does not go on the command before it."""
    if not 0 < int(place[2]) <= len(values):
        return place[0]
    command, value = place[1] or "", values[int(place[2]) - 1]
    return f"{command} {value}" if command and value[:1].isalpha() else f"{command}{value}"


def _with_texts(tex: str) -> str:
    """``tex`` whose texts have their signs escaped, which mean nothing in MathJax's, and the
    formulas within them beside them."""
    parts, position = [], 0
    for match in _TEXT.finditer(tex):
        if match.start() < position:
            continue  # within another
        content, end = _group(tex, match.end())
        command = match[1] or "text"
        made = _IN_TEXT.sub(functools.partial(_in_text, command), content)
        parts.append(f"{tex[position : match.start()]}{{\\{command}{{{made}}}}}")
        position = end
    return "".join([*parts, tex[position:]])


def _in_text(command: str, match: re.Match[str]) -> str:
    if match["formula"] is not None:
        return f"}}{{{match['formula']}}}\\{command}{{"
    return f"\\{match['sign']}" if match["sign"] else match[0]


def _mathml(tex: str, is_block: bool) -> str:
    """MathML of TeX without macros. Raises any exception for what cannot be read."""
    tex = _NAMED.sub(lambda match: f"\\{_RENAMED[match[1]]}", _with_texts(tex))
    tex = _ANGLE.sub(lambda match: rf"\{match[1]}\{'lr'[match[2] == '>']}angle ", tex)
    is_numbered = bool(_NUMBERED.search(tex))
    tex = _TABLES.sub(functools.partial(_table, is_numbered), tex)
    if is_numbered and "\\begin" not in tex:
        tex = rf"\begin{{equation}}{tex}\end{{equation}}"
    convert = _converter()
    if sum(1 for _ in _OPENING.finditer(tex)) <= FEW:
        made = convert(tex, is_block)
    else:
        made = _with_stack(lambda: convert(tex, is_block))
    if "\\" in made or not _MATHML.fullmatch(made):
        raise ValueError("commands that are left in it, or other elements")
    return made


def _table(is_numbered: bool, match: re.Match[str]) -> str:
    """An environment under a name that is known; only one with a tag has numbers."""
    name = match[2] or _BEFORE.get(match[3] or "", "align")
    star = "" if is_numbered or name in _BEFORE.values() else "*"
    return rf"\{match[1]}{{{name}{star}}}"


def _with_stack(work: Callable[[], str]) -> str:
    """What ``work`` returns or raises, in a thread with a stack of STACK bytes."""
    done: list[str] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as e:
            errors.append(e)

    size = threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
    finally:
        threading.stack_size(size)
    thread.join()
    if errors:
        raise errors[0]
    return done[0]


@functools.cache
def _converter() -> Callable[[str, bool], str]:
    try:
        from math_core import LatexToMathML
    except ModuleNotFoundError:  # it is not for Python 3.9
        from latex2mathml.converter import convert

        def checked(tex: str, is_block: bool) -> str:
            # It shows what it does not know in part.
            tex = _EQUATION.sub("", tex).replace("{aligned}", "{split}")
            if _UNKNOWN.search(tex) or len(re.findall(r"(?<!\\)[{}]", tex)) % 2:
                raise ValueError("environments that it does not know")
            return str(convert(tex, display="block" if is_block else "inline"))

        return checked
    convert_core = LatexToMathML().convert_with_local_state
    return lambda tex, is_block: str(convert_core(tex, displaystyle=is_block))


def _as_written(tex: str, why: str) -> str:
    return f'<code class="formula" title="{why}">{html.escape(tex)}</code>'
