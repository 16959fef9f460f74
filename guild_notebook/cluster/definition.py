"""The operation ``dask:cluster`` for Guild: its description, command and flags. Flags that
``dask:scheduler`` and ``queue`` have too have the names and meanings of theirs."""

from __future__ import annotations

import importlib.util
import os
from types import SimpleNamespace
from typing import Any

from guild import guildfile, model

from .. import __version__
from ..errors import end_on_windows

NAME = "dask:cluster"

DESCRIPTION = """
Run staged runs on a dask.distributed cluster

Starts staged runs, in the order in which they were staged, on the workers of a cluster: the one \
whose scheduler is named by address or scheduler-file, or one of its own on this machine.

A run directory is used in place by each worker that sees this Guild home, and travels to the \
worker and back where it does not. The workers need guild-notebook, and what the notebooks import.

A run that is tagged 'dask:NAME=QUANTITY' takes that quantity of a resource from its worker while \
it runs, and is left staged as long as no worker has that much.

'guild stop' ends a run where it runs. A run whose worker dies is an error, or starts anew as \
often as retries says.

Use run-once to run what is staged and stop.
"""

FLAGS: dict[str, dict[str, Any]] = {
    "address": {
        "description": "Address of the cluster's scheduler, such as tcp://host:8786",
        "type": "string",
        "null-label": "a cluster of its own",
    },
    "scheduler-file": {
        "description": "File in which the cluster's scheduler has written its address",
        "type": "string",
        "null-label": "none",
    },
    "workers": {
        "description": "Runs at a time, for a cluster of its own",
        "type": "int",
        "null-label": "one for each CPU core",
    },
    "resources": {
        "description": "Resources of a cluster of its own: NAME=QUANTITY, separated by spaces\n\n"
        "The workers of another cluster have what they were started with (dask worker "
        "--resources).",
        "type": "string",
        "null-label": "none",
    },
    "shared": {
        "description": "Whether the workers see this Guild home under the same path\n\n"
        "With auto each worker is asked. With no, run directories always travel.",
        "default": "auto",
        "choices": ["auto", True, False],
    },
    "retries": {
        "description": "How often a run is started anew when its worker dies",
        "default": 0,
        "type": "int",
        "min": 0,
    },
    "on-stop": {
        "description": "What happens to runs that are running when the operation is stopped\n\n"
        "They are ended and saved (end), or waited for (finish). Those that have not begun are "
        "staged again.",
        "default": "end",
        "choices": ["end", "finish"],
    },
    "poll-interval": {
        "description": "Seconds between looks for staged runs",
        "default": 10,
        "type": "number",
    },
    "run-once": {
        "description": "Run all staged runs and stop",
        "default": False,
        "arg-switch": True,
        "type": "boolean",
    },
    "wait-for-running": {
        "description": "Wait for other runs to stop before starting staged runs",
        "default": False,
        "arg-switch": True,
        "type": "boolean",
    },
    "loglevel": {
        "description": "Log level used for dask",
        "default": "error",
        "choices": ["debug", "info", "warn", "error"],
    },
    "dashboard-address": {
        "description": "Port or address of the dashboard of a cluster of its own; no for none",
        "default": False,
    },
}


def resolve(opspec: str) -> tuple[Any, str] | None:
    """What a plugin's ``resolve_model_op`` has to return for ``dask:cluster``, in the form of
    guild/plugins/dask.py; None for every other operation. Works without dask, so that ``--help-op``
    does."""
    if opspec != NAME:
        return None
    operation = {
        "description": DESCRIPTION,
        "exec": "${guild_python_exe} -um guild_notebook.cluster ${flag_args}",
        "flags": FLAGS,
        "output-scalars": False,  # what it prints are the outputs of other runs
        # Guild records none of these variables in the operation's own run: which of them hold
        # secrets is known only from the runs that it will execute.
        "env-secrets": sorted(os.environ),
    }
    data = [{"model": "dask", "operations": {"cluster": operation}}]
    modeldef = guildfile.Guildfile(data, src=f"<{__name__}>").models["dask"]
    reference = model.ModelRef("builtin", "guild-notebook", __version__, "dask")
    return SimpleNamespace(name="dask", modeldef=modeldef, reference=reference), "cluster"


def check(opdef: Any) -> None:
    """Raise SystemExit with one line where ``opdef`` is our operation and cannot run here."""
    if opdef.guildfile.src != f"<{__name__}>":
        return
    end_on_windows()
    if not importlib.util.find_spec("distributed"):
        raise SystemExit(f"{NAME} needs dask - pip install 'guild-notebook[dask]'")
