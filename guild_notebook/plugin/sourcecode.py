"""Making sure that Guild copies notebooks: to the run of an operation, and into packages.

Guild's rules pass over files of more than 1 MB, beyond the hundredth, excluded, git-ignored, or
all of them (guild/op_util.py, _select_rules_for_opdef_). Rules of the operation come last, so
ours are appended there: no checkpoint, but the notebook.

``guild run --remote`` builds the project's package and installs it over there
(guild/remotes/ssh.py, run_op). A package holds guild.yml, modules and Python packages, and what
``package: data-files`` lists (guild/package_main.py, _setup_kw): notebooks would be left behind.
"""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterator
from typing import Any

from ..compat.source_files import PLUGIN_PREFIX
from ..document.reader import is_inside
from ..errors import UserError
from . import operation

CHECKPOINTS = ".ipynb_checkpoints"

PAGE = b'<meta name="generator" content="guild-notebook '
"""What pages of guild-notebook compare, diff and share begin with."""


def include_notebook(opdef: Any, paths: operation.NotebookPaths) -> None:
    """Append the rules that copy a notebook to an opdef that is about to run.

    A notebook outside the source code root cannot be had this way; the run then reads it from
    the project (run/record/source_files.py).
    """
    from guild import guildfile

    if paths.copied is None:
        return

    def rule(kind: str, pattern: Any) -> Any:
        return guildfile.FileSelectSpec({kind: pattern}, opdef.guildfile)

    sourcecode = opdef.sourcecode
    disabled = sourcecode.disabled or (opdef.modeldef.sourcecode.disabled and not sourcecode.specs)
    parents = _parents(paths.copied)
    if disabled:
        # `sourcecode: no` skips all rules; the same with rules leaves room for the notebook.
        sourcecode.disabled = False
        sourcecode.specs = [rule("exclude", {"dir": ["*"]}), rule("exclude", ["*"])]
        sourcecode.specs += [rule("include", {"dir": [_exactly(p)]}) for p in parents]
    else:
        pruned = parents and _first_pruned(opdef, parents)
        if pruned:
            # Guild does not look into a directory that a rule excludes: let it, for the notebook.
            below = parents[parents.index(pruned) :]
            sourcecode.specs += [rule("include", {"dir": [_exactly(p)]}) for p in below]
            sourcecode.specs.append(rule("exclude", [_exactly(pruned) + "/*"]))
    sourcecode.specs.append(rule("exclude", {"dir": [CHECKPOINTS]}))
    root = paths.source[: -len(paths.copied)]
    if pages := [_exactly(name) for name in _pages(root)]:
        sourcecode.specs.append(rule("exclude", pages))
    sourcecode.specs.append(rule("include", [_exactly(paths.copied)]))


def _pages(folder: str) -> Iterator[str]:
    """The names of pages in a folder that guild-notebook has written: they are not source code."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".html") and entry.is_file():
                with contextlib.suppress(OSError), open(entry.path, "rb") as file:
                    if PAGE in file.read(5_000):
                        yield entry.name


def _exactly(path: str) -> str:
    """A pattern for one path of the project: without a leading slash Guild compares base names
    (guild/file_util.py, _fnmatch)."""
    return f"{PLUGIN_PREFIX}{glob.escape(path)}"


def _parents(path: str) -> list[str]:
    """The directories above a relative path, from the top."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]


def _first_pruned(opdef: Any, parents: list[str]) -> str | None:
    """The first of ``parents`` that Guild's rules exclude."""
    from guild import op_util

    select = op_util.sourcecode_select_for_opdef(opdef)
    for parent in parents:
        head, name = os.path.split(parent)
        dirs = [name]
        select.prune_dirs(select.root, head, dirs)
        if not dirs:
            return parent
    return None


def add_notebooks(gf: Any) -> None:
    """Add the notebooks of a guild.yml's operations to its package, if this process builds it, and
    the modules beside notebooks in a subfolder, which these may import.

    Only files within the project are added. A project without ``package`` gets the definition that
    Guild would use for it.
    """
    package_file = os.getenv("PACKAGE_FILE")
    if not package_file or not gf.src or os.path.abspath(package_file) != os.path.abspath(gf.src):
        return
    files = [path for path in _files(gf) if os.path.isfile(path) and is_inside(path, gf.dir)]
    if not files:
        return
    if not gf.package:
        from guild import package_main

        gf.package = package_main._default_pkgdef(gf)
    known = [os.path.normpath(pattern) for pattern in gf.package.data_files]
    for path in dict.fromkeys(files):
        name = os.path.relpath(path, gf.dir)
        if name not in known:
            gf.package.data_files.append(glob.escape(name))


def _files(gf: Any) -> Iterator[str]:
    for opdef, spec in operation.notebook_operations(gf):
        try:
            path = operation.notebook_paths(opdef, spec).source
        except (UserError, TypeError, ValueError):
            continue  # the plugin's enabled_for_op shows it
        folder = os.path.dirname(path)
        yield path
        if os.path.abspath(folder) != os.path.abspath(gf.dir):
            yield from sorted(glob.glob(os.path.join(glob.escape(folder), "*.py")))
