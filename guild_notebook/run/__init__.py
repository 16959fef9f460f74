"""The process that Guild starts for a notebook run: ``python -m guild_notebook.run``.

May use ``run/*``, ``analysis``, ``flags/*``, ``document``, ``files``, ``fork_host``,
``kernel_folders``, ``kernels``, ``options``, ``scalars``, ``secrets``, ``start`` and ``errors``.
"""

import importlib
import sys
import types
from typing import Any

from ..errors import end_on_windows

end_on_windows()  # no module of the room can be imported there


class _Callable(types.ModuleType):
    """This module, which is ``run`` of the API as well: ``from guild_notebook import run``."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return importlib.import_module("guild_notebook.api").run(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
