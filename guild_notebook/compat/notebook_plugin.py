"""Guild's own notebook plugin, which no longer works, kept away from notebooks."""

from __future__ import annotations

from typing import Any


def retire_builtin_notebook_plugin() -> None:
    """Keep Guild's own notebook plugin away from notebooks.

    It reads their flags through an IPython module that is gone, with a warning for each operation
    on each command (guild/plugins/ipynb.py:223), and resolves ``guild run x.ipynb`` (:36).

    It still gives ``main`` to an operation whose name ends in .ipynb (:55), as long as nothing
    else says what to run: the Python script plugin leaves a main of Guild's own alone, but takes
    an operation without any for a module of that name, and warns that it finds none. Our plugin
    replaces this main, whichever of the two Guild calls first.

    Needless when Guild drops the plugin.
    """
    from guild.plugins import ipynb

    ipynb.NotebookPlugin.resolve_model_op = _resolve_nothing
    ipynb.NotebookPlugin.guildfile_loaded = _mark_notebook_operations


def _resolve_nothing(_plugin: Any, _opspec: str) -> None:
    return None


def _mark_notebook_operations(_plugin: Any, guildfile: Any) -> None:
    for model in guildfile.models.values():
        for opdef in model.operations:
            is_notebook = opdef.name.lower().endswith(".ipynb")
            if is_notebook and not (opdef.main or opdef.exec_ or opdef.steps):
                opdef.main = f"guild.plugins.nbexec {opdef.name}"
