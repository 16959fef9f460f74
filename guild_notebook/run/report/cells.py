"""The cells of a page: code, Markdown and outputs as pieces of HTML, in time linear in all.

pygments and mistune take seconds for a megabyte, so beyond ``MOST`` characters of a notebook code
and Markdown stay as they are written, which the page says.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...document import states
from ...document.cells import cell_label, own_name
from ...document.measures import measures_of, memory_text
from ...document.mime import text_of
from ...document.reader import mapping
from ...options.reports import ReportOptions
from ...texts import duration
from .closing import parsed, well_formed
from .contents import Contents
from .figures import Figures
from .folds import LONGEST_ON_PHONES, outputs_html, text_html, until_opened, with_held
from .formulas import Formulas
from .highlight import Highlighter
from .html_sanitizer import image_data, is_visible, sanitize
from .large_texts import LargeTexts
from .local_images import LocalImages, Sources
from .network import hosts_of, notice_html, without_hints
from .pictures import Pictures
from .shown import ShownCell, shown_cells
from .widgets import VIEW, WidgetRenderer

if TYPE_CHECKING:
    from .markdown import MarkdownRenderer

MOST = 500_000  # characters of code that are highlighted, and of Markdown that are rendered

MOST_OF_TEXT = 50_000
"""Characters of one text of Markdown that are rendered, without the data of images in it: mistune
takes time quadratic in some."""

MOST_TAGS = 200_000  # of HTML that is not well-formed which BeautifulSoup reads: that takes seconds
LEAST_CPU = 1.0  # seconds of CPU time that are said

LARGE_HTML, MOST_HTML, SMALL_HTML = 500_000, 2_000_000, 10_000
"""Characters of HTML beyond which it is folded, since browsers take seconds to lay out a table; of
all HTML of a page beyond which smaller pieces are folded too, and what is then small."""

IMAGES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")

_LONG_WORD = re.compile(r"[\w+/=]{1000,}")
_TABLE = re.compile(r"<table\b", re.IGNORECASE)
_OWN_COLOURS = re.compile(
    r"(?:color|background|fill|stroke)\s*:|bgcolor\s*=|<(?:script|svg|canvas|iframe|font)\b",
    re.IGNORECASE,
)
_RUNS_SCRIPTS = re.compile(r"<(?:script|iframe|frame)\b|\son\w+\s*=|javascript:", re.IGNORECASE)
_LANGUAGE_NAME = re.compile(r"[\w+#.-]{1,40}")


@dataclass(frozen=True)
class _Bundle:
    """A MIME bundle of an output, with what its cell is called and the id of that in the page."""

    data: Mapping[str, Any]
    metadata: Mapping[str, Any]
    label: str
    anchor: str


class CellRenderer:
    """Renders the cells of ``nb`` that ``options`` show; what is from the notebook is sanitized if
    the page ``is_sanitized``. ``failed`` has the ids of the cells that failed, by their index.

    ``contents``, ``pictures``, what ``completed`` puts into a page, and whether the page
    ``runs_scripts`` of the notebook are complete when all cells have been rendered.
    """

    def __init__(
        self,
        nb: Any,
        options: ReportOptions,
        sources: Sources,
        failed: Mapping[int, str],
        *,
        is_sanitized: bool,
    ) -> None:
        self.shown = shown_cells(nb, options, failed)
        self._failed = failed
        self._is_sanitized = is_sanitized
        self._has_network = options.network and not is_sanitized
        self._figures = Figures(sources.packages, network=self._has_network)
        self._formulas = Formulas()
        self._large = LargeTexts()
        self._local_images = LocalImages(sources.places, network=self._has_network)
        self._widgets = WidgetRenderer(nb)
        self.runs_scripts = False
        self._piece: Callable[[str], str] = sanitize if is_sanitized else self._closed
        self._highlighter = Highlighter(_language(nb))
        self._markdown: MarkdownRenderer | None = None
        self._code_read = self._markdown_read = self._tags_parsed = 0
        self._html_shown = self._scripts_shown = 0
        self.contents = Contents(["main", *map(self._anchor, self.shown)])
        self.pictures = Pictures()

    def completed(self, page: str) -> str:
        """The ``page`` that was made of the cells, with their large images, and with what has no
        elements before it is opened."""
        return self._large.put_into(with_held(page))

    def html(self) -> str:
        """HTML of all cells that are shown."""
        cells = "".join(self._cells())
        script = self._figures.script()
        return f"<script>{script}</script>\n{cells}" if script else cells

    def _cells(self) -> Iterator[str]:
        for shown in self.shown:
            node, anchor = shown.cell, self._anchor(shown)
            if node.cell_type == "code":
                kind, made = "code", self._code_cell(shown, node, anchor)
            elif node.cell_type == "markdown":
                kind, made = "markdown", self._markdown_cell(node)
            else:
                kind, made = "raw", self._raw_cell(node)
            if not made and shown.index not in self._failed:
                continue
            kind += " failed" * (shown.index in self._failed)
            if shown.folds_cell:
                name = html.escape(shown.name or "A folded cell")
                made = f'<details class="folded"><summary>{name}</summary>\n{made}</details>\n'
            yield f'<section class="cell {kind}" id="{anchor}">\n{made}</section>\n'

    def _anchor(self, shown: ShownCell) -> str:
        return self._failed.get(shown.index, f"cell-{shown.index + 1}")

    def _markdown_cell(self, node: Any) -> str:
        made = self._rendered(text_of(node.source), node.get("attachments"))
        return _prose(self.contents.with_headings(made))

    def _raw_cell(self, node: Any) -> str:
        """HTML as it is, other text as text; nothing of a format for other converters."""
        kind = node.metadata.get("raw_mimetype") or node.metadata.get("format") or ""
        if kind not in ("", "text/html"):
            return ""
        source = text_of(node.source)
        return _prose(self._piece(source) if kind else f"<pre>{html.escape(source)}</pre>")

    def _code_cell(self, shown: ShownCell, node: Any, anchor: str) -> str:
        number = node.get("execution_count")
        number = number if isinstance(number, int) and not isinstance(number, bool) else None
        label = cell_label(shown.index + 1, shown.name, number)
        has_failed = shown.index in self._failed
        source = text_of(node.source)
        title = own_name(source)
        if title or has_failed:
            ended = (_ended(node) or "failed") if has_failed else ""
            self.contents.add_cell(shown.name or label, anchor, ended)
        place = "" if shown.hides_outputs else anchor
        made = outputs_html(
            [self._output(output, label, place) for output in node.get("outputs") or ()]
        )
        if made and shown.folds_outputs:
            summary = "<summary>Outputs</summary>"
            made = f'<details class="outputs folded">{summary}\n{made}</details>\n'
        elif made:
            made = f'<div class="outputs">\n{made}</div>\n'
        if not source.strip():
            return made
        name = f'<span class="name{"" if title else " from-code"}">{html.escape(shown.name)}</span>'
        is_open = "" if shown.folds_code else " open"
        return (
            f'<details class="source"{is_open}><summary>'
            f'<span class="number">[{" " if number is None else number}]</span>{name}'
            f'<span class="facts">{"".join(_cell_facts(node))}</span></summary>\n'
            f"{self._highlighted(source, node.metadata)}</details>\n{made}"
        )

    def _highlighted(self, source: str, metadata: Any) -> str:
        self._code_read += len(source)
        if self._code_read > MOST:
            return _as_written("code", source)
        made = self._highlighter.html(source, metadata)
        scrolls = max(map(len, source.split("\n"))) > LONGEST_ON_PHONES
        return made.replace("<pre>", '<pre tabindex="0">', 1) if scrolls else made

    def _rendered(self, source: str, attachments: Any = None) -> str:
        """HTML of a text of Markdown; ``attachments`` are those of its cell."""
        text = _LONG_WORD.sub("", source)
        self._markdown_read += len(text)
        if self._markdown_read > MOST or len(text) > MOST_OF_TEXT or _is_slow(text):
            return _as_written("Markdown", source)
        if self._markdown is None:
            from .markdown import MarkdownRenderer

            self._markdown = MarkdownRenderer()
        made = self._local_images.in_html(self._markdown.html(source, attachments))
        return self._formulas.in_html(self.pictures.in_markdown(self._piece(made)))

    def _closed(self, piece: str) -> str:
        """HTML of the notebook in which all elements are closed and images have a text; of many
        megabytes as it is."""
        self.runs_scripts = self.runs_scripts or bool(_RUNS_SCRIPTS.search(piece))
        if not self._has_network:
            piece = without_hints(piece)
        made = well_formed(piece)
        if made is None:
            self._tags_parsed += piece.count("<")
            made = piece if self._tags_parsed > MOST_TAGS else parsed(piece)
        return made

    def _output(self, output: Any, label: str, anchor: str) -> str:
        kind = output.output_type
        if kind == "stream":
            name = "stderr" if output.get("name") == "stderr" else "stdout"
            return text_html(text_of(output.text), name)
        if kind == "error":
            lines = [str(line) for line in output.get("traceback") or ()]
            text = "\n".join(lines) or f"{output.get('ename')}: {output.get('evalue')}"
            return text_html(text, "error")
        data, metadata = mapping(output.get("data")), mapping(output.get("metadata"))
        if not self._is_sanitized:
            data = self._figures.drawn(dict(data))
        return self._bundle(_Bundle(data, metadata, label, anchor))

    def _bundle(self, bundle: _Bundle) -> str:
        """The first entry of a MIME bundle, in the order of ``_FORMS``, that can be shown."""
        for mime, form in _FORMS.items():
            if mime in bundle.data:
                made = form(self, mime, bundle)
                if made:
                    return made
        kinds = ", ".join(map(str, bundle.data))
        return text_html(f"[{kinds}: not shown here]", "text") if kinds else ""

    def _widget(self, _mime: str, bundle: _Bundle) -> str:
        drawn = self._piece(self._widgets.widget_html(dict(bundle.data)))
        return f'<div class="output rich">{drawn}</div>\n' if drawn else ""

    def _script(self, mime: str, bundle: _Bundle) -> str:
        if self._is_sanitized:
            return ""
        self.runs_scripts = True
        self._scripts_shown += 1
        script = text_of(bundle.data[mime])
        return self._notice(script) + _script_html(script, f"script-{self._scripts_shown}")

    def _notice(self, piece: str) -> str:
        """What an output loads that the page does not let it."""
        return "" if self._is_sanitized or self._has_network else notice_html(hosts_of(piece))

    def _html_output(self, mime: str, bundle: _Bundle) -> str:
        source = text_of(bundle.data[mime])
        made = self._piece(source)
        if self._is_sanitized and not is_visible(made):
            return ""
        made = self._formulas.in_html(made)
        own = " own-colours" * bool(_OWN_COLOURS.search(source))
        region = ""
        if _TABLE.search(made):
            label = html.escape(f"table of {bundle.label}")
            region = f' role="region" tabindex="0" aria-label="{label}"'
        self._html_shown += len(source)
        most = LARGE_HTML if self._html_shown < MOST_HTML else SMALL_HTML
        if len(source) > most and "<script" not in source:
            size = f"{len(source) / 1e3:,.0f} KB"
            summary = f"<summary>A large output: {size} of HTML</summary>"
            made = f"<details>{summary}{until_opened(made)}</details>"
        return f'{self._notice(source)}<div class="output rich{own}"{region}>{made}</div>\n'

    def _markdown_output(self, mime: str, bundle: _Bundle) -> str:
        return f'<div class="output prose">{self._rendered(text_of(bundle.data[mime]))}</div>\n'

    def _image(self, mime: str, bundle: _Bundle) -> str:
        data = image_data(mime, text_of(bundle.data[mime]))
        if not data:
            return ""
        about = {**bundle.metadata, **mapping(bundle.metadata.get(mime))}
        text = f"image, output of {bundle.label}"
        made = self.pictures.html(mime, data, about, text, bundle.anchor, bundle.label)
        made = self._large.taken_out(made, data)
        dark = " dark" * (about.get("needs_background") == "dark")  # else it stands on white
        return f'<div class="output image{dark}">{made}</div>\n'

    def _latex(self, mime: str, bundle: _Bundle) -> str:
        made = self._formulas.in_text(text_of(bundle.data[mime]))
        if "<math" not in made and any(image in bundle.data for image in IMAGES):
            return ""  # its image says more than its source
        return f'<div class="output prose">{made}</div>\n'

    def _text(self, mime: str, bundle: _Bundle) -> str:
        return text_html(text_of(bundle.data[mime]), "text")

    def _json(self, mime: str, bundle: _Bundle) -> str:
        value = bundle.data[mime]
        is_text = isinstance(value, str)
        text = value if is_text else json.dumps(value, indent=2, ensure_ascii=False)
        return text_html(text, "text")


_FORMS: dict[str, Callable[[CellRenderer, str, _Bundle], str]] = {
    VIEW: CellRenderer._widget,
    "application/javascript": CellRenderer._script,
    "text/html": CellRenderer._html_output,
    "text/markdown": CellRenderer._markdown_output,
    "image/svg+xml": CellRenderer._image,
    "text/vnd.mermaid": CellRenderer._text,
    "text/latex": CellRenderer._latex,
    **dict.fromkeys(IMAGES, CellRenderer._image),
    "application/json": CellRenderer._json,
    "text/plain": CellRenderer._text,
}
"""The MIME types that a page shows, the first first, and how."""


def _cell_facts(node: Any) -> Iterator[str]:
    """How a cell ended if it did not complete, how long it took and its peak of memory."""
    if status := _ended(node):
        yield f'<span class="{"" if status == "not run" else "state"}">{html.escape(status)}</span>'
    measures = measures_of(node)
    seconds = measures.seconds
    if seconds is not None:
        took = duration(seconds, is_exact=True)
        if states.is_shared(node):
            yield f'<span title="how long it took, once for several runs">{took} · shared</span>'
        else:
            yield f'<span title="how long it took">{took}</span>'
    if measures.cpu_seconds is not None and measures.cpu_seconds >= LEAST_CPU:
        used = duration(measures.cpu_seconds, is_exact=True)
        yield f'<span title="CPU time of the kernel and what it has started">CPU {used}</span>'
    if measures.memory:
        whose = "the kernel and what it has started" if measures.total else "the kernel"
        yield f'<span title="peak memory of {whose}">{memory_text(measures.memory)}</span>'
    if measures.gpu:
        yield f'<span title="peak memory of GPUs">GPU {memory_text(measures.gpu)}</span>'


def _ended(node: Any) -> str:
    """How a cell ended, "" if it completed or that is not known."""
    status = mapping(node.metadata.get("guild")).get("status")
    return status if isinstance(status, str) and status != "completed" else ""


def _prose(made: str) -> str:
    return f'<div class="prose">{made}</div>\n'


def _script_html(script: str, name: str) -> str:
    """An output of Jupyter's JavaScript, whose script finds its place in ``element``."""
    return (
        f'<div class="output rich own-colours" id="{name}"><script>'
        f'var element = document.getElementById("{name}");\n{script}\n'
        "</script></div>\n"
    )


def _language(nb: Any) -> str:
    info = mapping(nb.metadata.get("language_info"))
    named = str(info.get("pygments_lexer") or info.get("name") or "ipython3")
    return named if _LANGUAGE_NAME.fullmatch(named) else "text"


def _is_slow(text: str) -> bool:
    """Whether patterns of Markdown would go back and forth in a text."""
    return " " * 1_000 in text or text.count("\\begin{") > 500


def _as_written(what: str, source: str) -> str:
    note = _as_written_note(what, source)
    return (
        f'<p class="notice">{note}</p><div class="highlight"><pre>{html.escape(source)}</pre></div>'
    )


def _as_written_note(what: str, source: str) -> str:
    return f"{len(source):,} characters of {what} as they are written: too many to be rendered"
