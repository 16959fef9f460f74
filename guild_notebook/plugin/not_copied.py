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
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import yaml
from guild import config, file_util, guildfile, op_util, resolver, run

Line = tuple[str, bool]
"""A line, and whether it is to be written as it is: it is to be copied by its reader."""


def _said(line: str) -> Line:
    return line, False


def _to_copy(line: str) -> Line:
    return line, True


LARGE = 100_000_000
"""Bytes of a file or folder that is better linked to than copied into each run."""

MANY = 10
"""Files of one kind in a folder, more than which are not named one by one."""


def main() -> None:
    with contextlib.redirect_stdout(sys.stderr):
        lines = list(answer(Question(**json.load(sys.stdin))))
    json.dump(lines, sys.stdout)


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

    @property
    def shown(self) -> str:
        """The file, as guild.yml names it."""
        return os.path.relpath(self.file, self.project)


def answer(question: Question) -> Iterator[Line]:
    operation = _Operation(question)
    if question.folder_only or _is_empty_folder(question.file):
        yield from _about_folder(question, operation)
    elif question.target:
        yield from _about_file(question, operation)
    else:
        yield from _about_module(question, operation)


class _Operation:
    """The operation of the run, as the project has it now: ``opdef`` is None where it has none."""

    def __init__(self, question: Question) -> None:
        self._question = question
        config.set_cwd(question.project)
        opref = run.for_dir(question.run_dir).opref
        self.is_path = opref.pkg_type == "script"
        self.name = opref.op_name
        self.opdef: Any = None
        self.is_after_others = False  # which are as many as Guild copies
        with contextlib.suppress(Exception):  # whatever the project has become
            self.opdef = op_util.opdef_for_opspec(opref.to_opspec(question.project))
        select = self.opdef and op_util.sourcecode_select_for_opdef(self.opdef)
        self._select = select
        root = select.root if select and select.root else question.project
        self.root = os.path.normpath(os.path.join(question.project, root))
        sourcecode = getattr(self.opdef, "sourcecode", None)
        models = self.opdef and self.opdef.modeldef.sourcecode
        self.dest = (sourcecode and sourcecode.dest) or (models and models.dest) or "."

    def in_run(self, file: str) -> str:
        """Where a run has a source file, relative to its directory; "" for what is none."""
        path = os.path.relpath(file, self.root)
        return "" if _leaves(path) else os.path.normpath(os.path.join(self.dest, path))

    @property
    def notebook_folder(self) -> str:
        """The folder of the notebook in the run, relative to its directory."""
        return os.path.dirname(self.in_run(self._question.notebook)) or os.path.normpath(self.dest)

    def including(self, pattern: str, file: str) -> list[Any]:
        """Rules of ``sourcecode`` with the ``pattern`` by which Guild copies the file, none where
        there are none, or where the operation's are no list."""
        parts = os.path.relpath(file, self.root).split(os.sep)
        parents = [os.sep.join(parts[:i]) for i in range(1, len(parts))]
        above = [{"include": {"dir": parents}}] if parents else []
        is_list = self.opdef and isinstance(self.opdef.as_data().get("sourcecode", []), list)
        for rules in ([{"include": pattern}], [*above, {"include": pattern}]) if is_list else ():
            specs = self.opdef.sourcecode.specs
            added = [guildfile.FileSelectSpec(rule, self.opdef.guildfile) for rule in rules]
            specs += added
            select = op_util.sourcecode_select_for_opdef(self.opdef)
            del specs[-len(added) :]
            if _decision(select, self._question.project, os.sep.join(parts)) is None:
                return rules
        return []

    def why_not_copied(self) -> str:
        """Why Guild's rules leave the file out."""
        path = os.path.relpath(self._question.file, self.root)
        if _leaves(path):
            return f"it is outside of the folder of source code, {self.root}"
        if self._select is None:
            return "the project has no such operation any more"
        if self._select.disabled or os.getenv("NO_SOURCECODE") == "1":
            return "no source code is copied (sourcecode: no)"
        decision = _decision(self._select, self._question.project, path)
        if decision is None:
            return "it was not there when files were copied"
        tests = [test for (_result, test), _rule in decision[1]]
        self.is_after_others = any(test and test.name == "max matches" for test in tests)
        return _why(self._select, self.root, path, *decision)


class _DecidedError(Exception):
    pass


