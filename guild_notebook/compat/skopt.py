"""Guild's copy of scikit-optimize, on current releases of NumPy and scikit-learn, and one flag
function that Guild does not have.

Importing what is patched takes a second, so only processes that optimize call :func:`apply`.
"""

from __future__ import annotations

import functools
import importlib
import sys
import types
import warnings
from typing import Any

LOGUNIFORM_INT = "loguniform-int"
"""The name of a flag function that this module adds to Guild's: ``loguniform-int[1:100]`` draws
whole numbers whose logarithms are uniformly distributed."""


def apply() -> None:
    """Apply every patch that ``guild.plugins.skopt_util`` and ``guild._skopt`` need, and add
    LOGUNIFORM_INT; a second call changes nothing."""
    _provide_umath_tests()
    _provide_in1d()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("guild._skopt")
    _recognize_regressors()
    _replace_auto_max_features()
    _add_loguniform_int()


def _provide_umath_tests() -> None:
    """Put an empty module where Guild imports one of NumPy that it never uses.

    guild/plugins/skopt_util.py:22, skopt_forest_main.py:20 and skopt_gbrt_main.py:20 import it to
    suppress its deprecation warning. NumPy 1.25 and 1.26 raise RuntimeError, 2 has no such
    module. Needless when these lines are gone.
    """
    name = "numpy.core.umath_tests"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(name)
    except (ImportError, RuntimeError):
        sys.modules[name] = types.ModuleType(name)


def _provide_in1d() -> None:
    """Give NumPy the old name of ``isin``, which 2.4 has dropped.

    Needless when guild/_skopt/learning/gbrt.py:112 uses ``isin``.
    """
    import numpy as np

    if not hasattr(np, "in1d"):
        vars(np)["in1d"] = np.isin


def _recognize_regressors() -> None:
    """Recognize a regressor by its class where scikit-learn's ``is_regressor`` no longer does.

    guild/_skopt/optimizer/optimizer.py:225 and guild/_skopt/utils.py:363 call it. From
    scikit-learn 1.6 it reads an estimator's tags, which GradientBoostingQuantileRegressor
    (guild/_skopt/learning/gbrt.py:14) hides by the order of its bases; from 1.8 it raises for
    None, which stands for random search. All of Guild's estimators are RegressorMixins. Needless
    when the order is changed and None is not asked about.
    """
    from guild._skopt import utils
    from guild._skopt.optimizer import optimizer

    utils.is_regressor = optimizer.is_regressor = _is_regressor


def _is_regressor(estimator: object) -> bool:
    from sklearn.base import RegressorMixin

    return isinstance(estimator, RegressorMixin)


def _replace_auto_max_features() -> None:
    """Replace ``max_features="auto"``, which for a regressor meant all features, by 1.0.

    It is the default at guild/_skopt/learning/forest.py:199 and :395. scikit-learn 1.1 warns of
    it, 1.3 refuses it; 1.0 means the same to all releases. Needless when the default is 1.0.
    """
    from guild._skopt.learning import forest

    for regressor in (forest.RandomForestRegressor, forest.ExtraTreesRegressor):
        init = regressor.__init__
        init.__defaults__ = tuple(1.0 if v == "auto" else v for v in init.__defaults__)


def _add_loguniform_int() -> None:
    """Let ``function_dim`` of guild/plugins/skopt_util.py take LOGUNIFORM_INT: Guild's
    ``loguniform`` draws real numbers. Needless when Guild has such a function."""
    from guild.plugins import skopt_util

    by_guild = skopt_util.function_dim
    if hasattr(by_guild, "__wrapped__"):
        return

    @functools.wraps(by_guild)
    def function_dim(name: str | None, args: Any, flag_name: str) -> Any:
        if name != LOGUNIFORM_INT:
            return by_guild(name, args, flag_name)
        from guild._skopt.space import space

        low, high, *first = args
        return space.Integer(low, high, prior="log-uniform"), first[0] if first else None

    skopt_util.function_dim = function_dim
