"""Flags and scalars of any name in ``guild compare``, ``view`` and ``select``, in objectives and in
``guild.ipy``: also those of Guild's own columns, and the words of its query language.

Guild puts names into a query, which it then cannot parse (guild/commands/compare_impl.py:264,
guild/query/qlex.py:19: ``count``, ``total``, ``step``, names with blanks), and columns of one name
are one column: a flag ``run`` takes the place of the run's ID, by which Guild looks for the run
(compare_impl.py:401), ``label`` that of the label. Needless when Guild makes columns of names
without its query language, and tells columns of flags and scalars from its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from ..errors import nearest

CORE = frozenset(
    ("run", "operation", "started", "time", "status", "label", "sourcecode", "step")
)  # fmt: skip
"""Columns of Guild's own. The column of a flag or scalar of such a name is called as Guild's query
language tells them apart: ``flag:label``, ``scalar:step``."""

_PREFIXES = ("EQUALS", "FLAG_PREFIX", "SCALAR_PREFIX", "ATTR_PREFIX", "DOT")
_WORDS = ("AND", "OR", "IN", "NOT", "TRUE", "FALSE", "IS", "UNDEFINED", "CONTAINS")
_COMPARES = ("EQ", "NEQ", "LT", "LTE", "GT", "GTE")
_QUALIFIERS = ("MIN", "MAX", "FIRST", "LAST", "AVG", "TOTAL", "COUNT")


def header(kind: str, name: str) -> str:
    """What the column of a flag or scalar is called."""
    return f"{kind}:{name}" if name in CORE else name


def name_columns(query: Any) -> None:
    """Call columns as ``header`` says, those that are named in guild.yml or by ``--cols`` too."""
    of_scalar = query.Scalar.header.fget

    def scalar_header(column: Any) -> str:
        made: str = of_scalar(column)
        return made if column.named_as or column.step else header("scalar", made)

    query.Flag.header = property(lambda column: column.named_as or header("flag", column.name))
    query.Scalar.header = property(scalar_header)


def read_names(qparse: Any) -> None:
    """Let queries have names that are words of the query language, and flags in quotes."""
    make_lexer = qparse.qlex.lexer
    qparse.qlex.lexer = lambda: _Lexer(make_lexer(), _with_names)


def read_filters(filter_: Any) -> None:
    """Let filters compare what has any name: one in quotes, ``'config["lr"]' = 1``, which to Guild
    is only text (guild/filter.py:165), and words of filters, ``contains > 1``."""
    make_lexer = filter_.lexer
    filter_.lexer = lambda: _Lexer(make_lexer(), _with_compared_names)


class _Lexer:
    """The tokens of a query, of which ``change`` makes names of what can be nothing else."""

    lineno = 1

    def __init__(self, lexer: Any, change: Callable[[list[Any]], list[Any]]) -> None:
        self._lexer = lexer
        self._change = change
        self._tokens: Iterator[Any] = iter(())

    def input(self, text: str) -> None:
        self._lexer.lineno = 1
        self._lexer.input(text)
        self._tokens = iter(self._change(list(iter(self._lexer.token, None))))

    def token(self) -> Any:
        return next(self._tokens, None)


def _with_compared_names(tokens: list[Any]) -> list[Any]:
    for token, after, last in zip(tokens, tokens[1:], [*tokens[2:], None]):
        is_word = token.type in _WORDS and after.type in _COMPARES
        is_tested = after.type in ("IS", "IN", "CONTAINS") or (
            after.type == "NOT" and last and last.type in ("IN", "CONTAINS")
        )
        is_quoted = token.type == "STR_LITERAL" and (after.type in _COMPARES or is_tested)
        if is_word or is_quoted:
            token.type = "ID"
    return tokens


def _with_names(tokens: list[Any]) -> list[Any]:
    column: list[Any] = []
    for token in tokens[1:]:  # the first is SELECT
        if token.type == "COMMA":
            _name_in(column)
            column = []
        else:
            column.append(token)
    _name_in(column)
    return tokens


def _name_in(column: list[Any]) -> None:
    """Make names of the words of a column that are names: ``count``, ``max step``, ``=total``,
    ``scalar:min step as max``."""
    if not column:
        return
    is_prefixed = column[0].type in _PREFIXES
    is_qualified = column[0].type in _QUALIFIERS and len(column) > 1 and column[1].type != "AS"
    name = 1 if is_prefixed or is_qualified else 0
    names = [name, *(i + 1 for i, t in enumerate(column) if t.type == "AS" and i > name)]
    for token in (column[i] for i in names if i < len(column)):
        if token.type != "QUOTED":
            token.type = "UNQUOTED"
        elif column[0].type in ("EQUALS", "FLAG_PREFIX") and token is column[name]:
            import yaml

            token.type, token.value = "UNQUOTED", str(yaml.safe_load(token.value))


def select_by_values(runs_impl: Any) -> None:
    """Let ``guild select --min`` and ``--max`` choose among the runs that have a value.

    To Guild a run without one, as one that has failed, has the smallest (guild/commands/
    runs_impl.py:1541), and of a name that no run has it takes any run. NaN and infinite values are
    none. Needless when Guild passes such runs over.
    """

    def sort_selected_runs(runs: list[Any], colspec: str, reverse: bool) -> list[Any]:
        from guild import cli, query, util
        from guild import index as indexlib

        value_of = runs_impl._colspec_val_f(colspec)
        index = indexlib.RunIndex()
        index.refresh(runs, ["scalar", "flag", "attr"])
        values = {run.id: value_of(run, index) for run in runs}
        having = [run for run in runs if _is_value(values[run.id])]
        if not having:
            (column,) = query.parse_colspec(colspec).cols
            known: set[str] = set()
            for run in runs if isinstance(column, query.Scalar) else ():
                known.update(scalar["tag"] for scalar in index.run_scalars(run))
            for run in runs if isinstance(column, query.Flag) else ():
                known.update(run.get("flags") or {})
            near = nearest(getattr(column, "key", "") or column.name, known)
            hint = f" - did you mean '{near}'?" if near else ""
            cli.error(f"no run has a value of '{colspec}'{hint}")
        ordered: list[Any] = util.natsorted(having, lambda run: values[run.id], reverse)
        return ordered

    runs_impl._sort_selected_runs = sort_selected_runs


def _is_value(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def compare_names(compare_impl: Any) -> None:
    """Make the columns of a run's flags and scalars from their names, without a query."""
    from guild import query, run_util

    class Tag(query.Scalar):  # type: ignore[misc]  # Guild carries no types
        """A scalar by its whole name, which may have a ``#`` in it."""

        def split_key(self) -> tuple[None, str]:
            return None, self.key

    op_cols_of_guild, cols_table_of_guild = compare_impl._op_cols, compare_impl._cols_table

    def op_cols(run: Any, args: Any, parse_cache: Any, index: Any) -> list[Any]:
        if args.skip_op_cols or run_util.latest_compare(run):
            stated: list[Any] = op_cols_of_guild(run, args, parse_cache, index)
            return stated
        flags = [query.Flag(name) for name in sorted(run.get("flags") or {})]
        tags = compare_impl._scalar_cols(run, index, args)
        steps = [Tag("loss" if "loss" in tags else tag, step=True) for tag in tags[:1]]
        for column in steps:
            column.named_as = "step"
        return [*flags, *steps, *map(Tag, tags)]

    def cols_table(*args: Any) -> list[Any]:
        table: list[Any] = cols_table_of_guild(*args)
        columns = [*chain.from_iterable(section for _, row in table for section in row)]
        flags = {column.header for column in columns if isinstance(column, query.Flag)}
        for column in columns:
            if isinstance(column, query.Scalar) and column.header in flags:
                column.named_as = f"scalar:{column.header}"
        return table

    compare_impl._op_cols, compare_impl._cols_table = op_cols, cols_table


