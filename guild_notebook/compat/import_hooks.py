"""What is done before or after certain modules are imported, whoever imports them.

``guild_notebook_hooks.pth`` puts the finder that calls this first in line when Python starts. To
add a patch, name its function in a table below; PREFIXES of guild_notebook_hooks says which names
get here.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import importlib.util
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import Any

from . import (
    closed_output,
    command_line,
    commands,
    diff,
    hparams,
    interpreter,
    ipy,
    model_importer,
    names,
    notebook_plugin,
    output_reader,
    output_scalars,
    package_list,
    processes,
    protobuf,
    publish,
    python_util,
    restarts,
    scalar_files,
    setuptools,
    shown_flags,
    source_files,
    stops,
    system,
    text_files,
    view,
)

LOOKED_FOR: dict[str, Callable[[], None]] = {
    "google._upb._message": protobuf.refuse_where_it_cannot_be_loaded,
    "guild.op_main": python_util.provide_imp,
}
"""Called when a module is looked for, also to be run by ``python -m``, which executes no module.
An ImportError that it raises is that of the import."""

AROUND: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "guild.python_util": python_util.with_what_python_has_dropped,
    "pkg_resources": setuptools.without_its_deprecation,
}
"""The contexts in which modules are executed."""

AFTER: dict[str, tuple[Callable[[Any], None], ...]] = {
    "guild.batch_util": (shown_flags.label_trials_by_defaults,),
    "guild.click_util": (commands.split_by_keyword,),
    "guild.commands.compare_impl": (names.compare_names,),
    "guild.commands.diff_impl": (diff.show_notebooks,),
    "guild.commands.main": (commands.mend_commands, command_line.explain_notebooks_as_commands),
    "guild.commands.operations_impl": (shown_flags.list_flags,),
    "guild.commands.run": (commands.state_defaults, command_line.explain_unknown_options),
    "guild.commands.run_impl": (
        restarts.find_by_id,
        restarts.record_required_files,
        command_line.ask_plugins,
        shown_flags.label_by_defaults,
        stops.end_what_is_interrupted,
    ),
    "guild.commands.runs_impl": (names.select_by_values, stops.end_kept_kernels),
    "guild.commands.view_impl": (view.name_pages,),
    "guild.filter": (names.read_filters,),
    "guild.help": (shown_flags.describe_flags,),
    "guild.ipy": (ipy.find_values_by_position, names.tabulate_names),
    "guild.log": (interpreter.leave_absl_out,),
    "guild.main": (interpreter.collect_rarely,),
    "guild.model": (model_importer.find_modules_beside_a_guild_file,),
    "guild.op": (
        output_reader.offer_one_pipe,
        package_list.list_beside_the_run,
        stops.start_without_interruption,
    ),
    "guild.op_util": (
        processes.start_steps_apart,
        source_files.copy_and_warn,
        closed_output.stop_runs_without_reader,
        output_reader.read_in_pieces,
    ),
    "guild.pip_util": (processes.start_pip_apart,),
    "guild.plugins.import_argparse_flags_main": (commands.state_defaults_of_scripts,),
    "guild.plugins.cpu": (system.look_for_psutil,),
    "guild.plugins.disk": (system.look_for_psutil,),
    "guild.plugins.ipynb": (notebook_plugin.retire_builtin_notebook_plugin,),
    "guild.plugins.memory": (system.look_for_psutil,),
    "guild.plugins.python_script": (package_list.wait_for_the_operation,),
    "guild.publish": (publish.publish_with_links,),
    "guild.query": (names.name_columns,),
    "guild.query.qparse": (names.read_names,),
    "guild.summary": (scalar_files.write_without_tensorboard, output_scalars.find_in_text),
    "guild.tensorboard": (hparams.show_every_run,),
    "guild.util": (
        system.count_processors_without_psutil,
        system.look_for_commands_without_a_process,
        text_files.ask_chardet_where_it_matters,
    ),
    "guild.view": (view.show_pages,),
}
"""Called with a module, each once, when it is executed, or now if it was before the hooks were in
place."""

_PATCHED = "_guild_notebook_patches"
"""The variable of a module that has the names of those that have been called with it."""

WHEN_USED = ("guild.lock",)
"""Modules that are executed when they are first used. Guild imports this one for each command, and
filelock with it, which takes as long as click; it uses it for batches and queues."""

ABSENT: dict[str, str] = {"pkg_resources": "guild_notebook.compat.pkg_resources"}
"""Modules that are imported under the name of one that is not installed."""

ONLY_FOR: dict[str, tuple[str, ...]] = {"pkg_resources": ("guild", "tensorboard")}
"""The packages that alone get what the tables say: others import the module as without us."""


def install() -> None:
    """Put the hooks in place where Python has started without them, as it does for packages that
    are found by PYTHONPATH alone; a second call changes nothing."""
    import guild_notebook_hooks  # noqa: F401  # which puts its finder in place

    for name in AFTER.keys() & sys.modules.keys():
        _patch(sys.modules[name])


def find_spec(
    name: str, path: Sequence[str] | None, target: ModuleType | None
) -> ModuleSpec | None:
    """The spec of a module that has a hook, as a finder of ``sys.meta_path`` has to return it; None
    where there is nothing to do while it is loaded."""
    if name in LOOKED_FOR:
        LOOKED_FOR[name]()
    if name not in {*AROUND, *AFTER, *ABSENT, *WHEN_USED}:
        return None
    if name in ONLY_FOR and _importing_package() not in ONLY_FOR[name]:
        return None
    spec = None
    for finder in sys.meta_path:
        # There are two where a program has forgotten its modules, as test suites do.
        is_ours = getattr(finder, "__module__", "") == "guild_notebook_hooks"
        if not is_ours and not spec and hasattr(finder, "find_spec"):
            spec = finder.find_spec(name, path, target)
    if not spec and name in ABSENT:
        origin = importlib.util.find_spec(ABSENT[name])
        assert origin and origin.origin
        spec = importlib.util.spec_from_file_location(name, origin.origin)
    # On the instance, so that its class stays what others look for: of an archive it is one for all
    # modules. A class, as that of frozen modules, stays as it is.
    execute = getattr(spec and spec.loader, "exec_module", None)
    is_patched = getattr(execute, "func", None) is _execute
    if spec and execute and not is_patched and not isinstance(spec.loader, type):
        vars(spec.loader)["exec_module"] = functools.partial(_execute, execute)
        if name in WHEN_USED and spec.loader:
            spec.loader = importlib.util.LazyLoader(spec.loader)
    return spec


def _execute(execute: Callable[[ModuleType], None], module: ModuleType) -> None:
    vars(module).pop(_PATCHED, None)  # it is executed anew
    with AROUND.get(module.__name__, contextlib.nullcontext)():
        execute(module)
    _patch(module)


def _patch(module: ModuleType) -> None:
    for patch in AFTER.get(module.__name__, ()):
        patched = vars(module).setdefault(_PATCHED, set())
        if patch.__name__ not in patched:
            patched.add(patch.__name__)
            patch(module)


def _importing_package() -> str:
    """The package whose code has the import statement."""
    in_place_of_import = getattr(builtins.__import__, "__code__", None)  # of a program's own
    frame: FrameType | None = sys._getframe()
    while frame:
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package not in _IMPORTING and frame.f_code is not in_place_of_import:
            return package
        frame = frame.f_back
    return ""


_IMPORTING = ("guild_notebook", "guild_notebook_hooks", "importlib", "_frozen_importlib")
