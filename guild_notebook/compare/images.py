"""Two images compared by their pixels, with Pillow where it is installed; without it by what they
hold beside metadata."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TypeVar

from .model import Image

SIDE = 64
"""Rows and columns of grey pixels by which images are compared."""

DEVIATION = 0.05
"""Of the range of grey, from which on a pixel has changed."""

MOST_PIXELS = 50_000_000
"""Of an image that is decoded."""

_ENDING_OF_ID = re.compile(r"(?<![0-9a-zA-Z])[a-zA-Z][\w.]{0,20}?[0-9a-f]{10,36}(?![0-9a-zA-Z])")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_METADATA = (("<metadata", "</metadata>"), ("<!--", "-->"))
_PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"acTL", b"fcTL", b"fdAT")

_T = TypeVar("_T")


MOST_KEPT = 20_000

_FOUND: dict[tuple[str, str], Any] = {}
"""What was found of images, by what it is and their digests, of MOST_KEPT: each is looked at once.
Threads may find the same at the same time."""


def _once(what: str, image: Image, find: Callable[[Image], _T]) -> _T:
    with contextlib.suppress(KeyError):
        known: _T = _FOUND[what, image.digest]
        return known
    found = find(image)
    if len(_FOUND) >= MOST_KEPT:
        _FOUND.clear()
    _FOUND[what, image.digest] = found
    return found


def content_key(image: Image) -> str:
    """What two images have in common that differ in metadata, dates and random ids only."""
    return _once("content", image, _content_key)


def _content_key(image: Image) -> str:
    raw = base64.b64decode(image.data)
    if image.mime == "image/svg+xml":
        return hashlib.sha256(_plain_svg(raw).encode()).hexdigest()
    if image.mime == "image/png" and (chunks := b"".join(_pixel_chunks(raw))):
        return hashlib.sha256(chunks).hexdigest()
    return image.digest


def _plain_svg(raw: bytes) -> str:
    """An SVG without metadata, its ids numbered as they come: libraries make random ones."""
    text = raw.decode("utf-8", "replace")
    for start, end in _METADATA:
        text = "".join(_outside(text, start, end))
    numbers: dict[str, str] = {}

    def numbered(match: re.Match[str]) -> str:
        return numbers.setdefault(match[0], f"id{len(numbers)}")

    return _ENDING_OF_ID.sub(numbered, _UUID.sub(numbered, text))


def _outside(text: str, start: str, end: str) -> Iterator[str]:
    """The parts of a text that are not between ``start`` and ``end``."""
    place = 0
    while (first := text.find(start, place)) >= 0 and (last := text.find(end, first)) >= 0:
        yield text[place:first]
        place = last + len(end)
    yield text[place:]


def _pixel_chunks(raw: bytes) -> Iterator[bytes]:
    """The chunks of a PNG that say what its pixels are (PNG, 5.3)."""
    place = 8
    while place + 12 <= len(raw):
        (length,) = struct.unpack(">I", raw[place : place + 4])
        kind = raw[place + 4 : place + 8]
        if kind in _PIXEL_CHUNKS:
            yield raw[place : place + 8 + length]
        place += 12 + length


@lru_cache(maxsize=1)
def pillow() -> Any:
    """The module of Pillow that reads images, None where it is not installed."""
    try:
        import PIL.Image
    except ImportError:
        return None
    return PIL.Image


def grey(image: Image) -> bytes | None:
    """SIDE × SIDE grey pixels of an image, row by row; None where it cannot be decoded."""
    return _once("grey", image, _grey)


def remember(image: Image, pixels: bytes | None) -> None:
    """Take what ``grey`` is of an image from whoever has found it already."""
    _once("grey", image, lambda _: pixels)


def _grey(image: Image) -> bytes | None:
    decoded = decode(image)
    try:
        return None if decoded is None else grey_pixels(decoded)
    except Exception:  # libraries raise errors of any type for broken images
        return None


def decode(image: Image) -> Any:
    """The image of Pillow, None without it and for what it cannot read, or is too large."""
    read = opened(image)
    try:
        if read is None or read.width * read.height > MOST_PIXELS:
            return None
        read.load()
    except Exception:  # libraries raise errors of any type for broken images
        return None
    return read


def opened(image: Image) -> Any:
    """The same without its pixels."""
    library = pillow()
    if library is None or image.mime == "image/svg+xml":
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of many pixels
            return library.open(io.BytesIO(base64.b64decode(image.data)), formats=_FORMATS)
    except Exception:  # libraries raise errors of any type for broken images
        return None


def grey_pixels(decoded: Any) -> bytes:
    """SIDE × SIDE grey pixels of an image of Pillow, on white."""
    library = pillow()
    small = decoded
    if small.mode not in ("L", "RGB", "RGBA"):
        small = small.convert("RGBA")
    factor = min(small.width, small.height) // (2 * SIDE)
    if factor > 1:
        small = small.reduce(factor)
    small = small.resize((SIDE, SIDE), library.Resampling.BOX)
    if small.mode == "RGBA":
        small = library.alpha_composite(library.new("RGBA", small.size, "white"), small)
    pixels: bytes = small.convert("L").tobytes()
    return pixels


def image_change(before: Image, after: Image) -> tuple[float, str] | None:
    """The share of an image that differs, from 0 to 1, and the same in words: "12 % of pixels", or
    "" where that is not known; None where both are the same for whoever looks at them."""
    if before.digest == after.digest or content_key(before) == content_key(after):
        return None
    old, new = grey(before), grey(after)
    if old is None or new is None:
        return 1.0, ""
    changed = sum(abs(a - b) > DEVIATION * 255 for a, b in zip(old, new))
    if not changed and _has_same_pixels(before, after):
        return None
    share = max(changed, 1) / SIDE**2
    shown = f"{round(100 * share)} %" if share >= 0.005 else "under 1 %"
    return share, f"{shown} of pixels"


def _has_same_pixels(before: Image, after: Image) -> bool:
    old, new = decode(before), decode(after)
    if old is None or new is None or old.size != new.size:
        return False
    try:
        if getattr(old, "n_frames", 1) > 1 or getattr(new, "n_frames", 1) > 1:
            return False  # an animation, of which only one has been looked at
    except Exception:  # libraries raise errors of any type for broken images
        return False
    pixels = (zlib.crc32(each.convert("RGBA").tobytes()) for each in (old, new))
    return len(set(pixels)) == 1
