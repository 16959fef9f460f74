"""Patches of Guild 0.9.0, a module for each subject, each with its reason and its end.

Guild loads every plugin before it reads a project, so what is put right when our plugin is
imported is in time for each command. :func:`apply` imports no more than Guild itself has imported
by then. The processes of optimizers load no plugin: see :mod:`guild_notebook.optimizers`, which
applies :mod:`~guild_notebook.compat.skopt`.

File and line refer to guildai 0.9.0. Uses nothing else of this package.
"""

from . import model_importer, notebook_plugin, text_files


def apply() -> None:
    """Apply every patch that Guild's own process needs; a second call changes nothing.

    The plugin calls it when it is imported. A notebook that uses ``guild.ipy`` and changes
    ``sys.path`` or the working directory may call it too.
    """
    model_importer.find_modules_beside_a_guild_file()
    notebook_plugin.retire_builtin_notebook_plugin()
    text_files.take_binary_files_for_binary()
