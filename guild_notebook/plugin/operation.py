"""What makes an operation of guild.yml a notebook operation, and the command that runs it.

Reads opdefs after Guild has merged them (``as_data()``), where every form of guild.yml looks the
same: operation-only, models, ``config``, ``include``, ``extends``, ``operation-defaults``, params.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .. import options, start
from ..document import reader, text_formats
from ..errors import NotebookError, OptionError, end_on_windows, shown

NBEXEC = "guild.plugins.nbexec"
"""The main module of Guild's own notebook feature, which old guild.yml files name."""

RUNNER = "guild_notebook.run"

_ENDS = re.compile(
    rf"(?:\.ipynb|{'|'.join(map(re.escape, text_formats.EXTENSIONS))})(?=\s|$)", re.IGNORECASE
)

_NO_PATH = re.compile("[\x00\n\ud800-\udfff]")


def is_notebook_path(path: str) -> bool:
    """Whether a name alone shows that it is a notebook. That of a text does not: on a command line,
    ``train.py`` is one of Guild's scripts; it is a notebook where ``notebook:`` names it."""
    return path.lower().endswith(".ipynb")


@dataclass(frozen=True)
class NotebookSpec:
    """``path`` is relative to the guild.yml's directory, ``arguments`` are the options after it.
    ``error`` is what is wrong with the text that they are read from."""

    path: str
    arguments: tuple[str, ...] = ()
    error: OptionError | None = None


def spec_for_opdef(opdef: Any) -> NotebookSpec | None:
    """The notebook that an opdef runs, None where it runs something else."""
    data = opdef.as_data()
    where = f"operation '{opdef.fullname}'"
    notebook = data.get("notebook")
    if notebook is not None:
        return _parse(notebook, where)
    main = data.get("main")
    if isinstance(main, str) and main.split()[:1] == [NBEXEC]:
        return _parse(main.strip()[len(NBEXEC) :], where)
    if any(data.get(key) for key in ("main", "exec", "steps")):
        return None
    return NotebookSpec(opdef.name) if is_notebook_path(str(opdef.name)) else None


def notebook_operations(gf: Any) -> Iterator[tuple[Any, NotebookSpec]]:
    """The opdefs of a guild.yml that run a notebook, each with its notebook."""
    for model in gf.models.values():
        for opdef in model.operations:
            spec = spec_for_opdef(opdef)
            if spec:
                yield opdef, spec


def _parse(text: Any, where: str) -> NotebookSpec:
    """Split a name from its options; a name with spaces needs no quotes. Never raises: Guild reads
    all operations for each command, also for one that is about others. ``where`` names this one."""
    if not isinstance(text, str) or _NO_PATH.search(text):
        said = f"{where}: 'notebook' takes the path of a notebook, not '{shown(text)}'"
        return NotebookSpec(shown(text), error=OptionError(said))
    try:
        parts = shlex.split(text)
    except ValueError:
        parts = []
    if parts and (is_notebook_path(parts[0]) or text_formats.is_text(parts[0])):
        return NotebookSpec(parts[0], tuple(parts[1:]))
    end = _ENDS.search(text)
    if not end:
        return NotebookSpec(parts[0] if parts else text.strip(), tuple(parts[1:]))
    path, arguments = text[: end.end()].strip(), text[end.end() :]
    try:
        return NotebookSpec(path, tuple(shlex.split(arguments)))
    except ValueError as e:
        said = f"{where}: options of {path} cannot be read ({e}):{arguments} - correct the quotes"
        return NotebookSpec(path, error=OptionError(said))


@dataclass(frozen=True)
class NotebookPaths:
    """Where a notebook is: ``source`` in the project (absolute), ``copied`` below the root of the
    project's source code (None where it lies outside), ``run`` below the run directory."""

    source: str
    copied: str | None
    run: str


