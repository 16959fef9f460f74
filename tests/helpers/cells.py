"""Cells of every language, as people write them and as no one would: fragments and sources of a
language, and what becomes of them by random changes."""

from __future__ import annotations

import functools
import random
import signal
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

from guild_notebook.errors import FlagError
from guild_notebook.flags import guild_values, languages
from guild_notebook.flags.discover import Discovered, discover
from guild_notebook.flags.languages.values import same
from tests.helpers.notebooks import edited, notebook

LANGUAGES = ("python", "r", "julia", "bash")

SECONDS = 10
"""In which a cell is read, on a machine that has other work too; after that it counts as a hang."""

FRAGMENTS = {
    "python": [
        "lr = 0.1  # rate\nopt: str = 'adam'; n = 5\n",
        "def fit(a, *, b='#'):\n    '''It\\'s \"it\".'''\n    return {k: v for k, v in a}\n",
        "!pip install -q 'a[b]'\n%matplotlib inline\nfiles = !ls *.py\nfit?\n",
        'x = f"{a!r:>{b}} {{c}}" + rb"\\n" + """d\n"""\n',
        "x = 5 #@param {type:\"slider\", min:0, max:10}\n#@title A {run: \"auto\"}\n#@markdown b\n",
        "match x:\n    case [1, *_] if y:\n        z = (yield)\n    case _: pass\n",
        "with a as b, c:\n\ttry:\n\t\td = [1,\n2]\n\texcept* E as e: ...\n",
        "%%time\nx, y = 1, 2\nx += 1\nd = {'a': [1, 2.5e-3, None], (1,): {2}}\n",
    ],
    "r": [
        "lr <- 0.1 # rate\nn = 5L; opt <<- 'adam'\n",
        "fit <- function(x, ...)\n{\n  for (i in seq_along(x)) { y[[i]] <- x[[\"a\"]]$`c d` }\n}\n",
        "d <- list(a = c(1, -Inf), \"b\" = list(TRUE, NULL), `c` = 'it\\'s') # )\n",
        "x %>% mutate(y = z %in% c(\"a\", 'b#')) |>\n  lm(y ~ . - 1, data = _)\n",
        "p <- ggplot(df, aes(x, y)) +\n  # a layer\n  geom_point(size = 1e-2) +\n  theme()\n",
        "re <- r\"---(a\"b)\\d)---\"; path <- R'[C:\\x]'\n",
        "if (is.na(x)) y <- 1 else if (x > 2) {\n  y <- \"\\u00e9\\n\"\n} else NULL\n",
        "sapply(1:3, \\(i) i^2); while (TRUE) break; repeat { next }\n-5 -> z; a@b ?help\n",
    ],
    "julia": [
        "lr::Float64 = 0.1 # rate\nconst n = 1_000; opt = \"adam\"\n",
        "function fit(x::Vector{T}; k=2) where {T}\n    y = x' * x[end]'\n    return y\nend\n",
        "d = Dict(\"a\" => [1, 2], 'b' => (3,), :c => nothing) #= not #= code =# =#\n",
        "s = \"a $(f(\"b\", '\"')) $c \\$d\" * \"\"\"e \"f\"\n$(g)\"\"\" * raw\"\\\"$(\"\n",
        "xs = [i^2 for i in 1:10 if iseven(i)]; m = [1 2; 3 4]'\n",
        "mutable struct A <: B\n    x::Int\nend\nA(x) = begin x end\n",
        "map(xs) do x\n    x > 1 ? true :\n      false\nend |> sum; run(`ls $(a) 'b c'`)\n",
        "try\n  @time for (k, v) ∈ d; push!(y, k => v) end\ncatch e\n  rethrow()\nfinally\nend\n",
    ],
    "bash": [
        "lr=0.1 # rate\nexport n=5; opt='a b'\nfiles=(*.txt \"$HOME\"/x)\n",
        "fit() {\n  local x=${1:-\"a b\"} y=$#\n  echo \"${x#*/} ${y%%'}'} $((x << 2)) `ls`\"\n}\n",
        "case \"$1\" in\n  -h|--help) usage;;\n  (a*) x=1 ;&\n  *) exit 1\nesac\n",
        "cat <<EOF >out <<-'B C'\n$x isn't (done\nEOF\n\tB C\ncat <<< \"$y\"\n",
        "for i in {1..3}; do if [[ $i =~ ^(a|b)$ ]]; then\nx=$i; fi\ndone | sort >&2 &\n",
        "x=$(grep -c \"a\" <(cat f) | awk '{ print $1 }'); ((x+=16#ff)) || true\n",
        "while read -r line; do arr+=(\"$line\"); done < <(find . -name \\*.sh)\n",
        "a=$'it\\'s' b=2 make -j && c=~/d; e=\"${x:-it's}\"; echo a#b \\\n  # no comment\n",
    ],
}  # fmt: skip

INSERTS = [
    *"()[]{}\"'`\\#$%;=<>&|,\n\r\t \0\x0c\x85é\u2028\ufeff\ud800!@^~*?:-+._0",
    *['"""', "'''", "#=", "=#", "<<E\n", "<<'", "$((", "$(", "${", 'r"(', "R'[", "```", "\r\n"],
    *["end", "fi", "done", "esac", "case x in ", "if ", "do ", "{ ", "begin ", "function(", "\\("],
    *["x <- ", "x = ", "x=(", "c(", "Dict(", "=> ", "[1, ", "1e400L", "9" * 400, "0x", "lambda "],
    *["#@param ", "{type:", "%%", "!", "\U0001f600", "e\u0302", "if x:\n", "else:", "\\u{110000}"],
]  # fmt: skip

