"""A Python process that executes the lines that it is sent."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

LINES = "import sys\nfor line in sys.stdin: exec(line); print(flush=True)"


@contextlib.contextmanager
def executing_lines() -> Iterator[subprocess.Popen]:
    """The process, which has started and imported modules, and ends with the block."""
    command = [sys.executable, "-c", LINES]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        send(started, "import os, subprocess, sys, time")
        yield started
        started.kill()


def send(process: subprocess.Popen, line: str) -> None:
    """Have ``line`` executed, and wait for its end."""
    process.stdin.write(f"{line}\n".encode())
    process.stdin.flush()
    process.stdout.readline()
