"""Says why a run lacks a file of its project, and which lines of guild.yml or which command bring
it there.

A program that a run starts once a cell has not found a file or a module
(run/execution/missing_files.py): it reads a question from stdin, and writes lines to stdout, both
as JSON. The reason is that of Guild's own selection of source code (guild/op_util.py), by the rules
of the operation and with the project as it is now.
"""

from __future__ import annotations

import contextlib
import glob
import json
import math
import os
import re
import shlex
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import yaml
from guild import config, file_util, op_util, resolver, run

Advice = tuple[str, str]  # a sentence, and lines that its reader is to copy, or ""
LARGE = 100_000_000  # bytes of a file or folder that is better linked to than copied into each run
MANY = 10  # files of one kind in a folder, more than which are not named one by one


def main() -> None:
    with contextlib.redirect_stdout(sys.stderr):
        advice = list(answer(Question(**json.load(sys.stdin))))
    json.dump(advice, sys.stdout)


@dataclass(frozen=True)
class Question:
    """What is missing, and where cells work (run/execution/missing_files.py: Missing, Places)."""

    name: str
    file: str
    target: str
    folder: str
    folder_only: bool
    writes: bool
    run_dir: str
    cwd: str
    option: str
    project: str
    notebook: str
    language: str


def answer(asked: Question) -> Iterator[Advice]:
    lacking = _Run(asked)
    is_empty = os.path.isdir(asked.file) and not any(files for *_, files in os.walk(asked.file))
    if asked.folder_only or is_empty:
        return lacking.about_folder()
    return lacking.about_file() if asked.target else lacking.about_module()


def _said(sentence: str, to_copy: str = "") -> Advice:
    return sentence, to_copy


