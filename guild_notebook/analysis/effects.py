"""What Python code, or a line of IPython, does to the names of a notebook.

What is not certain counts: a function that is named may be called, and what is called may change
what it is given. What cannot be read says so.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ..flags.languages.calls import dotted
from ..flags.languages.changes import variables
from ..flags.languages.source import statements_of
from . import magics
from .blocks import imported
from .magics import program

ANY = "?"
"""What is called where that has no name, or what may be called without one."""

SHELL = "!"
"""What stands among calls for other programs."""

WRITES = ">"
"""What stands among calls for opening a file to write."""

ALL = "*"
"""What stands among imports for all names of a module."""


@dataclass
class Effects:
    """What code does.

    ``reads`` are names of the notebook, ``binds`` those that it gives a value, or none (``del``),
    and ``changes`` those whose values it may change in place. ``calls`` are dotted names of what it
    calls, with ANY for what has none, SHELL and WRITES. ``imports`` are modules, or what is in
    them, by name. ``functions`` are what it defines, each with what that does when it is called.
    ``uses_variables``: it may read the environment variables of the run, which hold its flags; one
    of a flag that it only names is among ``reads``, as ``variable`` calls it.
    ``texts`` are the words in texts that it gives to functions which may read names by them.
    ``starts`` is the program that it starts, "" for none and for those that only show something.
    ``unreadable`` is why what it does cannot be read, "" where it can.
    """

    reads: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    imports: dict[str, str] = field(default_factory=dict)
    functions: list[Effects] = field(default_factory=list)
    uses_variables: bool = False
    texts: set[str] = field(default_factory=set)
    starts: str = ""
    unreadable: str = ""

    def add(self, other: Effects) -> None:
        """Take what other code does as well."""
        self.reads |= other.reads
        self.binds |= other.binds
        self.changes |= other.changes
        self.calls |= other.calls
        self.imports.update(other.imports)
        self.functions += other.functions
        self.texts |= other.texts
        self.starts = self.starts or other.starts
        self.uses_variables |= other.uses_variables
        self.unreadable = self.unreadable or other.unreadable


_RUN_VARIABLE = re.compile(r"\b(?:FLAG_|RUN_(?:ID|DIR)|GUILD_)")
_OF_RUN = re.compile(r"(?:FLAG|RUN|GUILD)_")
_NAMED_VARIABLE = re.compile(r"\b(?:FLAG_\w+|FLAG_|RUN_(?:ID|DIR)\b|GUILD_\w*)|/proc/")
_VARIABLES = ("environ", "environb", "getenv", "getenvb", "argv")
"""Names by which code reaches the variables of the run, and the arguments that its kernel has."""

_BY_TEXT = {
    *("globals", "locals", "get_ipython", "__builtins__", "__globals__", "f_globals", "f_locals"),
    *("user_ns", "_getframe", "currentframe", "get_objects", "get_referrers", "__main__"),
}
_UNREADABLE = {*_BY_TEXT, "eval", "exec", "execfile", "In", "Out"}
"""Names and attributes by which code reaches names that it does not name."""

_LOOPS = (ast.For, ast.AsyncFor)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp)
_NAMING = ("ExceptHandler", "MatchAs", "MatchStar", "MatchMapping")
"""Parts of statements that may bind a name."""

_TEXT = (ast.Constant, ast.JoinedStr)
_ORDERED = ("range", "enumerate", "zip", "sorted", "reversed")
"""Functions over whose results a loop runs without anything else happening."""

_STARTING = ("system", "popen", "run", "call", "check_call", "check_output", "getoutput", "Popen")
"""Functions of ``os`` and ``subprocess`` that start the program that their first argument names."""

_READING = {
    *("query", "eval", "evaluate", "sql", "sqldf", "execute", "timeit", "repeat"),
    *("ols", "glm", "gls", "logit", "probit", "mixedlm", "from_formula", "dmatrix", "dmatrices"),
}
"""Functions that find names of the notebook by a text that they are given."""

BARE = "%env"
"""What stands among calls where a line has the name of this magic alone, or of a variable."""

_TIMED = re.compile(r"(?:timeit|time|prun|mprun|lprun|memit)\b(?P<code>.*)", re.DOTALL)
_OPTIONS = re.compile(r"(?:[ \t]+-\w+(?:[ \t]+\d+)?)*")


def of_line(line: str) -> Effects:
    """What a line of IPython does."""
    said = magics.split(line)
    if not said:
        if line.rstrip().endswith("?") or line.lstrip().startswith("?"):  # it asks for help
            return Effects(reads=set(magics.WORD.findall(line)))
        return Effects(unreadable="it has a line of IPython")
    sign, text = said
    name, _, rest = text.partition(" ")
    if sign == "!":
        return of_program(text)
    if timed := _TIMED.match(text):
        options = _OPTIONS.match(timed["code"])
        code = timed["code"][options.end() if options else 0 :].strip()
        nodes = statements_of(code)
        if code and not nodes:
            return Effects(unreadable=f"it has the magic %{name}")
        return together(map(effects_of, nodes))
    if name in magics.SETTING:
        return replace(of_program(rest), calls=set(), starts="")
    if name in magics.PROGRAMS:
        started = rest if name in ("system", "sx") else f"{name} {rest}"
        return replace(of_program(rest), starts=program(started))
    if name in ("env", "set_env"):
        is_set = "=" in rest or len(rest.split()) > 1
        return replace(of_program(rest), uses_variables=not is_set, starts="")
    return Effects(unreadable=f"it has the magic %{name}")


def of_program(line: str) -> Effects:
    """What a line of a shell does, in which IPython puts values in the place of ``$name`` and
    ``{expression}``."""
    words = set(magics.WORD.findall(line))
    is_of_run = bool(_RUN_VARIABLE.search(line)) or not words.isdisjoint(_VARIABLES)
    unreadable = sorted(words & _UNREADABLE) if "{" in line else []
    return Effects(
        reads=words,
        calls={SHELL},
        uses_variables=is_of_run,
        starts=program(line),
        unreadable=f"it uses {unreadable[0]}" if unreadable else "",
    )


def together(parts: Iterable[Effects]) -> Effects:
    """What all of ``parts`` do."""
    made = Effects()
    for part in parts:
        made.add(part)
    return made


def effects_of(node: ast.AST) -> Effects:
    """What a statement at the top level of a notebook does."""
    reader = _Reader()
    try:
        reader.read(node, frozenset())
    except RecursionError:
        return Effects(unreadable="functions are within each other very deep")
    return reader.found


_Part = tuple[ast.AST, frozenset[str], frozenset[str]]
"""A node, names that are not the notebook's where it stands, and those that a class has there: what
is assigned to these is of the class, but its methods, and what it reads first, mean others."""


class _Reader:
    """Reads code of one kind: what is executed at once, or what a function does when called."""

    def __init__(self) -> None:
        self.found = Effects()
        self._seen: set[ast.AST] = set()  # of which what is around them has said what they do
        # Of the node that is read now, as a _Part has them, and both.
        self._local = self._hidden = self._own = frozenset[str]()

    def read(self, node: ast.AST, local: frozenset[str]) -> None:
        stack: list[_Part] = [(node, local, frozenset())]
        while stack:
            node, self._local, self._hidden = stack.pop()
            self._own = self._local | self._hidden
            if isinstance(node, (*FUNCTIONS, ast.Lambda)):
                stack += self._function(node)
            elif isinstance(node, ast.ClassDef):
                stack += self._class(node)
            elif isinstance(node, ast.GeneratorExp):
                stack += self._generator(node)
            elif isinstance(node, _COMPREHENSIONS):
                stack += self._comprehension(node)
            else:
                self._take(node)
                stack += self._here(*ast.iter_child_nodes(node))

    def _here(self, *nodes: ast.AST | None) -> Iterator[_Part]:
        return ((node, self._local, self._hidden) for node in nodes if node)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp) -> Iterator[_Part]:
        inner = self._local
        for generator in node.generators:
            self._iterates(generator.iter)
            yield generator.iter, inner, self._hidden
            targets = ast.walk(generator.target)
            inner |= {each.id for each in targets if isinstance(each, ast.Name)}
            yield from ((n, inner, self._hidden) for n in (generator.target, *generator.ifs))
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        yield from ((each, inner, self._hidden) for each in parts)

    def _generator(self, node: ast.GeneratorExp) -> Iterator[_Part]:
        """Reads what is done as it goes on; returns what is executed at once."""
        first = node.generators[0].iter
        self._iterates(first)
        inner = _Reader()
        inner.read(ast.ListComp(node.elt, node.generators), self._local)
        self._define(inner.found)
        return self._here(first)

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    ) -> Iterator[_Part]:
        """Reads what is done when a function is called; returns what is executed at once."""
        own, of_notebook = variables(node)
        inner = _Reader()
        for each in [node.body] if isinstance(node, ast.Lambda) else node.body:
            inner.read(each, (self._local | own) - of_notebook)
        does = inner.found
        # What it assigns to names of the notebook is changed when it is called.
        self._define(replace(does, binds=set(), changes=does.changes | does.binds))
        decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
        if not isinstance(node, ast.Lambda):
            self._bind(node.name)
        for decorator in decorators:
            self.found.calls.add(_dotted(getattr(decorator, "func", decorator)))
        return self._here(*node.args.defaults, *node.args.kw_defaults, *decorators)

    def _define(self, function: Effects) -> None:
        self.found.functions.append(function)
        self.found.unreadable = self.found.unreadable or function.unreadable

    def _class(self, node: ast.ClassDef) -> Iterator[_Part]:
        self._bind(node.name)
        at_once = [*node.bases, *node.keywords, *node.decorator_list]
        if at_once:
            self.found.calls.add(ANY)
            # Bases and decorators say what is done where an object of it is made.
            self.found.functions.append(Effects(calls={ANY}))
        yield from self._here(*at_once)
        own = self._hidden | variables(node)[0]
        yield from ((each, self._local, own) for each in node.body)

    def _bind(self, name: str) -> None:
        if name and name not in self._own:
            self.found.binds.add(name)

    def _iterates(self, over: ast.expr) -> None:
        is_plain = isinstance(over, (ast.List, ast.Tuple, ast.Set, ast.Dict, *_TEXT)) or (
            isinstance(over, ast.Call) and _dotted(over.func) in _ORDERED
        )
        if not is_plain:
            self.found.calls.add(ANY)

    def _take(self, node: ast.AST) -> None:
        """Takes what a node does itself, and not what is in it."""
        if isinstance(node, ast.Name):
            self._name(node)
        elif isinstance(node, (ast.Attribute, ast.Subscript)):
            self._part(node)
        elif isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node)
        else:
            self._take_other(node)

    def _take_other(self, node: ast.AST) -> None:
        if isinstance(node, _LOOPS):
            self._iterates(node.iter)
        elif isinstance(node, (ast.With, ast.AsyncWith, ast.Await, ast.YieldFrom)):
            self.found.calls.add(ANY)
        elif isinstance(node, ast.AugAssign):
            if isinstance(node.target, ast.Name) and node.target.id not in self._own:
                self.found.reads.add(node.target.id)
                self.found.changes.add(node.target.id)
        elif isinstance(node, ast.Compare):
            is_other = isinstance(node.left, ast.Constant) and node.left.value != "__main__"
            if is_other and isinstance(node.ops[0], (ast.In, ast.NotIn)):
                self._seen.update(each for each in node.comparators if _is_modules(each))
        elif type(node).__name__ in _NAMING:
            self._bind(getattr(node, "name", None) or getattr(node, "rest", None) or "")

    def _name(self, node: ast.Name) -> None:
        own = self._local if isinstance(node.ctx, ast.Load) else self._own
        if node.id in _VARIABLES:
            self.found.uses_variables |= node not in self._seen
        elif node.id in own or node in self._seen:
            return
        elif node.id in _UNREADABLE:
            self.found.unreadable = f"it uses {node.id}"
        elif isinstance(node.ctx, ast.Load):
            self.found.reads.add(node.id)
        else:
            self.found.binds.add(node.id)

    def _part(self, node: ast.Attribute | ast.Subscript) -> None:
        if isinstance(node, ast.Subscript):
            self._variable(node.value, node.slice)
            self._named(node.slice)
            if _is_modules(node.value) and isinstance(node.slice, ast.Constant):
                self._seen.add(node.value)
        elif node in self._seen:
            return
        elif node.attr in _VARIABLES:
            self.found.uses_variables = True
        elif node.attr in _UNREADABLE:
            self.found.unreadable = f"it uses {node.attr}"
        elif _is_modules(node):
            self.found.unreadable = "it uses sys.modules"
        if not isinstance(node.ctx, ast.Load):
            root = _root(node)
            if root is None:
                self.found.calls.add(ANY)
            elif root not in self._own:
                self.found.changes.add(root)
                self.found.reads.add(root)

    def _call(self, node: ast.Call) -> None:
        name = _dotted(node.func)
        of_ipython = self._call_of_ipython(node)
        called = node.func.attr if isinstance(node.func, ast.Attribute) else name
        for arg in (*node.args, *(keyword.value for keyword in node.keywords)):
            self._named(arg)
            if called in _READING and isinstance(arg, ast.Constant) and isinstance(arg.value, str):
                self.found.texts.update(magics.WORD.findall(arg.value))
        if of_ipython or (
            isinstance(node.func, ast.Attribute) and isinstance(node.func.value, _TEXT)
        ):
            return  # or a method of a text
        if isinstance(node.func, ast.Attribute) and node.func.attr == "eval" and not node.args:
            self._seen.add(node.func)  # of PyTorch's models, say
        if name in ("vars", "dir") and not node.args:
            self.found.unreadable = f"it uses {name}()"
        if node.args:
            is_method = isinstance(node.func, ast.Attribute) and called not in _VARIABLES
            of = getattr(node.func, "value", node.func) if is_method else node.func
            self._variable(of, node.args[0])
        if called == "open" and _is_to_write(node):
            self.found.calls.add(WRITES)
        if name.partition(".")[0] in self._own or name == ANY:
            name = f"{ANY}.{called}" if isinstance(node.func, ast.Attribute) else ANY
        self.found.calls.add(SHELL if called in _STARTING and _only_shows(node) else name)

    def _call_of_ipython(self, node: ast.Call) -> bool:
        """Takes what is called of ``get_ipython()``; returns whether it can be read."""
        func = node.func
        if _dotted(func) in ("str", "repr", "type") and len(node.args) == 1:
            self._ignore_ipython(node.args[0])
            return False
        texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
        is_known = node.args and len(texts) == len(node.args) and not node.keywords
        if (
            not isinstance(func, ast.Attribute)
            or not is_known
            or not self._ignore_ipython(func.value)
        ):
            return False
        sign = {"magic": "%", "run_line_magic": "%", "system": "!", "getoutput": "!"}.get(func.attr)
        if not sign:
            self.found.unreadable = "it uses get_ipython"
            return False
        self.found.add(of_line(sign + " ".join(map(str, texts))))
        return True

    def _ignore_ipython(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Call) and _dotted(node.func) == "get_ipython" and not node.args:
            self._seen.add(node.func)
            return True
        return False

    def _named(self, node: ast.AST) -> None:
        """A text that is given to something may name what that reads."""
        text = node.value if isinstance(node, ast.Constant) else None
        if not isinstance(text, str):
            return
        if text in _VARIABLES:
            self.found.uses_variables = True
        elif text in _BY_TEXT or "__main__" in text:
            self.found.unreadable = f"it uses {text if text in _BY_TEXT else '__main__'}"
        for name in _NAMED_VARIABLE.findall(text) if "_" in text or "/" in text else ():
            if name.startswith("FLAG_") and len(name) > len("FLAG_"):
                self.found.reads.add(variable(name))
            else:
                self.found.uses_variables = True

    def _variable(self, of: ast.expr, key: ast.AST) -> None:
        """A variable of the environment that is named may be another than those of the run."""
        name = of.attr if isinstance(of, ast.Attribute) else getattr(of, "id", "")
        text = key.value if isinstance(key, ast.Constant) else None
        if name in _VARIABLES and name != "argv" and isinstance(text, str):
            self.found.calls.add(ANY)
            if not _OF_RUN.match(text):
                self._seen.add(of)
                self.found.reads.add(variable(text))

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if any(alias.name in _VARIABLES and alias.asname for alias in node.names):
            self.found.uses_variables = True
        for name, full in imported(node):
            if "__main__" in full.rpartition("."):
                self.found.unreadable = "it imports __main__"
            self.found.imports[name] = full
            if name != ALL:
                self._bind(name)


def variable(name: str) -> str:
    """What stands among the names that code reads for the variable of the environment ``name``."""
    return f"${name}"


def _is_modules(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute) and node.attr == "modules" and _dotted(node)[:4] == "sys."
    )


def _is_to_write(node: ast.Call) -> bool:
    """Whether ``open`` is given a mode for writing, and no path outside of where the run is."""
    given = [*node.args, *(each.value for each in node.keywords if each.arg in (None, "mode"))]
    texts = [each.value if isinstance(each, ast.Constant) else "" for each in given]
    modes = texts if isinstance(node.func, ast.Attribute) else texts[1:]
    is_elsewhere = bool(texts) and str(texts[0])[:1] in ("/", "~")
    is_written = any(re.fullmatch("[rbt]*[wax+][wbt+]*", str(mode)) for mode in modes)
    return is_written and not is_elsewhere


def _only_shows(node: ast.Call) -> bool:
    """Whether a call starts a program that only shows something."""
    first = node.args[0] if node.args else node
    parts = first.elts if isinstance(first, (ast.List, ast.Tuple)) else [first]
    words = [str(part.value) for part in parts if isinstance(part, ast.Constant)]
    return bool(words) and len(words) >= len(parts) - 1 and not program(" ".join(words))


def _dotted(node: ast.AST) -> str:
    """``a.b.c``, ANY where it is not that."""
    name = dotted(node)
    return name if name and name[0] != "." else ANY


def _root(node: ast.AST) -> str | None:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
