"""Runs inside an IPython kernel before the first cell, sent to it as text.

Imports nothing of this package, since the kernel's Python need not have it.
"""

from __future__ import annotations

from typing import Any

WAITING_MESSAGES = 32
PIECE = 1_000_000


def keep_all_output(kernel: Any) -> None:
    """Make the kernel wait where its output is not taken fast enough.

    A publishing ZeroMQ socket drops messages once 1,000 are waiting (ZMQ_SNDHWM): a loop that
    flushes each line loses some of them. ZMQ_XPUB_NODROP makes it wait instead, which also keeps
    memory bounded on both sides, as do texts of at most ``PIECE`` characters in one message.
    """
    import sys

    import zmq

    thread = kernel.iopub_thread

    def set_options() -> None:
        thread.socket.setsockopt(zmq.XPUB_NODROP, 1)
        thread.socket.setsockopt(zmq.SNDHWM, WAITING_MESSAGES)

    thread.schedule(set_options)
    send_in_pieces(type(sys.stdout))


def send_in_pieces(stream_class: Any) -> None:
    """Send a text as several messages, where ipykernel would send all that has been printed since
    its last message as one (ipykernel/iostream.py, OutStream._flush_buffers)."""
    take = getattr(stream_class, "_flush_buffers", None)
    if take is None or hasattr(take, "__wrapped__"):
        return  # an ipykernel that does it in another way

    def take_pieces(stream: Any) -> Any:
        for parent, text in take(stream):
            for start in range(0, len(text), PIECE):
                yield parent, text[start : start + PIECE]

    take_pieces.__wrapped__ = take  # type: ignore[attr-defined]  # as functools.wraps does
    stream_class._flush_buffers = take_pieces


def flush_at_exit(_kernel: Any) -> None:
    """Send what exit handlers of the notebook print: they run before this one, which is
    registered before them, and the thread that sends output ends after it."""
    import atexit
    import sys

    for stream in (sys.stdout, sys.stderr):
        atexit.register(stream.flush)


def refuse_input(kernel: Any) -> None:
    """Make ``input()`` and ``getpass()`` an error that says what to do."""

    from IPython.core.error import StdinNotImplementedError  # what ipykernel raises here

    def refuse(prompt: str = "", *_args: Any, **_options: Any) -> str:
        asked = f" ({str(prompt).strip()!r})" if prompt else ""
        raise StdinNotImplementedError(
            f"a run has no keyboard to answer input(){asked}: assign the value to a variable in "
            "the notebook and give it as a flag, guild run NOTEBOOK name=value"
        )

    kernel.raw_input = refuse
    kernel.getpass = refuse


def end_quietly() -> None:
    """IPython answers ``sys.exit()`` with a hint for its prompt, as a warning."""
    import warnings

    warnings.filterwarnings("ignore", "To exit: use", UserWarning)


def show_stack_of_crash() -> None:
    """Write the Python stack to the kernel's own stderr when it crashes: what is on descriptor 2
    ends in a thread of the kernel, which ends with it."""
    import faulthandler
    import sys

    copied = getattr(sys.stderr, "_original_stdstream_copy", None)
    faulthandler.enable(file=copied if isinstance(copied, int) else 2)


if __name__ == "guild_notebook.inside":
    shell = get_ipython()  # type: ignore[name-defined]  # noqa: F821  # IPython's
    for prepare in (keep_all_output, flush_at_exit, refuse_input):
        prepare(shell.kernel)
    end_quietly()
    show_stack_of_crash()
