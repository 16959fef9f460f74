"""Files that cells read, or folders that they write to, of which it is certain that a run does not
find them: not in the project, not copied into the run, or outside of both.

A path counts where it is written out, or made of texts that are (``DATA + "x.csv"``), and where the
statement is executed whatever happens. It does not count where anything before may have made the
file: a program, a function that is not known to make none, or one that is given a path like it.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..flags.languages.calls import dotted
from .blocks import Block, imported
from .findings import NOTE, WARNING, Finding
from .magics import makes_no_files

MISSING, LEAVES = "missing-path", "leaves-run"

MOST_PATHS = 500
"""Paths that are looked for."""

_LONGEST = 300
_LARGEST_COPIED = 1_048_576
"""Bytes of a text that Guild copies outside of a Git repository at most."""

_ASKING_SECONDS = 5.0

_READS = {
    *("read_csv", "read_excel", "read_json", "read_pickle", "read_table", "read_parquet"),
    *("read_hdf", "read_feather", "read_stata", "read_sas", "read_fwf", "read_xml", "read_orc"),
    *("read_spss", "read_file", "scan_csv", "scan_parquet", "loadtxt", "genfromtxt", "fromfile"),
    *("imread", "loadmat", "load_workbook", "open_dataset", "read_text", "read_bytes", "listdir"),
    *("iterdir", "scandir", "read_edgelist", "read_gml", "read_graphml", "load_model", "stat"),
    *("load_weights", "getsize", "chdir", "load_img", "open_mfdataset"),
}
"""Functions, by their last names, which fail (or have nothing) where the file that their first
argument names is not there."""

_NAMED = {"load_model", "load_weights", "open_dataset"}
"""Those of them that take a name of something known too: ``open_dataset("air_temperature")``."""

_READS_OF = {
    *("np.load", "numpy.load", "torch.load", "joblib.load", "librosa.load", "wavfile.read"),
    *("wav.read", "sf.read", "soundfile.read", "PIL.Image.open", "Image.open", "zipfile.ZipFile"),
    *("ZipFile", "tarfile.open", "gzip.open", "bz2.open", "h5py.File", "codecs.open", "io.open"),
    *("open", "fits.open", "yf.load", "xr.load_dataset", "xarray.load_dataset"),
}
"""The same by their full names, of what others call so too."""

_SHOWS = {"Image", "SVG", "Audio", "Video", "HTML", "Markdown", "Latex"}
"""Of IPython.display, with ``filename``."""

_WRITES = {
    *("to_csv", "to_excel", "to_json", "to_pickle", "to_parquet", "to_feather", "to_html"),
    *("savefig", "savez", "savez_compressed", "savetxt", "imsave", "write_text", "write_bytes"),
    *("write_html", "write_image"),
}
_WRITES_OF = {
    *("np.save", "numpy.save", "torch.save", "joblib.dump", "open", "io.open", "codecs.open"),
}
"""Functions that make a file, and not its folder."""

_ARGUMENTS = (
    *("filepath_or_buffer", "path_or_buf", "path_or_buffer", "io", "path", "file", "fname"),
    *("filename", "filepath", "fp", "name", "f"),
)

_QUIET_MODULES = re.compile(
    r"(?:abc|ast|bisect|bokeh|calendar|catboost|cmath|collections|copy|csv|cv2|cvxpy|dataclasses"
    r"|dateutil|datetime|decimal|enum|fractions|functools|gc|glob|heapq|importlib\.metadata|inspect"
    r"|IPython|ipywidgets|itertools|json|keras|lightgbm|logging|math|matplotlib|mpl_toolkits"
    r"|networkx|numba|numpy|operator|os|packaging|pandas|pathlib|patsy|pickle|PIL|platform|plotly"
    r"|pprint|pylab|random|re|requests|scipy|seaborn|shap|skimage|sklearn|statistics|statsmodels"
    r"|string|sympy|sys|tensorflow|textwrap|time|timeit|torch|torchvision|tqdm|typing"
    r"|urllib\.parse|warnings|xgboost)(?:\.|\Z)"
)
"""Modules whose functions make no files but those that they are given, but for those of _MAKES."""

_MAKES = re.compile(
    r"save|dump|writ|download|fetch|extract|export|unpack|mkdir|makedirs|get_file|load_dataset_"
    r"|create_dataset|prepare|copyfile|copytree|copy2|clone|untar|urlretrieve|install"
    r"|symlink|link\Z|hub\Z|system\Z|popen|spawn|exec|run\Z|run_line|run_cell|call\Z|check_output"
    r"|to_(?:csv|excel|json|pickle|parquet|feather|html|hdf|stata|sql|file|netcdf|zarr|disk)"
)
"""Of what is called like this, a file may be made whose name is not known."""

_MAKES_ITSELF = {"touch", "open", "mkdir", "symlink_to", "hardlink_to"}
"""Methods of a path that may make what it names."""

_ONLY_NAMES = re.compile(
    r"os\.path\.|pathlib\.(?:Pure)?(?:Posix|Windows)?Path\Z|print\Z|len\Z|str\Z"
)
_CHANGES_FOLDER = re.compile(r"chdir\Z|\bmagic\Z|run_line_magic\Z")

_PATH = re.compile(r"[^\0\n\r*?\[\]{}<>|\"\ud800-\udfff]*")
_URL = re.compile(r"\w{2,}:|s3:|//|\\\\")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_NOT_OF_USERS = re.compile(r"/(?:dev|proc|sys|tmp|var/tmp|usr|etc|opt|bin|lib)(?:/|\Z)")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True)
class Project:
    """``root`` is the project's folder, ``folder`` that of the notebook in it, from which paths
    count. ``brings`` is the text of guild.yml, whose operations may bring files into a run.
    ``in_place``: cells work in the project itself (nb-cwd: project), of which nothing is copied.
    ``is_run``: the folders are those of a run, into which all has been copied."""

    root: str
    folder: str
    brings: str = ""
    in_place: bool = False
    is_run: bool = False


def findings(blocks: Iterable[Block], project: Project) -> Iterator[Finding]:
    """What there is to say of the paths in a notebook's statements."""
    blocks = list(blocks)
    reader = _Reader(blocks)
    seen: set[tuple[str, bool]] = set()
    for block in blocks:
        for node, path, is_write in reader.execute(block):
            if block.may_raise or (path, is_write) in seen or len(seen) > MOST_PATHS:
                continue
            seen.add((path, is_write))
            if said := _said(path, is_write, project, reader):
                yield block.finding(node, *said)


