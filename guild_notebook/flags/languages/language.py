"""What a language is to this package: the class that each language is an object of.

To add a language, write a module with a subclass of ``Language`` (of ``LineBasedLanguage`` where
its literals look like R's or Julia's) and add an object of it to ``LANGUAGES`` in ``__init__.py``.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, ClassVar

from ...document.strip import json_copy
from .values import LONGEST_STATEMENT, NotLiteralError, is_number, ordered

MOST_NESTED = 100
"""Lists within lists that a literal may have: what compares and writes values calls itself for
each, and Python itself reads no more than 200."""


@dataclass(frozen=True)
class NameAssignment:
    """An assignment to one name, as characters of the cell: ``text[start:end]`` is the statement,
    ``text[value_start:value_end]`` its right side.

    ``value`` is that of the right side where it is a literal; else ``computed`` is true and
    ``value`` None. ``annotation`` is the text of the type annotation, "" where there is none.
    """

    name: str
    value: Any
    computed: bool
    annotation: str
    start: int
    end: int
    value_start: int
    value_end: int


@dataclass(frozen=True)
class NotAFlag:
    """An assignment at ``text[start]`` of its cell that cannot be a flag, and why."""

    start: int
    reason: str


GROWS, IMPROVES, ADDS, COUNTS, SCALES = "grows", "improves", "adds", "counts", "scales"
LOOPS, REPEATS, ASSIGNS = "loops", "repeats", "assigns"
"""What code does to a variable. It puts something in (``rows.append(x)``, ``d[k] = v``), or keeps
the best of several in a loop; elsewhere it takes the better of two (``n = min(n, cpus)``), or in a
loop makes it anew (``x = step(x)``); it adds to the value or takes from it; it does so with a whole
number (``n += 1``); it changes the value by a factor (``lr *= 0.9``). A loop runs over it
(``for i in``, or the condition of ``while``), or assigns something else to it each time. Something
else is assigned to it, by whatever statement."""


@dataclass(frozen=True)
class Change:
    """What code does to the variable ``name``, where it stands in characters of the cell: ``kind``
    is one of GROWS, IMPROVES, ADDS, COUNTS, SCALES, LOOPS, REPEATS and ASSIGNS."""

    name: str
    kind: str
    start: int
    end: int


def too_long(start: int) -> NotAFlag:
    """The assignment at ``start``, which has more than LONGEST_STATEMENT characters."""
    return NotAFlag(start, f"longer than {LONGEST_STATEMENT:,} characters")


class Language(ABC):
    """One language that code cells may be written in. Its methods read and return source text;
    none of them runs any of it.

    ``name`` is the language in lower case, as kernels write it into a notebook
    (``kernelspec.language``, ``language_info.name``), without a version; ``aliases`` are other
    names that kernels give it.
    ``kernels`` are those whose notebooks may not name their language, in lower case, without what
    follows a ``-`` and without a version at the end: ``ir``, ``julia`` (for ``julia-1.10``).
    ``type_names``: types as annotations spell them, and the flag types that they stand for.
    ``environment_expressions`` read an environment variable, ``{0}`` for its name, by what they
    make of its text: ``text``, ``integer``, ``number``, ``boolean`` (of ``true`` or ``false``) and
    ``code`` (what the text is in this language). Empty where no flag can be a secret.
    """

    name: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    kernels: ClassVar[tuple[str, ...]] = ()
    type_names: ClassVar[Mapping[str, str]] = {}
    environment_expressions: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def read(self, text: str) -> Any:
        """The value of ``text``, a literal; raises NotLiteralError where it is something else."""

    @abstractmethod
    def write(self, value: Any, like: str) -> str:
        """``value`` as the literal that takes the place of ``like``, on one line. Raises ValueError
        with the reason where the language has no literal for it."""

    def expression(self, text: str) -> str | None:
        """``text`` as it can take the place of an expression; None where it is not an expression of
        the language, as far as this package can tell."""
        return None

    def is_text(self, expression: str) -> bool:
        """Whether it can be seen that the value of ``expression`` is text."""
        return True

    def assignments(self, text: str) -> Iterator[NameAssignment | NotAFlag]:
        """The assignments at the top level of a cell whose source is ``text``, in order; none for
        a language whose assignments this package cannot tell."""
        return iter(())

    def changes(self, text: str, names: AbstractSet[str]) -> Iterator[Change]:
        """What a cell whose source is ``text`` does to the notebook's variables called ``names``,
        as far as this package can tell: also what its first assignment to one is."""
        return iter(())

    def may_change(self, text: str) -> list[str]:
        """The names of which ``changes`` may have something to say for ``text``, each as often as
        it may, or oftener."""
        return []

    def environment_expression(self, variable: str, value: Any, like: str) -> str | None:
        """The expression that reads ``variable``, which holds ``value``, in place of ``like``; None
        where the language has none for such a value."""
        expression = self.environment_expressions.get(kind_of(value))
        return expression and expression.format(variable)


def kind_of(value: Any) -> str:
    """Which of a language's ``environment_expressions`` is for ``value``."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "boolean"
    if is_number(value):
        return "integer" if isinstance(value, int) else "number"
    return "code"


class OtherLanguage(Language):
    """A language that this package knows nothing of: literals as JSON, which most share."""

    def read(self, text: str) -> Any:
        try:
            value = json.loads(text)
            json_copy(value, MOST_NESTED)
        except (ValueError, RecursionError):
            raise NotLiteralError from None
        return value

    def write(self, value: Any, like: str) -> str:
        if isinstance(value, (tuple, set, frozenset)):
            value = ordered(value)
        try:
            return json.dumps(value, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError):
            raise ValueError("this package knows no literal for it") from None
