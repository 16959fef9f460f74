"""Markdown as Jupyter shows it: with mathematics, attachments and links to headings.

What nbconvert's renderer makes, by the same parser (mistune). nbconvert's imports two parsers of
HTML, for what a report never asks of it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import mistune
from mistune.plugins import import_plugin

from ...document.mime import text_of
from .formulas import MONEY
from .highlight import lexer_of

PLUGINS = ("strikethrough", "table", "url", "task_lists", "def_list")

_ENVIRONMENT = r"\\begin\{(?P<name>[a-z]*\*?)\}(?P<content>(?s:.*?))\\end\{(?P=name)\}"

_BLOCK = (
    r"(?<!\\)\$\$(?s:.*?)(?<!\\)\$\$"
    r"|\\\\\[(?s:.*?)\\\\\]"
    rf"|{_ENVIRONMENT}"
)
"""Mathematics that is a paragraph, whatever lines are in it."""

_INLINE = (
    r"(?<!\\)\$\$(?P<dollars>(?s:.*?))(?<!\\)\$\$"
    r"|(?<!\\)\\\\\[(?P<brackets>(?s:.*?))(?<!\\)\\\\\]"
    rf"|(?<![$\\])(?!{MONEY})\$(?P<dollar>(?s:.+?))(?<![$\\])\$"
    r"|(?<!\\)\\\\\((?P<parentheses>(?s:.*?))(?<!\\)\\\\\)"
    rf"|{_ENVIRONMENT}"
)

_FORMS = {"dollars": "$$", "brackets": "$$", "dollar": "$", "parentheses": "$"}
"""What is put around mathematics, by the group of _INLINE that holds it."""

_VECTORS_FIRST = ("image/svg+xml", "image/png", "image/jpeg")

_Data = Mapping[str, Mapping[str, Any]]


class MarkdownRenderer:
    """Renders texts of Markdown as HTML."""

    def __init__(self) -> None:
        self._elements = _Elements(escape=False, allow_harmful_protocols=True)
        block = mistune.BlockParser()
        # mistune before 3.0.2 misspells it.
        heading = "atx_heading" if "atx_heading" in block.specification else "axt_heading"
        first = block.rules[0]
        block.register("mathematics", _BLOCK, _parse_block, before=first)
        for rules in (block.block_quote_rules, block.list_rules):
            block.insert_rule(rules, "mathematics", before=first)
        # Jupyter's headings need no blank after the signs.
        group = heading[:3]
        block.specification[heading] = (
            rf"^ {{0,3}}(?P<{group}_1>#{{1,6}})(?!#+)(?P<{group}_2>[ \t]*(.*?)?)$"
        )
        inline = mistune.InlineParser(hard_wrap=False)
        inline.register("mathematics", _INLINE, _parse_inline, before=inline.rules[0])
        plugins = [import_plugin(name) for name in PLUGINS]
        self._markdown = mistune.Markdown(self._elements, block, inline, plugins)

    def html(self, text: str, attachments: _Data | None = None) -> str:
        """HTML of ``text``; ``attachments`` are MIME bundles by name. One that is missing is an
        empty image."""
        self._elements.attachments = attachments or {}
        return str(self._markdown(text))


def _parse_block(_block: Any, match: re.Match[str], state: Any) -> int:
    state.add_paragraph(match[0])
    return match.end()


def _parse_inline(_inline: Any, match: re.Match[str], state: Any) -> int:
    groups = match.groupdict()
    if groups["content"] is not None:
        text = f"\\begin{{{groups['name']}}}{groups['content']}\\end{{{groups['name']}}}"
    else:
        text = next(
            f"{s}{groups[name]}{s}" for name, s in _FORMS.items() if groups[name] is not None
        )
    state.append_token({"type": "mathematics", "raw": text})
    return match.end()


class _Elements(mistune.HTMLRenderer):
    attachments: _Data

    def mathematics(self, text: str) -> str:
        return html.escape(text, quote=False)

    def text(self, text: str) -> str:
        # A sign in an element of its own begins no formula.
        return super().text(text).replace("$", "<span>$</span>")

    def heading(self, text: str, level: int, **attributes: Any) -> str:
        made = super().heading(text, level, **attributes)
        try:
            element = ElementTree.fromstring(made)
        except (ElementTree.ParseError, ValueError):  # HTML of the notebook in it
            return made
        name = quote("".join(element.itertext()).replace(" ", "-"), safe="?/:@!$&'()*+,;=")
        element.set("id", name)
        link = ElementTree.SubElement(element, "a", {"class": "anchor-link", "href": f"#{name}"})
        link.text = "¶"
        return ElementTree.tostring(element, "unicode")

    def block_code(self, code: str, info: str | None = None) -> str:
        language = (info or "").split(maxsplit=1)[:1]
        if not language:
            return super().block_code(code, info=info)
        lexer = lexer_of(language[0])
        if lexer is None:
            return super().block_code(f"{language[0]}\n{code}", info=info)
        from pygments import highlight
        from pygments.formatters.html import HtmlFormatter

        return str(highlight(code, lexer, HtmlFormatter()))

    def task_list_item(self, text: str, checked: bool = False) -> str:
        """A sign, where nbconvert has a form's element, which has no label for readers."""
        sign = "☑ " if checked else "☐ "
        text = f"<p>{sign}{text[3:]}" if text.startswith("<p>") else sign + text
        return f'<li class="task-list-item">{text}</li>\n'

    def image(self, text: str, url: str, title: str | None = None) -> str:
        if url.startswith("attachment:"):
            attached = self.attachments.get(url.partition(":")[2]) or {"image/png": ""}
            kinds = (*(mime for mime in _VECTORS_FIRST if mime in attached), *attached)
            url = f"data:{kinds[0]};base64,{text_of(attached[kinds[0]])}"
        return super().image(text, url, title)
