"""Files and modules that a cell has not found and the project has.

Whatever the language and the library, an error that is about a file names it: the parts of its text
that may be paths are looked for where the cell has looked, and in the project. Why Guild has not
copied what is found there, and what brings it into a run, Guild is asked (plugin/not_copied.py).
"""

from __future__ import annotations

import functools
import glob
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from ... import start
from ...document.reader import is_inside
from ...kernels.interpreters import is_environment

_IS_OF_FILES = re.compile(
    r"no such (?:file|table)|not found|n[o']t (?:exist|be opened|find|open|locate|read)|not exist"
    r"|unable to (?:\w+ )?(?:find|open|locate|read)|cannot (?:find|open|locate|read|load)"
    r"|fail(?:ed|ure) (?:to|in) (?:open|read|load|find)|error (?:opening|reading|loading)"
    r"|no files? |non-existent|is (?:not )?a directory|not a directory|path_not_found|not a valid",
    re.IGNORECASE,
)
"""What texts say that are about a file: of the system (``strerror``), and of libraries."""

_ERRORS_OF_FILES = ("FileNotFoundError", "NotADirectoryError", "IsADirectoryError")

_QUOTED = re.compile(r"""(?:(?<!\w)|(?<=\bb))(['"`‘“])(.{1,1000}?)['"`’”](?!\w)""")
_SEPARATORS = re.compile(r"[\s,;=<>|()\[\]{}]+")
_QUOTES = " \t'\"`‘’“”"

_NO_MODULE = re.compile(r"No module named '([\w.]+)'(?:; .*)?")
_IMPORT_ERROR = re.compile(r"^(?:ModuleNotFound|Import)Error: (.+)$", re.MULTILINE)
_NO_NAME = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'.*", re.DOTALL)
"""Python's own texts. A submodule that is not there is a name that its package lacks, too."""

_WRITES = re.compile(r"""['"][wax]b?\+?t?['"]|\bto_|save|dump|writ|>""")
MOST_TEXT = 10_000  # last characters of an error, and of what a cell has printed, that are read
MOST_NAMES = 50
MOST_FOLDERS = 2_000  # folders of the project in which a file is looked for
_NEVER_SEARCHED = {"node_modules", "site-packages", "__pycache__"}

ASKING_SECONDS = 20.0


@dataclass(frozen=True)
class Places:
    """Where the cells of a run work, by ``option`` (nb-cwd): ``cwd``; the ``run_dir``; ``project``,
    its folder, and ``notebook``, the notebook in it. All are absolute. ``language`` is the
    kernel's."""

    run_dir: str
    cwd: str
    option: str
    project: str
    notebook: str
    language: str = "python"

    @functools.cached_property
    def bases(self) -> list[str]:
        """The folders of the project from which a path may count: the notebook's, as it is written
        and as Jupyter works in it, the project's, and those above it up to its repository's."""
        beside, folder = os.path.dirname(self.notebook), self.project
        above: list[str] = []
        while not os.path.exists(os.path.join(folder, ".git")):
            if folder == os.path.dirname(folder):
                above.clear()  # it is in no repository
                break
            folder = os.path.dirname(folder)
            above.append(folder)
        return [beside, os.path.realpath(beside), self.project, *above]

    @functools.cached_property  # each name of an error may be looked for in all of them
    def folders(self) -> list[str]:
        """The folders of the project, and those of its repository."""
        found = []
        own = os.path.dirname(os.path.dirname(os.path.realpath(self.run_dir)))  # GUILD_HOME
        walked = (entry for root in (self.project, self.bases[-1]) for entry in os.walk(root))
        for folder, folders, _files in itertools.islice(walked, MOST_FOLDERS):
            found.append(folder)
            folders[:] = sorted(
                name
                for name in folders
                if not name.startswith(".")
                and name not in _NEVER_SEARCHED
                and os.path.join(folder, name) != own
                and not is_environment(os.path.join(folder, name))
            )
        return found


@dataclass(frozen=True)
class Missing:
    """What is not where a cell has looked for it, ``target``: the cell calls it ``name``, ``file``
    is that of the project. Of a module, ``target`` is "" and ``folder`` the one from which it would
    be imported in the project. A ``folder_only`` is one in which the cell wants to write a file,
    and the cell ``writes`` that looks as if it did."""

    name: str
    file: str
    target: str = ""
    folder: str = ""
    folder_only: bool = False
    writes: bool = False


Advice = tuple[str, str]  # a sentence, and lines that its reader is to copy, or ""


def advice(error: str, text: str, printed: str, places: Places, source: str) -> list[Advice]:
    """What to say of what a cell misses. It blocks, for half a second where there is anything to
    say. See ``find``."""
    missing = find(error, text, printed, places, source)
    return ask(missing, places) if missing else []


def find(error: str, text: str, printed: str, places: Places, source: str = "") -> Missing | None:
    """What a cell with this ``source`` misses that has ended in the exception ``error`` with the
    ``text``, after it had ``printed`` something, its traceback too; None where the project has
    nothing of that name, or the run has it."""
    if not os.path.isdir(places.project):
        return None
    modules = filter(None, map(module_in, [text, *_IMPORT_ERROR.findall(printed[-MOST_TEXT:])]))
    of_modules = (_module(module, places) for module in modules)
    names = [] if module_in(text) else names_in(error, text, printed, source)
    of_files = (_file(name, places) for name in names)
    of_folders = (_folder(name, places) for name in names)
    found = next(filter(None, itertools.chain(of_modules, of_files, of_folders)), None)
    return replace(found, writes=bool(_WRITES.search(source))) if found else None


