"""Pages of nbconvert's templates, in time linear in the notebook.

pygments and mistune take seconds for a megabyte, so beyond ``MOST`` characters of a notebook code
and Markdown stay as they are written, which the page says. A page is copied some times while it is
made, so large images are put into it at its end.
"""

from __future__ import annotations

import base64
import html
import itertools
import json
import re
import uuid
from typing import TYPE_CHECKING, Any

from jinja2 import pass_context

from ...document.mime import text_of
from . import templates
from .ansi import ansi2html, strip_ansi, without_overwritten
from .highlight import Highlighter, stylesheet
from .widgets import STATE, VIEW

if TYPE_CHECKING:
    from .markdown import MarkdownRenderer

MOST = 1_000_000
"""Characters of a notebook's code that are highlighted, and of its Markdown that are rendered."""

MOST_OF_TEXT = 50_000
"""Characters of one text of Markdown that are rendered, without the data of images in it: mistune
takes time quadratic in some."""

LARGE = 10_000
"""Characters from which on an image is not in the notebook that a page is made of."""

SHOWN = (
    VIEW,
    "application/javascript",
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "text/vnd.mermaid",
    "text/latex",
    "image/png",
    "image/jpeg",
    "text/plain",
)
"""MIME types that a page shows, the first first."""

URLS = {
    "require_js_url": "https://cdnjs.cloudflare.com/ajax/libs/require.js/2.1.10/require.min.js",
    "mathjax_url": "https://cdnjs.cloudflare.com/ajax/libs/mathjax/2.7.7/latest.js"
    "?config=TeX-AMS_CHTML-full,Safe",
    "mermaid_js_url": "https://cdnjs.cloudflare.com/ajax/libs/mermaid/11.10.0/mermaid.esm.min.mjs",
    "mermaid_layout_elk_js_url": "https://cdnjs.cloudflare.com/ajax/libs/mermaid-layout-elk/0.1.9"
    "/mermaid-layout-elk.esm.min.mjs",
    "jquery_url": "https://cdnjs.cloudflare.com/ajax/libs/jquery/2.0.3/jquery.min.js",
    "jupyter_widgets_base_url": "https://unpkg.com/",
    "html_manager_semver_range": "*",
}
"""What the templates load scripts from, as nbconvert's exporter has it."""

_LONG_WORD = re.compile(r"[\w+/=]{1000,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]*(?:=[=\s]*)?")


class LargeImages:
    """Large images of ``outputs``, in whose place a word is put: it is base64 as well, and in no
    other text."""

    def __init__(self, outputs: list[Any]) -> None:
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
        """The ``page`` that was made of the outputs, with the images."""
        if not self._images:
            return page
        first, *rest = page.split(self._name)
        pairs = ((self._images[int(part[:8])], part[8:]) for part in rest)
        return "".join([first, *itertools.chain.from_iterable(pairs)])


class _Clean(str):
    """HTML that needs no cleaning."""


class _Resources(dict[str, Any]):
    """What a template finds in ``resources``; what is not there is empty."""

    def __missing__(self, _name: str) -> str:
        return ""


