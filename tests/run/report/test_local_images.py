"""Images of Markdown that are files: those of the run and of the project are in the page."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from guild_notebook.run.report import local_images
from guild_notebook.run.report.local_images import LocalImages

PNG = b"\x89PNG\r\n\x1a\n of the run"
SVG = b"<?xml version='1.0'?><svg xmlns='x'/>"
OTHER = b"\x89PNG\r\n\x1a\n of the project"


def url(data: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


@pytest.fixture
def images(tmp_path: Path) -> LocalImages:
    """Of a notebook in the folder ``nb`` of a run and of a project."""
    for root, data in (("run", PNG), ("project", OTHER)):
        (tmp_path / root / "nb" / "figs").mkdir(parents=True)
        (tmp_path / root / "nb" / "fig.png").write_bytes(data)
    project = tmp_path / "project"
    (project / "nb" / "figs" / "my fig.png").write_bytes(OTHER)
    (project / "nb" / "100%25.png").write_bytes(OTHER)
    (project / "up.svg").write_bytes(SVG)
    (project / "notes.png").write_text("no image")
    (tmp_path / "secret.png").write_bytes(PNG)
    (project / "nb" / "out.png").symlink_to(tmp_path / "secret.png")
    (project / "nb" / "in.png").symlink_to(project / "nb" / "fig.png")
    places = [(str(tmp_path / root / "nb"), str(tmp_path / root)) for root in ("run", "project")]
    return LocalImages(places)


@pytest.mark.parametrize(
    ("tag", "made"),
    [
        ('<img src="fig.png" alt="x" title="t" />', f'<img src="{url(PNG)}" alt="x" title="t" />'),
        ("<img width=50 src=fig.png>", f'<img width=50 src="{url(PNG)}">'),
        ("<IMG SRC='./fig.png?v=1#a' alt=\"a>b\">", f'<img SRC="{url(PNG)}" alt="a>b">'),
        ('<img src="figs/my%20fig.png">', f'<img src="{url(OTHER)}">'),
        ('<img src="100%25.png">', f'<img src="{url(OTHER)}">'),
        ('<img src="in.png">', f'<img src="{url(OTHER)}">'),
        ('<img src="../up.svg">', f'<img src="{url(SVG, "image/svg+xml")}">'),
        ('<img alt="no source">', '<img alt="no source">'),
        ('<img src="data:image/png;base64,AA">', '<img src="data:image/png;base64,AA">'),
        ('<img src="attachment:x.png">', '<img src="attachment:x.png">'),
    ],
)
def test_an_image_of_the_run_or_else_of_the_project_is_in_the_page(
    images: LocalImages, tag: str, made: str
):
    found = images.in_html(f"<p>{tag}</p>")
    assert found == f"<p>{made}</p>"


@pytest.mark.parametrize(
    ("src", "why"),
    [
        ("none.png", "there is no such file in the run or the project"),
        ("out.png", "it is outside of the project"),
        ("../../secret.png", "it is outside of the project"),
        ("{base}/secret.png", "it is outside of the project"),
        ("file://{base}/secret.png", "it is outside of the project"),
        ("file://host/share/fig.png", "it is outside of the project"),
        ("../notes.png", "it is no PNG, JPEG, GIF, WebP, BMP or SVG"),
        ("/dev/zero", "there is no such file in the run or the project"),
        ("a\0b.png", "there is no such file in the run or the project"),
    ],
)
def test_what_is_not_taken_in_is_said_in_its_place(
    images: LocalImages, tmp_path: Path, src: str, why: str
):
    src = src.format(base=tmp_path)
    made = images.in_html(f'<img src="{src}">')
    assert made == f'<span class="notice">image {src} is not shown: {why}</span>'


def test_a_large_image_is_not_taken_in(images: LocalImages, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(local_images, "LARGEST", 10)
    assert "is not shown: it has 0.0 MB" in images.in_html('<img src="fig.png">')


def test_an_absolute_path_within_the_project_is_taken_in(images: LocalImages, tmp_path: Path):
    for prefix in ("", "file://"):
        made = images.in_html(f'<img src="{prefix}{tmp_path}/project/nb/fig.png">')
        assert made == f'<img src="{url(OTHER)}">'


@pytest.mark.parametrize("src", ["file://[x", "file://[::1/a.png", "%00.png", "a/" * 5000])
def test_an_address_that_can_be_none_is_no_file(images: LocalImages, src: str):
    assert "there is no such file" in images.in_html(f'<img src="{src}">')


def test_a_remote_image_is_a_link(images: LocalImages):
    made = images.in_html('<img src="https://x.org/a.png?b=1&amp;c" alt="the &lt;plot&gt;">')
    assert made == (
        '<a href="https://x.org/a.png?b=1&amp;c" rel="noopener noreferrer">the &lt;plot&gt;</a>'
    )
    assert ">//x.org/a.png</a>" in images.in_html("<img src=//x.org/a.png>")
    tag = '<img src="https://x.org/a.png">'
    assert LocalImages([], network=True).in_html(tag) == tag
