"""What the control groups of a process say of its memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from guild_notebook.run.kernel import oom

HUGE = 0x7FFFFFFFFFFFF000
"""What version 1 has for no limit."""

FREE = "inactive_file 300000\nactive_file 7\n"

KILLED = "low 0\noom 3\noom_kill 2\n"

VERSION_1 = ("memory.oom_control", "memory.limit_in_bytes", "memory.usage_in_bytes")
VERSION_2 = ("memory.events", "memory.max", "memory.current")


@pytest.mark.parametrize(
    ("line", "groups", "limits", "words"),
    [
        ("0::/a/b\n", {"a": ("max", 5), "a/b": (2 << 20, 900_000)},
         [(2 << 20, (2 << 20) - 600_000)], "limit 2 MB"),
        # a lower limit of the group that it is in
        ("0::/a/b\n", {"a": (3 << 20, 800_000), "a/b": (5 << 20, 300_000)},
         [(5 << 20, 5 << 20), (3 << 20, (3 << 20) - 500_000)], "limit 3 MB"),
        # in a container, whose mount has the group itself
        ("0::/docker/c\n", {"": (4 << 20, 300_000)}, [(4 << 20, 4 << 20)], "limit 4 MB"),
        ("0::/\n", {"": ("max", 300_000)}, [], ""),
        ("8:pids:/a\n4:memory:/a\n", {"memory/a": (2 << 20, 300_000), "memory": (HUGE, 9)},
         [(2 << 20, 2 << 20)], "limit 2 MB"),
        ("", {}, [], ""),
    ],
)  # fmt: skip
def test_the_limits_are_those_of_all_groups_that_the_process_is_in(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    line: str,
    groups: dict[str, tuple[object, int]],
    limits: list[tuple[int, int]],
    words: str,
):
    for folder, (limit, used) in groups.items():
        of_group = tmp_path / folder
        of_group.mkdir(parents=True, exist_ok=True)
        names = VERSION_1 if "memory" in line else VERSION_2
        for name, text in zip((*names, "memory.stat"), (KILLED, f"{limit}\n", f"{used}\n", FREE)):
            (of_group / name).write_text(text)
    read = oom._read
    monkeypatch.setattr(oom, "MOUNT", str(tmp_path))
    monkeypatch.setattr(
        oom, "_read", lambda path: line if path == "/proc/self/cgroup" else read(path)
    )
    assert list(oom.limits()) == limits
    assert oom.limit() == words
    assert oom.kills() == (2 if groups else 0)