class _Run:
    """A run that lacks what is ``asked`` for, and its operation as the project has that now."""

    def __init__(self, asked: Question) -> None:
        self.asked = asked
        config.set_cwd(asked.project)
        opref = run.for_dir(asked.run_dir).opref
        self.is_path = opref.pkg_type == "script"
        self.name = opref.op_name
        self.select: Any = None
        self.data: dict[str, Any] = {}
        self.guildfile = dest = ""
        with contextlib.suppress(Exception):  # whatever the project has become
            opdef = op_util.opdef_for_opspec(opref.to_opspec(asked.project))
            self.select, self.data = op_util.sourcecode_select_for_opdef(opdef), opdef.as_data()
            dest = opdef.sourcecode.dest or opdef.modeldef.sourcecode.dest
            self.guildfile = Path(opdef.guildfile.src).read_text("utf-8")
        self.dest = os.path.normpath(dest or "")
        root = (self.select and self.select.root) or ""
        self.root = os.path.normpath(os.path.join(asked.project, root))
        in_run = self.path_of(asked.notebook)
        self.notebook_folder = os.path.dirname(in_run) if in_run else self.dest
        self.relative = os.path.relpath(asked.target or asked.file, os.path.realpath(asked.cwd))
        self.shown = os.path.relpath(asked.file, asked.project)  # as guild.yml names it
        self.takes_rule = False  # whether one more of ``sourcecode`` selects what is left out
        self.is_after_others = False  # which are as many as Guild copies

    def about_file(self) -> Iterator[Advice]:
        asked = self.asked
        if asked.option == "project":
            there = os.path.relpath(asked.file, asked.cwd)
            yield _said(f"{asked.name} is in the project as {there}, cells work in {asked.cwd}")
            return
        option = next(filter(self._is_found, ("notebook", "run")), "")
        if option:
            there = self._looked_for(option)
            yield _said(f"{asked.name} is in the run as {there}, and cells work elsewhere (nb-cwd)")
            yield self._lines(option)
            return
        in_run = self.path_of(asked.file)
        if os.path.exists(asked.target):
            what = "a folder" if os.path.isdir(asked.target) else "a file"
            why = f"it is {what} there - 'target-path' in guild.yml names the folder of a file"
        elif in_run and os.path.exists(os.path.join(asked.run_dir, in_run)):
            why = f"the run has it as {in_run}"
        else:
            why = self._why_not_copied(asked.file)
        yield self._not_in_run(asked.name, why)
        option = next(filter(self._looked_for, (asked.option, "notebook")), "")
        if self._is_found("project") and (self.is_path or not option):
            yield self._lines("project")
        elif option:
            yield self._lines(option, "requires", self._required(self._looked_for(option)))
        is_folder = os.path.isdir(asked.file)
        folder = self.relative if is_folder else os.path.dirname(self.relative)
        is_there = not folder or os.path.isdir(os.path.join(asked.cwd, folder))
        if asked.writes and not is_there and self._looked_for(asked.option):
            making = self._making(folder)
            yield _said(
                "or, where the cell is to write there, make the folder in a cell before:", making
            )

    def about_folder(self) -> Iterator[Advice]:
        """On a folder in which the cell wants to write."""
        name, option = self.asked.name, self.asked.option
        yield _said(f"the run has no folder {name}: the project has it ({self.shown})")
        if option != "project" and not self._looked_for(option) and self._looked_for("notebook"):
            yield self._lines("notebook")
        yield _said("make the folder in a cell before:", self._making(self.relative))

    def about_module(self) -> Iterator[Advice]:
        asked, file, in_run = self.asked, self.asked.file, self.path_of(self.asked.file)
        beside, option = os.path.dirname(asked.notebook), asked.option
        extends_path = "sys.path" in Path(asked.notebook).read_text("utf-8", "replace")
        is_found_there = asked.folder in (beside, self.root)
        if extends_path and not is_found_there and self.notebook_folder != self.dest:
            option = {"run": "notebook"}.get(option, option)  # from which its folder counts, mostly
        if in_run and os.path.exists(os.path.join(asked.run_dir, in_run)):
            yield _said(f"module {asked.name} is in the run as {in_run}, where none is looked for")
            if option != asked.option:
                yield self._lines(option)
                return
            folder = os.path.join(asked.run_dir, self.path_of(asked.folder))
            inserted = f"sys.path.insert(0, {os.path.relpath(folder, asked.cwd)!r})"
            yield _said(
                "to import it, put its folder into sys.path in a cell before:",
                f"import sys; {inserted}",
            )
            return
        is_folder = os.path.isdir(file)
        a_module = next(map(str, Path(file).rglob("*.py")), file) if is_folder else file
        yield self._not_in_run(f"module {asked.name}", self._why_not_copied(a_module))
        is_in_place = bool(in_run) and (is_found_there or extends_path)
        if self.is_path and asked.folder == beside:
            yield self._lines("project")
        elif is_in_place and self.takes_rule:
            pattern = glob.escape(os.path.relpath(file, self.root)) + "/*.py" * is_folder
            entry = {"include": "*.py" if self.is_after_others else pattern}
            yield self._lines(option, "sourcecode", entry)
        else:
            where = os.path.join(self.notebook_folder, *asked.name.split("."))
            yield self._lines(option, "requires", self._required(in_run if is_in_place else where))

    def path_of(self, file: str) -> str:
        """Where the run has a source file, relative to its directory; "" for what is none."""
        path = os.path.relpath(file, self.root)
        return "" if _leaves(path) else os.path.normpath(os.path.join(self.dest, path))

    def _looked_for(self, option: str) -> str:
        """Where the cell looks with this nb-cwd, relative to the run directory; "" outside."""
        folder = self.notebook_folder if option == "notebook" else ""
        path = os.path.normpath(os.path.join(folder, self.relative))
        return "" if option == "project" or _leaves(path) else path

    def _is_found(self, option: str) -> bool:
        """Whether the cell finds what it wants with this nb-cwd."""
        folder, path = self.asked.run_dir, self._looked_for(option)
        if option == "project":
            folder, path = os.path.realpath(os.path.dirname(self.asked.notebook)), self.relative
        path = path and os.path.normpath(os.path.join(folder, path))
        return os.path.exists(path) and os.path.isdir(path) == os.path.isdir(self.asked.file)

    def _not_in_run(self, subject: str, why: str) -> Advice:
        if _leaves(self.shown):
            project = self.asked.project
            return _said(f"{subject} is not in the run: {self.shown} is outside of {project}")
        return _said(f"{subject} is in the project ({self.shown}), not in the run: {why}")

    def _why_not_copied(self, file: str) -> str:
        """Why Guild's rules leave a file out. See ``takes_rule`` and ``is_after_others``."""
        path = os.path.relpath(file, self.root)
        if _leaves(path):
            return f"it is outside of the folder of source code, {self.root}"
        if self.select is None:
            return "the project has no such operation any more"
        if self.select.disabled or os.getenv("NO_SOURCECODE") == "1":
            return "no source code is copied (sourcecode: no)"
        name, results = _left_out(self.select, self.asked.project, path)
        if not name:
            return "it was not there when files were copied"
        self.takes_rule = name == path and isinstance(self.data.get("sourcecode", []), list)
        self.is_after_others = any(t and t.name == "max matches" for (_result, t), _rule in results)
        return _why(self.select, self.root, path, name, results)

    def _required(self, path: str) -> dict[str, Any]:
        """The entry of ``requires`` that makes the file the ``path`` of the run. It has the whole
        folder where the run has nothing of that and there are more files in it: a notebook that
        reads one of them mostly reads others next. So it has all of a kind where there are many.
        """
        file, where = self.asked.file, os.path.dirname(path)
        folder, name = os.path.split(file)
        select, ending = "", os.path.splitext(name)[1]
        others = os.listdir(folder) if self.asked.target else []
        is_same = os.path.basename(where) == os.path.basename(folder) and len(others) > 1
        if is_same and not os.path.exists(os.path.join(self.asked.run_dir, where)):
            file, where = folder, os.path.dirname(where)
        elif ending and sum(other.endswith(ending) for other in others) > MANY:
            file, select = folder, f"[^/]*{re.escape(ending)}"
        required = os.path.relpath(file, self.asked.project)
        if urlsplit(f"file:{required}").path != required or "${" in required:  # as Guild reads it
            required, select = os.path.dirname(required), re.escape(os.path.basename(required))
        entry: dict[str, Any] = {"file": required or os.curdir}
        if select:
            entry["select"] = select
        if where:
            entry["target-path"] = where
        if file_util.disk_usage(file) > LARGE:
            entry["target-type"] = "link"
        if resolver._archive_type(file, SimpleNamespace(type=None)):
            entry["unpack"] = False
        return entry

    def _making(self, folder: str) -> str:
        """The statement that makes a folder."""
        if self.asked.language == "r":
            return f"dir.create({json.dumps(folder)}, recursive = TRUE)"
        if self.asked.language == "julia":
            return f"mkpath({json.dumps(folder)})"
        if self.asked.language == "bash":
            return f"mkdir -p {shlex.quote(folder)}"
        return f"import os; os.makedirs({folder!r}, exist_ok=True)"

    def _lines(self, option: str, key: str = "", entry: dict[str, Any] | None = None) -> Advice:
        """What sets nb-cwd to an option, and adds an entry to a list of the operation."""
        asked = self.asked
        added: dict[str, Any] = {}
        notebook = os.path.relpath(asked.notebook, asked.project)
        if self.is_path and not entry:
            typed = os.path.relpath(asked.notebook, os.getenv("CMD_DIR") or asked.project)
            command = f"guild run {shlex.quote(typed)} nb-cwd={option}"
            return _said("it is found with:", command)
        if option != asked.option or self.is_path:
            added["nb-cwd"] = option
        if entry:
            old = self.data.get(key) or []
            old = old if isinstance(old, list) else [old]
            same = "file" if key == "requires" else "include"
            kept = [o for o in old if not isinstance(o, dict) or o.get(same) != entry[same]]
            added[key] = [*kept, entry]
        if self.is_path:
            stem = os.path.splitext(os.path.basename(notebook))[0]
            operation = {"notebook": shlex.quote(notebook), "flags-import": "all", **added}
            return _said(
                "make an operation of the notebook in guild.yml:", _yaml({stem: operation})
            )
        old_keys = " and ".join(each for each in added if each in self.data)
        replaced = f", in place of its {old_keys}" if old_keys else ""
        said = f"add to operation '{self.name}' in guild.yml{replaced}:"
        name = rf"""^( *)['"]?{re.escape(self.name)}['"]?: *(\{{)?.*\n( *)"""
        found = list(re.finditer(name, self.guildfile, re.MULTILINE))
        outermost = min(found, key=lambda match: len(match[1]), default=None)
        if outermost and outermost[2]:  # {…}
            return _said(said, f", {json.dumps(added, ensure_ascii=False)[1:-1]}")
        return _said(said, textwrap.indent(_yaml(added), outermost[3] if outermost else "  "))


