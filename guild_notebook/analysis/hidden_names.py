"""Where Python code may bind names of the notebook that it does not name as what it binds: by
texts, through the namespace as a whole, or by IPython."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from ..flags.languages.calls import dotted
from . import magics
from .magics import Names

_NAMESPACES = ("globals", "locals", "vars", "dir")
_MODULES = ("builtins", "__builtins__", "__main__")
_SPACES = ("__globals__", "f_globals", "f_locals", "user_ns", "user_global_ns")
"""Attributes that hold the names of a notebook."""

_BINDING = {
    *("exec", "execfile", "init_session", "load_session", "runfile", "_getframe", "currentframe"),
}
"""Functions that may bind any name, by their last names."""

_VAR = ("var", "sympy.var", "sp.var", "sym.var", "sy.var", "smp.var")


def of_import(node: ast.Import | ast.ImportFrom) -> Iterator[Names]:
    module = "." * node.level + (node.module or "") if isinstance(node, ast.ImportFrom) else ""
    for alias in node.names:
        if module and alias.name == "*":
            yield Names(unknown=f"from {module} import *")
        elif module and alias.name == "get_ipython" and alias.asname:
            yield Names(unknown="get_ipython()")
        elif not module and (alias.name == "__main__" or (alias.name in _MODULES and alias.asname)):
            yield Names(unknown=f"the import of {alias.name}")


def of_target(node: ast.expr) -> Names:
    """Of what is assigned to that is not a name, nor of some."""
    words = [getattr(each, "id", getattr(each, "value", "")) for each in ast.walk(node)]
    if not any(isinstance(word, str) and word in _MODULES for word in words):
        return Names()
    return Names(frozenset({getattr(node, "attr", "")}), "an assignment to a module's names")


def of_part(node: ast.Attribute | ast.Subscript) -> Names:
    if isinstance(node, ast.Attribute):
        return Names(unknown=node.attr if node.attr in _SPACES else "")
    key = getattr(node.slice, "id", getattr(node.slice, "value", ""))
    is_own = dotted(node.value).endswith("modules") and key in ("__name__", "__main__")
    return Names(unknown="the module of the notebook" if is_own else "")


def of_call(node: ast.Call) -> Iterator[Names]:
    name, func = dotted(node.func), node.func
    yield _by_text(node, name)
    if name.split(".")[-1] == "get_ipython":  # and not what can be read
        yield Names(unknown="get_ipython()")
    if isinstance(func, ast.Attribute) and is_ipython(func.value):
        texts = [str(each.value) for each in node.args if isinstance(each, ast.Constant)]
        if func.attr in ("magic", "run_line_magic") and len(texts) == len(node.args):
            yield magics.names_of_line("%" + " ".join(texts))
        elif func.attr not in ("system", "getoutput"):
            yield Names(unknown="get_ipython()")


def is_all_in(node: ast.Call) -> bool:
    """Whether a call does nothing to names but what ``of_call`` says."""
    name, func = dotted(node.func), node.func
    if name in ("str", "repr", "type") and len(node.args) == 1 and is_ipython(node.args[0]):
        return True
    is_of_ipython = isinstance(func, ast.Attribute) and is_ipython(func.value)
    return is_of_ipython or (name in _NAMESPACES and not node.args)


def _by_text(node: ast.Call, name: str) -> Names:
    last = name.split(".")[-1]
    text: Any = getattr(node.args[0], "value", None) if node.args else None
    is_text = isinstance(text, str)
    if name in _NAMESPACES and not node.args:
        return Names(unknown=f"{name}()")
    if (
        last in _BINDING
        or (last == "compile" and any(getattr(e, "value", "") == "exec" for e in node.args))
        or name.endswith("Shell.instance")
        or (is_text and text.startswith("__main__"))
    ):
        return Names(unknown=f"{last}()")
    if is_text and text.startswith("builtins."):
        return Names(frozenset({text.rpartition(".")[2]}))
    if last == "var" and (is_text or name in _VAR):  # of SymPy and SageMath
        parts = " ".join(str(getattr(each, "value", "")) for each in ast.walk(node))
        is_any = not is_text or re.search(r"[:(]", text)
        return Names(frozenset(magics.WORD.findall(parts)), "var()" if is_any else "")
    if name == "setattr" and node.args and dotted(node.args[0]).split(".")[-1] in _MODULES:
        return Names(unknown="setattr()")
    return Names()


def is_ipython(node: ast.expr) -> bool:
    """Whether it is ``get_ipython()``."""
    return isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] == "get_ipython"


def is_namespace(node: ast.expr) -> bool:
    """Whether it is ``globals()`` or such, or a method of it without arguments."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        node = node.func.value
    return isinstance(node, ast.Call) and dotted(node.func) in _NAMESPACES and not node.args
