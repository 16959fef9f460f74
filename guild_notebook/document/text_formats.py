"""Notebooks that are kept as text: scripts and Markdown, as jupytext reads them.

jupytext is optional and slow to import, so it is imported when such a notebook is read. It gets the
text and no path: with a path it looks for its configuration in all folders above, and executes one
that is a Python file (jupytext/config.py, load_jupytext_configuration_file).
"""

from __future__ import annotations

import json
import os
import re
import sys
import warnings
from typing import Any

from ..errors import NotebookError

INSTALL_COMMAND = 'pip install "guild-notebook[jupytext]"'

MARKDOWN = {".md": ".md", ".markdown": ".markdown", ".rmd": ".Rmd", ".qmd": ".qmd"}
"""Endings in lower case, and how jupytext spells each."""

# fmt: off
SCRIPTS = (
    ".py", ".r", ".jl", ".sh", ".sage", ".coco", ".cpp", ".clj", ".cs", ".fs", ".fsx", ".go",
    ".groovy", ".java", ".js", ".lua", ".m", ".ml", ".ps1", ".q", ".robot", ".rs", ".scala",
    ".scm", ".sos", ".ss", ".tcl", ".ts", ".xsh",
)
# fmt: on

EXTENSIONS = {**MARKDOWN, **{ending: ending for ending in SCRIPTS}}

FORMAT_PACKAGES = (
    *("fqdn", "isoduration", "rfc3339_validator", "rfc3986_validator", "rfc3987_syntax"),
    *("uri_template", "webcolors"),
)
"""Packages of jsonschema's extra ``format-nongpl``."""

CONVERTED = {"pandoc": "Pandoc", "quarto": "Quarto", "marimo": "marimo"}
"""Formats for which jupytext runs another program on the notebook."""

_HEADER = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
_NOTEBOOK_KEY = re.compile(r"^(?:jupyter|jupytext|kernelspec):", re.MULTILINE)
_LONGEST_HEADER = 10_000


def is_text(path: str) -> bool:
    """Whether the notebook at ``path`` is a text by its ending; any other notebook is JSON."""
    return _ending(path) in EXTENSIONS


def executed_path(path: str) -> str:
    """The path of the executed notebook: that of the notebook, with ``.ipynb`` for a text."""
    return f"{os.path.splitext(path)[0]}.ipynb" if is_text(path) else path


def has_notebook_header(path: str) -> bool:
    """Whether the file is Markdown with ``jupyter:``, ``jupytext:`` or ``kernelspec:`` in its YAML
    header, so that ``guild run PATH`` can only mean a notebook."""
    if _ending(path) not in MARKDOWN:
        return False
    try:
        with open(path, encoding="utf-8") as f:
            header = _HEADER.match(f.read(_LONGEST_HEADER))
    except (OSError, ValueError):
        return False
    return bool(header and _NOTEBOOK_KEY.search(header.group(1)))


def parse_text(content: bytes, path: str, name: str) -> dict[str, Any]:
    """The nbformat 4 document of the notebook ``content``, in the format of ``path``'s ending.

    Cells have ids by their position: jupytext's are random, so two runs of one notebook would
    differ in each cell. Raises NotebookError, in which the notebook is called ``name``.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise NotebookError(f"notebook {name} is not UTF-8 ({e}) - save it as UTF-8") from None
    data = _read(text, EXTENSIONS[_ending(path)], name)
    for index, cell in enumerate(data["cells"]):
        cell["id"] = f"cell-{index}"
    metadata = data["metadata"]
    language = metadata.get("jupytext", {}).get("main_language")
    if language and "kernelspec" not in metadata:
        metadata.setdefault("language_info", {"name": language})
    return data


def _read(text: str, extension: str, name: str) -> dict[str, Any]:
    try:
        skip_format_packages()
        import jupytext
        from jupytext import formats

        find_format_packages()
    except ImportError:
        raise NotebookError(
            f"notebook {name} is a text, which jupytext reads - install it: {INSTALL_COMMAND}"
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of metadata that it does not know
            found = formats.read_format_from_metadata(text, extension)
            found = found or formats.guess_format(text, extension)[0]
            if found not in CONVERTED:
                # The format is passed on, or jupytext might find one that is converted.
                node = jupytext.reads(text, {"extension": extension, "format_name": found})
                data: dict[str, Any] = json.loads(json.dumps(node))
                return data
    except Exception as e:  # parsers raise errors of any type
        why = " ".join(str(e).split())[:200]
        raise NotebookError(
            f"jupytext cannot read notebook {name} ({type(e).__name__}: {why}) - correct its "
            "header and its cell marks"
        ) from None
    raise NotebookError(
        f"notebook {name} is a {CONVERTED[found]} document, which only that program reads - "
        f"convert it: jupytext --to ipynb {name}"
    )


def _ending(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def skip_format_packages() -> None:
    """Let jsonschema, which nbformat imports, do without the packages for formats that no schema
    of notebooks has. JupyterLab installs them, and one builds a grammar for a second."""
    for name in FORMAT_PACKAGES:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # cannot be imported


def find_format_packages() -> None:
    """Let these packages be imported again, by what is neither nbformat nor jsonschema."""
    for name in FORMAT_PACKAGES:
        if sys.modules.get(name, sys) is None:
            del sys.modules[name]
