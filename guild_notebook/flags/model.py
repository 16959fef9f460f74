"""What the flags of a notebook are made of.

Positions are of one cell's text as the notebook holds it: characters (not bytes) from 0, the end
exclusive. ``cell`` counts all cells of the notebook from 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Site:
    """A place in the source that holds a flag's value: ``source[start:end]`` of ``cell``."""

    cell: int
    start: int
    end: int


@dataclass(frozen=True)
class Code:
    """Source text that goes into a raw form field as it is: it has parsed as one expression."""

    text: str


@dataclass(frozen=True)
class Flag:
    """One flag of a notebook, wherever it was declared.

    ``kind``: input, checkbox, dropdown, slider, date (form fields), parameter (tagged cell),
    pattern (nb-replace), assign.
    ``type``: number, integer, string, boolean, date, raw, slider, or None where nothing says.
    ``default`` is the value that the source holds, None where it is ``computed`` (an
    expression; ``default_source`` shows it); ``choices`` is None where any value is taken.
    ``choice_sources`` are the source texts of a raw dropdown's choices, one for each choice.
    ``mixed``: the sites hold different values (``default`` is that of the first), so a value is
    always written to all of them and only null leaves each as it is.
    ``language`` is the kernel's, in lower case.
    ``secret`` is the environment variable that holds the value of a secret flag (nb-secret), ""
    for any other: no message shows the value, and the source reads it from there.
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

    @property
    def label(self) -> str:
        """How messages name the flag: by its name and the cell that declares it."""
        return f"{self.name} (cell {self.sites[0].cell})" if self.sites else self.name


@dataclass(frozen=True)
class Skipped:
    """An annotation or assignment that was passed over; ``line`` of ``cell`` counts from 1."""

    cell: int
    line: int
    source: str
    reason: str


@dataclass
class Found:
    """What one source of flags finds in a notebook, in the notebook's order."""

    flags: list[Flag] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
