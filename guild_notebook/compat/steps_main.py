"""The command of a pipeline (steps.py has the reason). Recorded runs hold the module's name."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace
from typing import Any

from guild import op_util, steps_main

from .. import start


def call(command: list[str], **options: Any) -> int:
    python, _options, module, *rest = command
    return subprocess.call([python, *start.arguments(module), *rest], **options)


if __name__ == "__main__":
    steps_main.subprocess = SimpleNamespace(call=call)
    try:
        steps_main.main()
    except SystemExit as error:
        op_util.handle_system_exit(error)
