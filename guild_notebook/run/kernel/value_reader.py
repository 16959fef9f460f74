"""Runs inside an IPython kernel, sent to it as text: reads the values that scalars are made of.

The kernel gets a handler for messages of the type KIND. So nothing is executed as a cell is:
counts, ``_``, ``Out``, history, hooks of IPython and what it shows stay as they are. The answer is
JSON made here of plain numbers, lists and mappings, since no text form of a value has all of it.

Imports nothing of this package, since the kernel's Python need not have it.
"""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import json
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

KIND = "guild_notebook_values"
SECONDS = 2.0  # time that an expression has
MOST_STEPS = 10_000  # numbers of a list that are sent: of more, evenly spread ones, and the last
MOST_NAMES = 500  # entries of a mapping that are sent, those of mappings in it among them
MOST_NUMBERS = 200_000  # numbers of a mapping after which no more entries are sent
DEEPEST = 5  # mappings in mappings
_SEQUENCE = collections.abc.Sequence


class NoNumbersError(Exception):
    """A value that is not made of numbers; the text says what it is."""


class Slow(BaseException):
    """An expression has had its time."""


class Reader:
    """Answers requests to ``shell``. Their content has ``expressions``, and the numbers of cells
    whose ``results`` are to be read. The answer has ``values``, a text of JSON: by the expression,
    or the number of the cell as a text, ``{"value": …}`` as run/output/scalars.py has it, with
    ``count`` and ``kept`` where a list was too long, or ``{"error": …}``."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def answer(self, stream: Any, ident: Any, parent: Any) -> None:
        content = parent["content"]
        values: dict[str, Any] = {}
        with _quiet(self._shell):
            for text in content["expressions"]:
                values[text] = self._read(lambda text=text: self._evaluated(text), SECONDS)
            for number in content["results"]:
                values[str(number)] = self._read(
                    lambda number=number: self._result(number), SECONDS
                )
        session = self._shell.kernel.session
        session.send(stream, KIND, {"values": json.dumps(values)}, parent, ident=ident)

    def _evaluated(self, text: str) -> Any:
        code = compile(text, "<nb-scalars>", "eval")
        value = eval(code, self._shell.user_global_ns, self._shell.user_ns)
        return float(value) if isinstance(value, bool) else value

    def _result(self, number: int) -> Any:
        results = self._shell.user_ns.get("_oh")
        if isinstance(results, dict) and number in results:
            return results[number]
        return self._shell.last_execution_result.result  # IPython is told to keep none

    def _read(self, get: Any, seconds: float) -> dict[str, Any]:
        error = "it is not known"
        try:
            with _limited(seconds):
                try:
                    numbers = _Numbers()
                    value = numbers.of(get())
                    return {"value": value, **numbers.cut}
                except Slow:
                    raise
                except NoNumbersError as e:
                    return {"error": str(e)}
                except BaseException as e:  # whatever a notebook's own classes raise, as texts too
                    error = type(e).__name__
                    return {"error": f"{error}: {e}"[:200]}
        except Slow:
            return {"error": f"it takes over {seconds:g} s"}
        except BaseException:
            return {"error": error}


class _Numbers:
    """Makes plain values of what libraries have. ``cut`` has the length of a list or mapping
    that was too long (``count``), and how many of it are ``kept``."""

    def __init__(self) -> None:
        self.cut: dict[str, int] = {}
        self._names = self._count = 0

    def of(self, value: Any, depth: int = 0) -> Any:
        if isinstance(value, (str, bytes)) or value is None:
            raise NoNumbersError(f"it is not a number but {_shown_type(value)}")
        if isinstance(value, (int, float)):
            return _float(value)
        value = _with_names(value)
        if isinstance(value, collections.abc.Mapping):
            return self._mapping(value, depth)
        shape = getattr(value, "shape", () if not isinstance(value, _SEQUENCE) else (len(value),))
        if len(shape) > 1:
            raise NoNumbersError(f"it has the shape {tuple(shape)}")
        if len(shape) == 1:
            return self._steps(value)
        if not hasattr(value, "__float__"):
            raise NoNumbersError(f"it is not a number but {_shown_type(value)}")
        return _float(value)

    def _mapping(self, value: Any, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, entry in value.items():
            self._names += 1
            if self._names > MOST_NAMES or self._count > MOST_NUMBERS or depth == DEEPEST:
                self.cut = {"count": len(value), "kept": len(found)}
                break
            with contextlib.suppress(Exception):
                if type(entry).__name__ not in ("bool", "bool_"):
                    name = " ".join(map(str, key)) if isinstance(key, tuple) else str(key)
                    found[name] = self.of(entry, depth + 1)
        if not found:
            raise NoNumbersError(f"there are no numbers in it ({_shown_type(value)})")
        return found

    def _steps(self, value: Any) -> list[Any]:
        count = len(value)
        if not count:
            raise NoNumbersError("it is empty")
        if not hasattr(value, "shape") and not isinstance(value, (list, tuple, range)):
            value = list(value)
        every = math.ceil(count / MOST_STEPS)
        if every > 1:
            self.cut = {"count": count, "kept": MOST_STEPS}
            last = value.iloc[-1] if hasattr(value, "iloc") else value[-1]
            numbers = self._floats(value[::every])
            numbers += [_float(last)] if (count - 1) % every else []
            return ["steps", every, count - 1, *numbers]
        return self._floats(value)

    def _floats(self, value: Any) -> list[float]:
        if hasattr(value, "numpy") and not hasattr(value, "tolist"):  # TensorFlow
            value = value.numpy()
        for method in ("tolist", "to_list"):
            if hasattr(value, method):
                value = getattr(value, method)()
                break
        numbers = []
        for each in value:
            if isinstance(each, (str, bytes)) or not hasattr(each, "__float__"):
                raise NoNumbersError(f"there is {_shown_type(each)} in it")
            numbers.append(_float(each))
        self._count += len(numbers)
        return numbers


def _float(value: Any) -> float:
    if "complex" in str(getattr(value, "dtype", "")):  # of which NumPy gives the real part
        raise NoNumbersError("it is complex")
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _with_names(value: Any) -> Any:
    """``value``, as a mapping where its entries have names."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if hasattr(value, "_asdict"):  # a named tuple
        return value._asdict()
    if hasattr(value, "columns") and hasattr(value, "shape"):  # a frame
        return _row(value)
    is_series = hasattr(value, "iloc") and hasattr(value, "index")
    if is_series and 0 < len(value) <= MOST_NAMES and isinstance(value.index[0], (str, tuple)):
        return dict(zip(value.index.tolist(), value.tolist()))
    return value


