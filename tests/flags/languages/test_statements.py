"""Where assignments begin and end in the languages that this package has no parser of."""

from __future__ import annotations

import pytest

from guild_notebook.flags import languages
from guild_notebook.flags.discover import discover
from guild_notebook.flags.languages.language import NameAssignment
from tests.helpers.notebooks import edited, notebook

# What stands before `z` must neither hide it nor be taken for an assignment: `y` and `w` are none.
NAMES = [
    ("r", "x <- 'it # is' # why'\nv = 2; z <- 3", "x v z"),
    ("r", 'x <- r"(a"b\\)"; v <- R\'--[)"]--\'\nu <- r"---{]}---" # c\nz <- 3', "x v u z"),
    ("r", "x <- `a (` + a %(% b + 'a\nb' + \"\\\\\"\nz <- 3", "x z"),
    ("r", "`a (` <- 1 # (\nx <- a %in% b\nz <- 3", "x z"),
    ("r", "f <- function(a,\n b) # why\n\n{\n  y <- 2\n}\nz <- 3", "f z"),
    ("r", "f <- function(a)\ny <- 2\ng <- \\(a)\ny <- 2\nz <- 3", "f g z"),
    ("r", "if (a)\ny <- 2 else\ny <- 4\nz <- 3", "z"),
    ("r", "for (i in 1:3)\nwhile (TRUE)\ny <- 2\nrepeat\ny <- 4\nz <- 3", "z"),
    ("r", "{\ny <- 2\n}\nx <- my.function(a)\nz <- 3 # }", "x z"),
    ("r", "x <- 1\r\nv <- 2\rz <- 3", "x v z"),
    ("julia", "x = 'a' # why'\nv = '\"'; u = '\\''\nz = 3", "x v u z"),
    ("julia", "x = a' # ' (\nv = f(a)' * b''\nu = [1]'\nz = 3", "x v u z"),
    ("julia", "#= #= y =# = 2\ny = 3 =#\nz = 3", "z"),
    ("julia", 'x = "a $(f("b (", "$(c)")) # c" # d\nz = 3', "x z"),
    ("julia", 'x = r"^$("\nv = raw"$(\\""\nu = `a $(b)`\nz = 3', "x v u z"),
    ("julia", 'x = """a "b"\n# (\n$(f("""c"""))\\"""" * ```a `b` ```\nz = 3', "x z"),
    ("julia", "x = r[end] + r[begin:end]\nv = [i for i in a if\n i > 1]\nz = 3", "x v z"),
    ("julia", "if a\ny = 2\nelse\ny = 4\nend\nz = 3", "z"),
    ("julia", "function f(a)\ny = 2\nfor i in a\ny = 4\nend\nend\nz = 3", "z"),
    ("julia", "x = begin\ny = 2\nend\nv = map(a) do b\ny = 2\nend\nz = 3", "x v z"),
    ("julia", "mutable struct A\ny = 2\nend\nabstract type B end\nz = 3", "z"),
    ("julia", "x = a.end + f(:end)\nendless = 1\nsort!(a)\nz = 3", "x endless z"),
    ("julia", "const n = 1;\nl\u0302 = 2\nz::Float64 = 3", "n l\u0302 z"),
    ("julia", "x => 1\nf(y, w) = 3\nf(y, w = 2)\nconst global z = 3", "z"),
    ("r", "if (a) 5 -> y\nfunction(y) y -> w\n\\(y) y -> w\n'5 -> y'\nz <- 3", "z"),
    ("bash", "x=${y#a} # it's\nv=$#\nu=a#b\nz=3", "x v u z"),
    ("bash", 'x="a # $(f "b \' (") `c`" # d\nv=\'\\\'\nz=3', "x v z"),
    ("bash", "x=${y:-'}'}\nv=\"${y:-it's ${w}}\"\nu=$'it\\'s' # '\nz=3", "x v u z"),
    ("bash", "x=a\\ b\\#\\'\nv=(a#b \\) # d )\n  ')')\nz=3", "x v z"),
    ("bash", "cat <<EOF\ny=2\n' \" (\n EOF\nEOF\nz=3", "z"),
    ("bash", "cat <<-'E'>f && a <<B\ny=2\n\tE\ny=4\nB\nz=3", "z"),
    ("bash", "x=$(cat <<\\E\n)'\nE\n)\ncat <<< '<<E'\nz=3", "x z"),
    ("bash", "((i<<2))\nx=$((1<<3 + 16#f)) # (\nlet 'i<<=1'\nz=3", "x z"),
    ("bash", "if a; then\ny=2\nelse\ny=4\nfi\nz=3", "z"),
    ("bash", "for i in a; do\ny=2\ndone; x=3\nwhile a\ndo if b; then\ny=2\nfi; done\nz=3", "x z"),
    ("bash", "case $a in\na) y=2;;\n(b|c)\ny=4\n;;\ndone) ;;\nesac\nz=3", "z"),
    ("bash", "f() {\ny=2\n}\nfunction g {\ny=2\n}\n(\ny=2\n)\nz=3", "z"),
    ("bash", "echo done fi } if\necho a{b,c}\n[[ $a =~ ^(b|c)$ ]] # (\nz=3", "z"),
    ("bash", "a &&\ny=2\nb |\ny=4\nz=3", "z"),
    ("bash", "y=2 make\ny=2 w=3\ny= make\nexport y=2 w\ny=2 && a\ny=2 | a\ny=2 > f\nz=3", "z"),
]


