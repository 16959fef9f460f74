"""What a cell took: times and peaks of memory, as the executed notebook has them.

docs/run-directory.md has the words. A notebook that is read may be anybody's, so what is not such a
number is not known.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .reader import mapping

LARGEST = 1 << 60  # no memory is as large, in bytes, and no time as long, in seconds


@dataclass(frozen=True)
class Measures:
    """Of a cell, None for what is not known: ``seconds`` by the clock, ``cpu_seconds`` of the
    kernel's process and of all processes that come from it, and the peak memory in bytes: of the
    ``kernel``'s process, ``total`` with all that come from it, where that is more, and what they
    have on the ``gpu``s."""

    seconds: float | None = None
    cpu_seconds: float | None = None
    kernel: int | None = None
    total: int | None = None
    gpu: int | None = None

    @property
    def memory(self) -> int | None:
        """The peak memory of the kernel's process and all that come from it."""
        return max(filter(None, (self.kernel, self.total)), default=None)

    def metadata(self) -> dict[str, Any]:
        """What the cell's ``metadata.guild`` has of it."""
        times = {"seconds": self.seconds, "cpu_seconds": self.cpu_seconds}
        said: dict[str, Any] = {k: round(v, 6) for k, v in times.items() if v is not None}
        peaks = {"kernel": self.kernel, "total": self.total, "gpu": self.gpu}
        known = {name: peak for name, peak in peaks.items() if peak}
        return {**said, **({"peak_memory": known} if known else {})}

    def scalars(self) -> Iterator[tuple[str, float]]:
        """Its numbers by the names that scalars have."""
        named = {
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "peak_memory": self.memory,
            "gpu_memory": self.gpu,
        }
        for name, value in named.items():
            if value is not None:
                yield name, value


def is_measure(scalar: str) -> bool:
    """Whether a scalar of this name is what a cell took (nb-cell-scalars), which each cell says
    itself and which differs from run to run."""
    beginning, _, kind = scalar.rpartition("/")
    return beginning.startswith("cell/") and kind in dict(Measures(0, 0, 1, 1, 1).scalars())


def measures_of(cell: Mapping[str, Any]) -> Measures:
    """What the metadata of a cell say that it took."""
    guild = mapping(mapping(cell.get("metadata")).get("guild"))
    memory = mapping(guild.get("peak_memory"))
    peaks = [_bytes(memory.get(name)) for name in ("kernel", "total", "gpu")]
    seconds = _seconds(guild.get("seconds"))
    seconds = _between(cell) if seconds is None else seconds
    return Measures(seconds, _seconds(guild.get("cpu_seconds")), *peaks)


def _between(cell: Mapping[str, Any]) -> float | None:
    """The seconds between the times that nbclient writes, for the notebooks of other tools."""
    try:
        times = cell["metadata"]["execution"]
        start, end = (
            datetime.datetime.fromisoformat(str(times[key]).replace("Z", "+00:00"))
            for key in ("iopub.execute_input", "shell.execute_reply")
        )
        return _seconds((end - start).total_seconds())
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def _seconds(value: Any) -> float | None:
    is_known = type(value) in (int, float) and 0 <= value < LARGEST and math.isfinite(value)
    return float(value) if is_known else None


def _bytes(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < LARGEST else None


def memory_text(size: int) -> str:
    """A size of memory for people: ``346 MB``, ``1.2 GB``, with 1,024 MB to the GB."""
    return f"{size / (1 << 30):.1f} GB" if size >= 1 << 30 else f"{size / (1 << 20):.0f} MB"
