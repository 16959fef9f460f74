"""Guild's optimizers on current releases of NumPy and scikit-learn.

Guild starts an optimizer as ``python -um guild.plugins.skopt_gp_main``, in a process that loads
no plugin, and there these modules of Guild can no longer be imported. For each of them there is one
here that applies :mod:`guild_notebook.compat.skopt` and then runs Guild's. ``guild.ipy`` takes the
module's name from the same command (guild/ipy.py:290-343) and calls its ``gen_trials``, so each has
``main`` and ``gen_trials``. Recorded runs hold the names of the modules. A queue, which starts
staged trials, runs in a module of this package as well.

May use ``compat``, ``files``, ``fork_host``, ``one_pipe``, ``scalars``, ``start``, ``terminal``,
``errors`` and ``texts``.
"""

from __future__ import annotations

import functools
import importlib
import os
from typing import Any, Callable

from .. import one_pipe, start
from ..compat import skopt
from . import next_trial

MODULES = {
    "guild.batch_main": "guild_notebook.optimizers.batch",
    "guild.plugins.random_main": "guild_notebook.optimizers.random",
    "guild.plugins.skopt_gp_main": "guild_notebook.optimizers.gp",
    "guild.plugins.skopt_forest_main": "guild_notebook.optimizers.forest",
    "guild.plugins.skopt_gbrt_main": "guild_notebook.optimizers.gbrt",
    "guild.plugins.queue_main": "guild_notebook.optimizers.queue",
}
"""The modules of Guild, and those of this package that run them."""


def resolve(opspec: str) -> tuple[Any, str] | None:
    """Resolve the name of an optimizer, or of a queue, as Guild's own plugin does, but to run in
    our module.

    Returns what a plugin's ``resolve_model_op`` returns: Guild's model proxy and the operation's
    name, or None where ``opspec`` names neither. The plugin that calls this must come
    before Guild's own: its ``resolve_model_op_priority`` must be under 100.
    """
    from guild import plugin

    by = "queue" if opspec == "queue" else "skopt"
    resolved: tuple[Any, str] | None = plugin.for_name(by).resolve_model_op(opspec)
    if resolved:
        model, op_name = resolved
        _use_our_module(model.modeldef.get_operation(op_name))
    return resolved


def _use_our_module(opdef: Any) -> None:
    """Put our module into the command of an optimizer's operation, in place of Guild's."""
    exe, options, module, *arguments = opdef.exec_.split()
    opdef.exec_ = " ".join([exe, options, MODULES[module], *arguments])


def apply() -> None:
    """Apply both patches that Guild's own process needs; a second call changes nothing."""
    run_batches_in_our_module()
    patch_before_flag_functions()


def run_batches_in_our_module() -> None:
    """Run the default batch ``+`` in our module, which can draw values from functions.

    A batch file may hold ``uniform[0:1]`` for a value. The batch's process loads no plugin, and
    Guild resolves ``+`` before it asks plugins (guild/model_proxy.py:90), so the command is
    changed where Guild defines it (:62). Needed with NumPy 1.25 and later; needless when
    guild/plugins/skopt_util.py can be imported with them.
    """
    from guild import model_proxy

    kind = model_proxy.DefaultBatchModelProxy
    init = kind.__init__
    if hasattr(init, "__wrapped__"):
        return

    @functools.wraps(init)
    def with_our_batch(proxy: Any) -> None:
        init(proxy)
        _use_our_module(proxy.modeldef.get_operation("+"))

    kind.__init__ = with_our_batch


def patch_before_flag_functions() -> None:
    """Apply the patches of :mod:`~guild_notebook.compat.skopt` when Guild first meets a function
    in the values of a flag.

    Guild draws the values of functions in the batch's process, and in its own where it says
    before a run how many trials there will be (guild/commands/run_impl.py:2158). It imports its
    optimizers' library no earlier (guild/batch_util.py:354), which takes a second. Needed with
    NumPy 1.25 and later; needless when guild/plugins/skopt_util.py can be imported with them.
    """
    from guild import batch_util

    init = batch_util._FlagFunction.__init__
    if hasattr(init, "__wrapped__"):
        return

    @functools.wraps(init)
    def after_patches(*args: Any) -> None:
        skopt.apply()
        init(*args)

    batch_util._FlagFunction.__init__ = after_patches


def guild_module(name: str) -> Any:
    """The main module of one of Guild's optimizers, imported once the patches are applied. That
    takes a second or two, in the process of the optimizer."""
    start.end_quietly_when_interrupted()
    skopt.apply()
    return importlib.import_module(name)


def run(main: Callable[[], None]) -> None:
    """Run an optimizer's ``main`` as Guild's own modules do when they are the program."""
    from guild import batch_util

    from . import sweep  # which no other process needs

    start.end_quietly_when_interrupted()
    told = os.environ.pop(one_pipe.VARIABLE, "")
    next_trial.start_early()
    try:
        with sweep.shown(main.__module__, told):
            main()
    except SystemExit as error:
        batch_util.handle_system_exit(error)