def _said(
    path: str, is_write: bool, project: Project, reader: _Reader
) -> tuple[str, str, str] | None:
    if not _PATH.fullmatch(path) or not path.strip("./ ") or len(path) > _LONGEST:
        return None
    if _DRIVE.match(path) and os.name != "nt":
        text = f"'{path}' is a path of Windows - give a path in the project, or take it as a flag"
        return MISSING, WARNING, text
    if _URL.match(path) or reader.may_exist(path):
        return None
    full = os.path.expanduser(path)
    if os.path.isabs(full):
        return _of_absolute(path, full, is_write)
    full = os.path.normpath(os.path.join(project.folder, path))
    if project.in_place or _is_in(full, project.root):
        return _of_project(path, full, is_write, project)
    if is_write:
        text = f"'{path}' is written outside of the run, which does not keep it"
        return LEAVES, WARNING, f"{text} - write it into the notebook's folder"
    if not os.path.exists(full):
        return MISSING, WARNING, f"'{path}' does not exist - check the path, or get the file"
    text = f"'{path}' lies outside of the project {project.root}, and no run has a copy"
    return LEAVES, WARNING, f"{text} - run it with nb-cwd=project, or name the file in 'requires'"


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _of_absolute(path: str, full: str, is_write: bool) -> tuple[str, str, str] | None:
    if _NOT_OF_USERS.match(full):
        return None
    target = os.path.dirname(full) if is_write else full
    if not os.path.exists(target):
        what = "folder" if is_write else "file"
        name = os.path.dirname(path) if is_write else path
        text = f"'{name}' is not on this machine - give a path in the project, or take the"
        return MISSING, WARNING, f"{text} {what} as a flag"
    if is_write:
        return LEAVES, NOTE, f"'{path}' is written outside of the run, which does not keep it"
    return LEAVES, NOTE, f"'{path}' is read where it is, and the run keeps no copy"


