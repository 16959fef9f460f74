"""Which modules a Python lacks. Executed by that Python as a program, of any version from 3.7 on,
and imported by this package for its own.

No module is imported for it, nor is a package: of a package's parts it is seen whether there are
such files, and whether the package may make them in another way.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys

_DYNAMIC = ("__path__", "sys.modules", "meta_path", "extend_path")
"""Words by which a package makes parts that are not files of it."""

_LONGEST = 1_000_000


def lacking(names: list[str]) -> dict[str, str]:
    """Those of the modules, by their full names, that are not there, each with the first part of
    its name that is not."""
    found = {}
    for name in names:
        lacks = _lacks(name)
        if lacks:
            found[name] = lacks
    return found


def _lacks(name: str) -> str:
    root, *parts = name.split(".")
    try:
        spec = importlib.util.find_spec(root)
    except Exception:  # of a finder, or of a module that has none
        return ""
    if spec is None:
        return root
    locations, origin, known = spec.submodule_search_locations, spec.origin, root
    for part in parts:
        if not locations:
            return ""
        known += "." + part
        files = [(folder, _names(folder)) for folder in locations]
        if any(each.partition(".")[0] == part for _, names in files for each in names):
            locations = [os.path.join(folder, part) for folder, names in files if part in names]
            origin = os.path.join(locations[0], "__init__.py") if locations else None
        else:
            return "" if _may_make(origin, part, files) else known
    return ""


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _may_make(origin: str | None, part: str, files: list[tuple[str, list[str]]]) -> bool:
    """Whether a package, of which the code is in the file ``origin``, may have a part that is not a
    file of it."""
    if not any(names for _, names in files):
        return True  # in an archive
    if not origin or not os.path.isfile(origin):
        return False  # a namespace
    if not origin.endswith(".py"):
        return True
    with open(origin, encoding="utf-8", errors="replace") as file:
        code = file.read(_LONGEST)
    is_named = part in re.findall(r"\w+", code) or any(each in code for each in _DYNAMIC)
    return is_named or len(code) == _LONGEST


def main(argv: list[str]) -> None:
    start, *names = argv
    if os.path.realpath(sys.path[0]) == os.path.dirname(os.path.realpath(__file__)):
        del sys.path[0]  # where this file is; not there with PYTHONSAFEPATH
    answer = {"lacks": lacking(names), "prefix": sys.prefix, "path": list(map(str, sys.path))}
    print("\n" + start + json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1:])
