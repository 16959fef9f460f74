"""Reading values in kernels of R and Julia: code that adds to a file, since R's kernel knows no
expressions beside what it executes.

A line of the file has the number of the expression, from 1, a letter, a name and a text, between
tabs: ``n`` for a number, ``s`` for numbers between commas, each with the names of the mappings that
it is in, and ``!`` for why there is none. Before the numbers there are those of which there is
each, and how many there are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .value_reader import DEEPEST, MOST_NAMES, MOST_STEPS, SECONDS

_R = """local({
  put <- function(i, kind, name, text) {
    fields <- enc2utf8(gsub("[\\t\\r\\n]", " ", c(i, kind, name, text)))
    cat(paste(fields, collapse = "\\t"), "\\n", sep = "", file = @PATH@, append = TRUE)
  }
  tell <- function(i, name, x, depth) {
    if (is.data.frame(x)) {
      if (nrow(x) != 1) stop("it is a table of ", nrow(x), " rows")
      x <- as.list(x)
    }
    is_number <- function(e) is.numeric(e) && length(e) == 1
    if (is.list(x) && is.null(names(x)) && all(vapply(x, is_number, NA))) x <- unlist(x)
    if (is.list(x) || !is.null(names(x))) {
      if (depth < @DEEPEST@) for (k in head(seq_along(x), @NAMES@)) {
        try(tell(i, trimws(paste(name, names(x)[k])), x[[k]], depth + 1), silent = TRUE)
      }
      return(invisible())
    }
    if (!is.numeric(x) && !is.logical(x)) stop("it is not a number but of the class ", class(x)[1])
    if (length(dim(x)) > 1) stop("it has the shape ", paste(dim(x), collapse = " x "))
    n <- length(x)
    if (n == 0) stop("it is empty")
    every <- ceiling(n / @STEPS@)
    x <- as.numeric(x[unique(c(seq(1, n, by = every), n))])
    x[is.na(x)] <- NaN
    text <- paste(c(every, n, formatC(x, digits = 17, format = "g")), collapse = ",")
    put(i, if (n == 1) "n" else "s", name, text)
  }
  cat("", file = @PATH@, append = TRUE)
  texts <- c(@TEXTS@)
  for (i in seq_along(texts)) tryCatch({
    setTimeLimit(elapsed = @SECONDS@, transient = TRUE)
    suppressWarnings(tell(i, "", eval(parse(text = texts[i]), globalenv()), 0))
  }, error = function(e) put(i, "!", "", conditionMessage(e)),
  interrupt = function(e) put(i, "!", "", "it takes over @SECONDS@ s"), finally = setTimeLimit())
})"""

_JULIA = """let before = (isdefined(Main, :ans) ? Main.ans : nothing)
    function put(i, kind, name, text)
        one_line(t) = replace(t, r"[\\t\\r\\n]" => " ")
        line = join((string(i), kind, one_line(name), one_line(text)), '\\t')
        open(file -> println(file, line), @PATH@, "a")
    end
    function tell(i, name, x, depth)
        if x isa NamedTuple || x isa AbstractDict
            for (key, entry) in Iterators.take(pairs(x), depth < @DEEPEST@ ? @NAMES@ : 0)
                try tell(i, strip(name * " " * string(key)), entry, depth + 1) catch end
            end
        elseif x isa Real
            put(i, "n", name, "1,1," * string(Float64(x)))
        elseif x isa AbstractVector || x isa Tuple
            isempty(x) && error("it is empty")
            n = length(x)
            every = cld(n, @STEPS@)
            kept = unique([1:every:n; n])
            numbers = join((string(Float64(x[k])) for k in kept), ",")
            put(i, "s", name, "$every,$n,$numbers")
        else
            error("it is not a number but of the type " * string(typeof(x)))
        end
    end
    for (i, text) in enumerate(String[@TEXTS@])
        try
            Base.invokelatest(tell, i, "", Core.eval(Main, Meta.parse(text)), 0)
        catch e
            put(i, "!", "", first(sprint(showerror, e), 200))
        end
    end
    touch(@PATH@)
    before
end"""


def _code(template: str, escaped: Callable[[str], str]) -> Callable[[Sequence[str], str], str]:
    def code(texts: Sequence[str], path: str) -> str:
        parts = {
            "DEEPEST": f"{DEEPEST}",
            "NAMES": f"{MOST_NAMES}",
            "STEPS": f"{MOST_STEPS}",
            "SECONDS": f"{SECONDS:g}",
            "PATH": escaped(path),
            "TEXTS": ", ".join(map(escaped, texts)),
        }
        made = template
        for name, part in parts.items():
            made = made.replace(f"@{name}@", part)
        return made

    return code


def _in_quotes(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


CODES: dict[str, Callable[[Sequence[str], str], str]] = {
    "r": _code(_R, _in_quotes),
    "julia": _code(_JULIA, lambda text: _in_quotes(text).replace("$", "\\$")),
}
"""By the language of a kernel what makes the code that writes the values of expressions to a file.
"""


def values_of(lines: Iterable[str], texts: Sequence[str]) -> dict[str, Any]:
    """What such a file says, as value_reader.Reader answers."""
    found: dict[str, Any] = {}
    for line in lines:
        parts = line.rstrip("\n").split("\t")
        with contextlib.suppress(ValueError, IndexError, OverflowError):
            text, (kind, name, value) = texts[int(parts[0]) - 1], parts[1:4]
            if kind == "!":
                found[text] = {"error": value}
                continue
            written = list(map(float, value.split(",")))  # R writes 1e+05
            every, count = map(int, written[:2])
            numbers: Any = written[2] if kind == "n" else written[2:]
            cut = {}
            if every > 1:
                numbers, cut = (
                    ["steps", every, count - 1, *numbers],
                    {"count": count, "kept": MOST_STEPS},
                )
            if name:
                if not isinstance(found.get(text, {}).get("value"), dict):
                    found[text] = {"value": {}}
                found[text]["value"][name] = numbers
                found[text].update(cut)
            else:
                found[text] = {"value": numbers, **cut}
    return found
