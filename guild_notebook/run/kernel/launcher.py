"""Starts a kernel that is a Python module, so that no output of it is lost: what ipython_setup.py
does for IPython kernels, for those of other languages that are built on ipykernel.

Started as a script by the kernel's own Python, which need not have this package, in place of
``python -m``: ``python launcher.py MODULE ARGUMENT…``.
"""

from __future__ import annotations

import os
import runpy
import sys
from typing import Any

WAITING_MESSAGES = 32


def main(module: str) -> None:
    sys.path[0] = os.getcwd()  # as `python -m` has it
    del sys.argv[0]
    try:
        from ipykernel.iostream import IOPubThread
    except ImportError:
        pass  # built on something else
    else:
        wait_for_readers(IOPubThread)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def wait_for_readers(thread_class: Any) -> None:
    """Let the socket for output wait where its messages are not taken fast enough, where it
    would drop them once 1,000 are waiting (ZMQ_XPUB_NODROP; ipykernel/iostream.py)."""
    import zmq

    begin = thread_class.__init__

    def begin_waiting(thread: Any, socket: Any, *args: Any, **options: Any) -> None:
        socket.setsockopt(zmq.XPUB_NODROP, 1)
        socket.setsockopt(zmq.SNDHWM, WAITING_MESSAGES)
        begin(thread, socket, *args, **options)

    thread_class.__init__ = begin_waiting


if __name__ == "__main__":
    main(sys.argv[1])
