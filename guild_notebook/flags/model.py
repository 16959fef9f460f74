"""What the flags of a notebook are made of.

Positions are characters (not bytes) of one cell's text as the notebook holds it, from 0, the end
exclusive. ``cell`` counts all cells of the notebook from 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..document.cells import cell_label
from .languages.values import is_number


@dataclass(frozen=True)
class Site:
    """Where the source holds a flag's value: it is ``source[start:end]`` of ``cell``."""

    cell: int
    start: int
    end: int


@dataclass(frozen=True)
class Code:
    """Source text that takes the place of a flag's value as it is; it parses as one expression."""

    text: str


@dataclass(frozen=True)
class Flag:
    """One flag of a notebook, whatever declares it.

    ``kind``: input, checkbox, dropdown, slider, date (form fields), parameter (tagged cell),
    pattern (nb-replace), assign.
    ``type``: number, integer, string, boolean, date, raw, slider, the name of a kind of calls
    (``languages.calls``), or None where it is not known.
    ``default`` is the value that the source holds, None where it is ``computed`` (an
    expression; ``default_source`` shows it); ``choices`` is None where any value is taken.
    ``choice_sources`` are the source texts of a raw dropdown's choices, one for each choice.
    ``mixed``: the sites hold different values, of which ``default`` is the first. A value is then
    written to all sites even where it is the default; null leaves each as it is.
    ``language`` is the name of the kernel's language, as ``languages.name_of`` has it.
    ``secret`` is the environment variable from which the source reads the value of a secret flag
    (nb-secret), "" for any other flag. Messages do not show the value of a secret flag.
    ``where`` is what messages call the first cell of its sites, "" for its position.
    ``call`` is a call of the type that an annotation names (``dt.date(..., ...)``), "" for none.
    """

    name: str
    kind: str
    type: str | None
    default: Any
    default_source: str
    sites: tuple[Site, ...]
    computed: bool = False
    choices: tuple[Any, ...] | None = None
    allow_other: bool = False
    min: float | None = None
    max: float | None = None
    step: float | None = None
    description: str = ""
    group: str = ""
    choice_sources: tuple[str, ...] = ()
    mixed: bool = False
    language: str = "python"
    secret: str = ""
    call: str = ""
    where: str = ""

    @property
    def spelling(self) -> str:
        """The source text after whose spelling a value is written."""
        return self.call or self.default_source

    @property
    def label(self) -> str:
        """How messages name the flag: by its name and the cell that declares it."""
        if not self.sites:
            return self.name
        return f"{self.name} in {self.where or cell_label(self.sites[0].cell + 1)}"

    @property
    def bounds(self) -> str:
        """The flag's bounds in words, "" where there are none."""
        if self.min is not None and self.max is not None:
            return f"{self.min} to {self.max}"
        if self.min is not None:
            return f"at least {self.min}"
        return f"at most {self.max}" if self.max is not None else ""

    def in_bounds(self, value: Any) -> bool:
        """Whether ``value`` is within the bounds, as far as there are any and it is a number."""
        if not is_number(value):
            return True
        if self.min is not None and value < self.min:
            return False
        return self.max is None or bool(value <= self.max)


@dataclass(frozen=True)
class Skipped:
    """An annotation or assignment that was passed over; ``line`` of ``cell`` counts from 1, and
    ``name`` is that of the flag that it would be, "" where that is not known."""

    cell: int
    line: int
    source: str
    reason: str
    name: str = ""


@dataclass
class Found:
    """What one source of flags finds, in the order of the notebook; ``where_named`` makes those
    that are flags only where guild.yml names them."""

    flags: list[Flag] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    where_named: dict[str, Callable[[], Flag]] = field(default_factory=dict)
