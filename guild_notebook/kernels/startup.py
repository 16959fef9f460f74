"""What every IPython kernel of the user executes before the first cell."""

from __future__ import annotations

import os

_LONGEST = 100_000
"""Characters of a file that are read."""


def code() -> str:
    """The code of IPython's startup files and configuration, "" where there are none."""
    folder = os.environ.get("IPYTHONDIR") or os.path.join(os.path.expanduser("~"), ".ipython")
    profile = os.path.join(folder, "profile_default")
    paths = [os.path.join(profile, f"ipython{of}_config.py") for of in ("", "_kernel")]
    try:
        names = sorted(os.listdir(os.path.join(profile, "startup")))
    except OSError:
        names = []
    scripts = (name for name in names if name.endswith((".py", ".ipy")))
    paths += [os.path.join(profile, "startup", name) for name in scripts]
    texts = []
    for path in paths:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                texts.append(file.read(_LONGEST))
        except OSError:
            continue
    return "\n".join(texts)
