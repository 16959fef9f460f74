"""Lines of IPython: what magics do to names and files, and what a line of a shell starts."""

from __future__ import annotations

import re
from typing import NamedTuple

SETTING = {
    *("matplotlib", "config", "load_ext", "reload_ext", "autoreload", "pip", "conda", "mamba"),
    *("precision", "xmode", "colors", "pdb", "pprint", "automagic", "logstop", "time", "capture"),
    *("watermark", "version_information", "psource", "pinfo", "pdoc", "pdef", "lsmagic"),
    *("quickref", "tensorflow_version", "timeit"),
}
"""Magics of lines that change no name."""

PROGRAMS = {
    *("cd", "pwd", "ls", "mkdir", "rm", "cp", "mv", "cat", "system", "sx", "bookmark"),
    *("bash", "sh", "script", "writefile", "file", "perl", "ruby", "cmd", "!"),
}
"""Those of lines and cells that reach files and other programs, and names in their first line."""

SHOWING = {"html", "HTML", "latex", "markdown", "svg", "SVG", "javascript", "js"}
"""Those of cells that show the rest of the cell."""

_MAKING_NO_FILES = {"pwd", "ls", "who", "whos", "env", "prun", "lprun", "memit", "mprun", "pylab"}

BINDING_NO_OTHERS = {
    *(*SETTING, *PROGRAMS, *SHOWING, *_MAKING_NO_FILES, "debug", "env", "gui", "hist", "history"),
    *("info", "less", "ll", "man", "more", "pinfo2", "popd", "pushd", "pycat", "rmdir", "set_env"),
    *("store", "tensorboard", "unload_ext", "uv", "who_ls", "R", "sql", "bigquery", "dotenv"),
    *("black", "flake8_on", "flake8_off", "pycodestyle_on", "snakeviz", "wandb", "clear", "tb"),
    "guild",
} - {"pylab"}
"""Those that bind no names but such as their own text holds."""

WORD = re.compile(r"[^\W\d]\w*")
_LINE = re.compile(r"[ \t]*(?:[^=%!?]{1,200}?=[ \t]*)?([%!])[%!]?(.*)", re.S)

_AUTOMAGIC = re.compile(
    r"[ \t]*(?:alias|cat|cd|clear|conda|cp|ls|ll|mamba|man|mkdir|more|mv|pip|pwd|rm|rmdir"
    r"|matplotlib|load_ext|reload_ext|autoreload|time|timeit|who|whos|env|less|pylab|run|uv)\b"
    r"(?![ \t]*[=.(,\[])"
)

_WITHOUT_NAMES = {"pip", "conda", "writefile", "file", "matplotlib", "cd", "env"}
"""Magics that bind no names."""

_TIMED = re.compile(r"[ \t]*(?:%%time\b|%time[ \t]+(?![\s-]))")
"""What is timed, and read as Python (languages/changes.py)."""

_EXTENSIONS = {
    *("autoreload", "tensorboard", "sql", "line_profiler", "memory_profiler", "rpy2", "watermark"),
    *("nb_black", "lab_black", "jupyter_black", "dotenv", "version_information", "google", "wandb"),
    *("Cython", "cython", "snakeviz", "pycodestyle_magic", "cudf", "duckdb", "jupyter_ai", "cuml"),
    "guild_notebook",
}
"""Extensions of IPython that bind no names when they are loaded."""

_ONLY_SHOWS = re.compile(
    r"\s*(?:(?:sudo|time)\s+)*(?:(?:pip3?|conda|mamba|nvidia-smi|ls|pwd|cat|head|tail|wc|du|df|free"
    r"|lscpu|nproc|uname|hostname|which|whoami|date|echo|grep|apt|apt-get|file|tree|find)"
    r"|(?:\S*python[\d.]*\s+)?(?:--version|-V|-m\s+pip))(?=\s|\Z)(?!.*(?:-exec|-delete)\b)[^>`]*"
)
"""A command that installs packages or shows something, and writes no file where it is started."""

_SILENCED = re.compile(r"[12&]?>[ ]?(?:/dev/null|&[12])(?=\s|\Z)")
_COMMANDS = re.compile(r"&&|[;&|\n]")
_FIRST = re.compile(r"(?:\w+=\S*\s+)*([^\s;&|]+)")


def program(line: str) -> str:
    """The program that a line of a shell starts, "" where all that it starts only shows
    something."""
    if "$(" in line or "`" in line:
        return "a shell"
    others = (part for part in _COMMANDS.split(_SILENCED.sub(" ", line)) if part.strip())
    other = next((part for part in others if not _ONLY_SHOWS.fullmatch(part)), "")
    named = _FIRST.match(other.strip())
    return named[1] if named else ""


def split(line: str) -> tuple[str, str] | None:
    """The sign of a line of IPython, ``%`` or ``!``, and what follows on it, without the name that
    the result is assigned to; None for a question and the like."""
    match = _LINE.match(line)
    return (match[1], match[2].strip()) if match else None


def makes_no_files(line: str) -> bool:
    """Whether a line of IPython makes none where it is executed."""
    if not (said := split(line)):
        return line.endswith("?") or line.lstrip().startswith("?")
    sign, rest = said
    if sign == "!":
        return not program(rest)
    return (rest.split(None, 1) or [""])[0] in _MAKING_NO_FILES | SETTING | SHOWING


class Names(NamedTuple):
    """What a text that is not Python may do to names: the ``words`` are those that it may bind,
    ``unknown`` is why it may bind any, "" where it does not."""

    words: frozenset[str] = frozenset()
    unknown: str = ""


def names_of_line(line: str) -> Names:
    """Of a line of IPython: a magic, a command or a question."""
    said = split(line)
    if said and said[0] == "%":
        return names_of_magic(said[1], line)
    if not said and line.lstrip()[:1] in ("/", ",", ";"):
        return _words_of(line)
    return Names()


def names_of_magic(said: str, text: str) -> Names:
    """Of a magic of which ``said`` is the line behind the sign, and ``text`` all."""
    name, _, rest = said.partition(" ")
    name = name.strip()
    if name in ("load_ext", "reload_ext") and rest.partition(".")[0].strip() not in _EXTENSIONS:
        return Names(unknown=f"the extension {rest.strip()[:40]}")
    if name == "store" and re.search(r"-\w*r\b", rest) and not rest.replace("-r", "").strip():
        return Names(unknown="the magic %store -r")
    if name not in BINDING_NO_OTHERS:
        return Names(unknown=f"the magic %{name[:40]}")
    if name not in _WITHOUT_NAMES and not _TIMED.match(text):
        return _words_of(text[:10_000])
    return Names()


def names_of_text(text: str) -> Names:
    """Of what is not readable as Python: all its words may be names that it binds."""
    code = "\n".join(line.partition("#")[0] for line in text.splitlines()).strip()
    if _AUTOMAGIC.match(code):
        return names_of_line("%" + code)
    is_any = re.search(r"import[ \t]*\*|exec|globals|get_ipython|%", code)
    return Names(_words_of(code).words, "what is not readable as Python" if is_any else "")


def _words_of(text: str) -> Names:
    return Names(frozenset(WORD.findall(text)))
