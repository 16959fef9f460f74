"""Pieces of HTML that are put into a page: all their elements are closed, so that none takes in
what follows in the page, and images have a text.

A parser (BeautifulSoup) takes most of the time of a report with many tables, and as long to be
imported as a page of text. Nearly all pieces are well-formed: their tags are only counted off.
"""

from __future__ import annotations

import re

NO_TEXT = "No description has been provided for this image"

_BLANK = r"[ \t\n\r\f]"
_NAME = r"[a-zA-Z][a-zA-Z0-9:-]*"
_ATTRIBUTE = (
    rf"""{_BLANK}+(?P<attribute>[^\s"'<>/=]+)"""
    rf"""(?:{_BLANK}*={_BLANK}*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?"""
)
_ATTRIBUTES = re.compile(f"(?<!{_BLANK}){_ATTRIBUTE}")
_TOKEN = re.compile(
    rf"[^<]*(?:<(?P<name>{_NAME})(?P<attributes>(?:{_ATTRIBUTE})*){_BLANK}*(?P<empty>/?)>"
    rf"|</(?P<end>{_NAME}){_BLANK}*>"
    r"|<!--[^<>-]+(?:-[^<>-]+)*-->"
    r"|(?P<rest>\Z))"
)
"""Text and the tag or comment after it. What parsers read in different ways does not match."""

_EMPTY = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param"}
_EMPTY |= {"source", "track", "wbr"}
"""Elements without content, and without an end tag."""

_WITH_TEXT = {"iframe", "noembed", "noframes", "noscript", "script", "style", "textarea", "title"}
_WITH_TEXT |= {"xmp"}
"""Elements whose content is text, at least to some parsers."""

_OTHER = {"basefont", "bgsound", "body", "command", "frame", "frameset", "head", "html", "image"}
_OTHER |= {"isindex", "keygen", "menuitem", "nextid", "plaintext", "spacer", "template"}
"""Elements that parsers treat in ways of their own."""

_DRAWINGS = {"math", "svg"}  # in which any element may be empty, and scripts and styles are no text
_SPECIAL = _EMPTY | _WITH_TEXT | _OTHER | _DRAWINGS


class _OpenElements(list[str]):
    """Names of open elements, and how many there are with the outermost drawing, 0 for none."""

    drawn_from = 0

    def open(self, name: str) -> None:
        self.append(name)
        if name in _DRAWINGS:
            self.drawn_from = self.drawn_from or len(self)

    def close(self, name: str) -> bool:
        """Close the innermost element; whether there is one, and has that name."""
        is_open = bool(self) and self.pop() == name
        if len(self) < self.drawn_from:
            self.drawn_from = 0
        return is_open


def well_formed(piece: str) -> str | None:
    """``piece`` with texts for its images if all parsers find its elements closed, and in order;
    else None."""
    position = 0
    elements = _OpenElements()
    special: list[re.Match[str]] = []
    while True:
        token = _TOKEN.match(piece, position)
        if token is None:
            return None
        position = token.end()
        if token.lastgroup == "end":
            if not elements.close(token["end"].lower()):
                return None
        elif token.lastgroup == "empty":
            name = token["name"].lower()
            if name in _SPECIAL or token["empty"]:
                special.append(token)
                position = _content(piece, token, name, bool(elements.drawn_from))
                if position < 0:
                    return None
            if name not in _EMPTY and not token["empty"]:
                elements.open(name)
        elif token.lastgroup == "rest":
            return None if elements else _with_texts(piece, special)


def _content(piece: str, start: re.Match[str], name: str, is_drawn: bool) -> int:
    """Where to go on after the start tag of an element, which is after its text if it has nothing
    else; -1 where parsers may differ on that."""
    if name in _EMPTY:
        return start.end()
    if name in _OTHER or (start["empty"] and not is_drawn):
        return -1
    if name not in _WITH_TEXT or start["empty"]:
        return start.end()
    if is_drawn or name not in ("script", "style"):
        return piece.find("<", start.end())
    end = _end_of_text(piece, name, start.end())
    return -1 if piece.find("<!--", start.end(), end) >= 0 else end


def _with_texts(piece: str, tags: list[re.Match[str]]) -> str:
    """``piece`` with texts for those of its ``tags`` that are images."""
    parts, done = [], 0
    for image in (tag for tag in tags if tag["name"].lower() == "img"):
        attributes = _ATTRIBUTES.finditer(piece, *image.span("attributes"))
        if all(attribute["attribute"].lower() != "alt" for attribute in attributes):
            parts += [piece[done : image.end("name")], f' alt="{NO_TEXT}"']
            done = image.end("name")
    return "".join([*parts, piece[done:]]) if parts else piece


def _end_of_text(piece: str, name: str, position: int) -> int:
    """Where the end tag is of the element whose text begins at ``position``, -1 for nowhere."""
    while True:
        position = piece.find("</", position)
        start = position + 2
        if position < 0 or piece[start : start + len(name)].lower() == name:
            return position
        position = start


def parsed(piece: str) -> str:
    """The same of any ``piece``, in time linear in it."""
    for start, end in (("<", ">"), ("<!--", "-->"), ("<![", "]>")):
        # The parser takes time quadratic in what does not end, which is text to it.
        before, ended, rest = piece.rpartition(end)
        piece = before + ended + rest.replace(start, f"&lt;{start[1:]}")
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(piece, features="html.parser")
    for endless in soup.find_all("plaintext"):
        endless.name = "pre"  # in browsers no end tag ends it
    for image in soup.find_all("img", alt=False):
        image["alt"] = NO_TEXT
    return str(soup)
