"""The images of Markdown: files of the run or of the project are taken into the page, what is on
other hosts is a link."""

from __future__ import annotations

import base64
import html
import os
import re
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass

from ...document.reader import is_inside

LARGEST = 10_000_000  # bytes of an image that is taken in
_IMAGE = re.compile(r"<img\b(?P<attributes>(?:[^\"'<>]|\"[^\"]*\"|'[^']*')*)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"""(?<=\s)(?P<name>src|alt)\s*=\s*(?P<value>"[^"]*"|'[^']*'|[^\s"'<>]+)""", re.IGNORECASE
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:|//", re.IGNORECASE)

_STARTS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
}


@dataclass(frozen=True)
class Sources:
    """Where a page finds what it takes in. ``places`` are folders to which the paths of images are
    relative, each with the folder that these must be in: that of the notebook in the run, and in
    the project. ``packages`` are folders with the packages of the kernel."""

    places: Sequence[tuple[str, str]] = ()
    packages: Sequence[str] = ()


class LocalImages:
    """Puts images into HTML made of Markdown. With ``network`` remote ones stay as they are."""

    def __init__(self, places: Sequence[tuple[str, str]], *, network: bool = False) -> None:
        self._places = places
        self._network = network

    def in_html(self, piece: str) -> str:
        """``piece`` with the data of its images that are files, and links for remote ones."""
        return _IMAGE.sub(self._image, piece) if "<" in piece else piece

    def _image(self, image: re.Match[str]) -> str:
        attributes = image["attributes"]
        found = {match["name"].lower(): match for match in _ATTRIBUTE.finditer(attributes)}
        if "src" not in found:
            return image[0]
        src, alt = (_value(found.get(name)) for name in ("src", "alt"))
        if src.lower().startswith(("http:", "https:", "//")):
            return image[0] if self._network else _link(src, alt)
        if _SCHEME.match(src) and not src.lower().startswith("file:"):
            return image[0]
        made = self._data_url(src)
        if not made.startswith("data:"):
            return f'<span class="notice">{html.escape(_not_shown(src, made))}</span>'
        start, end = found["src"].span("value")
        return f'<img{attributes[:start]}"{made}"{attributes[end:]}>'

    def _data_url(self, src: str) -> str:
        """The data URL of the file ``src``, or why there is none."""
        problem = "there is no such file in the run or the project"
        try:
            parts = urllib.parse.urlsplit(src)
        except ValueError:  # a host that can be none
            return problem
        if parts.netloc not in ("", "localhost"):
            return "it is outside of the project"
        for folder, root in self._places:
            names = (urllib.parse.unquote(parts.path), parts.path)
            path = next(filter(os.path.isfile, (os.path.join(folder, name) for name in names)), "")
            if path and not is_inside(path, root):
                problem = "it is outside of the project"
            elif path:
                return _data_url_of(path)
        return problem


def _not_shown(src: str, why: str) -> str:
    return f"image {src} is not shown: {why}"


def _data_url_of(path: str) -> str:
    try:
        size = os.path.getsize(path)
        if size > LARGEST:
            return f"it has {size / 1e6:.1f} MB, and {LARGEST / 1e6:.0f} MB are the most"
        with open(path, "rb") as f:
            data = f.read()
    except OSError as e:
        return e.strerror or str(e)
    mime = _mime(data)
    if not mime:
        return "it is no PNG, JPEG, GIF, WebP, BMP or SVG"
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def _mime(data: bytes) -> str:
    """The type of an image, "" for what is none."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    mime = next((mime for start, mime in _STARTS.items() if data.startswith(start)), "")
    is_svg = not mime and re.match(rb"(?:\xef\xbb\xbf)?\s*<", data) and b"<svg" in data[:4096]
    return "image/svg+xml" if is_svg else mime


def _value(attribute: re.Match[str] | None) -> str:
    return html.unescape(attribute["value"].strip("\"'")).strip() if attribute else ""


def _link(src: str, alt: str) -> str:
    text = html.escape(alt or src)
    address = f"https:{src}" if src.startswith("//") else src  # a page that is a file has no scheme
    return f'<a href="{html.escape(address)}" rel="noopener noreferrer">{text}</a>'