def _decision(select: Any, project: str, path: str) -> tuple[str, list[Any]] | None:
    """The first file or folder that is left out of what has the ``path``, or above it, with the
    results of Guild's rules for it; None where nothing is left out."""

    class Handler(file_util.FileCopyHandler):  # type: ignore[misc]
        def copy(self, name: str, results: list[Any]) -> None:
            pass

        def ignore(self, name: str, results: list[Any]) -> None:
            if f"{path}/".startswith(f"{name}/") or name.startswith(f"{path}/"):
                raise _DecidedError(name, results)

    try:
        file_util.copytree("", select, project, handler_cls=Handler)
    except _DecidedError as e:
        return e.args[0], e.args[1]
    return None


def _why(select: Any, root: str, path: str, name: str, results: list[Any]) -> str:
    """The reason for which a run has no ``path``: Guild ignores ``name``, by the ``results`` of its
    rules, of which there are none for a folder."""
    full, it = os.path.join(root, name), "it" if name == path else name
    ignored_by = (
        "git or .guildignore" if os.path.exists(os.path.join(root, ".guildignore")) else "git"
    )
    if not results:
        left_out = [
            rule
            for rule in select.rules
            if rule.type == "dir" and rule.test(root, name)[0] is False
        ]
        rule = left_out[-1]
        if ".git" in rule.patterns and os.path.basename(name) != ".git":
            return f"{ignored_by} ignores all of folder {name}"
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
            return f"{it} has {_size(os.path.getsize(full))}, and Guild copies no file over {limit}"
        return f"{it} is not a text, and Guild copies no others"
    is_of_git = any(hasattr(rule, "ignored") for _result, rule in results)
    return f"{ignored_by} ignores {it}" if is_of_git else "no rule selects it"


def _size(count: int) -> str:
    """``count`` bytes, rounded up: what is just over a limit is not written as the limit."""
    return f"{math.ceil(count / 1024 / 1024 * 10) / 10:.1f} MB".replace(".0 MB", " MB")


def _leaves(path: str) -> bool:
    return path.split(os.sep)[0] == os.pardir


class _Target:
    """Where a cell looks for the file, which depends on the folder that it works in (nb-cwd)."""

    def __init__(self, question: Question, operation: _Operation) -> None:
        self._run_dir, self._file = question.run_dir, question.file
        self._folders = {
            "run": question.run_dir,
            "notebook": os.path.join(question.run_dir, operation.notebook_folder),
            "project": os.path.realpath(os.path.dirname(question.notebook)),
        }
        self.relative = os.path.relpath(question.target, os.path.realpath(question.cwd))

    def in_run(self, option: str) -> str:
        """The path relative to the run directory; "" outside of that."""
        path = os.path.join(self._folders[option], self.relative)
        found = os.path.relpath(path, self._run_dir)
        return "" if _leaves(found) else found

    def is_there(self, option: str) -> bool:
        """Whether there is what the cell wants."""
        path = os.path.normpath(os.path.join(self._folders[option], self.relative))
        is_kind = os.path.isdir(path) == os.path.isdir(self._file)
        return (
            os.path.exists(path) and is_kind and (option == "project" or bool(self.in_run(option)))
        )


def _about_file(question: Question, operation: _Operation) -> Iterator[Line]:
    if question.option == "project":
        there = os.path.relpath(question.file, question.cwd)
        yield _said(f"{question.name} is in the project as {there}, cells work in {question.cwd}")
        return
    target = _Target(question, operation)
    others = [option for option in ("notebook", "run") if option != question.option]
    option = next(filter(target.is_there, others), "")
    if option:
        there = target.in_run(option)
        yield _said(f"{question.name} is in the run as {there}, and cells work elsewhere (nb-cwd)")
        yield from _with_option(question, operation, option)
        return
    why = _why_not_there(question, operation)
    yield _not_in_run(question, question.name, why)
    option = next(filter(target.in_run, (question.option, "notebook")), "")
    if os.path.exists(question.target) and option:
        yield _said("its entry in 'requires' of guild.yml is to be:")
        yield from _as_yaml([_required(question, os.path.dirname(target.in_run(option)))], 2)
    elif target.is_there("project") and (operation.is_path or not option):
        yield from _with_option(question, operation, "project")
    elif option:
        included = []
        if target.in_run(option) == operation.in_run(question.file):
            included = _including(question, operation)
        required = [_required(question, os.path.dirname(target.in_run(option)))]
        key = "sourcecode" if included else "requires"
        yield from _with_lines(question, operation, option, key, included or required)
    is_folder = os.path.isdir(question.file)
    folder = target.relative if is_folder else os.path.dirname(target.relative)
    is_to_be_made = (
        question.writes and folder and not os.path.isdir(os.path.join(question.cwd, folder))
    )
    if is_to_be_made and target.in_run(question.option):
        yield _said("or, where the cell is to write there, make the folder in a cell before:")
        yield _making(question, folder)


