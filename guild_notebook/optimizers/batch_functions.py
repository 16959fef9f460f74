"""Batches whose values are drawn from functions (``uniform[0:1]``), on current NumPy."""

from __future__ import annotations

import functools
from typing import Any

from ..compat import skopt
from . import use_our_module


def apply() -> None:
    """Apply both patches of Guild's own process; a second call changes nothing."""
    run_batches_with_shims()
    shim_flag_functions()


def run_batches_with_shims() -> None:
    """Run the default batch ``+`` in our module, which can draw values from functions.

    A batch file may hold ``uniform[0:1]`` for a value. The batch's process loads no plugin, and
    Guild resolves ``+`` before it asks plugins (guild/model_proxy.py:90), so the command is
    changed where Guild defines it (:62). Needed with NumPy 1.25 and later; needless when
    guild/plugins/skopt_util.py imports there.
    """
    from guild import model_proxy

    proxy = model_proxy.DefaultBatchModelProxy
    if not hasattr(proxy.__init__, "__wrapped__"):
        proxy.__init__ = _with_our_batch(proxy.__init__)


def _with_our_batch(init: Any) -> Any:
    @functools.wraps(init)
    def with_our_batch(proxy: Any) -> None:
        init(proxy)
        use_our_module(proxy.modeldef.get_operation("+"))

    return with_our_batch


def shim_flag_functions() -> None:
    """Make Guild's optimizer library fit to import when a batch first needs it.

    Guild draws the values of functions in the batch's process, and in its own where it says
    before a run how many trials there will be (guild/commands/run_impl.py:2158). It imports the
    library no earlier (guild/batch_util.py:354), and so do we. Needed with NumPy 1.25 and later.
    """
    from guild import batch_util

    function = batch_util._FlagFunction
    if not hasattr(function.__init__, "__wrapped__"):
        function.__init__ = _after_shims(function.__init__)


def _after_shims(init: Any) -> Any:
    @functools.wraps(init)
    def after_shims(*args: Any) -> None:
        skopt.apply()
        init(*args)

    return after_shims