def _row(frame: Any) -> Any:
    """The entries of a frame that has one row, by the names of its columns."""
    if frame.shape[0] != 1:
        raise NoNumbersError(f"it is a table of {frame.shape[0]} rows")
    if hasattr(frame, "iloc"):
        return {name: frame.iloc[0, i] for i, name in enumerate(frame.columns)}
    return {name: frame[name][0] for name in frame.columns}


def _shown_type(value: Any) -> str:
    return "None" if value is None else f"of the type {type(value).__name__}"


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise Slow within the block after so many seconds: a signal for this thread alone, which also
    ends what waits; behind the block where that is code which cannot be interrupted."""
    thread, lock, is_over = threading.get_ident(), threading.Lock(), False

    def end(_number: int, _frame: Any) -> None:
        if not is_over:
            raise Slow

    def interrupt() -> None:
        with lock:
            if not is_over:
                signal.pthread_kill(thread, signal.SIGINT)

    before, began = signal.signal(signal.SIGINT, end), time.monotonic()
    timer = threading.Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            is_over = True
        timer.cancel()
        signal.signal(signal.SIGINT, before or signal.default_int_handler)
    if time.monotonic() - began > seconds:
        raise Slow


class _Muted:
    """In place of a stream: what this thread writes is dropped, others go on."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._thread = threading.get_ident()

    def write(self, text: str) -> Any:
        return len(text) if threading.get_ident() == self._thread else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def _quiet(shell: Any) -> Iterator[None]:
    """Nothing is shown meanwhile."""

    def drop(_message: Any) -> None:
        return None

    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_Muted, streams)
    publisher = shell.display_pub
    hooks = hasattr(publisher, "register_hook")
    if hooks:
        publisher.register_hook(drop)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
        if hooks:
            publisher.unregister_hook(drop)


if __name__ == "guild_notebook.value_reader":
    running = get_ipython()  # type: ignore[name-defined]  # noqa: F821  # IPython's
    running.kernel.shell_handlers[KIND] = Reader(running).answer
