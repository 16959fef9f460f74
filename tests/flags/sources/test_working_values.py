"""Which plain assignments are no parameters: what a notebook counts, grows and loops over, and
data. What is meant stays a flag."""

from __future__ import annotations

import re
import textwrap

import pytest

from guild_notebook.flags.discover import discover
from tests.helpers.notebooks import flags, notebook

ADDS, COUNTS, FINDS, LOOPS = (
    "the notebook adds to x, in the 2nd cell",
    "the notebook counts with x, in the 2nd cell",
    "the notebook replaces x by what it finds, in the 2nd cell",
    "a loop sets x, in the 2nd cell",
)


def reason_of_x(found):
    """Why x is not a flag, with the position of a cell and not its name."""
    reason = next(skipped.reason for skipped in found.skipped if skipped.name == "x")
    return re.sub(r" cell \(.*\)$", " cell", reason)


PYTHON = [
    # it grows
    ("x = []", "x.append(1)", ADDS),
    ("x = []", "for a in b:\n    if a:\n        x.append(a)\n    else:\n        x.extend(a)", ADDS),
    ("x = []", "x += [1]", ADDS),
    ("x = []", "x = x + [1]", ADDS),
    ("x = []", "x = [*x, 1]", ADDS),
    ("x = ()", "x = (*x, 1)", ADDS),
    ("x = []", "x[0:0] = [1]", ADDS),
    ("x = []", "x.insert(0, 1)", ADDS),
    ("x = []", "x = np.append(x, 1)", ADDS),
    ("x = None", "x = pd.concat([x, df])", ADDS),
    ("x = list()", "x.append(1)", ADDS),
    ("x: list = []", "x.append(1)", ADDS),
    ("x = {}", "x[k] = 1", ADDS),
    ("x = {}", "x[k][l] += 1", ADDS),
    ("x = {}", "x.setdefault(k, []).append(1)", ADDS),
    ("x = {}", "x.update(k=1)", ADDS),
    ("x = {}", "x |= {1: 2}", ADDS),
    ("x = {}", "x = {**x, 'a': 1}", ADDS),
    ("x = {'loss': [], 'acc': []}", "x['loss'].append(1)", ADDS),
    ("x = set()", "x.add(1)", ADDS),
    ("x = ''", "x += 'a'", ADDS),
    ("x = ''", "x = x + 'a' + b", ADDS),
    ("x = [1, 2]", "x.append(3)", ADDS),
    ("x = {'a': 1}", "x['b'] = 2", ADDS),
    ("x, y = [], 0.1", "x.append(y)", ADDS),
    ("x = ''", "for a in b:\n    x = f'{x}{a}'", ADDS),
    ("x = [1, 2]", "x[0], y = f()", ADDS),
    ("x = set()", "for a in b:\n    x = x.union(a)", ADDS),
    # it counts
    ("x = 0", "x += 1", COUNTS),
    ("x = 0", "x = x + 1", COUNTS),
    ("x = 0", "x = 1 + x", COUNTS),
    ("x = 0.0", "for a in b: x += f(a)", COUNTS),
    ("x = 0", "while True:\n    try:\n        x += 1\n    finally:\n        pass", COUNTS),
    ("x = 10", "while x > 0: x -= 1", COUNTS),
    ("x = 10", "while x > 0:\n    x = x - 1", COUNTS),
    ("x = 0", "def f():\n    global x\n    x += 1", COUNTS),
    ("x = 0", "with a:\n    x += 1", COUNTS),
    ("x = 0", "x, y = x + 1, 2", COUNTS),
    ("x: Final[int] = 0", "x += 1", COUNTS),
    ("x = 0", "%%time\nx += 1", COUNTS),
    ("x = 0", "%time x += 1", COUNTS),
    ("x = 0", "if a:\n    !ls\n    x += 1", COUNTS),
    ("x = 0", "if a:\n    b = !ls\n    x += 1", COUNTS),
    ("    x = 0\n    y = 1", "    if y:\n        x += 1", COUNTS),
    ("x = 1", "for i in range(9): x *= i", COUNTS),
    ("x = 0", "print 'two'\nx += 1", COUNTS),
    # it keeps the best
    ("x = 0", "x = max(x, a)", FINDS),
    ("x = 0.0", "for a in b:\n    x = step(x, a)", FINDS),
    ("x = float('inf')", "for a in b:\n    x = min(a, x)", FINDS),
    ("x = 100", "for a in b:\n    if a < x:\n        x = a", FINDS),
    ("x = 0", "def f():\n    global x\n    if a > x:\n        x = a", FINDS),
    # a loop sets it
    ("x = 3", "for x in range(3): pass", LOOPS),
    ("x = 3", "for i, (x, *y) in z: pass", LOOPS),
    ("x = 3", "async def f(): pass\nfor (x) in z: pass", LOOPS),
    ("x = False", "while not x:\n    x = f()", LOOPS),
    ("x = None", "while (x := f()): pass", LOOPS),
    ("x = None", "for a in b:\n    x = a", LOOPS),
    ("x = True", "for a in b:\n    x = False", LOOPS),
    ("x = 0", "for a in b:\n    x, y = f(a)", LOOPS),
]