def tabulate_names(ipy: Any) -> None:
    """Do the same in ``guild.ipy.runs().compare()`` (guild/ipy.py:720)."""
    scalars_of_guild = ipy._run_scalar_data

    def run_scalar_data(run: Any) -> dict[str, Any]:
        data: dict[str, Any] = scalars_of_guild(run)
        tags = {s["tag"]: s["last_val"] for s in ipy.indexlib.iter_run_scalars(run)}
        steps = {"step": data["step"]} if "step" in data else {}
        flags = run.get("flags") or {}
        of_tags = {
            f"scalar:{tag}" if tag in flags else header("scalar", tag): value
            for tag, value in tags.items()
        }
        return {**steps, **of_tags}

    def apply_flag_data(run: Any, cols: set[str], data: dict[str, Any]) -> None:
        for name, value in (run.get("flags") or {}).items():
            cols.add(header("flag", name))
            data[header("flag", name)] = value

    def runs_flags(runs: Any) -> Any:
        """One column of IDs: by Guild that of a run depends on its own flags."""
        flags = [run.get("flags") or {} for run in runs]
        key = ipy._run_flags_key(set(chain.from_iterable(flags)))
        return ipy.pd.DataFrame([{**each, key: run.id} for each, run in zip(flags, runs)])

    ipy._run_scalar_data, ipy._apply_flag_data = run_scalar_data, apply_flag_data
    ipy._runs_flags = runs_flags
