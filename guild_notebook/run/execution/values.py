"""The values of a kernel that ``nb-scalars`` names: read when their cell ends, and at the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...document.cell_limits import NO_LIMIT, CellLimit
from ...scalars.patterns import name_of, scalar_name
from ..kernel import value_reader
from ..kernel.environment import executing
from ..kernel.process import Kernel
from ..kernel.value_code import CODES, values_of
from ..output.progress import StatusLines
from .client import RunClient
from .stop import Stop

REPLY_SECONDS = 5.0  # time that a kernel has to reply, beside what its expressions may take
STUCK_SECONDS = 300.0  # the same for code that cannot be interrupted: then the kernel is killed

MOST_TRIES = 5
"""Requests after which a kernel is not asked again that has taken none: some leave out what comes
right after an error."""

_SLOW = ("it takes over", "time limit", "InterruptException")  # as kernels say
MOST_SAID = 300  # characters of why there is no value


@dataclass
class Values:
    """Reads the ``expressions`` with these names, and with ``has_results`` what cells result in.
    ``changes`` has the expressions that each cell may change, by its index, None for all. ``names``
    are those of the cells. What has the name of a flag is ``ignored`` in results. The cells up to
    ``last_shared`` are not executed by this kernel, which has the values after these."""

    client: RunClient
    kernel: Kernel
    stop: Stop
    status_lines: StatusLines
    expressions: Sequence[tuple[str, str]]
    has_results: bool
    changes: Mapping[int, Collection[str] | None]
    names: Sequence[str]
    ignored: Collection[str]
    last_shared: int

    def __post_init__(self) -> None:
        self.limits: Sequence[tuple[float, CellLimit]] = ()  # when reading has to end, and by what
        self.ended_by: CellLimit | None = None
        self._texts = [*dict.fromkeys(text for _, text in self.expressions)]
        self._why: dict[str, str] = {}  # there is no value of an expression
        self._slow: set[str] = set()
        self._due: set[str] = set()
        self._results: dict[int, str] = {}
        self._has_read: set[str] = set()
        self._said: set[str] = set()
        self._cut: set[str] = set()
        self._is_able = self._answers = True
        self._requests = 0

    async def prepare(self) -> None:
        """Let the kernel, which is ready, answer."""
        if self.kernel.language == "python":
            code = executing("value_reader", "")
            reply = await self._reply(self._execute(code), REPLY_SECONDS)
            self._is_able = bool(reply and reply["content"].get("status") == "ok")
        else:
            self._is_able = self.kernel.language in CODES
        if not self._is_able:
            self._say(f"values of the kernel '{self.kernel.name}' cannot be read (nb-scalars)")
        elif self.has_results and self.kernel.language != "python":
            self.has_results = False
            self._say("what cells result in can be read in Python only (nb-scalars: results)")

    async def after_cell(self, index: int) -> None:
        """Read what the cell may have changed."""
        changed = self.changes.get(index, ())
        self._due.update(self._texts if changed is None else changed)
        number = self.client.results.get(index)
        if self.has_results and number is not None:
            self._results[number] = name_of(self.names[index])
        if index >= self.last_shared:
            await self._read([text for text in self._texts if text in self._due - self._slow])

    async def finish(self) -> None:
        """Read all of them."""
        self._answers = True
        await self._read([text for text in self._texts if text not in self._slow])

    def say_missing(self) -> None:
        """Say which names have no value, in one line."""
        lacking = [
            f"{text} ({self._why[text]})"
            for text in self._texts
            if text in self._why and text not in self._has_read
        ]
        if lacking:
            self._say(f"nb-scalars finds no number for {', '.join(lacking)}")
        if self.has_results and self._is_able and "" not in self._has_read:
            self._say("no cell ends with a number (nb-scalars: results)")

    def _say(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self.status_lines.write(line, "a value of nb-scalars cannot be read")

    async def _read(self, texts: Sequence[str]) -> None:
        self._due.clear()
        results, self._results = self._results, {}
        if not (self._is_able and self._answers) or not (texts or results):
            return
        if self.kernel.language == "python":
            found = await self._ask_python(texts, list(results))
        else:
            found = await self._ask_other(texts)
        if found is None:
            self._answers = False
            if not self._is_ending:
                self._say("the kernel has not told the values of nb-scalars")
            return
        for name, text in self.expressions:
            if text in texts:
                self._take(text, name or scalar_name(text), found.get(text), is_result=False)
        for number, name in results.items():
            self._take(str(number), name, found.get(str(number)), is_result=True)
        self.client.scalars.save()

    def _take(self, key: str, name: str, found: Any, is_result: bool) -> None:
        found = found if isinstance(found, dict) else {"error": "it is not known"}
        if "value" not in found:
            why = " ".join(str(found.get("error")).split())[:MOST_SAID]
            if not is_result:
                self._why[key] = why
            if any(text in why for text in _SLOW):
                self._slow.add(key)
            return
        value = found["value"]
        has_names = is_result and isinstance(value, dict)
        if has_names:
            value = {k: v for k, v in value.items() if k not in self.ignored}
        if self.client.scalars.add_value("" if has_names else name, value):
            self._has_read.add("" if is_result else key)
        if isinstance(found.get("count"), int) and key not in self._cut:
            self._cut.add(key)  # as many as there are now, however many there will be
            self._say(f"nb-scalars keeps {found['kept']:,} of {found['count']:,} values of {name}")

    async def _ask_python(
        self, texts: Sequence[str], results: Sequence[int]
    ) -> dict[str, Any] | None:
        seconds = REPLY_SECONDS + value_reader.SECONDS * (len(texts) + len(results))
        session = self.client.kc.session
        message = session.msg(value_reader.KIND, {"expressions": texts, "results": results})
        self.client.kc.shell_channel.send(message)
        reply = await self._reply(message["header"]["msg_id"], seconds)
        try:
            return dict(json.loads(reply["content"]["values"])) if reply else None
        except (KeyError, TypeError, ValueError, RecursionError):
            return None

    async def _ask_other(self, texts: Sequence[str]) -> dict[str, Any] | None:
        for number in range(MOST_TRIES):
            path = os.path.join(self.kernel.folder, f"values-{self._requests}")
            self._requests += 1
            code = CODES[self.kernel.language](texts, path)
            seconds = REPLY_SECONDS + value_reader.SECONDS * len(texts)
            reply = await self._reply(self._execute(code), seconds)
            with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as f:
                return values_of(f, texts)
            if reply is None:
                break
            await asyncio.sleep(0.05 * number)
        return None

    def _execute(self, code: str) -> str:
        request: str = self.client.kc.execute_silently(code)
        return request

    @property
    def _is_ending(self) -> bool:
        return self.stop.requested.is_set() or self.kernel.ends

    async def _reply(self, request: str, seconds: float) -> Any:
        """The reply to a request, for which an expression is interrupted after ``seconds``; None
        where the run stops, and where the kernel ends: it is killed where it does not reply."""
        limit_at, limit = min(self.limits, default=(math.inf, NO_LIMIT))
        seconds = min(seconds, max(REPLY_SECONDS, limit_at - time.monotonic()))
        reply = await self._answer(request, seconds)
        until = time.monotonic() + STUCK_SECONDS
        while not (reply or self._is_ending):
            if self.kernel.language != "python":  # where the Reader has done it
                await self.kernel.interrupt()
            reply = await self._answer(request, REPLY_SECONDS)
            if reply or self._is_ending:
                break
            self._say("the kernel does not tell the values of nb-scalars yet: the run waits")
            if time.monotonic() > min(until, limit_at):
                if limit_at < until:
                    self.ended_by = limit
                else:
                    self._say(
                        "the kernel was killed, since it has not told the values of nb-scalars"
                    )
                await self.kernel.kill()
        return reply

    async def _answer(self, request: str, seconds: float) -> Any:
        """The reply to a request; None where there is none in time, or the run stops."""
        kc = self.client.kc
        self.client.is_asked(request)
        kc.wakeups.start()
        waiting = [
            asyncio.ensure_future(each)
            for each in (
                kc.shell_channel.answer(request, seconds, self.kernel.ended),
                self.stop.requested.wait(),
                self.kernel.ended.wait(),
            )
        ]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return waiting[0].result() if waiting[0].done() else None
        finally:
            kc.wakeups.stop()
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
