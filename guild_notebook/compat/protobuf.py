"""The protobuf that Guild requires, on Python 3.14."""

from __future__ import annotations

import sys


def refuse_where_it_cannot_be_loaded() -> None:
    """Say that there is no compiled module of a protobuf before 5, which guildai requires
    (``protobuf<5``), so that protobuf takes the one in Python.

    On Python 3.14 its initialization ends in TypeError ("Metaclasses with custom tp_new are not
    supported"), and google/protobuf/internal/api_implementation.py expects ImportError: a run
    with a scalar would end in a traceback. Needless with protobuf 5.
    """
    protobuf = sys.modules.get("google.protobuf")
    version = getattr(protobuf, "__version__", "")
    if sys.version_info >= (3, 14) and version.startswith(("3.", "4.")):
        raise ImportError(f"the compiled module of protobuf {version} is not for this Python")
