"""Patches of Guild 0.9.0, a module for each subject. Each says what fails without it, at which
line of guildai 0.9.0, and when it is needless.

Each is applied when what it patches is imported, whoever imports it, by the tables of
:mod:`~guild_notebook.compat.import_hooks`: Guild loads plugins too late for some, and none in
scripts, in kernels and in the processes that it starts. Those of the processes of optimizers,
whose libraries take a second to import, :mod:`guild_notebook.optimizers` applies:
:mod:`~guild_notebook.compat.skopt` and :mod:`~guild_notebook.compat.batches`.

May use ``kernel_folders``, ``one_pipe``, ``options``, ``packages``, ``scalars``, ``start``,
``terminal``, ``errors`` and ``texts``. To add a patch, write its module and name it in a table.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


def with_changes(module: Any, **changes: Any) -> SimpleNamespace:
    """What is in a module, with some of it replaced: to be put in its place into the one module of
    Guild that is to use it so, while all others have it as it is."""
    return SimpleNamespace(**{**vars(module), **changes})


def apply() -> None:
    """Apply the patches where Python has started without their hooks; a second call changes
    nothing."""
    from . import import_hooks  # not before, since Guild also runs a module of this package

    import_hooks.install()