def _of_project(
    path: str, full: str, is_write: bool, project: Project
) -> tuple[str, str, str] | None:
    target = os.path.dirname(full) if is_write else full
    name = os.path.dirname(path) if is_write else path
    if is_write and (target == project.folder or not name.strip("./")):
        return None
    if _is_brought(name, project):
        return None
    if not os.path.exists(target):
        if is_write:
            made = f"make it before: os.makedirs({name!r}, exist_ok=True)"
            return MISSING, WARNING, f"folder '{name}' does not exist - {made}"
        if project.is_run and not project.in_place:
            text = f"'{path}' is not in the run - check the path, run it with nb-cwd=project, or"
            return MISSING, WARNING, f"{text} name the file in 'requires'"
        return MISSING, WARNING, f"'{path}' does not exist - check the path, or get the file"
    if is_write or project.in_place or project.is_run or os.path.isdir(full):
        return None
    if why := _not_copied(full, project.root):
        text = f"'{path}' is not copied into runs, since {why}"
        return MISSING, WARNING, f"{text} - run it with nb-cwd=project, or name it in 'requires'"
    return None


def _is_brought(path: str, project: Project) -> bool:
    """Whether guild.yml may bring a file into the run: it names it, or all of a folder, or another
    run's files."""
    first, last = path.strip("./").split("/")[0], os.path.basename(path)
    brings = project.brings
    return bool(brings) and (
        any(part and part in brings for part in (first, last))
        or re.search(r"requires|operation:|sourcecode", brings) is not None
    )


def _not_copied(path: str, root: str) -> str:
    """Why Guild does not copy a file of the project into runs, by its own rules; "" where it does,
    or where that is not known."""
    if any(os.path.exists(folder / ".git") for folder in (Path(root), *Path(root).parents)):
        return "git ignores it" if _is_ignored(path, root) else ""
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as f:
            head = f.read(8192)
    except OSError:
        return ""
    if size > _LARGEST_COPIED:
        return "Guild copies no file over 1 MB where there is no Git repository"
    return "Guild copies only texts where there is no Git repository" if b"\0" in head else ""


def _is_ignored(path: str, root: str) -> bool:
    command = ["git", "-C", root, "check-ignore", "-q", "--", path]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_ASKING_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


