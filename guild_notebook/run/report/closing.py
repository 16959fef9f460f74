"""Pieces of HTML that are put into a page: all their elements are closed, so that none takes in
what follows in the page, and images have a text.

A parser (BeautifulSoup) takes most of the time of a report with many tables, and as long to be
imported as a page of text. Nearly all pieces are well-formed: their tags are only counted off.
"""

from __future__ import annotations

import re

from .templates import NO_TEXT

_BLANK = r"[ \t\n\r\f]"
_NAME = r"[a-zA-Z][a-zA-Z0-9:-]*"
_ATTRIBUTE = (
    rf"""{_BLANK}+(?P<attribute>[^\s"'<>/=]+)"""
    rf"""(?:{_BLANK}*={_BLANK}*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?"""
)
_ATTRIBUTES = re.compile(_ATTRIBUTE)
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

_DRAWINGS = {"math", "svg"}
"""Elements in which any may be empty, and in which scripts and styles are not text."""


def well_formed(piece: str) -> str | None:
    """``piece`` with texts for its images if all parsers find its elements closed, and in order;
    else None."""
    parts: list[str] = []
    done = position = 0
    open_names: list[str] = []
    while True:
        token = _TOKEN.match(piece, position)
        if token is None:
            return None
        position = token.end()
        if token["rest"] is not None:
            return None if open_names else "".join([*parts, piece[done:]])
        if token["name"]:
            name = token["name"].lower()
            if name == "img" and not _has_text(piece, token):
                parts += [piece[done : token.end("name")], f' alt="{NO_TEXT}"']
                done = token.end("name")
            if name not in _EMPTY:
                position = _after_start(piece, token, open_names)
                if position < 0:
                    return None
        elif token["end"] and (not open_names or open_names.pop() != token["end"].lower()):
            return None


def _after_start(piece: str, start: re.Match[str], open_names: list[str]) -> int:
    """Where the content of an element goes on that may hold tags, -1 where parsers may differ on
    that; the element's name is put on ``open_names``."""
    name, position = start["name"].lower(), start.end()
    is_drawn = not _DRAWINGS.isdisjoint(open_names)
    if name in _OTHER or (start["empty"] and not is_drawn):
        return -1
    if start["empty"]:
        return position
    open_names.append(name)
    if name not in _WITH_TEXT:
        return position
    if is_drawn or name not in ("script", "style"):
        return piece.find("<", position)
    end = _end_of_text(piece, name, position)
    return -1 if piece.find("<!--", position, end) >= 0 else end


def _has_text(piece: str, image: re.Match[str]) -> bool:
    attributes = _ATTRIBUTES.finditer(piece, *image.span("attributes"))
    return any(attribute["attribute"].lower() == "alt" for attribute in attributes)


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
    for image in soup.find_all("img", alt=False):
        image["alt"] = NO_TEXT
    return str(soup)
