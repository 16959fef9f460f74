"""What Guild's copy of scikit-optimize expects of NumPy and scikit-learn and no longer finds, and
one function of flags more.

File and line refer to guildai 0.9.0. Only the process that optimizes imports this module's
subjects: they take a second to import.
"""

from __future__ import annotations

import functools
import importlib
import sys
import types
import warnings
from typing import Any, Callable

LOGUNIFORM_INT = "loguniform-int"
"""A function of flags that Guild has not, and this module adds: whole numbers, evenly over their
logarithms."""


def apply() -> None:
    """Make ``guild.plugins.skopt_util`` and ``guild._skopt`` importable and right.

    A second call changes nothing.
    """
    _provide_umath_tests()
    _provide_in1d()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("guild._skopt")
    _recognize_regressors()
    _replace_auto_max_features()
    _add_loguniform_int()


def guild_main(name: str) -> Any:
    """Import the main module of one of Guild's optimizers, shims first."""
    apply()
    return importlib.import_module(name)


def run(main: Callable[[], None]) -> None:
    """Run an optimizer's ``main`` as Guild's own modules do when they are the program."""
    from guild import batch_util

    try:
        main()
    except SystemExit as error:
        batch_util.handle_system_exit(error)


def _provide_umath_tests() -> None:
    """Stand in for a NumPy module that Guild imports and never uses.

    guild/plugins/skopt_util.py:22, skopt_forest_main.py:20 and skopt_gbrt_main.py:20, to have
    its deprecation warning over with. NumPy 1.25 and 1.26 raise RuntimeError, 2 has no such
    module.
    """
    name = "numpy.core.umath_tests"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(name)
    except (ImportError, RuntimeError):
        sys.modules[name] = types.ModuleType(name)


def _provide_in1d() -> None:
    """guild/_skopt/learning/gbrt.py:112 uses the old name of ``isin``, which NumPy 2.4 dropped."""
    import numpy as np

    if not hasattr(np, "in1d"):
        vars(np)["in1d"] = np.isin


def _recognize_regressors() -> None:
    """Tell a regressor by its class where scikit-learn's ``is_regressor`` no longer does.

    guild/_skopt/optimizer/optimizer.py:225 and guild/_skopt/utils.py:363 call it. From
    scikit-learn 1.6 it asks an estimator's tags, which GradientBoostingQuantileRegressor
    (guild/_skopt/learning/gbrt.py:14) hides by the order of its bases; from 1.8 it raises for
    None, which stands for random search. All of Guild's estimators are RegressorMixins.
    """
    from guild._skopt import utils
    from guild._skopt.optimizer import optimizer

    utils.is_regressor = optimizer.is_regressor = _is_regressor


def _is_regressor(estimator: object) -> bool:
    from sklearn.base import RegressorMixin

    return isinstance(estimator, RegressorMixin)


def _replace_auto_max_features() -> None:
    """Write out what ``max_features='auto'`` meant for a regressor: all of them, that is 1.0.

    The default in guild/_skopt/learning/forest.py:199 and :395. scikit-learn 1.1 warns of it,
    1.3 refuses it; 1.0 means the same to all.
    """
    from guild._skopt.learning import forest

    for regressor in (forest.RandomForestRegressor, forest.ExtraTreesRegressor):
        init = regressor.__init__
        init.__defaults__ = tuple(1.0 if v == "auto" else v for v in init.__defaults__)


def _add_loguniform_int() -> None:
    """Let ranges be ``loguniform-int[1:100]`` beside Guild's ``loguniform``, which draws real
    numbers (guild/plugins/skopt_util.py, function_dim); scikit-optimize has what is needed."""
    from guild.plugins import skopt_util

    if not hasattr(skopt_util.function_dim, "__wrapped__"):
        skopt_util.function_dim = _with_loguniform_int(skopt_util.function_dim)


def _with_loguniform_int(function_dim: Any) -> Any:
    @functools.wraps(function_dim)
    def with_loguniform_int(name: str | None, args: Any, flag_name: str) -> Any:
        if name != LOGUNIFORM_INT:
            return function_dim(name, args, flag_name)
        from guild._skopt.space import space

        low, high, *first = args
        return space.Integer(low, high, prior="log-uniform"), first[0] if first else None

    return with_loguniform_int
