"""What is in place before the first import of Guild: guild_notebook_hooks.pth imports this at each
start of Python in an environment that has this package.

Guild 0.9.0 does not start on current Pythons without the patches of
:mod:`guild_notebook.compat.import_hooks`, and it loads its plugins too late for them. A script or
a kernel that imports Guild or TensorBoard loads none at all. This module is apart from the package
since most programs of that environment import neither: it costs them a fraction of a millisecond.
It must not fail or print, whatever is left of the package.
"""

import sys

PREFIXES = ("guild.", "google._upb.", "pkg_resources")
"""How the names of modules begin that may have a hook."""


PROGRAMS = ("guild.main_bootstrap", "guild.steps_main")
"""Modules with which a process of Guild begins. Each imports more for a tenth of a second."""


def _show_exception(kind, error, traceback):  # type: ignore[no-untyped-def]
    """What Python does with an exception that ends the process, but a line for a Ctrl-C: Guild
    expects that only when it has imported all that it needs (guild/main.py, main)."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("guild: interrupted\n")
    else:
        sys.__excepthook__(kind, error, traceback)


class Finder:
    """The first in ``sys.meta_path``. Leaves all other modules to those behind it."""

    @staticmethod
    def find_spec(name, path=None, target=None):  # type: ignore[no-untyped-def]
        if not name.startswith(PREFIXES):
            return None
        if name in PROGRAMS:
            sys.excepthook = _show_exception
        try:
            from guild_notebook.compat import import_hooks
        except ImportError:  # the package is being removed
            return None
        return import_hooks.find_spec(name, path, target)


sys.meta_path.insert(0, Finder)
