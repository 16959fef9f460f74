"""The patches that Guild 0.9.0 needs, each with its reason and its end.

Guild loads every plugin before it reads a project, so what is put right when our plugin is
imported is in time for each command. Nothing here imports more than Guild itself has imported by
then. The processes of optimizers load no plugin: see :mod:`guild_notebook.optimizers`.

File and line refer to guildai 0.9.0.
"""

from __future__ import annotations

import functools
from importlib import machinery
from typing import Any


def apply() -> None:
    """Apply every patch that this Python needs; a second call changes nothing.

    The plugin calls it when it is imported. A notebook that uses ``guild.ipy`` and changes
    ``sys.path`` or the working directory may call it too.
    """
    find_modules_beside_a_guild_file()
    retire_builtin_notebook_plugin()
    run_batches_with_shims()
    shim_flag_functions()
    take_binary_files_for_binary()


def find_modules_beside_a_guild_file() -> None:
    """Let Python import modules from a folder that Guild's path hook has claimed.

    Guild puts ``ModelImporter`` before Python's own path hooks (guild/model.py:387) for the
    working directory and each folder with a guild.yml, but gives it only ``find_module``
    (:276), the protocol that Python 3.12 has dropped. There the next import that looks into such
    a folder ends in AttributeError: every operation with ``steps``, ``PYTHONPATH=. guild run``,
    ``guild.ipy`` after ``os.chdir``. Before 3.12 the folder's modules are just not found.

    Python's finder for the folder gives the answer that it would give without Guild.
    Needless when Guild's importer has a ``find_spec``.
    """
    from guild import model

    if not hasattr(model.ModelImporter, "find_spec"):
        model.ModelImporter.find_spec = _find_spec


def _find_spec(importer: Any, fullname: str, target: Any = None) -> machinery.ModuleSpec | None:
    # A new finder each time: one that is kept would need Python's cache invalidation as well.
    finder = machinery.FileFinder(
        importer.path,
        (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
        (machinery.SourceFileLoader, machinery.SOURCE_SUFFIXES),
        (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
    )
    return finder.find_spec(fullname, target)


def retire_builtin_notebook_plugin() -> None:
    """Keep Guild's own notebook plugin away from notebooks.

    It reads their flags through an IPython module that is gone, with a warning for each operation
    on each command (guild/plugins/ipynb.py:223), and resolves ``guild run x.ipynb`` (:36).

    It still gives ``main`` to an operation whose name ends in .ipynb (:55), as long as nothing
    else says what to run: the Python script plugin leaves a main of Guild's own alone, but takes
    an operation without any for a module of that name, and warns that it finds none. Our plugin
    replaces this main, whichever of the two Guild calls first.

    Needless when Guild drops the plugin.
    """
    from guild.plugins import ipynb

    ipynb.NotebookPlugin.resolve_model_op = _resolve_nothing
    ipynb.NotebookPlugin.guildfile_loaded = _mark_notebook_operations


def _resolve_nothing(_plugin: Any, _opspec: str) -> None:
    return None


def _mark_notebook_operations(_plugin: Any, guildfile: Any) -> None:
    for model in guildfile.models.values():
        for opdef in model.operations:
            is_notebook = opdef.name.lower().endswith(".ipynb")
            if is_notebook and not (opdef.main or opdef.exec_ or opdef.steps):
                opdef.main = f"guild.plugins.nbexec {opdef.name}"


def run_batches_with_shims() -> None:
    """Run the default batch ``+`` in our module, which can draw values from functions.

    A batch file may hold ``uniform[0:1]`` for a value. The batch's process loads no plugin, and
    Guild resolves ``+`` before it asks plugins (guild/model_proxy.py:90), so the command is
    changed where Guild defines it (:62). Needed with NumPy 1.25 and later; needless when
    guild/plugins/skopt_util.py imports there.
    """
    from guild import model_proxy

    proxy = model_proxy.DefaultBatchModelProxy
    if not hasattr(proxy.__init__, "__wrapped__"):
        proxy.__init__ = _with_our_batch(proxy.__init__)


def _with_our_batch(init: Any) -> Any:
    from .. import optimizers

    @functools.wraps(init)
    def with_our_batch(proxy: Any) -> None:
        init(proxy)
        optimizers.use_our_module(proxy.modeldef.get_operation("+"))

    return with_our_batch


def shim_flag_functions() -> None:
    """Make Guild's optimizer library fit to import when a batch first needs it.

    Guild draws the values of functions in the batch's process, and in its own where it says
    before a run how many trials there will be (guild/commands/run_impl.py:2158). It imports the
    library no earlier (guild/batch_util.py:354), and so do we. Needed with NumPy 1.25 and later.
    """
    from guild import batch_util

    function = batch_util._FlagFunction
    if not hasattr(function.__init__, "__wrapped__"):
        function.__init__ = _after_shims(function.__init__)


def _after_shims(init: Any) -> Any:
    @functools.wraps(init)
    def after_shims(*args: Any) -> None:
        from . import skopt

        skopt.apply()
        init(*args)

    return after_shims


def take_binary_files_for_binary() -> None:
    """Let Guild copy source code beside a file that holds bytes of no encoding.

    Current releases of chardet are sure that such a file has no encoding, and Guild decodes with
    what they are sure of (guild/util.py:771): `guild run` ends in TypeError in any project with
    such a file whose name does not say what it is.

    Needless when Guild asks whether there is an encoding.
    """
    from guild import util

    is_text_file = util.is_text_file
    if hasattr(is_text_file, "__wrapped__"):
        return

    @functools.wraps(is_text_file)
    def is_text(*args: Any, **options: Any) -> bool:
        try:
            return bool(is_text_file(*args, **options))
        except TypeError:
            return False

    util.is_text_file = is_text