@pytest.mark.parametrize(("language", "source", "names"), NAMES)
def test_each_assignment_at_the_top_level_is_found_and_nothing_else(language, source, names):
    found = languages.named(language).assignments(source)
    assert [each.name for each in found if isinstance(each, NameAssignment)] == names.split()


TOGETHER = [
    # a statement, a value for each flag of it, what it then is; reasons
    ("julia", "x, y = 1, 2", {"x": 5, "y": 6}, "x, y = 5, 6", []),
    ("julia", "(x, y) = (1, 2) # é", {"y": 6}, "(x, y) = (1, 6) # é", []),
    ("julia", "x::Int, y = 1, f(2, 3)", {"x": 5}, "x::Int, y = 5, f(2, 3)", ["not a literal"]),
    ("julia", "x, y = [1,\n 2]", {"y": 6}, "x, y = [1,\n 6]", []),
    ("julia", 'x, y = (1, 2), "a,b"', {"x": "3 4", "y": "c"}, 'x, y = (3, 4), "c"', []),
    ("julia", "const x, y = 1, # one\n 2", {"y": 6}, "const x, y = 1, # one\n 6", []),
    ("julia", "x, y, = 1, 2", {"y": 6}, "x, y, = 1, 6", []),
    ("julia", "x, y = f()", {}, "", ["an assignment to several names"]),
    ("julia", "x, y... = 1, 2", {}, "", ["an assignment to several names"]),
    ("julia", "x, (y, w) = 1, (2, 3)", {}, "", ["an assignment to several names"]),
    ("julia", "x, y = (1, a) .+ (2, b)", {}, "", ["an assignment to several names"]),
    ("julia", "global x = 1", {"x": 5}, "global x = 5", []),
    ("julia", "const x::Int = 1", {"x": 5}, "const x::Int = 5", []),
    ("r", "5L -> x # é", {"x": 6}, "6L -> x # é", []),
    ("r", "c(1, 2) ->>\n x", {"x": "3 4"}, "c(3, 4) ->>\n x", []),
    ("r", "f(1) -> x", {}, "", ["not a literal"]),
    ("r", "1 -> x -> y", {}, "", ["not a literal"]),
    ("bash", "declare x=1", {"x": 5}, "declare x=5", []),
    ("bash", "typeset -r -i x=1 # é", {"x": 5}, "typeset -r -i x=5 # é", []),
    ("bash", "declare -ax x=(1 2)", {"x": "3 4"}, "declare -ax x=(3 4)", []),
    ("bash", "declare -A x=([a]=1)", {}, "", ["not a literal"]),
    ("bash", "declare -n x=y", {}, "", ["not a literal"]),
    ("bash", "declare x=1 y=2", {}, "", ["more than an assignment"]),
]


@pytest.mark.parametrize(("language", "source", "values", "expected", "reasons"), TOGETHER)
def test_an_assignment_of_another_form_is_a_flag_or_is_passed_over_with_a_reason(
    language, source, values, expected, reasons
):
    nb = notebook(source, language=language)
    found = discover(nb)
    assert set(values) <= set(found.flags)
    assert [skipped.reason for skipped in found.skipped] == reasons
    assert edited(nb, found, values) == ({0: expected} if values else {})
    if not values:
        assert found.flags == {}
    if "#" in source and "é" in source:
        assert {flag.description for flag in found.flags.values()} == {"é"}


