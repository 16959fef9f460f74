"""Work with tasks in the background that never fail unnoticed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundError(Exception):
    """A background task has failed; its text is one line, the cause is the task's exception."""


async def run_with_background(
    work: Coroutine[Any, Any, T], *background: Coroutine[Any, Any, None]
) -> T:
    """The result of ``work``. The ``background`` coroutines run until it has ended.

    Raises BackgroundError as soon as one of them raises, once ``work`` has been cancelled. One
    that returns is not missed. (asyncio.TaskGroup needs Python 3.11.)
    """
    main = asyncio.ensure_future(work)
    tasks: list[asyncio.Future[Any]] = [main, *map(asyncio.ensure_future, background)]
    pending = set(tasks)
    try:
        while not main.done():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {main}:
                error = task.exception()
                if error:
                    text = " ".join(str(error).split())
                    raise BackgroundError(f"{type(error).__name__}: {text}") from error
        return main.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
