"""Patches of Guild 0.9.0, a module for each subject. Each says what fails without it, at which
line of guildai 0.9.0, and when it is needless.

Guild loads every plugin before it reads a project, so a patch that is applied when our plugin is
imported is in time for most of what a command does. :func:`apply` imports no more than Guild itself
has imported by then. What must be there earlier, or where no plugin is loaded, waits for the import
of what it patches: :mod:`~guild_notebook.compat.import_hooks`. The processes of optimizers load no
plugin: :mod:`guild_notebook.optimizers` applies :mod:`~guild_notebook.compat.skopt` there.

May use ``start``. To add a patch, write its module and call it in :func:`apply`, or name it in a
table of ``import_hooks``.
"""

import sys

from . import import_hooks, model_importer, notebook_plugin, source_files, text_files


def apply() -> None:
    """Apply every patch that Guild's own process needs; a second call changes nothing.

    The plugin calls it when it is imported. A notebook that uses ``guild.ipy`` and changes
    ``sys.path`` or the working directory may call it too.
    """
    import_hooks.install()
    model_importer.find_modules_beside_a_guild_file()
    notebook_plugin.retire_builtin_notebook_plugin()
    text_files.treat_undecodable_files_as_binary()
    if "guild.op_util" in sys.modules:
        apply_to_runs()


def apply_to_runs() -> None:
    """Apply the patches of what starts runs. Other commands do without: completion of the shell
    cannot import guild.op_util at all (guild/log.py:24 asks an object for ``isatty`` that has
    none)."""
    from . import processes  # not before, since Guild also runs this module

    processes.start_processes_apart()
    source_files.copy_and_warn()
