"""nbconvert's HTML exporter in time linear in the notebook.

It passes highlighted code through a slow parser (bleach), and the whole page through another
(BeautifulSoup) to set two attributes; pygments and mistune take seconds for a megabyte. So code is
not parsed again, since pygments escapes it, the attributes are put into tags, and beyond ``MOST``
characters of a notebook code and Markdown stay as they are written, which the page says. It also
copies a page some seven times, so large images are put into it at its end.
"""

from __future__ import annotations

import html
import itertools
import re
import uuid
from typing import Any

from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import Highlight2HTML, ansi2html, strip_ansi
from nbconvert.filters.strings import clean_html
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter

from ...document.mime import text_of
from .widgets import copy_with_outputs

MOST = 1_000_000
"""Characters of a notebook's code that are highlighted, and of its Markdown that are rendered."""

MOST_OF_TEXT = 50_000
"""Characters of one text of Markdown that are rendered, without the data of images in it: mistune
takes time quadratic in some."""

MOST_COLOURS = 5_000
"""Escape sequences of a text, between two that reset all colours, that are shown as colours:
nbconvert copies the rest of the text at each."""

LARGE = 10_000
"""Characters from which on an image is not in the notebook that nbconvert is given."""

NO_TEXT = "No description has been provided for this image"

_FOCUSED = re.compile(
    r'<div class="(?:jp-Cell-inputWrapper|jp-Rendered[\w -]*jp-OutputArea-output *)"'
)
_IMAGE = re.compile(r'(<div class="jp-Rendered(?:Image|SVG) jp-OutputArea-output[^<>]*>\s*)<img ')


_LONG_WORD = re.compile(r"[\w+/=]{1000,}")
_RESET = re.compile("\x1b\\[0*m")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]*(?:=[=\s]*)?")


class LargeImages:
    """``nb`` as ``notebook``, in which a word is in the place of each large image: it is base64 as
    well, and in no other text."""

    def __init__(self, nb: Any) -> None:
        self.notebook, outputs = copy_with_outputs(nb)
        self._images: list[str] = []
        self._name = uuid.uuid4().hex
        for output in outputs:
            data = output.get("data") or {}
            for mime in {"image/png", "image/jpeg", "image/gif"}.intersection(data):
                image = text_of(data[mime])
                if len(image) >= LARGE and _BASE64.fullmatch(image):
                    output.data = {**output.data, mime: f"{self._name}{len(self._images):08}"}
                    self._images.append(image)

    def put_into(self, page: str) -> str:
        """The ``page`` that was made of ``notebook``, with the images."""
        first, *rest = page.split(self._name)
        pairs = ((self._images[int(part[:8])], part[8:]) for part in rest)
        return "".join([first, *itertools.chain.from_iterable(pairs)])


class _Clean(str):
    """HTML that needs no cleaning."""


class BoundedHTMLExporter(HTMLExporter):  # type: ignore[misc]  # nbconvert carries no types
    """An exporter whose template is nbconvert's own."""

    def from_notebook_node(
        self, nb: Any, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        exporter: Any = self  # a class without types
        resources = exporter._init_resources(resources)
        self._code = self._markdown = 0
        language = nb.metadata.get("language_info", {})
        lexer = language.get("pygments_lexer", language.get("name", None))
        highlight = Highlight2HTML(pygments_lexer=lexer, parent=self)

        def highlighted(source: str, **options: Any) -> _Clean:
            self._code += len(source)
            if self._code > MOST:
                return _as_written("code", source)
            return _Clean(highlight(source, **options))

        shown_type = WidgetsDataTypeFilter(
            notebook_metadata=exporter._nb_metadata, parent=self, resources=resources
        )
        self.register_filter("highlight_code", highlighted)
        self.register_filter("filter_data_type", shown_type)
        self.register_filter("clean_html", _cleaned)
        self.register_filter("ansi2html", _with_colours)
        # It removes "files/" from links, as notebooks had it long ago, in quadratic time.
        self.register_filter("strip_files_prefix", lambda text: text)
        exported: Any = super(HTMLExporter, self).from_notebook_node(nb, resources, **options)
        page, resources = exported
        return _with_attributes(page), resources or {}

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        text = _LONG_WORD.sub("", source)
        self._markdown += len(text)
        if self._markdown > MOST or len(text) > MOST_OF_TEXT or _is_slow(text):
            return _as_written("Markdown", source)
        return str(super().markdown2html(context, source))


def _is_slow(text: str) -> bool:
    """Whether patterns of nbconvert would go back and forth in a text of Markdown."""
    return " " * 1_000 in text or text.count("\\begin{") > 500


def _with_colours(text: str) -> str:
    """HTML of a text with colours. After a reset the text begins anew."""
    parts, start = [], 0
    for reset in _RESET.finditer(text):
        if reset.end() - start >= 10_000:
            parts.append(text[start : reset.end()])
            start = reset.end()
    parts.append(text[start:])
    return "".join(
        ansi2html(part) if part.count("\x1b") <= MOST_COLOURS else html.escape(strip_ansi(part))
        for part in parts
    )


def _with_attributes(page: str) -> str:
    """``page`` with what nbconvert puts into its template's own tags: cells and outputs can be
    focused, and images have a text."""
    page = _IMAGE.sub(rf'\1<img alt="{NO_TEXT}" ', page)
    return _FOCUSED.sub(r'\g<0> tabindex="0"', page)


def _as_written(what: str, source: str) -> _Clean:
    note = _as_written_note(what, len(source))
    return _Clean(
        f'<p class="guild-note">{note}</p><div class="highlight"><pre>{html.escape(source)}</pre>'
        "</div>"
    )


def _as_written_note(what: str, characters: int) -> str:
    return f"{characters:,} characters of {what} as they are written: too many to be rendered"


def _cleaned(element: Any) -> str:
    return element if isinstance(element, _Clean) else str(clean_html(element))
