"""Images of a page: the data of each once, in the size that it has."""

from __future__ import annotations

import base64
import io
import re

import pytest
from PIL import Image

from guild_notebook.run.report.pictures import Pictures


def made(form: str, size: tuple[int, int] = (30, 20), **options) -> str:
    content = io.BytesIO()
    Image.new("RGB", size, "red").save(content, form, **options)
    return base64.b64encode(content.getvalue()).decode("ascii")


def svg(attributes: str) -> str:
    text = f'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" {attributes}></svg>'
    return base64.b64encode(text.encode()).decode("ascii")


EXIF = Image.Exif()
EXIF[0x010E] = "x" * 40_000  # a description before the frame header

IMAGES = {
    "png": ("image/png", made("PNG"), {}, (30, 20)),
    "gif": ("image/gif", made("GIF"), {}, (30, 20)),
    "jpeg": ("image/jpeg", made("JPEG"), {}, (30, 20)),
    "progressive jpeg": ("image/jpeg", made("JPEG", progressive=True), {}, (30, 20)),
    "jpeg with a long description": ("image/jpeg", made("JPEG", exif=EXIF), {}, (30, 20)),
    "stated": ("image/png", made("PNG"), {"width": 15, "height": 10}, (15, 10)),
    "stated wrongly": ("image/png", made("PNG"), {"width": "a", "height": None}, (30, 20)),
    "svg": ("image/svg+xml", svg('width="60" height="40px"'), {}, (60, 40)),
    "svg in points": ("image/svg+xml", svg('width="72pt" height="36pt"'), {}, (96, 48)),
    "svg by its view": ("image/svg+xml", svg('viewBox="0 0 50 25"'), {}, (50, 25)),
    "webp": ("image/webp", made("WEBP"), {}, (30, 20)),
    "webp without loss": ("image/webp", made("WEBP", lossless=True), {}, (30, 20)),
    "webp with a profile": ("image/webp", made("WEBP", exif=EXIF), {}, (30, 20)),
    "svg without a size": ("image/svg+xml", svg(""), {}, (300, 150)),
    "svg of odd sizes": (
        "image/svg+xml", svg('width="1e9" height="x" viewBox="0 0 a b"'), {}, (300, 150),
    ),
    "svg in percent": (
        "image/svg+xml", svg('width="100%" height="100%" viewBox="0,0,8,4"'), {}, (8, 4),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_has_its_size(name: str):
    mime, data, metadata, (width, height) = IMAGES[name]
    element = Pictures().html(mime, data, metadata, "a plot", "cell-1", "cell [1]")
    assert element == (
        f'<svg class="picture" role="img" aria-label="a plot" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><image id="guild-image-1" '
        f'href="data:{mime};base64,{data}" width="{width}" height="{height}"/></svg>'
    )


UNKNOWN = {
    "cut webp": ("image/webp", made("WEBP")[:24]),
    "no svg": ("image/svg+xml", base64.b64encode(b"<b>").decode()),
    "none": ("image/png", ""),
    "not base64": ("image/png", "<&>"),
    "no image": ("image/png", base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()),
    "cut jpeg": ("image/jpeg", made("JPEG")[:40]),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_image_of_no_known_size_is_an_image_all_the_same(name: str):
    pictures = Pictures()
    element = pictures.html(*UNKNOWN[name], {}, 'a "plot"', "cell-1", "cell [1]")
    assert re.fullmatch(r'<img src="[^"<>]*" alt="a &quot;plot&quot;" class="picture">', element)
    assert pictures.strip_html() == ""


def test_an_image_that_is_shown_again_has_its_data_once():
    pictures = Pictures()
    data, other = made("PNG"), made("PNG", (80, 20))
    page = "".join(
        pictures.html("image/png", each, metadata, "a plot", f"cell-{n}", f"cell [{n}] (<A>)")
        for n, (each, metadata) in enumerate(
            [(data, {}), (other, {}), (data, {}), (data, {"width": 60, "height": 40})], 1
        )
    )
    strip = pictures.strip_html()
    assert page.count(data) == page.count(other) == 1
    assert page.count('<use href="#guild-image-1"/>') == 2
    assert 'width="60" height="40" viewBox="0 0 30 20"' in page
    assert re.findall(r'<a href="#([\w-]+)" title="([^"]*)">', strip) == [
        ("cell-1", "cell [1] (&lt;A&gt;)"), ("cell-2", "cell [2] (&lt;A&gt;)"),
    ]  # fmt: skip
    assert re.findall(r'<use href="#([\w-]+)"', strip) == ["guild-image-1", "guild-image-2"]
    assert data not in strip and other not in strip


def test_an_image_of_markdown_that_an_output_shows_too_has_its_data_once():
    pictures = Pictures()
    data = made("PNG")
    markdown = f'<p><img src="data:image/png;base64,{data}" alt="a &lt;b&gt; &amp;"> text</p>'
    page = pictures.in_markdown(markdown)
    assert 'aria-label="a &lt;b&gt; &amp;"' in page and "<img" not in page
    assert pictures.strip_html() == ""
    page += pictures.html("image/png", data, {}, "a plot", "cell-2", "cell [2]")
    assert page.count(data) == 1
    assert 'href="#cell-2" title="cell [2]"' in pictures.strip_html()


def test_a_strip_of_many_images_is_bounded_and_says_so():
    pictures = Pictures()
    for n in range(1, 101):
        pictures.html("image/png", made("PNG", (n, 10)), {}, "a plot", f"cell-{n}", f"cell [{n}]")
    strip = pictures.strip_html()
    assert strip.count("<a ") == 24 and "24 of 100 images" in strip
    widths = [float(width) for width in re.findall(r'class="thumbnail"[^>]* width="(\S+)"', strip)]
    assert min(widths) == 36 and max(widths) <= 216
