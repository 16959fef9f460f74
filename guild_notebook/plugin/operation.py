"""What makes an operation of guild.yml a notebook operation, and the command that runs it.

Reads opdefs after Guild has merged them (``as_data()``), where every form of guild.yml looks the
same: operation-only, models, ``config``, ``include``, ``extends``, ``operation-defaults``, params.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .. import options, start
from ..document import notebooks_beside, reader, text_formats
from ..errors import NotebookError, OptionError, UserError, end_on_windows, nearest, shown
from ..options.reports import OF_NBCONVERT, OWN_REPORTS
from ..options.scalars import ScalarsSetting
from ..scalars.patterns import default_patterns
from . import attributes

NBEXEC = "guild.plugins.nbexec"  # the main of Guild's own notebook feature, in old guild.yml files
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
    ``error`` is what is wrong with the text that they are read from. ``assigned`` are the options
    of the command line (``nb-kernel=other``) of the run that is about to start."""

    path: str
    arguments: tuple[str, ...] = ()
    error: UserError | None = None
    assigned: tuple[str, ...] = ()


def assign(opdef: Any, assigned: tuple[str, ...]) -> None:
    """Set the options of the command line that is about to run an opdef (``assigned`` of its
    NotebookSpec)."""
    opdef.nb_assigned = assigned


def spec_for_opdef(opdef: Any) -> NotebookSpec | None:
    """The notebook that an opdef runs, None where it runs something else."""
    spec = _spec(opdef)
    assigned = getattr(opdef, "nb_assigned", ())
    return replace(spec, assigned=assigned) if spec and assigned else spec


def _spec(opdef: Any) -> NotebookSpec | None:
    data = opdef.as_data()
    where = f"operation '{opdef.fullname}'"
    error = attributes.what_is_run_error(data, where)
    notebook = data.get("notebook")
    if notebook is not None:
        spec = _parse(notebook, where)
        return replace(spec, error=error) if error else spec
    main = data.get("main")
    if isinstance(main, str) and main.split()[:1] == [NBEXEC]:
        return _parse(main.strip()[len(NBEXEC) :], where)
    if error:
        return NotebookSpec("", error=error)
    if any(data.get(key) for key in attributes.WHAT_IS_RUN):
        return None
    if attributes.NOTEBOOK in data:
        return NotebookSpec("")  # `notebook:` without a path
    if is_notebook_path(str(opdef.name)):
        return NotebookSpec(opdef.name)
    error = _nothing_to_run_error(opdef, where)
    return NotebookSpec("", error=error) if error else None


def _nothing_to_run_error(opdef: Any, where: str) -> OptionError | None:
    """What is said of an operation that has nothing to run but the name of a notebook. Guild runs
    the module of that name (guild/plugins/python_script.py, _maybe_apply_main)."""
    path = os.path.join(opdef.guildfile.dir or ".", opdef.name)
    module = path.replace("-", "_")
    if not os.path.isfile(f"{path}.ipynb") or os.path.exists(f"{module}.py"):
        return None
    if os.path.isdir(module):
        return None
    return OptionError(f"{where} has nothing to run - add 'notebook: {opdef.name}.ipynb' to it")


def notebook_operations(gf: Any) -> Iterator[tuple[Any, NotebookSpec]]:
    """The opdefs of a guild.yml that run a notebook, each with its notebook."""
    for model in gf.models.values():
        for opdef in model.operations:
            spec = spec_for_opdef(opdef)
            if spec:
                yield opdef, spec


def take_out_undefined_resources(opdef: Any) -> None:
    """Take what an opdef requires and guild.yml does not define out of its dependencies, and keep
    what is to be said of it when the operation is to run: Guild ends each command of the project
    with a traceback for it (guild/plugins/resource_flags.py, apply_resource_flags)."""
    if not opdef.dependencies:
        return
    from guild import op_dep

    for dependency in list(opdef.dependencies):
        try:
            op_dep.resource_def(dependency, {})
        except op_dep.OpDependencyError as e:
            opdef.dependencies.remove(dependency)
            opdef.nb_undefined = str(e), dependency.spec


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
    """The options that an operation sets: as an attribute, after the notebook's name, and on the
    command line; a later one wins.

    Raises OptionError. Options that hold a flag reference (``${…}``) are left for the run to read.
    """
    where = f"operation '{opdef.fullname}'"
    result = _settings_of_guildfile(opdef, spec, where)
    result.update(options.from_arguments(spec.assigned, where))
    return result