@pytest.mark.parametrize(("first", "then", "reason"), PYTHON)
def test_a_name_that_the_notebook_grows_counts_or_loops_over_is_passed_over(first, then, reason):
    for cells in ((first, then), ("y2 = 2", f"{first}\n{then}")):
        found = flags(*cells)
        assert "x" not in found.flags
        assert reason_of_x(found) == reason


@pytest.mark.parametrize(("first", "then", "_reason"), PYTHON)
def test_it_is_a_flag_where_guild_yml_names_it(first, then, _reason):
    nb = notebook(first, then)
    flag = discover(nb, wanted=["x"]).flags["x"]
    (site,) = flag.sites
    assert re.match(r"\s*x\b[^=]*=", first[: site.start] if site.cell == 0 else "")
    assert first[site.start : site.end] == flag.default_source


PARAMETERS = [
    # a schedule begins with what is set
    ("x = 0.1", "for a in b:\n    x *= 0.9"),
    ("x = 0.1", "for a in b:\n    x = x * 0.9"),
    ("x = 0.1", "x /= 10"),
    ("x = 1.0", "for a in b:\n    x -= 0.01"),
    ("x = 1.0", "for a in b:\n    x = max(x * 0.99, 0.1)"),
    ("x = 64", "for a in b:\n    x //= 2"),
    ("x = 64", "while x != 1:\n    x = x // 2"),
    # a text that goes on
    ("x = 'begin'", "for a in b:\n    x += a"),
    ("x = 'begin'", "x = x + a"),
    # what is made of it, or in its place where there is nothing
    ("x = 'data'", "x = Path(x)"),
    ("x = 'data'", "x = os.path.join(x, 'train')"),
    ("x = 5", "x = float(x)"),
    ("x = None", "if x is None:\n    x = f()"),
    ("x = 64", "x = min(x, os.cpu_count())"),
    ("x = 64", "for a in b:\n    x = f(x)"),
    ("x = 64", "if x > n:\n    x = n"),
    # another variable of that name
    ("x = 0.1", "def f(x):\n    x += 1"),
    ("x = []", "def f(x):\n    x.append(1)"),
    ("x = []", "def f():\n    x = []\n    x.append(1)"),
    ("x = []", "def f():\n    for x in y:\n        x.append(1)"),
    ("x = []", "def f(*x):\n    def g():\n        x.append(1)"),
    ("x = []", "f = lambda x: x.append(1)"),
    ("x = 3", "class A:\n    x = 0\n    x += 1"),
    ("x = 3", "class A:\n    def f(self):\n        x = 0\n        x += 1"),
    ("x = 3", "y = [x for x in range(3)]"),
    ("x = []", "y = [x.append(1) for x in z]"),
    ("x = 3", "a.x += 1"),
    ("x = []", "a.x.append(1)"),
    # it is used, read, deleted
    ("x = 3", "f(x=4)"),
    ("x = 3", "model.fit(\n    x=x,\n)"),
    ("x = [1]", "y = x[0]; z.append(x)"),
    ("x = {'a': 1}", "y[x['a']] = 1"),
    ("x = [1]", "x.sort()"),
    ("x = 3", "del x"),
    ("x = 3", "for i in range(x): y += x"),
    ("x = 3", "while y < x:\n    y += 1"),
    ("x = 3", "'''\nx += 1\n'''"),
    ("x = 3", "# x += 1"),
    ("x = 3", "%%bash\nx+=1"),
    ("x = 3", "assert x == 3; y = 0"),
    # assigned again: what is set holds until there
    ("x = 0.1", "x = 0.2"),
    ("x = 0.1", "for a in b:\n    if a == 5:\n        x = 0.01"),
]


@pytest.mark.parametrize(("first", "then"), PARAMETERS)
def test_what_is_set_at_first_and_counts_for_the_run_stays_a_flag(first, then):
    assert "x" in flags(first, then).flags