STATEMENTS = [
    ("r", "x <- c(1, # one )\n  2) # two\nz <- 3", "x <- c(1, # one )\n  2)", [1, 2]),
    ("r", "x <- 1 + # plus\n\n# more\n 2 # two\nz <- 3", "x <- 1 + # plus\n\n# more\n 2", None),
    ("r", "x <-\n  1\nz <- 3", "x <-\n  1", None),
    ("r", "x <- a |>\n  f() ; z <- 3", "x <- a |>\n  f()", None),
    ("r", "x <- r'(\n# (\n)'\nz <- 3", "x <- r'(\n# (\n)'", "\n# (\n"),
    ("julia", "x = [1, #= ] =# 2, # ]\n 3] # x\nz = 3", "x = [1, #= ] =# 2, # ]\n 3]", [1, 2, 3]),
    ("julia", "x = 1 #= one =# # and\nz = 3", "x = 1", 1),
    ("julia", "x = 1 #= one =# + 2\nz = 3", "x = 1 #= one =# + 2", None),
    ("julia", "x = a ? b :\n c\nz = 3", "x = a ? b :\n c", None),
    ("bash", "x=(a#b 'c )' # d )\n e)\nz=3", "x=(a#b 'c )' # d )\n e)", ["a#b", "c )", "e"]),
    ("bash", "x=1;z=3", "x=1", 1),
    ("bash", "export x='a b' # c\nz=3", "export x='a b'", "a b"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "source", "statement", "value"), STATEMENTS)
def test_an_assignment_is_all_its_lines_without_the_comment_behind_it(
    language, source, statement, value
):
    first, second = languages.named(language).assignments(source)
    assert source[first.start : first.end] == statement
    assert (first.value, first.computed) == (value, value is None)
    assert (second.name, second.value) == ("z", 3)


OPEN = [
    ("r", "z <- 3\nx <- c(1,\ny <- 2", 2, "x <- c(1,"),
    ("r", "z <- 3\n\nx <- 'it\ny <- 2", 3, "x <- 'it"),
    ("julia", "z = 3\nif a\ny = 2", 2, "if a"),
    ("julia", "z = 3\n#= a\ny = 2", 2, "#= a"),
    ("bash", "z=3\nif a; then\ny=2", 2, "if a; then"),
    ("bash", 'z=3\necho "a\ny=2', 2, 'echo "a'),
]


@pytest.mark.parametrize(("language", "source", "line", "text"), OPEN)
def test_what_is_never_closed_is_named_for_what_follows_is_not_read(language, source, line, text):
    found = discover(notebook(source, language=language))
    assert list(found.flags) == ["z"]
    (skipped,) = found.skipped
    assert (skipped.line, skipped.source) == (line, text)
    assert skipped.reason == "what begins here does not end in the cell"


@pytest.mark.parametrize(
    ("language", "before", "long", "after"),
    [
        ("python", "z = 3", "x = [" + "12345, " * 30_000 + "]", "y = 2"),
        ("r", "z <- 3", "x <- c(" + "12345, " * 30_000 + "1)", "y <- 2"),
        ("julia", "z = 3", "x = [" + "12345, " * 30_000 + "]", "y = 2"),
        ("bash", "z=3", "x=(" + "12345 " * 35_000 + ")", "y=2"),
    ],
)
def test_an_assignment_of_data_is_passed_over_and_those_around_it_are_read(
    language, before, long, after
):
    found = discover(notebook(f"{before}\n{long}\n{after}", language=language))
    assert list(found.flags) == ["z", "y"]
    (skipped,) = found.skipped
    assert (skipped.line, skipped.reason) == (2, "longer than 200,000 characters")


def test_more_than_is_parsed_at_once_is_read_to_the_last_line():
    lines = [f"name_{i} = {i}  # with a comment" for i in range(20_000)]
    found = discover(notebook("\n".join(lines)))
    assert len(found.flags) == 20_000
    assert found.flags["name_19999"].default == 19_999