def _settings_of_guildfile(opdef: Any, spec: NotebookSpec, where: str) -> options.Settings:
    result = options.from_attributes(opdef.as_data(), where)
    result.update(options.from_arguments(spec.arguments, where, has_references=True))
    return result


def command(opdef: Any, spec: NotebookSpec) -> str:
    """The ``exec`` of a notebook operation.

    An exec of ``${guild_python_exe}`` keeps what Guild does for Python operations (PYTHONPATH,
    default source code rules). ``${python_exe}`` is the Python of an active environment, which may
    lack this package: it has the kernel instead. There is no ``${flag_args}``: arguments lose the
    types of flag values, the run's attributes do not.
    """
    found = notebook_paths(opdef, spec)
    arguments = [found.run]
    in_project = os.path.relpath(found.source, opdef.guildfile.dir or ".")
    if in_project != found.run:
        arguments.append(f"--project-path={in_project}")
    where = f"operation '{opdef.fullname}'"
    arguments += options.to_arguments(_settings_of_guildfile(opdef, spec, where))
    if "${" in spec.path:
        arguments.append("--in-project")  # which only the run can see
    if opdef.as_data().get("pip-freeze") is False:
        arguments.append("--no-pip-freeze")
    arguments += options.referring_arguments(opdef.as_data())
    if any(map(options.has_reference, spec.arguments)):
        arguments += spec.arguments
    return runner_command([*arguments, *spec.assigned])


def recorded_assignments(command: Sequence[Any]) -> dict[str, str]:
    """The options that were assigned on the command line of a run, of whose recorded command these
    are the words, by their attributes."""
    words = [str(word) for word in command]
    after_notebook = words.index(RUNNER) + 2 if RUNNER in words else len(words)
    return options.assignments(words[after_notebook:])


def scalars_setting(opdef: Any, spec: NotebookSpec | None) -> ScalarsSetting:
    """What ``nb-scalars`` says for an operation. Raises OptionError."""
    said = settings(opdef, spec).get("scalars") if spec else None
    return said or ScalarsSetting()


def output_scalars(opdef: Any, spec: NotebookSpec) -> list[Any]:
    """The ``output-scalars`` of a notebook operation by ``nb-scalars``: its own alone, or beside
    what that says. Raises OptionError."""
    data = opdef.as_data()
    own = data.get("output-scalars")
    said = " ".join(spec.arguments)
    of_data = str(data.get(options.PREFIX + "scalars"))
    if re.search(r"--scalars[= ]\S*\$\{", said) or "${" in of_data:
        raise OptionError(
            f"operation '{opdef.fullname}': 'nb-scalars' takes no reference to a flag, since Guild "
            "has to know it before the run - write what it says there"
        )
    mode = scalars_setting(opdef, spec).mode
    if not mode and own is not None:
        return list(own)
    patterns = default_patterns((str(flag.name) for flag in opdef.flags), mode or "lines")
    return [*patterns, *(own or ())] if patterns else []


def assigns_scalars(opdef: Any) -> bool:
    """Whether ``nb-scalars`` is assigned on the command line."""
    spec = spec_for_opdef(opdef)
    return spec is not None and "nb-scalars" in options.assignments(spec.assigned)


def runner_command(arguments: list[str]) -> str:
    words = [*start.arguments(RUNNER), *arguments]
    return f"${{guild_python_exe}} {' '.join(map(shlex.quote, words))}"


