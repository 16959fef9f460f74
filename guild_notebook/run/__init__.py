"""The process that Guild starts for a notebook run: ``python -m guild_notebook.run``.

May use ``run/*``, ``analysis``, ``flags/*``, ``document``, ``files``, ``fork_host``, ``kernels``,
``options``, ``scalars``, ``secrets``, ``start`` and ``errors``.
"""

from ..errors import end_on_windows

end_on_windows()  # no module of the room can be imported there