AROUND = [
    "if a:\n{}",
    "if a:\n    pass\nelif b:\n{}\nelse:\n    pass",
    "for a in b:\n{}\nelse:\n    pass",
    "while a:\n{}",
    "with a as b, c as d:\n{}",
    "try:\n    pass\nexcept (A, B) as e:\n{}\nfinally:\n    pass",
    "try:\n    pass\nfinally:\n{}",
    "def f(a, *b, c=1):\n    global x\n{}",
    "@a\n@b(1)\nasync def f():\n    global x\n{}",
    "if a:\n    %time f()\n    !ls\n    b = !ls\n{}",
    "a = 1; b = 2\nif a:\n    # a comment: {{[(\n{}",
]
CHANGES = ["x += 1", "x = x + 1", "x[a] = b", "x.append(a)", "a = [x.append(b) for b in c]"]
HIDING = [
    "def f(x):\n{}",
    "def f(*, x=1):\n    def g():\n        pass\n{}",
    "def f(a):\n    x = a\n{}",
    "def f(a):\n    with a as x:\n        pass\n{}",
    "def f(a):\n    import x\n{}",
    "def f(a):\n    for x in a:\n        pass\n{}",
    "class A:\n    x = []\n{}",
]


def test_it_does_not_matter_what_is_around_a_change_nor_how_often():
    for outer in AROUND:
        for inner in AROUND:
            for change in CHANGES:
                code = within(outer, within(inner, change))
                assert "x" not in flags("x = 0", code).flags, code


def test_in_whatever_has_a_variable_of_its_own_it_is_another_one():
    for outer in (*AROUND, "{}"):
        for hiding in HIDING:
            for change in CHANGES:
                code = within(outer.replace("global x", "pass"), within(hiding, change))
                assert "x" in flags("x = 0.5", code).flags, code


def within(around: str, code: str) -> str:
    """``code`` in the place of the braces, indented where they stand in a block."""
    return around.format(code if around == "{}" else textwrap.indent(code, "    "))


OTHER_LANGUAGES = [
    ("r", "x <- c()", "for (i in 1:3) {\n  x <- c(x, i) # don't\n}", ADDS),
    ("r", "x <- list()", "for (i in 1:3) x[[i]] <- 'a'", ADDS),
    ("r", "x <- list()", "x$a$b <- 1", ADDS),
    ("r", "x <- c()", "x[length(x) + 1] = 3", ADDS),
    ("r", "x <- 0", "for (i in 1:3) { x <- x + 1 }", COUNTS),
    ("r", "x = 0", "while (TRUE) {\n  x = x + 1L\n}", COUNTS),
    ("r", "x <- 0", "f <- function() { x <<- x + 1 }", COUNTS),
    ("r", "x <- 0", "for (i in y) { x <- max(x, i) }", FINDS),
    ("r", "x <- 3", "for (x in 1:3) print(x)", LOOPS),
    ("r", "x <- NULL", "for (i in 1:3) {\n  x <- f(i)\n}", LOOPS),
    ("julia", "x = []", "for i in 1:3\n    push!(x, i)\nend", ADDS),
    ("julia", "x = Dict()", "x[k] = 1", ADDS),
    ("julia", "x = []", "append!(x, [1])", ADDS),
    ("julia", "x = 0", "for i = 1:3\n    global x += 1\nend", COUNTS),
    ("julia", "x = 0", "x = x + 1", COUNTS),
    ("julia", "x = 0.0", "x = max(x, y)", FINDS),
    ("julia", "x = 3", "for x = 1:3\nend", LOOPS),
    ("julia", "x = 3", "for (i, x) in enumerate(y)\nend", LOOPS),
    ("julia", "x = 3", "for x ∈ y\nend", LOOPS),
    ("bash", "x=()", "x+=(a)", ADDS),
    ("bash", "x=()", "x[3]=a", ADDS),
    ("bash", "x=''", 'x="$x more"', ADDS),
    ("bash", "x=0", "for i in b; do ((x++)); done", COUNTS),
    ("bash", "x=0", "(( ++x ))", COUNTS),
    ("bash", "x=0", "let x+=1", COUNTS),
    ("bash", "x=0", "x=$((x + 1))", COUNTS),
    ("bash", "x=0", "x=$(expr $x + 1)", COUNTS),
    ("bash", "x=0", "f() {\n  x=$((x+1))\n}", COUNTS),
    ("bash", "x=3", "for x in 1 2; do echo; done", LOOPS),
    ("bash", "x=3", "for ((x=0; x<3; x++)); do echo; done", LOOPS),
    ("bash", "x=a", "cat y | while read -r z x; do echo; done", LOOPS),
]


@pytest.mark.parametrize(("language", "first", "then", "reason"), OTHER_LANGUAGES)
def test_so_it_is_in_other_languages(language, first, then, reason):
    found = flags(first, then, language=language)
    assert "x" not in found.flags
    assert reason_of_x(found) == reason
    assert "x" in discover(notebook(first, then, language=language), wanted=["x"]).flags