def check(opdef: Any, spec: NotebookSpec) -> None:
    """Raise what is wrong with a notebook operation that is about to run: OptionError for its
    options, NotebookError where there is no such file; SystemExit on Windows."""
    end_on_windows()
    if spec.error:
        raise spec.error
    attributes.check(opdef)
    if hasattr(opdef, "nb_undefined"):
        said, name = opdef.nb_undefined
        raise OptionError(f"{said} - a file or folder is required as 'file: {name}'")
    for pattern in output_scalars(opdef, spec):
        attributes.check_pattern(pattern, opdef)
    check_reports(
        settings(opdef, spec), f"operation '{opdef.fullname}'", opdef.guildfile.dir or "."
    )
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
        folder = opdef.guildfile.dir or "."
        advice = notebooks_beside.advice(spec.path, folder) or "correct 'notebook' in guild.yml"
        raise NotebookError(
            f"operation '{opdef.fullname}': notebook {spec.path} does not exist in {folder} - "
            f"{advice}"
        )


def check_required_files(opdef: Any, values: Mapping[str, Any]) -> None:
    """Raise OptionError for a file that an opdef requires and that does not exist: Guild looks for
    it when there is a run. One that a flag names among ``values`` is Guild's to find."""
    from guild import op_dep

    for dependency in opdef.dependencies or ():
        with contextlib.suppress(op_dep.OpDependencyError):
            resource, location = op_dep.resource_def(dependency, dict(values))
            parents = getattr(getattr(resource, "modeldef", None), "parents", ())
            for source in resource.sources:
                path = source.parsed_uri.path
                is_given = values.keys() & set(op_dep.source_flag_name_candidates(source))
                if source.parsed_uri.scheme != "file" or source.optional or is_given:
                    continue
                folders = [location, *(parent.dir for parent in parents)]
                if "${" not in path and not any(
                    os.path.exists(os.path.join(folder, path)) for folder in folders
                ):
                    raise OptionError(
                        f"operation '{opdef.fullname}': '{path}' in 'requires' does not exist in "
                        f"{location} - correct its path"
                    )


def check_reports(settings: options.Settings, where: str, project: str) -> None:
    """Raise OptionError for a report that does not exist. An exporter that is named by its class
    (``module.Class``) may be of a module that only the run has."""
    for report, given in settings.get("report", {}).items():
        if report in OWN_REPORTS:
            continue
        prefix = OF_NBCONVERT if report.startswith(OF_NBCONVERT) else ""
        name, exporters = report[len(prefix) :], _exporters()
        if "." not in name and name not in exporters and name.lower() not in exporters:
            known = exporters if prefix else [*OWN_REPORTS, *exporters, "none"]
            known = [prefix + each for each in dict.fromkeys(known)]
            near = nearest(report, known)
            hint = f"did you mean '{near}'?" if near else f"there are {', '.join(known)}"
            raise OptionError(f"{where}: 'nb-report': unknown report '{report}' - {hint}")
        if template := given.get("template"):
            _check_template(report, template, f"{where}: 'nb-report'", project)


def _check_template(report: str, template: str, where: str, project: str) -> None:
    """Raise OptionError for a template that is probably a misspelled one. The user's configuration,
    which only the run reads, may have folders with others."""
    from jupyter_core.paths import jupyter_path

    folders = filter(os.path.isdir, jupyter_path("nbconvert", "templates"))
    known = sorted({name for folder in folders for name in os.listdir(folder)})
    if template in known or os.path.exists(os.path.join(project, template)):
        return
    if near := nearest(template, known):
        raise OptionError(
            f"{where}: there is no template '{template}' for {report} - did you mean '{near}'?"
        )


def _exporters() -> list[str]:
    """The names of nbconvert's exporters, of which it has plug-ins."""
    from importlib import metadata

    found: Any = metadata.entry_points()
    group = "nbconvert.exporters"
    of_group = found.select(group=group) if hasattr(found, "select") else found.get(group, ())
    return sorted({each.name for each in of_group})


def command_parameters() -> dict[str, Any]:
    """The parameters of the ``guild run`` that this process is; empty where Python called it."""
    import click

    context = click.get_current_context(silent=True)
    return dict(context.params) if context and context.info_name == "run" else {}
