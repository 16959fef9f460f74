"""Large texts that are put into a page at its end, since a page is copied while it is sanitized."""

from __future__ import annotations

import itertools
import uuid

LARGE = 10_000  # characters from which on a text is taken out


class LargeTexts:
    """Large texts of letters, digits and signs of base64, in whose place a word stands that is in
    no other text."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._name = uuid.uuid4().hex

    def taken_out(self, piece: str, text: str) -> str:
        """``piece`` with a word for the ``text`` in it, if that is large."""
        if len(text) < LARGE:
            return piece
        self._texts.append(text)
        return piece.replace(text, f"{self._name}{len(self._texts) - 1:08}")

    def put_into(self, page: str) -> str:
        """``page`` with the texts."""
        if not self._texts:
            return page
        first, *rest = page.split(self._name)
        pairs = ((self._texts[int(part[:8])], part[8:]) for part in rest)
        return "".join([first, *itertools.chain.from_iterable(pairs)])
