from __future__ import annotations

import pytest

from guild_notebook.errors import FlagError
from guild_notebook.flags import languages
from guild_notebook.flags.discover import discover
from guild_notebook.flags.languages.values import NotLiteralError
from tests.helpers.notebooks import edited, flags, notebook

LITERALS = [
    ("r", "TRUE", True),
    ("r", "NULL", None),
    ("r", "5", 5),
    ("r", "-1.5e-3", -0.0015),
    ("r", "Inf", float("inf")),
    ("r", '"a\\"b\\n\\u00e9$"', 'a"b\né$'),
    ("r", 'c("a", "b")', ["a", "b"]),
    ("r", 'list("a" = 1, "b" = c(1, 2))', {"a": 1, "b": [1, 2]}),
    ("r", 'list(1, "a")', [1, "a"]),
    ("r", "5L", 5),
    ("r", "1e3L", 1000),
    ("r", "1.5L", 1.5),
    ("r", '"\\u00e9a\\x41\\101\\U0001F600\\u{e9}a"', "éaAA\U0001f600éa"),
    ("r", "'a\"b'", 'a"b'),
    ("r", "R'--[a)\\n]-]--'", "a)\\n]-"),
    ("r", "c(1, # one )\n2 # two\n)", [1, 2]),
    ("julia", "false", False),
    ("julia", "nothing", None),
    ("julia", "1.0e-5", 1e-05),
    ("julia", '"\\$x ü"', "$x ü"),
    ("julia", "[1, [2]]", [1, [2]]),
    ("julia", "(1,)", (1,)),
    ("julia", "(1)", 1),
    ("julia", "()", ()),
    ("julia", "Dict()", {}),
    ("julia", '"""a"b"""', 'a"b'),
    ("julia", '"\\\\\\$x"', "\\$x"),
    ("julia", "[1, #= two, =# 3, # four\n]", [1, 3]),
    ("julia", 'Dict("a" => 1)', {"a": 1}),
    ("bash", "true", True),
    ("bash", "0.5", 0.5),
    ("bash", "word", "word"),
    ("bash", "'a b$'", "a b$"),
    ("bash", "(1 'a b')", [1, "a b"]),
    ("bash", "(a#b # c )\n\td)", ["a#b", "d"]),
    ("bash", "1e400", "1e400"),
    ("bash", '"a\\$b\\c"', "a$b\\c"),
    ("scala", '"a"', "a"),
    ("scala", "1.5", 1.5),
]


@pytest.mark.parametrize(("language", "text", "value"), LITERALS)
def test_a_literal_is_read_and_what_is_written_reads_the_same(language, text, value):
    known = languages.named(language)
    assert known.read(text) == value
    assert type(known.read(text)) is type(value)
    assert known.read(known.write(value, text)) == value


@pytest.mark.parametrize(
    ("language", "text"),
    [("r", "f(1)"), ("r", "1 + 1"), ("r", "c(1, x)"), ("julia", '"$x"'), ("julia", "x"),
     ("bash", "$(ls)"), ("bash", '"$x"'), ("bash", "a b"), ("scala", "x"), ("r", "-NULL"),
     ("r", "c(1"), ("julia", "[1 2]"), ("r", '"\\u{110000}"'),
     ("r", "1e400L"), ("r", "1e400"), ("r", "9" * 5000), ("r", "0x" + "f" * 5000), ("r", "\u0663"),
     ("r", "list(a = 1, a = 2)"), ("r", '"\\xe9"'), ("r", '"\\q"'), ("r", 'r"(a)-"'),
     ("julia", "Dict([1,2] => 3)"), ("julia", "Dict(1, 2)"), ("julia", "Dict(1 => 2, 3)"),
     ("julia", '"\\\\$x"'), ("julia", '"\\ud800"'), ("julia", "1e400"), ("julia", '"""\n  a"""'),
     ("julia", "a'"), ("julia", "'a'"), ("julia", 'r"a"'), ("julia", "(1; 2)"), ("julia", "[1; 2]"),
     ("bash", "($(ls))"), ("bash", "(a;b)"), ("bash", "(a"), ("bash", "(*.txt)"),
     ("bash", "(a (b)"), ("bash", '("a"b)'), ("bash", "$'a'"), ("bash", "a${b#c}"),
     ("bash", '"\\\\$x"')]
    + [(name, opening * depth) for name in ("r", "julia", "bash", "scala", "python")
       for opening in ("[", "(", "c(", "{", "(-", "[1, ") for depth in (5_000, 100_000)],
)  # fmt: skip
def test_what_is_no_literal_is_neither_a_value_nor_an_exception_of_its_own(language, text):
    with pytest.raises(NotLiteralError):
        languages.named(language).read(text)


