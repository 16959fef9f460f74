"""What Guild loads with the plugin, at each command in a project."""

from __future__ import annotations

import subprocess
import sys


def test_guild_loads_the_plugin_without_anything_heavy():
    heavy = (
        "nbformat",
        "nbclient",
        "nbconvert",
        "IPython",
        "zmq",
        "jupyter_client",
        "numpy",
        "regex",
        "dask",
        "distributed",
    )
    program = (
        "import sys, guild.plugin\n"
        "before = set(sys.modules)\n"
        "import guild_notebook.plugin\n"
        f"heavy = {set(heavy)}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
