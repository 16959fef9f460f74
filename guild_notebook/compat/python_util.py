"""What Python has dropped and Guild still uses: a module and three classes."""

from __future__ import annotations

import ast
import contextlib
import sys
from collections.abc import Iterator
from importlib import machinery
from types import ModuleType
from typing import Any, BinaryIO, ClassVar


def provide_imp() -> None:
    """Put a module ``imp`` in place, which guild/op_main.py imports at line 20, and
    guild/python_util.py too. Python 3.12 has dropped it.

    It goes when guild.python_util is loaded, which guild.op_main imports after its own ``imp``:
    what asks later whether there is a module ``imp`` finds none, as it should. Needless when
    Guild finds modules with importlib.
    """
    if sys.version_info >= (3, 12):
        sys.modules["imp"] = _imp


@contextlib.contextmanager
def with_what_python_has_dropped() -> Iterator[None]:
    """Let guild.python_util import an ``imp``, and an ``ast`` that has ``Num``, ``Str`` and
    ``NameConstant``.

    Python 3.12 warns of these (guild/python_util.py:142, 144, 171, 673), and without them, from
    3.14 on, no command of Guild starts. Only this module sees them. Needless when it looks for
    ``ast.Constant`` alone.
    """
    if sys.version_info < (3, 12):
        yield
        return
    provide_imp()
    sys.modules["ast"] = _ast_with_old_names()
    try:
        yield
    finally:
        sys.modules["ast"] = ast
        del sys.modules["imp"]


def finder(folder: str) -> machinery.FileFinder:
    """A new finder of the modules in ``folder``: one that is kept would have to forget its cache
    when Python does."""
    return machinery.FileFinder(
        folder,
        (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
        (machinery.SourceFileLoader, machinery.SOURCE_SUFFIXES),
        (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
    )


def _find_module(name: str, path: list[str]) -> tuple[BinaryIO | None, str, tuple[str, str, int]]:
    """``imp.find_module`` as far as Guild uses it: an open file and its path, or the folder of a
    package, and a third value that nobody reads."""
    for folder in path:
        spec = finder(folder).find_spec(name)
        if spec and spec.origin:  # a folder without __init__.py has none
            package = spec.submodule_search_locations
            if package:
                return None, next(iter(package)), ("", "", 0)
            return open(spec.origin, "rb"), spec.origin, ("", "", 0)
    raise ImportError(f"No module named {name!r}", name=name)


_imp: Any = ModuleType("imp", "The function of Python's former module imp that Guild calls.")
_imp.find_module = _find_module


class _Kind(type):
    """A class of constants, as ast had them: told by the value."""

    types: ClassVar[tuple[type, ...]]

    def __instancecheck__(cls, node: object) -> bool:
        if not (isinstance(node, ast.Constant) and type(node.value) in cls.types):
            return False
        vars(node).update(n=node.value, s=node.value)
        return True


def _ast_with_old_names() -> ModuleType:
    module = ModuleType("ast", ast.__doc__)
    vars(module).update(vars(ast))
    for name, types in {
        "Num": (int, float, complex),
        "Str": (str,),
        "NameConstant": (bool, type(None)),
    }.items():
        setattr(module, name, _Kind(name, (), {"types": types}))
    return module