def _including(question: Question, operation: _Operation) -> list[Any]:
    """Rules of ``sourcecode`` for a file and others of its kind: those that come after the first
    files, which Guild copies, and those of a folder of which the run has some files. Also for one
    whose name ``requires`` cannot hold: it is read as a URL in which flags are filled in."""
    url = f"file:{question.shown}"
    if urlsplit(url).path != question.shown or "${" in url:
        return operation.including(
            glob.escape(os.path.relpath(question.file, operation.root)), question.file
        )
    folder, name = os.path.split(question.file)
    ending = os.path.splitext(name)[1]
    like = [other for other in os.listdir(folder) if other.endswith(ending)]
    in_run = os.path.join(question.run_dir, os.path.dirname(operation.in_run(question.file)))
    is_one_of_many = len(like) > MANY and os.path.isdir(in_run)
    if not operation.is_after_others and not is_one_of_many:
        return []
    path = os.path.relpath(folder, operation.root)
    pattern = glob.escape(os.path.normpath(os.path.join(path, "x"))[:-1]) + f"*{ending}"
    return operation.including(pattern, question.file)


def _not_in_run(question: Question, subject: str, why: str) -> Line:
    if _leaves(question.shown):
        return _said(
            f"{subject} is not in the run: {question.shown} is outside of {question.project}"
        )
    return _said(f"{subject} is in the project ({question.shown}), not in the run: {why}")


def _why_not_there(question: Question, operation: _Operation) -> str:
    if os.path.exists(question.target):
        what = "a folder" if os.path.isdir(question.target) else "a file"
        return f"it is {what} there - 'target-path' in guild.yml names the folder of a file"
    in_run = operation.in_run(question.file)
    if in_run and os.path.exists(os.path.join(question.run_dir, in_run)):
        return f"the run has it as {in_run}"
    return operation.why_not_copied()


def _about_folder(question: Question, operation: _Operation) -> Iterator[Line]:
    """On a folder in which the cell wants to write."""
    yield _said(f"the run has no folder {question.name}: the project has it ({question.shown})")
    target = _Target(question, operation)
    option = question.option
    if option != "project":
        option = next(filter(target.in_run, (option, "notebook")), option)
    if option != question.option:
        yield from _with_option(question, operation, option)
    yield _said("make the folder in a cell before:")
    yield _making(question, target.relative)


def _making(question: Question, folder: str) -> Line:
    """The statement that makes a folder."""
    if question.language == "r":
        return _to_copy(f"dir.create({json.dumps(folder)}, recursive = TRUE)")
    if question.language == "julia":
        return _to_copy(f"mkpath({json.dumps(folder)})")
    if question.language == "bash":
        return _to_copy(f"mkdir -p {shlex.quote(folder)}")
    return _to_copy(f"import os; os.makedirs({folder!r}, exist_ok=True)")


def _is_empty_folder(path: str) -> bool:
    return os.path.isdir(path) and not any(files for _, _, files in os.walk(path))


def _about_module(question: Question, operation: _Operation) -> Iterator[Line]:
    name, in_run = question.name, operation.in_run(question.file)
    with open(question.notebook, encoding="utf-8", errors="replace") as f:
        extends_path = "sys.path" in f.read()
    beside = os.path.dirname(question.notebook)
    is_found_there = question.folder in (beside, operation.root)
    is_below = operation.notebook_folder != os.path.normpath(operation.dest)
    option = question.option
    if extends_path and not is_found_there and is_below and option == "run":
        option = "notebook"  # by a folder that counts from the notebook's, mostly
    if in_run and os.path.exists(os.path.join(question.run_dir, in_run)):
        yield _said(f"module {name} is in the run as {in_run}, where none is looked for")
        if option != question.option:
            yield from _with_option(question, operation, option)
        else:
            folder = os.path.join(question.run_dir, operation.in_run(question.folder))
            yield _said("to import it, put its folder into sys.path in a cell before:")
            yield _to_copy(
                f"import sys; sys.path.insert(0, {os.path.relpath(folder, question.cwd)!r})"
            )
        return
    why = operation.why_not_copied()
    yield _not_in_run(question, f"module {name}", why)
    if operation.is_path and question.folder == beside:
        yield from _with_option(question, operation, "project")
        return
    if in_run and (is_found_there or extends_path):
        file, pattern = question.file, glob.escape(os.path.relpath(question.file, operation.root))
        if operation.is_after_others:
            pattern = "*.py"
        if os.path.isdir(file):
            pattern = f"{pattern}/*.py"
            file = next(map(str, Path(file).rglob("*.py")))
        included = operation.including(pattern, file)
        if included:
            yield from _with_lines(question, operation, option, "sourcecode", included)
            return
        where = os.path.dirname(in_run)
    else:
        where = os.path.join(operation.notebook_folder, *name.split(".")[:-1])
    required = [_required(question, os.path.normpath(where))]
    yield from _with_lines(question, operation, option, "requires", required)


