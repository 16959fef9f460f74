"""Notebooks in Guild packages, which is how Guild's remotes get the source of an operation.

``guild run --remote`` builds the project's package and installs it over there
(guild/remotes/ssh.py, run_op). A package holds guild.yml, modules and Python packages, and what
``package: data-files`` lists (guild/package_main.py, _setup_kw): notebooks would be left behind.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from typing import Any

from ..document.reader import is_inside
from ..errors import UserError
from . import operation


def add_notebooks(gf: Any) -> None:
    """Add the notebooks of a guild.yml's operations to its package, if this process builds it, and
    the modules beside notebooks in a subfolder, which these may import.

    Only files within the project are added. A project without ``package`` gets the definition that
    Guild would use for it.
    """
    package_file = os.getenv("PACKAGE_FILE")
    if not package_file or not gf.src or os.path.abspath(package_file) != os.path.abspath(gf.src):
        return
    files = [path for path in _files(gf) if os.path.isfile(path) and is_inside(path, gf.dir)]
    if not files:
        return
    if not gf.package:
        from guild import package_main

        gf.package = package_main._default_pkgdef(gf)
    known = [os.path.normpath(pattern) for pattern in gf.package.data_files]
    for path in dict.fromkeys(files):
        name = os.path.relpath(path, gf.dir)
        if name not in known:
            gf.package.data_files.append(glob.escape(name))


def _files(gf: Any) -> Iterator[str]:
    for model in gf.models.values():
        for opdef in model.operations:
            spec = operation.spec_for_opdef(opdef)
            if not spec:
                continue
            try:
                path = operation.notebook_paths(opdef, spec).source
            except UserError:
                continue  # the plugin's enabled_for_op shows it
            folder = os.path.dirname(path)
            yield path
            if os.path.abspath(folder) != os.path.abspath(gf.dir):
                yield from sorted(glob.glob(os.path.join(glob.escape(folder), "*.py")))