@pytest.mark.parametrize(
    ("language", "value"),
    [("r", "a\0"), ("julia", "\ud800"), ("bash", {"a": 1}), ("bash", [[1]]), ("bash", "\0"),
     ("scala", float("inf"))],
)  # fmt: skip
def test_a_value_that_the_language_cannot_hold_is_refused(language, value):
    source = {"r": "x <- 1", "julia": "x = 1", "bash": "x=1", "scala": "val x = 1"}[language]
    nb = notebook(source, language=language)
    found = discover(nb, {"x": "1"})
    object.__setattr__(found.flags["x"], "type", None)
    with pytest.raises(FlagError, match=f"flag x in the 1st cell .* cannot hold .* in {language}"):
        edited(nb, found, {"x": value})


CELLS = [
    (
        "r",
        'lr <- 0.1 # rate\nn = 5L\nopt<-"a"; v <- c(1, 2)\nf <- function(x) {\n  lr <- 2\n}\n'
        "y <- g(1)\nif (x <- 1) 2\n",
        {"lr": 0.2, "n": 6, "opt": "b", "v": "3 4"},
        'lr <- 0.2 # rate\nn = 6L\nopt<-"b"; v <- c(3, 4)\nf <- function(x) {\n  lr <- 2\n}\n'
        "y <- g(1)\nif (x <- 1) 2\n",
    ),
    (
        "julia",
        'lr::Float64 = 0.1 # rate\nconst n = 5;\nopt = "é"\nv = [1, 2]\nif n == 5\n  w = 1\nend\n',
        {"lr": 0.2, "n": 6, "opt": "$b", "v": "3"},
        'lr::Float64 = 0.2 # rate\nconst n = 6;\nopt = "\\$b"\nv = [3]\nif n == 5\n  w = 1\nend\n',
    ),
    (
        "bash",
        "lr=0.1 # rate\nexport n=5\nopt='a b'\nv=(1 2)\npath=$HOME/x\necho x=1\n",
        {"lr": 0.2, "n": 6, "opt": "it's", "v": "3"},
        "lr=0.2 # rate\nexport n=6\nopt='it'\"'\"'s'\nv=(3)\npath=$HOME/x\necho x=1\n",
    ),
    ("bash", "files=($(ls))\nn=3\nopen=(1 2", {"n": 4}, "files=($(ls))\nn=4\nopen=(1 2"),
]


@pytest.mark.parametrize(("language", "source", "values", "expected"), CELLS)
def test_plain_assignments_of_other_languages_are_flags(language, source, values, expected):
    nb = notebook(source, language=language)
    found = discover(nb)
    assert set(found.flags) == set(values)
    assert edited(nb, found, values) == {0: expected}


def test_tagged_cells_of_other_languages_hold_computed_defaults_too():
    found = flags(("path <- file.path('a', b) # where\nn <- 1", "parameters"), language="r")
    assert found.source == "parameters"
    assert found.flags["path"].default_source == "file.path('a', b)"
    assert found.flags["path"].description == "where"


def test_a_kernel_that_names_no_language_is_known_by_its_name():
    nb = notebook("x <- 1")
    nb.data["metadata"] = {"kernelspec": {"name": "ir", "display_name": "R"}}
    assert languages.name_of(nb) == "r"
    assert list(discover(nb).flags) == ["x"]
