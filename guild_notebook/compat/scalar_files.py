"""The file of a run's output scalars, written without TensorBoard.

Guild imports TensorBoard's writer at the first scalar (guild/tensorboard_util.py:62), and with it
numpy: a third of a second of which a number of 40 bytes needs nothing. What is written here is the
same byte for byte. Images and hyperparameters, and what a script writes itself, are left to
TensorBoard. Needless when its writer imports nothing else.
"""

from __future__ import annotations

import functools
from typing import Any

from ..scalars.event_file import ScalarWriter, last_values


def write_without_tensorboard(summary: Any) -> None:
    """Give Guild's ``OutputScalars`` of ``guild.summary`` this writer."""
    initialize = summary.OutputScalars.__init__

    @functools.wraps(initialize)
    def initialize_with_own_writer(self: Any, *args: Any, **options: Any) -> None:
        initialize(self, *args, **options)
        self._writer = OutputWriter(self._writer.logdir)

    summary.OutputScalars.__init__ = initialize_with_own_writer


class OutputWriter(ScalarWriter):
    """That of the scalars that a run prints. ``last`` has the last value of these and of those that
    the run has read from its kernel, with the step."""

    @property
    def last(self) -> dict[str, tuple[float, int]]:
        last = dict(self.written)
        for name, (value, step) in last_values(self.logdir).items():
            if name not in last or step >= last[name][1]:
                last[name] = value, step
        return last