def notebook_paths(opdef: Any, spec: NotebookSpec) -> NotebookPaths:
    """Where an opdef's notebook is in the project, and where the run will have it.

    Guild copies what lies below ``sourcecode: root`` to ``sourcecode: dest`` of the run
    directory (guild/commands/run_impl.py, _opdef_sourcecode_dest).

    Raises NotebookError for the notebook of a guild.yml that lies outside of its project, links
    followed: Guild reads the guild.yml of whoever's project is listed, which must not make it read
    other files. A path on the command line is its user's own wish; its opdef is of no file.
    Raises OptionError where the opdef's text cannot be read.
    """
    if spec.error:
        raise spec.error
    project = os.path.abspath(opdef.guildfile.dir or ".")
    root_setting = opdef.sourcecode.root or opdef.modeldef.sourcecode.root
    root = os.path.join(project, root_setting) if root_setting else project
    dest = opdef.sourcecode.dest or opdef.modeldef.sourcecode.dest or "."
    source = os.path.normpath(os.path.join(project, spec.path))
    if not os.path.exists(source) and root_setting:
        below_root = os.path.normpath(os.path.join(root, spec.path))
        source = below_root if os.path.exists(below_root) else source
    if opdef.guildfile.src and not reader.is_inside(source, project):
        raise reader.outside_error(f"operation '{opdef.fullname}': notebook {spec.path}", project)
    copied = os.path.relpath(source, root)
    is_outside = copied.split(os.sep)[0] == os.pardir
    run = os.path.join(dest, os.path.basename(source) if is_outside else copied)
    return NotebookPaths(source, None if is_outside else copied, os.path.normpath(run))


def settings(opdef: Any, spec: NotebookSpec) -> options.Settings:
    """The options that an operation sets, as an attribute or after the notebook's name, which wins.

    Raises OptionError. Options that hold a flag reference (``${…}``) are left for the run to read.
    """
    where = f"operation '{opdef.fullname}'"
    result = options.from_attributes(opdef.as_data(), where)
    if not _has_references(spec):
        result.update(options.from_arguments(spec.arguments, where))
    return result


def _has_references(spec: NotebookSpec) -> bool:
    return any(map(options.has_reference, spec.arguments))


def command(opdef: Any, spec: NotebookSpec) -> str:
    """The ``exec`` of a notebook operation.

    An exec of ``${guild_python_exe}`` keeps what Guild does for Python operations (PYTHONPATH,
    default source code rules). ``${python_exe}``, which earlier versions have recorded, is the
    Python of an active environment, which may lack this package: it has the kernel instead. It has
    no ``${flag_args}``: arguments lose the types of flag values, the run's attributes do not.
    """
    found = notebook_paths(opdef, spec)
    arguments = [found.run]
    in_project = os.path.relpath(found.source, opdef.guildfile.dir or ".")
    if in_project != found.run:
        arguments.append(f"--project-path={in_project}")
    arguments += options.to_arguments(settings(opdef, spec))
    if "${" in spec.path:
        arguments.append("--in-project")  # which only the run can see
    if opdef.as_data().get("pip-freeze") is False:
        arguments.append("--no-pip-freeze")
    arguments += options.referring_arguments(opdef.as_data())
    if _has_references(spec):
        arguments += spec.arguments
    return runner_command(arguments)


def runner_command(arguments: list[str]) -> str:
    words = [*start.arguments(RUNNER), *arguments]
    return f"${{guild_python_exe}} {' '.join(map(shlex.quote, words))}"


def check(opdef: Any, spec: NotebookSpec) -> None:
    """Raise what is wrong with a notebook operation that is about to run: OptionError for its
    options, NotebookError where there is no such file; SystemExit on Windows."""
    end_on_windows()
    if spec.error:
        raise spec.error
    settings(opdef, spec)
    if not spec.path:
        raise NotebookError(
            f"operation '{opdef.fullname}' names no notebook - say 'notebook: NAME.ipynb'"
        )
    source = notebook_paths(opdef, spec).source
    if os.path.exists(source) and not os.path.isfile(source):
        raise NotebookError(
            f"operation '{opdef.fullname}': {spec.path} is not a file - "
            "give the path of a notebook (.ipynb)"
        )
    if "${" not in source and not os.path.isfile(source):
        raise NotebookError(
            f"operation '{opdef.fullname}': notebook {spec.path} does not exist in "
            f"{opdef.guildfile.dir or '.'} - correct 'notebook' in guild.yml"
        )
