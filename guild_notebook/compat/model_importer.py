"""Guild's importer of models, which hides the Python modules of a folder."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from typing import Any

from . import python_util


def find_modules_beside_a_guild_file(model: Any) -> None:
    """Let Python import modules from a folder for which Guild's importer is in charge.

    Guild puts ``ModelImporter`` before Python's own path hooks (guild/model.py:387) for the
    working directory and each folder with a guild.yml, but gives it only ``find_module``
    (:276), the protocol that Python 3.12 has dropped. On 3.12 an import that looks into such a
    folder ends in AttributeError: in every operation with ``steps``, ``PYTHONPATH=. guild run``,
    ``guild.ipy`` after ``os.chdir``. Before 3.12 the modules of the folder are not found.

    With this, modules are found as they would be without Guild. Needless when Guild's importer
    has a ``find_spec``.
    """
    if not hasattr(model.ModelImporter, "find_spec"):
        model.ModelImporter.find_spec = _find_spec


def _find_spec(importer: Any, fullname: str, target: Any = None) -> ModuleSpec | None:
    return python_util.finder(importer.path).find_spec(fullname, target)
