"""Text with escape sequences of terminals (ECMA-48), as HTML in the classes of nbconvert's
stylesheet. In time linear in the text, which nbconvert's own filter copies at each sequence."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Union

_SEQUENCE = re.compile("\x1b\\[(.*?)([@-~])")

_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")

Colour = Union[int, "tuple[int, int, int]", None]
"""One of 16 colours by its number, or red, green and blue; None for the page's own."""

_CHANGES: dict[int, tuple[str, bool | int | None]] = {
    1: ("is_bold", True),
    5: ("is_bold", True),  # blinking
    21: ("is_bold", False),
    22: ("is_bold", False),
    4: ("is_underlined", True),
    24: ("is_underlined", False),
    7: ("is_inverse", True),
    27: ("is_inverse", False),
    39: ("front", None),
    49: ("back", None),
    **{
        first + n: ("front", n + intense) for first, intense in ((30, 0), (90, 8)) for n in range(8)
    },
    **{
        first + n: ("back", n + intense) for first, intense in ((40, 0), (100, 8)) for n in range(8)
    },
}
"""What a number in a sequence changes (ECMA-48, 8.3.117)."""


def strip_ansi(text: str) -> str:
    """``text`` without escape sequences."""
    return _SEQUENCE.sub("", text) if "\x1b" in text else text


def without_overwritten(text: str) -> str:
    """``text`` as a terminal has it in the end, and as Jupyter shows it: what follows a carriage
    return stands over what precedes it in the line, of which the rest is left. In lines with escape
    sequences that is the last part alone."""
    if "\r" not in text:
        return text
    return "\n".join(map(_last_of_line, text.replace("\r\n", "\n").split("\n")))


def _last_of_line(line: str) -> str:
    first, *others = reversed([state for state in line.split("\r") if state] or [""])
    if "\x1b" in line:
        return first
    shown, length = [first], len(first)
    for state in others:
        if len(state) > length:
            shown.append(state[length:])
            length = len(state)
    return "".join(shown)


def ansi2html(text: str) -> str:
    """HTML of ``text`` with its colours. Sequences that are not of colours are left out."""
    if "\x1b" not in text:
        return html.escape(text, quote=False)
    first, *rest = _SEQUENCE.split(text)
    style = _Style()
    parts = [html.escape(first, quote=False)]
    for parameters, kind, shown in zip(rest[::3], rest[1::3], rest[2::3]):
        if kind == "m":
            style.change(parameters)
        if shown:
            parts.append(style.element(html.escape(shown, quote=False)))
    return "".join(parts)


@dataclass
class _Style:
    front: Colour = None
    back: Colour = None
    is_bold: bool = False
    is_underlined: bool = False
    is_inverse: bool = False

    def change(self, parameters: str) -> None:
        """Apply the parameters of a sequence, numbers with semicolons (ECMA-48, 8.3.117)."""
        try:
            numbers = iter([int(number or 0) for number in parameters.split(";")])
        except ValueError:
            return
        for number in numbers:
            if number == 0:
                vars(self).update(vars(_Style()))
            elif number in (38, 48):
                colour = _extended(numbers)
                if colour is None:
                    return
                setattr(self, "front" if number == 38 else "back", colour)
            elif number in _CHANGES:
                setattr(self, *_CHANGES[number])

    def element(self, shown: str) -> str:
        """``shown``, which is HTML, as an element of this style."""
        front, back = self.front, self.back
        if self.is_bold and isinstance(front, int) and front < 8:
            front += 8
        if self.is_inverse:
            front, back = back, front
        names, styles = [], []
        for colour, end, name in ((front, "fg", "color"), (back, "bg", "background-color")):
            if isinstance(colour, int):
                names.append(f"ansi-{_NAMES[colour % 8]}{'-intense' * (colour >= 8)}-{end}")
            elif colour:
                styles.append(f"{name}: rgb({','.join(map(str, colour))})")
            elif self.is_inverse:
                names.append(f"ansi-default-inverse-{end}")
        names += ["ansi-bold"] * self.is_bold + ["ansi-underline"] * self.is_underlined
        attributes = f' class="{" ".join(names)}"' if names else ""
        attributes += f' style="{"; ".join(styles)}"' if styles else ""
        return f"<span{attributes}>{shown}</span>" if attributes else shown


def _extended(numbers: Iterator[int]) -> Colour:
    """The colour that follows a 38 or 48: 5 and one of 256, or 2 and red, green and blue; None for
    what is neither."""
    kind = next(numbers, None)
    if kind == 2:
        values = [value for _, value in zip(range(3), numbers)]
        is_colour = len(values) == 3 and all(0 <= value <= 255 for value in values)
        return (values[0], values[1], values[2]) if is_colour else None
    index = next(numbers, -1) if kind == 5 else -1
    if 0 <= index < 16:
        return index
    if 16 <= index < 232:
        red, green, blue = (
            55 + level * 40 if level else 0
            for level in ((index - 16) // 36, (index - 16) // 6 % 6, (index - 16) % 6)
        )
        return red, green, blue
    return (grey := (index - 232) * 10 + 8, grey, grey) if 232 <= index < 256 else None