def module_in(text: str) -> str:
    """The module that an ImportError with this text is about, "" where it is about none."""
    match = _NO_MODULE.fullmatch(text.strip())
    if match:
        return match[1]
    match = _NO_NAME.fullmatch(text.strip())
    return f"{match[2]}.{match[1]}" if match else ""


def names_in(error: str, text: str, printed: str = "", source: str = "") -> list[str]:
    """The parts of an error that may be paths of files, as they are written there, and then those
    in quotes in the source: "unable to open database file" names none."""
    lines = text[-MOST_TEXT:].splitlines()
    is_of_files = error in _ERRORS_OF_FILES or _IS_OF_FILES.search(f"{error} {text[-MOST_TEXT:]}")
    lines = lines if is_of_files else []
    lines += filter(_IS_OF_FILES.search, printed[-MOST_TEXT:].splitlines())
    quoted = [match[0] for match in _QUOTED.finditer(source[-MOST_TEXT:])] if lines else []
    names = dict.fromkeys(name for line in [*lines, *quoted] for name in _names_in_line(line))
    return list(itertools.islice(names, MOST_NAMES))


def _names_in_line(line: str) -> Iterator[str]:
    quoted = [match[2] for match in _QUOTED.finditer(line)]
    pieces = re.split(rf"{_IS_OF_FILES.pattern}|:\s+|:$", line, flags=re.IGNORECASE)
    words = [word for word in _SEPARATORS.split(line) if re.search(r"[./]\w", word)]
    for name in [*quoted, *pieces, *words]:
        name = re.sub(r"^file:(?://)?", "", name.strip(_QUOTES).rstrip(".,:;!?)]}"))
        name = name.strip(_QUOTES)
        if name.strip("./") and len(name) < 1000 and "\0" not in name and "://" not in name:
            yield name


def _file(name: str, places: Places) -> Missing | None:
    cwd = os.path.realpath(places.cwd)
    looked_for = os.path.normpath(
        os.path.join(cwd, os.path.realpath(name) if name[0] == "/" else name)
    )
    home = os.path.dirname(os.path.dirname(os.path.realpath(places.run_dir)))
    if os.path.isabs(name) and not looked_for.startswith(home + os.sep):
        return None  # it is of no run
    for file in filter(os.path.exists, _in_project(os.path.relpath(looked_for, cwd), places)):
        if os.path.exists(looked_for) and os.path.isdir(looked_for) == os.path.isdir(file):
            return None
        if not is_inside(file, places.run_dir):
            return Missing(name, file, looked_for)
    return None


def _folder(name: str, places: Places) -> Missing | None:
    """The folder in which a cell wants to write, where the project has it."""
    cwd, parent = os.path.realpath(places.cwd), os.path.dirname(os.path.normpath(name))
    if parent.strip("./") and not os.path.exists(os.path.join(cwd, parent)) and parent[0] != "/":
        for folder in filter(os.path.isdir, _beside(parent, places)):
            return Missing(parent, folder, os.path.join(cwd, parent), folder_only=True)
    return None


def _in_project(relative: str, places: Places) -> Iterator[str]:
    """The files of the project that a path may mean, the likeliest first."""
    yield from _beside(relative, places)
    tail = re.sub(r"^(?:\.\./)+", "", relative)
    yield from (os.path.join(folder, tail) for folder in places.folders)


def _beside(relative: str, places: Places) -> list[str]:
    return [os.path.normpath(os.path.join(base, relative)) for base in places.bases]


def _module(dotted: str, places: Places) -> Missing | None:
    around = map(os.path.dirname, places.bases[:3])  # these may be packages, or lie in one
    for folder in itertools.chain(places.bases, around, places.folders):
        path = os.path.join(folder, *dotted.split("."))
        escaped = glob.escape(path)
        modules = glob.glob(f"{escaped}/*.py") or glob.glob(f"{escaped}/*/*.py")
        if path == places.project and not os.path.exists(os.path.join(path, "__init__.py")):
            modules = []
        files = [f"{path}.py", *[path][: len(modules)], *sorted(glob.glob(f"{escaped}.*so"))]
        file = next(filter(os.path.exists, files), "")
        if file and not is_inside(file, places.run_dir):
            return Missing(dotted, file, folder=folder)
    return None


def ask(missing: Missing, places: Places) -> list[Advice]:
    """What Guild's side has to say on ``missing``."""
    question = json.dumps({**asdict(missing), **asdict(places)})
    command = [sys.executable, *start.arguments("guild_notebook.plugin.not_copied")]
    try:
        done = subprocess.run(
            command,
            input=question,
            cwd=places.project,
            capture_output=True,
            timeout=ASKING_SECONDS,
            encoding="utf-8",
            check=True,
        )
        return [(str(sentence), str(to_copy)) for sentence, to_copy in json.loads(done.stdout)]
    except (OSError, ValueError, TypeError, subprocess.SubprocessError):
        return [(unasked(missing, places), "")]


def unasked(missing: Missing, places: Places) -> str:
    file = os.path.relpath(missing.file, places.project)
    return (
        f"{missing.name} is in the project ({file}) and not where the cells of the run look for it"
    )
