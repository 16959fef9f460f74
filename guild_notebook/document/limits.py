"""What the executed notebook and its reports hold of what cells put out: the one table of it.

The option ``nb-output-limit`` is the ``text`` of a cell; all else that limits outputs follows from
it. What is left out is said in its place and in the run's output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..secrets.masking import Masker
from .mime import text_of

OVERHEAD = 200
"""Characters of a notebook file that any output takes beside its data: 5,000 outputs make up the
limit by themselves."""

DATA_SHARE = 1 / 50
"""The share that counts of characters of all but text, as of HTML, images in base64 and JSON:
megabytes of HTML may be the library that draws the next figure."""


@dataclass(frozen=True)
class Limits:
    """The limits of a cell, in characters, and of the widgets of a run."""

    text: int = 1_000_000
    """What a cell prints, its results and tracebacks, and its other outputs as far as they count:
    half of it is the first, half the last of what the cell puts out."""

    models: int = 10_000
    """Widgets of a run whose state is kept, with those that they consist of."""

    masker: Masker = field(default_factory=lambda: Masker(()))
    """Of the secret values: what is left out does not divide one, so that a part remains."""

    @property
    def half(self) -> int:
        return max(1, self.text // 2)

    @property
    def overhead(self) -> int:
        return min(OVERHEAD, self.half // 10)

    @property
    def data(self) -> int:
        """What a cell shows beside text, and the state of all widgets of a run."""
        return int(self.text / DATA_SHARE)

    @property
    def largest(self) -> int:
        """One entry of a MIME bundle: the last output of a cell stays up to this, since it may be
        the figure that all is about."""
        return 2 * self.data

    def kept(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The MIME bundle ``data`` with its text cut, and with a text for entries that are larger
        than ``largest``."""
        kept: dict[str, Any] = {}
        lost = []
        for mime, value in data.items():
            if mime == "text/plain":
                kept[mime] = self.cut(value)
            elif (size := characters_of(value)) > self.largest:
                lost.append(omission_of(mime, size))
            else:
                kept[mime] = value
        if lost:
            kept["text/plain"] = "\n".join([text_of(kept.get("text/plain", "")), *lost]).lstrip()
        return kept

    def cut(self, value: Any) -> Any:
        """``value``, a text or a list of its lines, whole or as its head and tail."""
        if characters_of(value) <= self.half:
            return value
        text, kept = self.masker.text(text_of(value)), self.half // 2
        said = omission(len(text) - 2 * kept)
        return f"{text[:kept]}\n{said}\n{text[len(text) - kept :]}"


def omission(characters: int, displays: int = 0) -> str:
    """What stands in the place of outputs that are left out."""
    limit = f"nb-output-limit{f', {displays:,} displays' * bool(displays)}"
    return (
        f"[{characters:,} characters of output are left out here ({limit}): "
        "its text is in .guild/output]"
    )


def omission_of(mime: str, characters: int) -> str:
    """What stands in the place of one entry of a MIME bundle."""
    return f"[{mime} of {characters:,} characters is left out (nb-output-limit)]"


def counted(data: Mapping[str, Any], described: int = 0) -> int:
    """What the MIME bundle ``data`` counts of a cell's ``text``, with ``described`` characters of
    metadata."""
    characters = {mime: characters_of(value) for mime, value in data.items()}
    text = characters.pop("text/plain", 0)
    return text + int((sum(characters.values()) + described) * DATA_SHARE)


def characters_of(value: Any) -> int:
    """The characters of an entry of a MIME bundle."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return sum(map(len, value))
    return len(value if isinstance(value, str) else str(value))
