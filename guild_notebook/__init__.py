"""Guild AI plugin that runs a Jupyter notebook as an experiment.

``from guild_notebook import run, sweep, runs`` is Python's front, of which api/ has all.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing has it as well, and takes some milliseconds of each process
if TYPE_CHECKING:
    from typing import Any

    from .api import Run as Run
    from .api import RunError as RunError
    from .api import Sweep as Sweep
    from .api import arun as arun
    from .api import asweep as asweep
    from .api import run as run
    from .api import runs as runs
    from .api import sweep as sweep

__version__ = "0.1.0"

_OF_API = ("Run", "RunError", "Sweep", "arun", "asweep", "runs", "sweep")


def __getattr__(name: str) -> Any:
    """The names of the API, which is imported with the first of them. ``run`` is the room of that
    name as well, a module that can be called."""
    import importlib

    if name in _OF_API:
        return getattr(importlib.import_module(".api", __name__), name)
    if name == "run":
        return importlib.import_module(".run", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext guild_notebook``: the magic ``%guild`` (api/magics.py)."""
    import importlib

    importlib.import_module(".api.magics", __name__).load(shell)


def __dir__() -> list[str]:
    return sorted({*globals(), *_OF_API, "run"})
