"""Guild's optimizers on current releases of NumPy and scikit-learn.

Guild starts an optimizer as ``python -um guild.plugins.skopt_gp_main``, in a process that loads
no plugin, and these modules no longer import. For each of them there is one here that puts the
libraries right and then hands over. ``guild.ipy`` takes the module's name from the same command
(guild/ipy.py:290-343) and calls its ``gen_trials``, so each has ``main`` and ``gen_trials``.
"""

from __future__ import annotations

from typing import Any

MODULES = {
    "guild.batch_main": "guild_notebook.optimizers.batch",
    "guild.plugins.random_main": "guild_notebook.optimizers.random",
    "guild.plugins.skopt_gp_main": "guild_notebook.optimizers.gp",
    "guild.plugins.skopt_forest_main": "guild_notebook.optimizers.forest",
    "guild.plugins.skopt_gbrt_main": "guild_notebook.optimizers.gbrt",
}


def resolve(opspec: str) -> tuple[Any, str] | None:
    """Resolve an optimizer's name the way Guild's own plugin does, to run in our module.

    Returns what a plugin's ``resolve_model_op`` returns: Guild's model proxy and the operation's
    name, or None where ``opspec`` is no optimizer. The plugin that calls this must come before
    Guild's own, that is have a ``resolve_model_op_priority`` under 100.
    """
    from guild import plugin

    resolved: tuple[Any, str] | None = plugin.for_name("skopt").resolve_model_op(opspec)
    if resolved:
        model, op_name = resolved
        use_our_module(model.modeldef.get_operation(op_name))
    return resolved


def use_our_module(opdef: Any) -> None:
    """Change the command of an optimizer's operation to our module for it."""
    exe, options, module = opdef.exec_.split()
    opdef.exec_ = f"{exe} {options} {MODULES[module]}"
