"""The states of a run's widgets, which the notebook keeps in its metadata, within limits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from ...document.limits import Limits, characters_of

SMALL = 40
"""Characters that an entry of a state counts which is not longer: a slider has a hundred."""


class WidgetStates:
    """Bounds ``states`` and ``buffers``, which are nbclient's, by the widgets' IDs. A widget whose
    state would be too much is left out, one that has been closed before others."""

    def __init__(self, states: dict[str, Any], buffers: dict[str, Any], limits: Limits) -> None:
        self._states = states
        self._buffers = buffers
        self._limits = limits
        self._sizes: dict[str, dict[Any, int]] = defaultdict(dict)
        self._size = 0
        self._closed: dict[str, None] = {}
        self._left_out: set[str] = set()

    def count(self, comm_id: str, data: Mapping[str, Any], buffers: Sequence[Any]) -> bool:
        """Count what a message has put into the state of a widget; returns whether the state is
        left out because of it."""
        if comm_id not in self._states:
            return False
        if comm_id in self._left_out:
            self._remove(comm_id)
            return False
        parts = {key: characters_of(value) for key, value in (data.get("state") or {}).items()}
        paths = data.get("buffer_paths") or []
        parts.update((str(path), 2 * len(buffer)) for path, buffer in zip(paths, buffers))
        for part, size in parts.items():
            self._set(comm_id, part, max(SMALL, size))
        while self._is_over() and self._closed:
            self._remove(next(iter(self._closed)))
        if not self._is_over():
            return False
        self._remove(comm_id)
        self._left_out.add(comm_id)
        return True

    def close(self, comm_id: str) -> None:
        """A widget has been closed: Jupyter would not keep its state."""
        if comm_id in self._states:
            self._closed[comm_id] = None

    def _is_over(self) -> bool:
        return self._size > self._limits.data or len(self._states) > self._limits.models

    def _set(self, comm_id: str, part: str, size: int) -> None:
        sizes = self._sizes[comm_id]
        self._size += size - sizes.get(part, 0)
        sizes[part] = size

    def _remove(self, comm_id: str) -> None:
        self._size -= sum(self._sizes.pop(comm_id, {}).values())
        self._states.pop(comm_id, None)
        self._buffers.pop(comm_id, None)
        self._closed.pop(comm_id, None)