_PLACES = {
    "python": ((sysconfig.get_paths()["stdlib"], "*.py"),),
    "r": (("/usr/lib/R", "**/*.[Rr]"), ("/usr/share/doc", "r-*/**/*.[Rr]")),
    "julia": (("/usr/share/julia", "**/*.jl"),),
    "bash": (
        *(("/usr/bin", "*"), ("/usr/sbin", "*"), ("/etc/init.d", "*"), ("/etc", "**/*.sh")),
        *(("/usr/share", "**/*.sh"), ("/var/lib/dpkg/info", "*.p*inst")),
    ),
}


@functools.cache
def machine_sources(language: str) -> list[str]:
    """Sources of a language that packages of this machine carry, of some none, but a thousand at
    most."""
    found = []
    for folder, pattern in _PLACES[language]:
        for path in sorted(Path(folder).glob(pattern)):
            if len(found) < 1000 and path.is_file() and path.stat().st_size < 200_000:
                text = path.read_bytes().decode("utf-8", "replace")
                if language != "bash" or text.startswith(("#!/bin/sh", "#!/bin/bash", "#! /bin")):
                    found.append(text)
    return found


def mutated(rnd: random.Random, texts: list[str]) -> str:
    """A part of one of ``texts``, or several of them, with up to five changes."""
    if rnd.random() < 0.5:
        text = "".join(rnd.choices(texts, k=rnd.randint(1, 4)))[:2000]
    else:
        whole = rnd.choice(texts)
        start = rnd.randrange(len(whole) + 1)
        text = whole[start : start + rnd.choice([20, 100, 400, 1500])]
    for _ in range(rnd.randrange(6)):
        text = rnd.choice(_CHANGES)(rnd, text)
    return text


def _delete(rnd: random.Random, text: str) -> str:
    start, end = _span(rnd, text)
    return text[:start] + text[end:]


def _duplicate(rnd: random.Random, text: str) -> str:
    start, end = _span(rnd, text)
    return text[:end] + text[start:end] * rnd.randint(1, 3) + text[end:]


def _swap(rnd: random.Random, text: str) -> str:
    (a, b), (c, d) = sorted([_span(rnd, text), _span(rnd, text)])
    c, d = max(b, c), max(b, d)
    return text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]


def _truncate(rnd: random.Random, text: str) -> str:
    return text[: _span(rnd, text)[1]]


def _insert(rnd: random.Random, text: str) -> str:
    start = rnd.randrange(len(text) + 1)
    return text[:start] + rnd.choice(INSERTS) * rnd.choice([1, 1, 1, 3, 60]) + text[start:]


def _span(rnd: random.Random, text: str) -> tuple[int, int]:
    start = rnd.randrange(len(text) + 1)
    return start, min(len(text), start + rnd.randrange(30))


_CHANGES: list[Callable[[random.Random, str], str]] = [
    *(_delete, _duplicate, _swap, _truncate, _insert, _insert)
]


def check_random_cells(language: str, texts: list[str], seed: int, count: int) -> int:
    """Read ``count`` mutations of ``texts``; how many flags they had. Fails at a hang, at an
    exception, and where a flag is not what stands in the source."""
    rnd = random.Random(seed)
    before = signal.signal(signal.SIGALRM, _hangs)
    flags = 0
    try:
        for number in range(count):
            source = mutated(rnd, texts)
            signal.alarm(SECONDS)
            try:
                flags += _check_cell(source, language, rnd)
            except BaseException as e:
                raise AssertionError(f"cell {number} of seed {seed}: {source!r}") from e
            finally:
                signal.alarm(0)
    finally:
        signal.signal(signal.SIGALRM, before)
    return flags


def _hangs(*_args: Any) -> None:
    raise TimeoutError(f"not read in {SECONDS} s")


def _check_cell(source: str, language: str, rnd: random.Random) -> int:
    tag = "parameters" if rnd.random() < 0.3 else ""
    nb = notebook((source, tag), language=language)
    found = discover(nb)
    for flag in found.flags.values():
        (site, *_) = flag.sites
        assert source[site.start : site.end] == flag.default_source
        if not flag.computed:
            text = flag.default_source  # in Python it may stand in parentheses, on several lines
            text = f"({text}\n)" if language == "python" else text
            if not {"\0", "\ud800"}.intersection(text):  # which a cell of Python is read without
                assert same(languages.named(language).read(text), flag.default)
        guild_values.flag_data(flag)
        assert edited(nb, Discovered(flags={flag.name: flag}), {}) == {}
        for value in (rnd.choice([7, "a 'b\" $c", True, [1, 2]]), None):
            try:
                new = edited(nb, Discovered(flags={flag.name: flag}), {flag.name: value})
            except FlagError as e:
                assert "\n" not in str(e)
                continue
            for text in new.values():
                assert text.startswith(source[: site.start])
                assert text.endswith(source[flag.sites[-1].end :])
    return len(found.flags)
