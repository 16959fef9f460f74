"""What a kernel is made to execute before the first cell."""

from __future__ import annotations

import pkgutil
from typing import Any

NO_KEYBOARD = "stty -icanon min 0 time 0 2>/dev/null"
"""For a shell: what reads its terminal gets an end of file at once, where it would wait."""


def code_for(implementation: Any) -> str | None:
    """The code for a kernel that calls itself ``implementation`` (kernel_info_reply)."""
    if implementation == "ipython":
        return _code_inside()
    return NO_KEYBOARD if implementation == "bash_kernel" else None


def _code_inside() -> str:
    """One expression that runs ipython_setup.py in a namespace of its own, not the notebook's."""
    text = pkgutil.get_data(__package__, "ipython_setup.py")
    assert text is not None
    name = "guild_notebook.ipython_setup"
    namespace = f"{{'__name__': {name!r}, 'get_ipython': get_ipython}}"
    return f"exec(compile({text.decode('utf-8')!r}, '<guild run>', 'exec'), {namespace})"
