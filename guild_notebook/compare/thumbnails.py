"""Small copies of images, made by Pillow if it is there: without it a page has originals only."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import struct
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .model import Image

LEAST = 15_000
"""Bytes of an image that has a thumbnail: a smaller one is shown itself."""

LARGEST = 320
"""Pixels of the longer side of a thumbnail."""

MOST_PIXELS = 50_000_000
"""Of an image that is read."""

QUALITY = 70
"""Of WebP, from 0 to 100."""

MOST_KEPT = 20_000
"""Thumbnails that are kept in Guild's cache."""

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")


def made(images: Iterable[Image]) -> dict[str, str]:
    """The thumbnails of images as data URLs, by the digest of each image that has one. They are
    kept in Guild's cache."""
    large = [i for i in images if i.size >= LEAST and i.mime != "image/svg+xml"]
    if not large or not is_possible():
        return {}
    folder = _folder()
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow lets other threads run
        contents = pool.map(lambda image: _thumbnail(image, folder), large)
        found = {image.digest: content for image, content in zip(large, contents) if content}
    return {
        digest: f"data:image/webp;base64,{base64.b64encode(content).decode('ascii')}"
        for digest, content in found.items()
    }


def is_possible() -> bool:
    """Whether Pillow is there and can write WebP."""
    try:
        from PIL import features
    except ImportError:
        return False
    return bool(features.check("webp"))


def size(image: Image) -> tuple[int, int]:
    """The width and height of an image in pixels, 0 where they are not known."""
    head = base64.b64decode(image.data[:64] + "=" * (-len(image.data[:64]) % 4))
    if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) >= 24:
        return struct.unpack(">II", head[16:24])
    if head[:4] == b"GIF8" and len(head) >= 10:
        return struct.unpack("<HH", head[6:10])
    with contextlib.suppress(Exception):  # of what is called an image
        if image.mime != "image/svg+xml":
            opened = _opened(image)
            return opened.width, opened.height
    return 0, 0


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
    path = os.path.join(folder, f"{image.digest}-{LARGEST}-{QUALITY}.webp")
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return file.read()
    content = b""
    with contextlib.suppress(Exception):  # of what is called an image
        content = _smaller(_opened(image))
    if len(content) > image.size * 0.8:
        content = b""
    with contextlib.suppress(OSError):  # it need not be kept, so it is not waited for
        part = f"{path}.{os.getpid()}"
        with open(part, "wb") as file:
            file.write(content)
        os.replace(part, path)
    return content


def _opened(image: Image) -> Any:
    """The image of Pillow, of which the pixels are not read yet."""
    import PIL.Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of many pixels
        opened = PIL.Image.open(io.BytesIO(base64.b64decode(image.data)), formats=_FORMATS)
    if opened.width * opened.height > MOST_PIXELS:
        raise ValueError("too many pixels")
    return opened


def _smaller(opened: Any) -> bytes:
    import PIL.Image

    has_alpha = opened.mode in ("RGBA", "LA") or "transparency" in opened.info
    smaller = opened.convert("RGBA" if has_alpha else "RGB")
    smaller.thumbnail((LARGEST, LARGEST), PIL.Image.Resampling.BILINEAR, reducing_gap=2.0)
    file = io.BytesIO()
    smaller.save(file, "WEBP", quality=QUALITY, method=0)
    return file.getvalue()
