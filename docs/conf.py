"""Sphinx's settings for this folder: Markdown pages, strict about links. ``make docs`` builds."""

from __future__ import annotations

import re

project = "guild-notebook"
author = "The guild-notebook authors"
project_copyright = author
extensions = ["myst_parser", "sphinx_copybutton"]
html_theme = "furo"
html_title = project
html_show_sphinx = False
exclude_patterns = ["README.md"]
myst_heading_anchors = 4  # so that PAGE.md#heading is a link, and a wrong one a warning
nitpicky = True
# A button copies what is to be typed: no prompt, no output; of a block without a prompt all of it.
copybutton_prompt_text = "$ "
copybutton_line_continuation_character = "\\"
linkcheck_timeout = 20
linkcheck_retries = 2
suppress_warnings = ["misc.highlighting_failure"]  # sessions hold output of every kind

_TITLED = re.compile(r'^(`{3,})(\w+) title="([^"]+)"$', re.MULTILINE)


def _show_titles(_app: object, _name: str, source: list[str]) -> None:
    """Give blocks that are files their name as a caption; GitHub shows them without."""
    source[0] = _TITLED.sub(r"\1{code-block} \2\n:caption: \3", source[0])


def setup(app) -> None:  # Sphinx's own class
    app.connect("source-read", _show_titles)