class _Reader:
    """Goes through the statements of a notebook in order. Of what these may have made, ``_words``
    are names of files and folders that something was given; with ``_anything`` any file may be
    there."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._words: set[str] = set()
        self._anything = False
        self._texts: dict[str, str] = {}
        self._modules: dict[str, str] = {}
        self._functions: set[str] = set()
        self._bound: Counter[str] = Counter()
        for node in (node for block in blocks for node in block.nodes):
            for each in ast.walk(node):
                self._count(each)

    def _count(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            self._bound[node.id] += 1
        elif isinstance(node, ast.arg):
            self._bound[node.arg] += 1
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self._bound[node.name] += 1
            self._functions.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._modules.update(imported(node))

    # What is executed.

    def execute(self, block: Block) -> Iterator[tuple[ast.expr, str, bool]]:
        """Takes what the statements of a block may make, and the texts that they give names. Tells
        the files that they read, and those that they write, with where they stand, each before what
        it makes is taken."""
        self._execute_text(block)
        for node in block.nodes:
            for call in _sure_calls(node):
                for at, is_write in ((self._read_path(call), False), (self._written(call), True)):
                    text = self.text(at)
                    if at is not None and text is not None:
                        yield at, text, is_write
                self._call(call)
            self._execute_statement(node)

    def _execute_statement(self, node: ast.stmt) -> None:
        for each in ast.walk(node):
            if isinstance(each, ast.Call):
                self._call(each)
            elif isinstance(each, ast.ImportFrom) and each.names[0].name == "*":
                is_quiet = _QUIET_MODULES.match(each.module or "")
                self._anything |= not is_quiet
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            name = targets[0].id if isinstance(targets[0], ast.Name) else ""
            text = self.text(node.value)
            if name and self._bound[name] == 1 and text is not None and len(text) <= _LONGEST:
                self._texts[name] = text

    def _execute_text(self, block: Block) -> None:
        lines = [line for _, line in block.lines]
        if not block.nodes:
            lines += [block.text] * bool(re.search(r"^[^#\s]", block.text, re.M))
        for line in lines:
            if re.match(r"\s*%%(?:writefile|file)\s", line):
                self._touch(line.partition("\n")[0].split()[-1])
            elif not makes_no_files(line):
                self._anything = True

    def _full(self, name: str) -> str:
        root, dot, rest = name.partition(".")
        return self._modules.get(root, root) + dot + rest

    def _call(self, call: ast.Call) -> None:
        name = dotted(call.func)
        full, last = self._full(name), name.rpartition(".")[2]
        root = name.partition(".")[0]
        if _CHANGES_FOLDER.search(full):
            self._anything = True
            return
        if self._read_path(call) is not None or _ONLY_NAMES.match(full):
            return
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        if last in _MAKES_ITSELF and isinstance(call.func, ast.Attribute):
            given.append(call.func.value)
        texts = [text for each in given if (text := self.text(each)) is not None]
        for text in texts:
            self._touch(text)
        written = self._written(call)
        if written is not None:
            self._anything |= self.text(written) is None and last != "savefig"
        elif root in self._modules:
            is_quiet = full.startswith("sys.") or not (
                _MAKES.search(last) or full in ("os.rename", "os.replace") or _downloads(call)
            )
            self._anything |= not (is_quiet and _QUIET_MODULES.match(full))
        elif (
            (_MAKES.search(last) or _mode(call) == "?")
            and root not in self._functions
            and not texts
        ):
            self._anything = True

    def _touch(self, text: str) -> None:
        self._words.update(_words(text))

    def may_exist(self, path: str) -> bool:
        """Whether something before may have made it."""
        return self._anything or not self._words.isdisjoint(_words(path))

    # What a statement reads and writes.

    def _read_path(self, call: ast.Call) -> ast.expr | None:
        """What says which file a call reads."""
        name = dotted(call.func)
        last = name.rpartition(".")[2]
        if last == "open" and isinstance(call.func, ast.Attribute) and not name.rstrip("."):
            return None
        if last in ("read_text", "read_bytes", "iterdir") and isinstance(call.func, ast.Attribute):
            return call.func.value if not call.args else None
        full = self._full(name)
        is_known = last in _READS and name != last and last not in self._functions
        is_known = is_known or name in _READS_OF or full in _READS_OF
        is_known = is_known or (name in _READS and name in self._modules)
        if last in _NAMED and not re.search(r"[./\\]", self.text(_first(call)) or ""):
            return None
        if not is_known and name in _SHOWS:
            given = [each.value for each in call.keywords if each.arg == "filename"]
            return given[0] if given else None
        if not is_known or _mode(call) not in ("", "r", "rb", "rt"):
            return None
        return _first(call)

    def _written(self, call: ast.Call) -> ast.expr | None:
        """What says which file a call makes."""
        name = dotted(call.func)
        last = name.rpartition(".")[2]
        if last in ("write_text", "write_bytes") and isinstance(call.func, ast.Attribute):
            return call.func.value
        if last == "open" and (name in _WRITES_OF or self._full(name) in _WRITES_OF):
            return _first(call) if _mode(call)[:1] in ("w", "x", "a") else None
        if name in ("torch.save", "joblib.dump") or last == "dump":
            return call.args[1] if name != last and last != "dump" and len(call.args) > 1 else None
        if (last in _WRITES and name != last) or self._full(name) in _WRITES_OF:
            return _first(call)
        return None

    def text(self, node: ast.expr | None, depth: int = 0) -> str | None:
        """The text that an expression is, None where that is not known."""
        if node is None or depth > 20:
            return None
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.Name):
            return self._texts.get(node.id)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Div)):
            left, right = self.text(node.left, depth + 1), self.text(node.right, depth + 1)
            if left is None or right is None:
                return None
            return left + right if isinstance(node.op, ast.Add) else os.path.join(left, right)
        if isinstance(node, ast.JoinedStr):
            parts = [
                self.text(part.value if isinstance(part, ast.FormattedValue) else part, depth + 1)
                for part in node.values
                if not (isinstance(part, ast.FormattedValue) and part.format_spec)
            ]
            whole = [part for part in parts if part is not None]
            return "".join(whole) if len(whole) == len(node.values) else None
        if isinstance(node, ast.Call) and not node.keywords:
            full = self._full(dotted(node.func))
            if full in ("os.path.join", "pathlib.Path", "str", "os.fspath", "os.path.abspath"):
                each = [self.text(arg, depth + 1) for arg in node.args]
                known = [part for part in each if part is not None]
                return os.path.join(*known) if known and len(known) == len(each) else None
            if full in ("os.getcwd", "pathlib.Path.cwd", "pathlib.Path") and not node.args:
                return "."
        return None


def _words(path: str) -> Iterator[str]:
    """The names of files and folders in a path, without endings too, which a function may add."""
    for part in re.split(r"[\\/]+", path):
        if part.strip(". "):
            yield part
            yield part.partition(".")[0] or part


def _first(call: ast.Call) -> ast.expr | None:
    if call.args:
        return None if isinstance(call.args[0], ast.Starred) else call.args[0]
    named = [each.value for each in call.keywords if each.arg in _ARGUMENTS]
    return named[0] if named else None


def _downloads(call: ast.Call) -> bool:
    """Whether a call is told to get something, like the data sets of torchvision."""
    return any(
        each.arg == "download" and getattr(each.value, "value", True) for each in call.keywords
    )


def _mode(call: ast.Call) -> str:
    """The mode in which a call opens a file, "?" where it is not known."""
    name = dotted(call.func).rpartition(".")[2]
    if name not in ("open", "File", "ZipFile"):
        return ""
    is_unpacked = any(isinstance(each, ast.Starred) for each in call.args)
    if is_unpacked or any(not each.arg for each in call.keywords):
        return "?"
    given = call.args[1:2] or [each.value for each in call.keywords if each.arg == "mode"]
    if not given:
        return ""
    value = getattr(given[0], "value", None)
    return value.replace("U", "") if isinstance(value, str) else "?"


def _sure_calls(node: ast.stmt) -> Iterator[ast.Call]:
    """The calls that a statement makes whatever happens, in their order."""
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.If, ast.While, ast.Try)):
        return
    parts: list[ast.AST] = [node]
    body: list[ast.stmt] = []
    if isinstance(node, (ast.With, ast.AsyncWith)):
        parts, body = list(node.items), node.body
    elif isinstance(node, (ast.For, ast.AsyncFor)):
        parts = [node.iter]
    for part in parts:
        yield from _calls(part)
    for each in body:
        if not isinstance(each, (ast.Assign, ast.Expr, ast.With, ast.AnnAssign)):
            return
        yield from _sure_calls(each)


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """The calls in an expression that are made whatever happens, in the order in which they are:
    those in a call's arguments before it."""
    stack, calls = [node], []
    while stack:
        node = stack.pop()
        if isinstance(node, (*_FUNCTIONS, ast.IfExp, ast.BoolOp, ast.GeneratorExp)):
            continue
        if isinstance(node, ast.Call):
            calls.append(node)
        stack += ast.iter_child_nodes(node)
    return reversed(calls)
