"""Making sure that Guild copies an operation's notebook, whatever its source code rules skip.

Guild's rules pass over files of more than 1 MB, beyond the hundredth, excluded, git-ignored, or
all of them (guild/op_util.py, _select_rules_for_opdef_). Rules of the operation come last, so
ours are appended there: no checkpoint, but the notebook.
"""

from __future__ import annotations

import glob
import os
from typing import Any

from .operation import NotebookPaths

CHECKPOINTS = ".ipynb_checkpoints"


def include_notebook(opdef: Any, paths: NotebookPaths) -> None:
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
    notebook = _exactly(paths.copied)
    parents = _parents(paths.copied)
    if disabled:
        # `sourcecode: no` skips all rules; the same with rules leaves room for the notebook.
        sourcecode.disabled = False
        sourcecode.specs = [rule("exclude", {"dir": ["*"]}), rule("exclude", ["*"])]
        sourcecode.specs += [rule("include", {"dir": [_exactly(p)]}) for p in parents]
    else:
        pruned = _first_pruned(opdef, parents)
        if pruned:
            # Guild does not look into a directory that a rule excludes: let it, for the notebook.
            below = parents[parents.index(pruned) :]
            sourcecode.specs += [rule("include", {"dir": [_exactly(p)]}) for p in below]
            sourcecode.specs.append(rule("exclude", [_exactly(pruned) + "/*"]))
    sourcecode.specs.append(rule("exclude", {"dir": [CHECKPOINTS]}))
    sourcecode.specs.append(rule("include", [notebook]))


def _exactly(path: str) -> str:
    """A pattern for one path of the project: without the leading slash Guild compares base names
    (guild/file_util.py, _fnmatch)."""
    return "/" + glob.escape(path)


def _parents(path: str) -> list[str]:
    """The directories above a relative path, from the top."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]


def _first_pruned(opdef: Any, parents: list[str]) -> str | None:
    """The first of ``parents`` that Guild's rules exclude."""
    from guild import op_util

    if not parents:
        return None
    select = op_util.sourcecode_select_for_opdef(opdef)
    for parent in parents:
        head, name = os.path.split(parent)
        dirs = [name]
        select.prune_dirs(select.root, head, dirs)
        if not dirs:
            return parent
    return None