def _leaves(path: str) -> bool:
    return path.split(os.sep)[0] == os.pardir


def _yaml(data: Any) -> str:
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=1000)
    return text.rstrip("\n")


class _LeftOutError(Exception):
    pass


def _left_out(select: Any, project: str, path: str) -> tuple[str, list[Any]]:
    """The first file or folder that is left out of what has the ``path``, or above it, with the
    results of Guild's rules for it; "" where nothing is left out."""

    class Handler(file_util.FileCopyHandler):  # type: ignore[misc]
        def copy(self, name: str, results: list[Any]) -> None:
            pass

        def ignore(self, name: str, results: list[Any]) -> None:
            if f"{path}/".startswith(f"{name}/") or name.startswith(f"{path}/"):
                raise _LeftOutError(name, results)

    try:
        file_util.copytree("", select, project, handler_cls=Handler)
    except _LeftOutError as e:
        return e.args[0], e.args[1]
    return "", []


def _why(select: Any, root: str, path: str, name: str, results: list[Any]) -> str:
    """The reason for which a run has no ``path``: Guild ignores ``name``, by the ``results`` of its
    rules, of which there are none for a folder."""
    it = "it" if name == path else name
    has_guildignore = os.path.exists(os.path.join(root, ".guildignore"))
    git = "git or .guildignore" if has_guildignore else "git"
    if not results:
        dirs = [rule for rule in select.rules if rule.type == "dir"]
        rule = [rule for rule in dirs if rule.test(root, name)[0] is False][-1]
        if ".git" in rule.patterns and os.path.basename(name) != ".git":
            return f"{git} ignores all of folder {name}"
        return f"folder {name} is left out by a rule: {rule}"
    decided = [rule for (result, _test), rule in results if result is not None]
    if decided:
        return f"{it} is left out by a rule: {decided[-1]}"
    for (_result, test), rule in results:
        if getattr(rule, "size_lt", None) is None:
            continue
        if test.name == "max matches":
            return f"Guild copies {rule.max_matches} files, and {it} comes after them"
        if test.name == "size":
            limit = _size(op_util.MAX_DEFAULT_SOURCECODE_FILE_SIZE)
            size = _size(os.path.getsize(os.path.join(root, name)))
            return f"{it} has {size}, and Guild copies no file over {limit}"
        return f"{it} is not a text, and Guild copies no others"
    is_of_git = any(hasattr(rule, "ignored") for _result, rule in results)
    return f"{git} ignores {it}" if is_of_git else "no rule selects it"


def _size(count: int) -> str:
    """``count`` bytes, rounded up: what is just over a limit is not written as the limit."""
    return f"{math.ceil(count / 1024 / 1024 * 10) / 10:.1f} MB".replace(".0 MB", " MB")


if __name__ == "__main__":
    main()
