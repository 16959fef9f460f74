"""Runs inside an IPython kernel before the first cell, sent to it as text.

Imports nothing of this package, since the kernel's Python need not have it.
"""

from __future__ import annotations

from typing import Any


def keep_all_output(kernel: Any) -> None:
    """Make the kernel wait where its output is not taken fast enough.

    A publishing ZeroMQ socket drops messages once 1,000 are waiting (ZMQ_SNDHWM): a loop that
    flushes each line loses some of them. ZMQ_XPUB_NODROP makes it wait instead, which also keeps
    memory bounded on both sides.
    """
    import zmq

    thread = kernel.iopub_thread
    thread.schedule(lambda: thread.socket.setsockopt(zmq.XPUB_NODROP, 1))


if __name__ == "guild_notebook.inside":
    keep_all_output(get_ipython().kernel)  # type: ignore[name-defined]  # noqa: F821  # IPython's