class BoundedHTMLExporter:
    """Makes pages of notebooks with ``template``, which may extend those of nbconvert, and without
    the cells' sources where not ``with_input``. Its methods are those of nbconvert's exporters."""

    file_extension = ".html"

    def __init__(self, template: str, with_input: bool = True) -> None:
        self._with_input = with_input
        self._code = self._markdown = 0
        self._renderer: MarkdownRenderer | None = None
        self._highlighter = Highlighter("ipython3")
        self._widgets: Any = {}
        self.environment = templates.environment(template, self._filters())
        self._template = templates.template(self.environment)

    def from_notebook_node(
        self, nb: Any, resources: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """The page of ``nb``, and ``resources`` with the ending of its file."""
        self._code = self._markdown = 0
        language = nb.metadata.get("language_info") or {}
        lexer = language.get("pygments_lexer") or language.get("name")
        self._highlighter = Highlighter(str(lexer or "ipython3"))
        states = (nb.metadata.get("widgets") or {}).get(STATE) or {}
        self._widgets = states.get("state") or {}
        given = {"output_extension": self.file_extension, **(resources or {})}
        page = self._template.render(nb=nb, resources=self._resources(given))
        return page.lstrip("\r\n"), given

    def rendered(self, source: str, attachments: Any) -> str:
        """HTML of a text of Markdown; ``attachments`` are those of its cell."""
        text = _LONG_WORD.sub("", source)
        self._markdown += len(text)
        if self._markdown > MOST or len(text) > MOST_OF_TEXT or _is_slow(text):
            return _as_written("Markdown", source)
        if self._renderer is None:
            from .markdown import MarkdownRenderer

            self._renderer = MarkdownRenderer()
        return self._renderer.html(source, attachments)

    def _resources(self, given: dict[str, Any]) -> _Resources:
        def include_css(name: str) -> str:
            return f'<style type="text/css">\n{templates.source(self.environment, name)}</style>'

        kinds = ("code", "markdown", "raw", "unknown", "output", "output_stdin")
        shown = {f"include_{kind}": True for kind in kinds}
        for kind in ("input", "input_prompt", "output_prompt"):
            shown[f"include_{kind}"] = self._with_input
        shown["no_prompt"] = not self._with_input
        return _Resources(
            **URLS,
            theme="light",
            language_code="en",
            output_mimetype="text/html",
            raw_mimetypes=["text/html", ""],
            should_sanitize_html=False,
            should_not_encode_svg=False,
            global_content_filter=shown,
            inlining={"css": [stylesheet()]},
            include_css=include_css,
            **{**given, "metadata": _Resources({"name": "Notebook", **given.get("metadata", {})})},
        )

    def _filters(self) -> dict[str, Any]:
        """The filters of nbconvert's templates for pages, by name."""
        return {
            "ansi2html": lambda text: ansi2html(without_overwritten(text_of(text))),
            "strip_ansi": lambda text: strip_ansi(text_of(text)),
            "clean_html": _cleaned,
            "escape_html": lambda value: html.escape(str(value)),
            "escape_html_keep_quotes": lambda value: html.escape(str(value), quote=False),
            "escape_html_script": lambda text: text.replace("/", "\\/"),
            "filter_data_type": self._shown_type,
            "get_metadata": _metadata,
            "highlight_code": self._highlighted,
            "json_dumps": json.dumps,
            "markdown2html": self._markdown2html,
            "posix_path": str,
            # nbconvert's removes "files/" from links, as notebooks had it long ago.
            "strip_files_prefix": lambda text: text,
            "text_base64": lambda text: base64.b64encode(text_of(text).encode()).decode(),
        }

    def _highlighted(self, source: str, metadata: Any = None) -> _Clean:
        self._code += len(source)
        if self._code > MOST:
            return _as_written("code", source)
        return _Clean(self._highlighter.html(source, metadata))

    @pass_context
    def _markdown2html(self, context: Any, source: Any) -> str:
        return self.rendered(text_of(source), context["cell"].get("attachments"))

    def _shown_type(self, data: Any) -> list[str]:
        """The MIME type of ``data`` that the page shows, in a list; none for an unknown one."""
        for mime in SHOWN:
            if mime in data and (mime != VIEW or _model_id(data[mime]) in self._widgets):
                return [mime]
        return []


def _model_id(view: Any) -> str:
    return str(view.get("model_id")) if isinstance(view, dict) else ""


def _is_slow(text: str) -> bool:
    """Whether patterns of Markdown would go back and forth in a text."""
    return " " * 1_000 in text or text.count("\\begin{") > 500


def _metadata(output: Any, key: str, mime: str = "") -> Any:
    """An entry of an output's metadata: of those of a MIME type, or else of all."""
    metadata = output.get("metadata") or {}
    of_type = metadata.get(mime)
    value = of_type.get(key) if isinstance(of_type, dict) else None
    return metadata.get(key) if value is None else value


def _as_written(what: str, source: str) -> _Clean:
    note = _as_written_note(what, len(source))
    return _Clean(
        f'<p class="guild-note">{note}</p><div class="highlight"><pre>{html.escape(source)}</pre>'
        "</div>"
    )


def _as_written_note(what: str, characters: int) -> str:
    return f"{characters:,} characters of {what} as they are written: too many to be rendered"


def _cleaned(element: Any) -> str:
    if isinstance(element, _Clean):
        return element
    from nbconvert.filters.strings import clean_html  # slow; for raw cells alone

    return str(clean_html(element))
