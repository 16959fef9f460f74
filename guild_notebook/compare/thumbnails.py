"""Small copies of images, made by Pillow if it is there: without it a page has originals only."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import struct
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from . import images
from .model import Image

LEAST = 15_000
"""Bytes of an image that has a thumbnail: a smaller one is shown itself."""

LARGEST = 320
"""Pixels of the longer side of a thumbnail."""

QUALITY = 70
"""Of WebP, from 0 to 100."""

MOST_KEPT = 20_000
"""Thumbnails that are kept in Guild's cache."""

_GREY = images.SIDE**2


def made(compared: Iterable[Image]) -> dict[str, str]:
    """The thumbnails of images as data URLs, by the digest of each image that has one.

    They are kept in Guild's cache, and beside each what its image is compared by: so an image is
    decoded once, and by as many threads as there are processors."""
    drawn = [image for image in compared if image.mime != "image/svg+xml"]
    if not drawn or not images.pillow():
        return {}
    folder = _folder()
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow lets other threads run
        contents = list(pool.map(lambda image: _thumbnail(image, folder), drawn))
    return {
        image.digest: f"data:image/webp;base64,{base64.b64encode(content).decode('ascii')}"
        for image, content in zip(drawn, contents)
        if content
    }


def size(image: Image) -> tuple[int, int]:
    """The width and height of an image in pixels, 0 where they are not known."""
    head = base64.b64decode(image.data[:64] + "=" * (-len(image.data[:64]) % 4))
    if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) >= 24:
        return struct.unpack(">II", head[16:24])
    if head[:4] == b"GIF8" and len(head) >= 10:
        return struct.unpack("<HH", head[6:10])
    opened = images.opened(image)
    return (opened.width, opened.height) if opened else (0, 0)


def _folder() -> str:
    from guild import var

    folder: str = var.cache_dir("notebook-thumbnails")
    with contextlib.suppress(OSError):
        os.makedirs(folder, exist_ok=True)
        names = os.listdir(folder)
        for name in names if len(names) > MOST_KEPT else ():
            os.unlink(os.path.join(folder, name))
    return folder


def _thumbnail(image: Image, folder: str) -> bytes:
    """The thumbnail of an image, b"" where there is none that is smaller."""
    path = os.path.join(folder, f"{image.digest}-{LARGEST}-{QUALITY}")
    with contextlib.suppress(OSError), open(path, "rb") as file:
        content = file.read()
        images.remember(image, content[:_GREY])
        return content[_GREY:]
    decoded = images.decode(image)
    if decoded is None:
        return b""
    try:
        pixels = images.grey_pixels(decoded)
        smaller = _smaller(decoded) if image.size >= LEAST else b""
    except Exception:  # libraries raise errors of any type for broken images, or lack WebP
        return b""
    smaller = smaller if len(smaller) <= image.size * 0.8 else b""
    images.remember(image, pixels)
    with contextlib.suppress(OSError):  # it need not be kept, so it is not waited for
        part = f"{path}.{os.getpid()}"
        with open(part, "wb") as file:
            file.write(pixels + smaller)
        os.replace(part, path)
    return smaller


def _smaller(decoded: Any) -> bytes:
    import PIL.Image

    has_alpha = decoded.mode in ("RGBA", "LA") or "transparency" in decoded.info
    smaller = decoded.convert("RGBA" if has_alpha else "RGB")
    smaller.thumbnail((LARGEST, LARGEST), PIL.Image.Resampling.BILINEAR, reducing_gap=1.0)
    file = io.BytesIO()
    smaller.save(file, "WEBP", quality=QUALITY, method=1)
    return file.getvalue()
