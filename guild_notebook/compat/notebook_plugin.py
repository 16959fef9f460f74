"""Guild's own notebook plugin, which no longer works."""

from __future__ import annotations

from typing import Any


def retire_builtin_notebook_plugin(ipynb: Any) -> None:
    """Keep Guild's own notebook plugin away from notebooks.

    It reads their flags through an IPython module that no longer exists, which is a warning for
    each operation on each command (guild/plugins/ipynb.py:223), and it resolves ``guild run
    x.ipynb`` (:36), which is for our plugin to do.

    With this it still gives a ``main`` to an operation whose name ends in .ipynb (:55) and that
    does not say what to run: otherwise Guild's Python script plugin would look for a module of
    that name and warn that there is none. Our plugin replaces this ``main``, whichever of the two
    Guild calls first.

    Needless when Guild drops the plugin.
    """
    ipynb.NotebookPlugin.resolve_model_op = lambda _plugin, _opspec: None
    ipynb.NotebookPlugin.guildfile_loaded = _set_main_of_notebooks


def _set_main_of_notebooks(_plugin: Any, guildfile: Any) -> None:
    for model in guildfile.models.values():
        for opdef in model.operations:
            is_notebook = opdef.name.lower().endswith(".ipynb")
            if is_notebook and not (opdef.main or opdef.exec_ or opdef.steps):
                opdef.main = f"guild.plugins.nbexec {opdef.name}"