def _required(question: Question, where: str) -> dict[str, Any]:
    """The entry of ``requires`` that puts the file into the folder ``where`` of the run. It has the
    whole folder where the run has nothing of that and there are more files in it: a notebook that
    reads one of them mostly reads others next."""
    file, folder = question.file, os.path.dirname(question.file)
    is_data = bool(question.target)
    is_whole = os.path.basename(where) == os.path.basename(folder) and len(os.listdir(folder)) > 1
    if is_data and is_whole and not os.path.exists(os.path.join(question.run_dir, where)):
        file, where = folder, os.path.dirname(where)
    entry: dict[str, Any] = {"file": os.path.relpath(file, question.project)}
    if where not in ("", os.curdir):
        entry["target-path"] = where
    if file_util.disk_usage(file) > LARGE:
        entry["target-type"] = "link"
    if resolver._archive_type(file, SimpleNamespace(type=None)):
        entry["unpack"] = False
    return entry


def _with_option(question: Question, operation: _Operation, option: str) -> Iterator[Line]:
    """What makes cells work elsewhere, by nb-cwd."""
    if not operation.is_path:
        yield from _with_lines(question, operation, option, "", [])
        return
    notebook = os.path.relpath(question.notebook, os.getenv("CMD_DIR") or question.project)
    yield _said("it is found with:")
    yield _to_copy(f"guild run {shlex.quote(notebook)} nb-cwd={option}")


def _with_lines(
    question: Question, operation: _Operation, option: str, key: str, entries: list[Any]
) -> Iterator[Line]:
    """The lines of guild.yml that set nb-cwd and add to a list of the operation."""
    added: dict[str, Any] = {"nb-cwd": option} if option != question.option else {}
    if operation.is_path:
        notebook = os.path.relpath(question.notebook, question.project)
        attributes = {"notebook": shlex.quote(notebook), "flags-import": "all", "nb-cwd": option}
        stem = os.path.splitext(os.path.basename(notebook))[0]
        yield _said("make an operation of the notebook in guild.yml:")
        yield from _as_yaml({stem: {**attributes, key: entries}}, 0)
        return
    name, data = operation.name, operation.opdef.as_data() if operation.opdef else {}
    node = _attributes(operation.opdef, name)
    nodes = {k.value: v for k, v in node.value} if node else {}
    indent = node.value[0][0].start_mark.column if node else 2
    if key and data.get(key) in (None, []):
        added[key] = entries
        entries = []
    if added:
        replaced = ", in place of its nb-cwd" if "nb-cwd" in nodes and "nb-cwd" in added else ""
        yield _said(f"add to operation '{name}' in guild.yml{replaced}:")
        if node and node.flow_style:
            yield _to_copy(f", {_flow(added)[1:-1]}")
        else:
            yield from _as_yaml(added, indent)
    if entries:
        items = nodes.get(key)
        if isinstance(items, yaml.SequenceNode) and not items.flow_style:
            indent = items.start_mark.column
            yield _said(f"add to '{key}' of operation '{name}' in guild.yml:")
        else:
            indent += 2
            yield _said(f"make '{key}' of operation '{name}' in guild.yml a list that has as well:")
        yield from _as_yaml(entries, indent)


def _attributes(opdef: Any, name: str) -> Any:
    """The node of an operation's attributes in guild.yml, None where it is not found."""
    nodes, seen = [], set()
    with contextlib.suppress(OSError, AttributeError, TypeError, yaml.YAMLError):
        nodes = [yaml.compose(Path(opdef.guildfile.src).read_text("utf-8"), yaml.SafeLoader)]
    for node in nodes:  # the outermost first: a flag may have the operation's name
        for item in getattr(node, "value", None) or ():
            key, value = item if isinstance(item, tuple) else (None, item)
            if isinstance(value, yaml.MappingNode) and value.value and key and key.value == name:
                return value
            if isinstance(value, yaml.CollectionNode) and id(value) not in seen:
                seen.add(id(value))  # others are aliases
                nodes.append(value)
    return None


def _as_yaml(data: Any, indent: int) -> Iterator[Line]:
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=1000)
    for line in text.splitlines():
        yield _to_copy(" " * indent + line)


def _flow(data: Any) -> str:
    text: str = yaml.safe_dump(data, default_flow_style=True, sort_keys=False, width=1000)
    return text.strip()


if __name__ == "__main__":
    main()
