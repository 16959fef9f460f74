"""Values on their whole way: typed at ``guild``, recorded in the run, executed by the kernel."""

from __future__ import annotations

import ast
import csv

from tests.helpers.project import Project, code

HELD = """
print("HELD", ascii([(k, type(v).__name__, repr(v)) for k, v in cfg.items()]))
print("ALSO", ascii([repr(x) for x in (features, layers, days, seed, pct, day, out, b)]))
"""
CELL = """import datetime as dt
from pathlib import Path
cfg = {}
features = ["age"]  # columns
layers = [[1], [2]]
days = {"at": None, "first": [dt.date(2020, 1, 1)]}
seed = 7
pct = 5 * 60  # percent
day = dt.date(2020, 1, 1)
out: Path = Path("x")
a, b = 1, 2
"""
PARAMS = """
cfg:
  a date: 2021-01-31
  b datetime: 2021-01-31T12:30:00
  c list: [[2021-01-31], {k: 2021-01-31}]
  d set: !!set {1, 2}
  e pairs: !!pairs [a: 1]
  f bytes: !!binary aGk=
  g numbers: [.nan, -.inf, 1e-5, 123456789012345678901234567890]
  h none: [null, None]
  i text: ["1", "yes", "it's \\"q\\"\\n\\u2028 é"]
  j numpy: [np.float64(0.1), "array([1, 2])"]
  k keys: {1: {2: a}}
"""
EXPECTED = [
    ("a date", "str", "'2021-01-31'"),
    ("b datetime", "str", "'2021-01-31T12:30:00'"),
    ("c list", "list", "[['2021-01-31'], {'k': '2021-01-31'}]"),
    ("d set", "set", "{1, 2}"),
    ("e pairs", "list", "[['a', 1]]"),
    ("f bytes", "bytes", "b'hi'"),
    ("g numbers", "list", "[nan, -inf, 1e-05, 123456789012345678901234567890]"),
    ("h none", "list", "[None, None]"),
    ("i text", "list", "['1', 'yes', 'it\\'s \"q\"\\n\\u2028 é']"),
    ("j numpy", "list", "['np.float64(0.1)', 'array([1, 2])']"),
    ("k keys", "dict", "{1: {2: 'a'}}"),
]


def printed(output: str, word: str) -> list:
    (line,) = (line for line in output.splitlines() if line.startswith(word))
    return ast.literal_eval(line.removeprefix(word).strip())


def test_values_of_all_kinds_reach_the_kernel_and_have_one_spelling_in_each_record(
    project: Project,
):
    project.notebook("n.ipynb", code(CELL, tags=["parameters"]), HELD)
    project.without_reports("n.ipynb")
    project.file("params.yml", PARAMS)
    given = ["days={at: 2021-02-04, first: [2021-02-03]}", "pct=7*60", "day=2021-02-03", "out=y"]
    first = project.run("n.ipynb", "@params.yml", "features=bmi  bp", "seed=None", "b=9", *given)
    assert printed(first.stdout, "HELD") == EXPECTED
    held = [
        "['bmi', 'bp']", "[[1], [2]]",
        "{'at': '2021-02-04', 'first': [datetime.date(2021, 2, 3)]}",
        "None", "420", "datetime.date(2021, 2, 3)", "PosixPath('y')", "9",
    ]  # fmt: skip
    assert printed(first.stdout, "ALSO") == held
    source = first.run.sources("n.ipynb")[0]
    assert "a, b = 1, 9\n" in source and 'out: Path = Path("y")\n' in source
    assert "day = dt.date(2021, 2, 3)\n" in source

    again = project.run("n.ipynb", "@params.yml", "features=[[bmi,bp]]", "b=[9]", *given,
                        "layers=[1] [2]", "seed=null")  # fmt: skip
    trial = next(run for run in again.runs if run.op_name == "n.ipynb")
    for name in ("flags", "label"):
        assert trial.attr(name) == first.run.attr(name)
    assert "features='bmi bp'" in trial.attr("label") and "layers" not in trial.attr("label")
    assert "day=2021-02-03" in trial.attr("label")
    compared = project.guild("compare", "--csv", "-").stdout
    rows = list(csv.DictReader(compared.splitlines()))
    differ = [name for name in rows[0] if len({row[name] for row in rows[:2]}) > 1]
    assert set(differ) <= {"run", "started", "time"}

    help_ = project.guild("run", "n.ipynb", "--help-op").stdout
    assert "features  columns (default is age) [list]" in help_
    assert "day       (default is 2020-01-01) [date]" in help_
    assert "out       (default is x) [path]" in help_


def test_what_no_flag_can_hold_is_refused_in_one_line_before_the_run(project: Project):
    project.notebook("n.ipynb", code(CELL, tags=["parameters"]))
    cell = "in the 1st cell (import datetime as dt)"
    for value, said in {
        "pct=7 *": f'flag pct {cell} takes one Python expression, not "7 *"',
        "day=2021-02-30": f'flag day {cell} takes a date (YYYY-MM-DD), not "2021-02-30"',
        "cfg={1: a, b: c}": f"flag cfg {cell} takes a mapping whose keys are all text or all "
        "numbers, not {1: 'a', 'b': 'c'}",
    }.items():
        refused = project.guild("run", "-y", "n.ipynb", value)
        assert (refused.stderr, refused.status, refused.run_dirs) == (f"guild: {said}\n", 1, [])
