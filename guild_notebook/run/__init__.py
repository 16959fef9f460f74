"""The process that Guild starts for a notebook run: ``python -m guild_notebook.run``.

May use ``run/*``, ``analysis``, ``flags/*``, ``document``, ``files``, ``fork_host``,
``kernel_folders``, ``kernels``, ``options``, ``scalars``, ``secrets``, ``start`` and ``errors``.
"""

import sys
import types
from typing import Any

from ..errors import end_on_windows

end_on_windows()  # no module of the room can be imported there


class _Callable(types.ModuleType):
    """This module, which is ``run`` of the API as well: ``from guild_notebook import run``."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _run()(*args, **kwargs)

    @property
    def __signature__(self) -> Any:
        import inspect

        return inspect.signature(_run())

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return _run().__doc__


def _run() -> Any:
    import importlib

    return importlib.import_module("guild_notebook.api").run


del __doc__  # for that of the class
sys.modules[__name__].__class__ = _Callable
