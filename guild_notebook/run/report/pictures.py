"""The images of a page: the data of each is in it once, however often it is shown.

An image is an SVG element which has the data, and which any other SVG element of the page can show
again by its id (``<use>``), without a script. An image whose size is not known is an ``<img>``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import re
import struct
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

MOST = 24  # images of the strip
HEIGHT, NARROWEST, WIDEST = 72, 36, 216  # of an image of the strip, in CSS pixels

_READ = 100_000
"""Characters of an image that are read for its size: a photograph may have a small one of itself
before it."""

_SVG = re.compile(r"<svg\b([^<>]*)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""\b(width|height|viewBox)\s*=\s*["']([^"'<>]*)["']""", re.IGNORECASE)
_LENGTH = re.compile(r"(\d+(?:\.\d*)?)\s?(px|pt|in|cm|mm|)")
_PIXELS = {"px": 1.0, "": 1.0, "pt": 4 / 3, "in": 96.0, "cm": 96 / 2.54, "mm": 9.6 / 2.54}

_DATA_IMAGE = re.compile(
    r'<img src="data:(image/[\w+]+);base64,([\w+/=]+)" alt="([^"<>]*)"\s*/?>', re.ASCII
)

Size = tuple[float, float]
DEFAULT: Size = (300.0, 150.0)  # of an SVG image that says none (CSS 2.1, 10.3.2)


class _Shown(NamedTuple):
    id: str
    size: Size
    anchor: str
    cell: str


class Pictures:
    """The images of one page. ``html`` is called for each in the order of the page."""

    def __init__(self) -> None:
        self._shown: dict[str, _Shown] = {}

    def html(self, mime: str, data: str, metadata: Any, text: str, anchor: str, cell: str) -> str:
        """An element for an image of base64. ``metadata`` is that of the output for the type
        ``mime``, which may have a width and a height, ``text`` stands for the image, ``anchor`` is
        the id of its cell in the page, "" for one that is not to be in the strip, and ``cell`` what
        that is called."""
        digest = hashlib.sha256(f"{mime}:{data}".encode()).hexdigest()
        size = _shown_size(metadata, mime, data)
        said = html.escape(text)
        if size and (shown := self._shown.get(digest)):
            if anchor and not shown.anchor:
                self._shown[digest] = shown._replace(anchor=anchor, cell=cell)
            return _element("picture", size, shown.size, said, _use(shown))
        href = f"data:{html.escape(mime)};base64,{html.escape(data)}"
        if not size:
            return f'<img src="{href}" alt="{said}" class="picture">'
        name = f"guild-image-{len(self._shown) + 1}"
        self._shown[digest] = _Shown(name, size, anchor, cell)
        content = f'<image id="{name}" href="{href}"{_attributes(size)}/>'
        return _element("picture", size, size, said, content)

    def in_markdown(self, piece: str) -> str:
        """HTML of Markdown in which images that have their data and a text, and nothing else, are
        such elements. They are not in the strip."""
        return _DATA_IMAGE.sub(
            lambda image: self.html(image[1], image[2], None, html.unescape(image[3]), "", ""),
            piece,
        )

    def strip_html(self) -> str:
        """The images in small, with links to their cells; "" where there are none. Where they are
        more than MOST, it says how many."""
        count = len(self._in_strip())
        if not count:
            return ""
        more = f"<p>{MOST} of {count:,} images</p>" * (count > MOST)
        return (
            '<nav class="run-images" aria-label="Images" tabindex="0">'
            f"{''.join(self._links())}</nav>{more}"
        )

    def _in_strip(self) -> list[_Shown]:
        return [shown for shown in self._shown.values() if shown.anchor]

    def _links(self) -> Iterator[str]:
        for shown in self._in_strip()[:MOST]:
            width, height = shown.size
            small = min(max(HEIGHT * width / height, NARROWEST), WIDEST), float(HEIGHT)
            said = html.escape(shown.cell)
            image = _element("thumbnail", small, shown.size, said, _use(shown))
            yield f'<a href="#{html.escape(shown.anchor)}" title="{said}">{image}</a>'


def _element(name: str, size: Size, view: Size, said: str, content: str) -> str:
    """An SVG element of this size, with all of what it shows; ``said`` is HTML."""
    box = f"0 0 {view[0]:g} {view[1]:g}"
    return (
        f'<svg class="{name}" role="img" aria-label="{said}"{_attributes(size)} '
        f'viewBox="{box}">{content}</svg>'
    )


def _attributes(size: Size) -> str:
    return f' width="{size[0]:g}" height="{size[1]:g}"'


def _use(shown: _Shown) -> str:
    return f'<use href="#{shown.id}"/>'


def _shown_size(metadata: Any, mime: str, data: str) -> Size | None:
    """The size that an output gives its image, of which it may give one length, or the image's
    own."""
    given = metadata if isinstance(metadata, Mapping) else {}
    lengths = given.get("width"), given.get("height")
    size = _size(*lengths)
    own = None if size else _own_size(mime, data)
    for length, of_own in zip(lengths, own or ()):
        if square := _size(length, length):
            scale = square[0] / of_own
            return own and (own[0] * scale, own[1] * scale)
    return size or own


def _size(width: Any, height: Any) -> Size | None:
    """A size that an image can have; None for what is none."""
    try:
        size = float(width), float(height)
    except (TypeError, ValueError):
        return None
    return size if all(0 < length < 100_000 for length in size) else None


def _own_size(mime: str, data: str) -> Size | None:
    """The size that an image itself says it has, None where that is not found."""
    try:
        start = base64.b64decode(data[:_READ], validate=True)
    except (binascii.Error, ValueError):
        return None
    if mime == "image/svg+xml":
        return _svg_size(start.decode("utf-8", "replace"))
    if start[:8] == b"\x89PNG\r\n\x1a\n" and len(start) >= 24:
        return _size(*struct.unpack(">II", start[16:24]))
    if start[:4] == b"GIF8" and len(start) >= 10:
        return _size(*struct.unpack("<HH", start[6:10]))
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP" and len(start) >= 30:
        return _webp_size(start)
    return _jpeg_size(start) if start[:2] == b"\xff\xd8" else None


def _webp_size(start: bytes) -> Size | None:
    """By its first chunk, of which there are three kinds (RFC 9649, 2.5 to 2.7)."""
    if start[12:16] == b"VP8 ":
        return _size(*(side & 0x3FFF for side in struct.unpack("<HH", start[26:30])))
    if start[12:16] == b"VP8L":
        bits = int.from_bytes(start[21:25], "little")
        return _size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    return _size(*(int.from_bytes(start[i : i + 3], "little") + 1 for i in (24, 27)))


def _jpeg_size(start: bytes) -> Size | None:
    """By its frame header (ITU-T T.81, B.2.2), to which the lengths of the segments lead."""
    position = 2
    while position + 9 <= len(start) and start[position] == 0xFF:
        marker, length = struct.unpack(">BH", start[position + 1 : position + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", start[position + 5 : position + 9])
            return _size(width, height)
        position += 2 + length
    return None


def _svg_size(source: str) -> Size | None:
    tag = _SVG.search(source)
    found = {name.lower(): value for name, value in _ATTRIBUTE.findall(tag[1])} if tag else {}
    lengths = [_LENGTH.fullmatch(found.get(name, "").strip()) for name in ("width", "height")]
    if all(lengths):
        return _size(*(float(match[1]) * _PIXELS[match[2]] for match in lengths if match))
    box = re.split(r"[\s,]+", found.get("viewbox", "").strip())
    size = _size(*box[2:]) if len(box) == 4 else None
    return size or (DEFAULT if tag else None)