@pytest.mark.parametrize(
    ("language", "name", "first", "then"),
    [
        ("r", "n.runs", "n.runs <- 0", "n.runs <- n.runs + 1"),
        ("r", ".n", ".n <- 0", "for (i in 1:3) .n <- .n + 1"),
        ("julia", "n!", "n! = 0", "n! += 1"),
        ("julia", "n₁", "n₁ = 0", "n₁ += 1"),
    ],
)
def test_and_so_are_names_that_only_another_language_has(language, name, first, then):
    found = flags(first, then, language=language)
    assert name not in found.flags
    reason = next(skipped.reason for skipped in found.skipped if skipped.name == name)
    assert reason.startswith(f"the notebook counts with {name}, in the 2nd cell")


@pytest.mark.parametrize(
    ("language", "first", "then"),
    [
        ("r", "x <- 0.1", "for (i in 1:3) x <- x * 0.9"),
        ("r", "x <- 0.1", "f <- function(x) {\n  x <- x + 1\n}"),
        ("r", "x <- 3", "train(\n  x = 4,\n  y = x\n)"),
        ("r", "x <- 3", 'y <- "x <- x + 1" # x <- x + 1'),
        ("r", "x <- 3", "y$x <- 4; y.x <- 4"),
        ("r", "x <- 3", "if (x == 3) y <- x[1]"),
        ("julia", "x = 0.1", "for i in 1:3\n    global x *= 0.9\nend"),
        ("julia", "x = 0.1", "function f(x)\n    x += 1\nend"),
        ("julia", "x = 3", "y = [x for x in 1:3]"),
        ("julia", "x = 3", "y.x += 1; f(x=4)"),
        ("julia", "x = 3", '"x = x + 1" # push!(x, 1)'),
        ("bash", "x=3", "echo $x 'x+=1' # x+=1"),
        ("bash", "x=3", "y=$x; yx=4"),
        ("bash", "x=a", 'for i in b; do x="${x}$i"; done'),
    ],
)
def test_so_do_parameters_in_other_languages(language, first, then):
    assert "x" in flags(first, then, language=language).flags


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (f"x = {list(range(1200))}", "data: 6,090 characters"),
        ("x = [\n  1,\n  2,\n]", "data: 4 lines"),
        ("x = {'a': 1,\r\n     'b': 2}", "data: 2 lines"),
        ('x = """one\ntwo"""', "data: 2 lines"),
        ("x = ('one\\n'\n     'two')", "data: 2 lines"),
        (f"x = '{'a' * 199}'", "data: 201 characters"),
        (f"x = b'{'a' * 250}'", "data: 253 characters"),
        (f"x = dict({', '.join(f'a{i}={i}' for i in range(60))})", "data: 464 characters"),
        (f"x = 1, {', '.join(map(str, range(100)))}", "data: 391 characters"),
    ],
)
def test_a_long_literal_and_one_of_several_lines_is_data(source, reason):
    nb = notebook(source + "\ny = 1")
    found = discover(nb)
    assert list(found.flags) == ["y"]
    assert [(s.name, s.reason) for s in found.skipped] == [("x", reason)]
    assert list(discover(nb, wanted=["x"]).flags) == ["y", "x"]
    assert list(discover(nb, patterns={"x": "x = (.)"}).flags) == ["x", "y"]


@pytest.mark.parametrize(
    ("language", "source"),
    [("r", "x <- c(1,\n 2)"), ("julia", "x = [1,\n 2]"), ("bash", "x=(1\n 2)")],
)
def test_it_is_data_in_other_languages(language, source):
    (skipped,) = flags(source, language=language).skipped
    assert (skipped.name, skipped.reason) == ("x", "data: 2 lines")


@pytest.mark.parametrize(
    "source",
    [
        f"x = '{'a' * 198}'",
        "x = ('https://example.org/'\n     'data.csv')",
        "x = (\n  1\n)",
        "x = 'a\\nb'",
        f"x = {'9' * 300}",
        f"x = {list(range(40))}",
        "x = 1, 2",
    ],
)
def test_a_short_literal_on_one_line_is_a_flag(source):
    assert list(flags(source).flags) == ["x"]


def test_what_is_declared_as_a_parameter_is_one_whatever_becomes_of_it():
    assert list(flags(("rows = []\nn = 0", "parameters"), "rows.append(n)\nn += 1").flags) == [
        "rows",
        "n",
    ]
    assert list(flags("n = 0  #@param\nd = [\n 1]  #@param", "for n in d: n += 1").flags) == [
        "n",
        "d",
    ]


def test_a_name_of_another_source_of_flags_is_looked_for_among_what_is_passed_over():
    nb = notebook(("lr = 0.1", "parameters"), "rows = []\nrows.append(lr)")
    assert list(discover(nb).flags) == ["lr"]
    assert list(discover(nb, wanted=["rows"]).flags) == ["lr", "rows"]
