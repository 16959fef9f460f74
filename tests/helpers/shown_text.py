"""What a terminal shows."""

from __future__ import annotations

from guild_notebook.document.screen import Row, Screen


def shown_text(text: str) -> str:
    """``text`` as a terminal has it in the end, without colours."""
    screen = Screen(Row.text)
    screen.feed(text)
    return screen.text()
