"""Sanitizing HTML: elements, attributes and styles that are not known to be harmless are removed.

nh3 parses HTML as browsers do and writes what is allowed here. (nbconvert's ``sanitize_html`` uses
bleach, which is no longer maintained.)
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from typing import Any

import nh3


def _words(text: str) -> set[str]:
    return set(text.split())


_TAGS = _words(
    "a abbr acronym article aside audio b bdi bdo blockquote br caption center cite code col"
    " colgroup dd del details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6"
    " header hr i img ins kbd li main mark nav ol p pre progress q rp rt ruby s samp section small"
    " source span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var"
    " video wbr"
)

_WITH_CONTENT = _words(
    "applet canvas embed frameset head iframe math noembed noframes noscript object plaintext"
    " script select style svg template textarea title xmp"
)
"""Elements that are removed with their content, which is not text or is not parsed as HTML."""

_CELL = {"align", "colspan", "height", "rowspan", "scope", "valign", "width"}

_MEDIA = {"controls", "height", "loop", "muted", "src", "width"}

_ATTRIBUTES = {
    "*": {"class", "dir", "id", "lang", "style", "title"},
    "a": {"href"},
    "audio": _MEDIA,
    "col": {"align", "span", "width"},
    "colgroup": {"align", "span"},
    "details": {"open"},
    "div": {"align", "data-mime-type"},
    "font": {"color", "size"},
    "img": {"align", "alt", "height", "src", "width"},
    "li": {"value"},
    "ol": {"start", "type"},
    "p": {"align"},
    "progress": {"max", "value"},
    "source": {"src", "type"},
    "table": {"align", "border", "cellpadding", "cellspacing", "width"},
    "td": _CELL,
    "th": _CELL,
    "tr": {"align", "valign"},
    "video": _MEDIA,
}

_MATH = _words(
    "math menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot"
    " mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none"
)

_PAGE_TAGS = {*_TAGS, *_words("svg image use"), *_MATH}
"""Elements of the page, which pieces of the notebook cannot have."""

_PAGE_ATTRIBUTES = {
    **_ATTRIBUTES,
    "*": {*_ATTRIBUTES["*"], *_words("aria-label aria-hidden role tabindex")},
    "img": {*_ATTRIBUTES["img"], *_words("decoding loading")},
    **dict.fromkeys(
        _MATH,
        _words(
            "accent accentunder columnalign columnspacing depth display displaystyle fence form"
            " height largeop linethickness lspace mathvariant maxsize minsize movablelimits"
            " notation rowspacing rspace scriptlevel separator stretchy symmetric voffset width"
        ),
    ),
    "svg": _words("height viewBox width"),
    "image": _words("height href width"),
    "use": {"href"},
}

_SIDES = ("", "-bottom", "-left", "-right", "-top")

_STYLES = {
    *(f"{name}{side}" for name in ("border", "margin", "padding") for side in _SIDES),
    *(f"border{side}-{what}" for what in ("color", "style", "width") for side in _SIDES),
    *_words("background-color border-collapse border-radius border-spacing color display"),
    *_words("font-family font-size font-style font-variant font-weight height line-height"),
    *_words("max-height max-width min-height min-width opacity overflow overflow-x overflow-y"),
    *_words("text-align text-decoration text-indent text-transform vertical-align white-space"),
    *_words("width word-break"),
}
"""CSS properties that cannot move content over other parts of the page."""

_DECLARATION = re.compile(
    r"[a-z-]+:(?:[\w\s#%.,!+-]|(?:(?:rgb|hsl)a?|light-dark)\([\w\s#%.,/+-]*\))+",
    re.IGNORECASE | re.ASCII,
)
"""Declarations that can be read without a parser. (nh3 can filter properties too, but it drops the
quotes of strings within functions, so that the value ends elsewhere.)"""

_LINK = re.compile(r"https?://|mailto:|#", re.IGNORECASE)

_DATA = {
    "img": re.compile(r"data:image/(?:png|jpeg|jpg|gif|webp|bmp|svg\+xml)[;,]", re.IGNORECASE),
    "audio": re.compile(r"data:audio/[\w.+-]+[;,]", re.IGNORECASE),
    "video": re.compile(r"data:video/[\w.+-]+[;,]", re.IGNORECASE),
    "source": re.compile(r"data:(?:audio|video)/[\w.+-]+[;,]", re.IGNORECASE),
}

_OWN_ID = re.compile(r"main|cell-\d+|guild-(?:failed-cell|image)\S*")
"""Ids of the page, to which its own links lead."""

_CLASS = re.compile(r"anchor-link|ansi-[\w-]+|dataframe|highlight|mermaid|[a-z]{1,3}[0-9]?")
"""Classes of nbconvert's stylesheets for content. Others are for JupyterLab's own parts, such as
dialogs that cover the whole window."""


def sanitize(text: str) -> str:
    """Sanitized HTML in which all elements are closed, so it cannot change what follows it in a
    page. HTML deeper than DEEPEST is returned as escaped text."""
    with_images = _with_svg_as_images(text)
    if _is_deep(with_images):
        return f"<pre>{html.escape(text)}</pre>"
    return _sanitized(with_images, _content_attribute)


def sanitize_page(text: str) -> str:
    """The sanitized cells of a page whose pieces are sanitized: what the page itself has beside
    them stays."""
    return _sanitized(text, _attribute, _PAGE_TAGS, _PAGE_ATTRIBUTES)


def _sanitized(
    text: str,
    attribute_filter: Any,
    tags: set[str] = _TAGS,
    attributes: dict[str, set[str]] = _ATTRIBUTES,
) -> str:
    return nh3.clean(
        _in_short_texts(text),
        tags=tags,
        clean_content_tags=_WITH_CONTENT - tags,
        attributes=attributes,
        attribute_filter=attribute_filter,
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
        url_schemes={"data", "http", "https", "mailto"},
    )


def _in_short_texts(text: str) -> str:
    """HTML with an empty comment, which is removed, after every thousand entities of one text:
    nh3 takes time quadratic in them."""
    first, *parts = text.split("&")
    entities = 0
    for index, part in enumerate(parts):
        entities = 0 if "<" in part else entities + 1
        if entities == 1_000:
            parts[index] += "<!---->"
            entities = 0
    return "&".join([first, *parts])


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "href":
        if tag == "use":
            return value if value.startswith("#") else None
        if tag == "image":
            return value if _DATA["img"].match(value) else None
        return value if _LINK.match(value) else None
    if name == "src":  # nh3 asks for elements too that it removes later
        return value if tag in _DATA and _DATA[tag].match(value) else None
    if name == "style":
        parts = (part.partition(":") for part in value.split(";"))
        pairs = ((name.strip(), content.strip()) for name, _, content in parts)
        known = (f"{name}:{content}" for name, content in pairs if name.lower() in _STYLES)
        return ";".join(filter(_DECLARATION.fullmatch, known)) or None
    return value


def _content_attribute(tag: str, name: str, value: str) -> str | None:
    if name == "id" and _OWN_ID.fullmatch(value):
        return None
    if name == "class":
        return " ".join(part for part in value.split() if _CLASS.fullmatch(part)) or None
    return _attribute(tag, name, value)


DEEPEST = 200  # levels of nested elements: parsing takes time quadratic in them
FEW_TAGS = 2_000  # start tags that are parsed in some hundredths of a second, however deep they are
_START = re.compile(r"<([a-z][^\s/>]*)")

_TOKEN = re.compile(
    r"<(?P<opens>!--|!\[cdata\[)|(?P<closes>-->|\]\]>)"
    r"|<(?:[!?]|/(?![a-z]))[^>]*"  # a comment to browsers, too
    r"|<(?P<end>/?)(?P<name>[a-z][^\s/>]*)"
    r"""(?P<attributes>(?:[\s/]+|[^\s/>][^\s/>=]*"""
    r"""(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>"'][^\s>]*)?)?)*)"""
)
"""Where elements, comments and CDATA begin and end (HTML standard, 13.2.5)."""

_CLOSERS = {"!--": "-->", "![cdata[": "]]>"}

_WITHOUT_END_TAG = _words(
    "area base br col colgroup embed hr img input li link meta option p source tbody td tfoot th"
    " thead tr track wbr"
)
"""Elements that need no end tag, so an open one is not a level. Of dt, dd, rt and rp too the end
may be left out, but each is a level within another kind of element, as dd within li."""


def _is_deep(text: str) -> bool:
    """Whether ``text`` may be deeper than DEEPEST to a browser. A start tag counts wherever it
    stands, an end tag only where it ends what was opened last: a browser ignores others, as in
    comments, in attributes and across tables."""
    text = text.lower()
    if sum(name not in _WITHOUT_END_TAG for name in _START.findall(text)) <= DEEPEST:
        return False
    is_large = text.count("<") > FEW_TAGS
    open_tags: list[str] = []
    for token in _TOKEN.finditer(text):
        name = token["opens"] or token["closes"] or token["name"] or ""
        if token["opens"]:
            open_tags.append(_CLOSERS[name])
        elif token["closes"] or token["end"]:
            if open_tags and open_tags[-1] == name:
                open_tags.pop()
            elif not is_large and name in open_tags:
                open_tags.remove(name)
        elif name and name not in _WITHOUT_END_TAG:
            open_tags.append(name)
        if "<" in (token["attributes"] or ""):
            open_tags += _START.findall(token["attributes"])
        if len(open_tags) > DEEPEST:
            return True
    return False


_MEDIA_TAG = re.compile(r"<(?:img|audio|video|source)\b[^>]*")


def is_visible(sanitized: str) -> bool:
    """Whether sanitized HTML shows anything. Often only an empty element for a script is left."""
    before, *tags = sanitized.split("<")
    texts = [before, *(tag.partition(">")[2] for tag in tags)]
    return any(text.replace("&nbsp;", " ").strip() for text in texts) or any(
        " src=" in tag[0] for tag in _MEDIA_TAG.finditer(sanitized)
    )


def image_data(mime: str, data: str) -> str | None:
    """``data`` of an image (base64, for SVG its text) as base64, None where there is none or it is
    not base64."""
    if mime == "image/svg+xml":
        return base64.b64encode(data.encode("utf-8", errors="replace")).decode("ascii") or None
    try:
        return base64.b64encode(base64.b64decode(data)).decode("ascii") or None
    except (binascii.Error, ValueError):
        return None


_SVG_TAG = re.compile(r"<(/?)svg\b[^<>]*>", re.IGNORECASE)
_NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'


def _with_svg_as_images(text: str) -> str:
    """``text`` with images instead of ``svg`` elements. A pattern is good enough to find these,
    since the result is sanitized."""
    parts, depth, start, end = [], 0, 0, 0
    for tag in _SVG_TAG.finditer(text):
        if tag[0].endswith("/>"):
            continue
        if not tag[1]:
            start = start if depth else tag.start()
            depth += 1
        elif depth:
            depth -= 1
            if not depth:
                svg = text[start : tag.end()]
                if "xmlns" not in svg[: svg.index(">")]:
                    svg = f"<svg {_NAMESPACE}{svg[4:]}"
                data = image_data("image/svg+xml", svg)
                # In an ``img`` an SVG runs no script and loads nothing.
                parts += [text[end:start], f'<img alt="" src="data:image/svg+xml;base64,{data}">']
                end = tag.end()
    return "".join([*parts, text[end:]])
