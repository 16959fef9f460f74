"""Every error that a user can cause.

The text of each is one line that names what is wrong, where, and what to do; whoever catches
one prints it as it is, without a traceback.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

_LONGEST = 1000


def end_on_windows() -> None:
    """Raise SystemExit with one line where the system lacks what runs need: signals, process
    groups, pipes that can be waited for."""
    if os.name == "nt":
        raise SystemExit(
            "guild_notebook does not run on Windows - use Linux, macOS or the Windows Subsystem "
            "for Linux (WSL)"
        )


class UserError(Exception):
    """Base of all of them: catch this, print it, end with exit status 1."""

    def __init__(self, message: str) -> None:
        line = re.sub("[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", message)
        if len(line) > _LONGEST:  # the beginning says where, the end what to do
            line = f"{line[: _LONGEST // 2]}…{line[-_LONGEST // 2 :]}"
        super().__init__(line.encode("utf-8", "backslashreplace").decode("utf-8"))


def said(error: Exception) -> str:
    """What an error says, with its type where that is not one of these."""
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"


class NotebookError(UserError):
    """The notebook cannot be read: it is missing, broken, not a notebook or of a newer format."""


class OptionError(UserError):
    """An ``nb-…`` attribute or an option after the notebook's name is unknown or mistyped."""


class FlagError(UserError):
    """A flag's value cannot be used, or an ``nb-replace`` pattern cannot be applied."""


class KernelError(UserError):
    """The kernel is not installed or does not start."""


def shown(value: Any) -> str:
    """``value``, which may be of any type, as a message shows it."""
    try:
        return str(value)
    except ValueError:  # a number of more digits than Python writes
        return f"a {type(value).__name__} of many digits"


def misspelled(name: str, known: Iterable[str]) -> str:
    """The one of the ``known`` names of which ``name`` is another spelling, "" where none is. Case
    and what stands between words do not count, nor does the order of words."""
    import difflib  # only after a mistake

    own = _words(name)
    words = {each: _words(each) for each in dict.fromkeys(known) if each != name}
    for each, other in words.items():
        if sorted(other) == sorted(own) or "".join(other) == "".join(own):
            return each
    joined = {"".join(other): each for each, other in words.items()}
    near = difflib.get_close_matches("".join(own), joined, n=1, cutoff=0.8)
    return joined[near[0]] if own and near else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """The one of the ``known`` names that was probably meant by ``name``, "" where none is near:
    one that is ``misspelled``, has its initials (``bs``, ``batch_size``), is similar, or alone has
    some of its words (``rate``)."""
    import difflib

    known = list(known)
    if found := misspelled(name, known):
        return found
    own = _words(name)
    words = {each: _words(each) for each in known if each != name}
    for each, other in words.items():
        if len(other) > 1 and "".join(word[0] for word in other) == "".join(own):
            return each
    joined = {"".join(other): each for each, other in words.items()}
    near = difflib.get_close_matches("".join(own), joined, n=1, cutoff=0.6)
    if own and near:
        return joined[near[0]]
    parts = [each for each, other in words.items() if _is_part(own, other) or _is_part(other, own)]
    return parts[0] if len(parts) == 1 else ""


def _is_part(some: list[str], of: list[str]) -> bool:
    return bool(some) and set(some) < set(of)


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+", name.casefold())
