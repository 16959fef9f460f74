"""Lines of IPython: what magics do to names and files, and what a line of a shell starts."""

from __future__ import annotations

import re

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
} - {"pylab"}
"""Those that bind no names but such as their own text holds."""

_LINE = re.compile(r"[ \t]*(?:[^=%!?]{1,200}?=[ \t]*)?([%!])[%!]?(.*)", re.S)

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
