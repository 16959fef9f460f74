"""Which values of a kernel are scalars of a run (``nb-scalars``), and after which cells."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..analysis import reach
from ..errors import OptionError
from ..options.scalars import ScalarsSetting, why_no_expression
from .execution.execute import Execution
from .execution.values import Values

Changes = Mapping[int, "frozenset[str] | None"]


def changes(setting: ScalarsSetting, execution: Execution) -> Changes:
    """The expressions of ``setting`` that each cell may change, by its index. Raises OptionError
    for what is not an expression."""
    if execution.kernel.language != "python":
        return dict.fromkeys(execution.indexes)
    texts = [text for _, text in setting.values]
    for text in texts:
        if why := why_no_expression(text):
            raise OptionError(
                f"nb-scalars: '{text}' is not an expression of Python ({why}) - name a variable, "
                "as acc, or write it as NAME=EXPRESSION"
            )
    return reach.changing([execution.cells[index] for index in execution.indexes], texts)


def values(
    setting: ScalarsSetting,
    execution: Execution,
    names: Sequence[str],
    changed: Changes,
    flags: Collection[str],
) -> Values:
    """What reads them in a run with these ``flags``; ``names`` are those of the cells."""
    return Values(
        execution.client,
        execution.kernel,
        execution.stop,
        execution.status_lines,
        setting.values,
        setting.results,
        changed,
        names,
        flags,
        max(execution.shared.measures, default=-1),
    )
