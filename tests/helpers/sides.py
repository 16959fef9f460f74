"""One project twice, of scripts and of notebooks, and all that a command did in each."""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.helpers.guild_commands import COMPLAINT, Guild, Result

SCRIPTS = {
    "train": """
x = 0.1
n = 3
with open("made.txt", "w") as f:
    f.write("made for the operation that requires this one\\n" * n)
for step in range(1, 4):
    print(f"loss: {(x - 0.4) ** 2 + n / step} (step {step})")
print(f"accuracy: {1 - (x - 0.4) ** 2}")
""",
    "evaluate": """
x = 0.5
with open("made.txt") as f:
    lines = len(f.readlines())
print(f"loss: {x + lines}")
""",
    "settings": """
x = 0.5
with open("settings.yml") as f:
    print(f.read())
with open("data.csv") as f:
    print("rows:", len(f.readlines()))
""",
    "slow": """
import time
print("started: 1", flush=True)
time.sleep(600)
""",
    "fails": """
x = 1
print("loss: 1", flush=True)
raise SystemExit(3)
""",
}

GUILD_FILE = """
train:
  description: Train
  {train}
  flags-import: all
  compare: [=x, =n, loss step, loss]
bounded:
  {train}
  flags-import: all
  flags:
    x: {{min: 0.0, max: 1.0}}
    n: {{choices: [1, 2, 3]}}
evaluate:
  {evaluate}
  flags-import: all
  requires:
    - operation: train
configured:
  {settings}
  flags-import: all
  flags:
    level: {{default: 1}}
  requires:
    - config: settings.yml
    - file: data.csv
slow:
  {slow}
fails:
  {fails}
  flags-import: all
pipeline:
  steps:
    - train x=0.2
    - evaluate x=0.3
"""

FILES = {
    "settings.yml": "level: 0\nname: settings\n",
    "data.csv": "a,b\n1,2\n3,4\n",
    "batch.csv": "x,n\n0.5,1\nuniform[0.6:0.9],2\n",
    "package/guild.yml": """
- package: demo
  version: 0.1
- model: demo
  operations:
    train:
      {train}
      flags-import: all
""",
}

PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def notebook(source: str) -> str:
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    cells = [{**cell, "source": source.strip("\n")}]
    document = {"cells": cells, "metadata": PYTHON, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(document, indent=1)


class Side:
    """A project whose operations are all scripts, or all notebooks, with a Guild home of its own;
    collects the results of its commands and the runs that they made."""

    def __init__(self, kind: str, bin_dir: Path, folder: Path) -> None:
        self.kind = kind
        folder.mkdir()
        self.guild = Guild(bin_dir, folder)
        self.guild.env["NO_PIP_FREEZE"] = "1"  # half a second of every run, the same for both
        self.ending = ".py" if kind == "script" else ".ipynb"
        self.results: list[Result] = []
        self._known: dict[str, int] = {}  # when each run was started that is not new
        attribute = "main: {}" if kind == "script" else "notebook: {}.ipynb"
        mains = {name: attribute.format(name) for name in SCRIPTS}
        for name, text in {"guild.yml": GUILD_FILE, **FILES}.items():
            self._write(name, text.format(**mains) if name.endswith("guild.yml") else text)
        for name, text in SCRIPTS.items():
            self._write(name + self.ending, text if kind == "script" else notebook(text))
        self._write(
            "package/train" + self.ending, (self.project / f"train{self.ending}").read_text()
        )

    @contextmanager
    def changed(self, name: str, more: str) -> Iterator[None]:
        """The source ``name`` with ``more`` at its end, for a while."""
        path = self.project / (name + self.ending)
        kept, text = path.read_text(), SCRIPTS[name] + more
        path.write_text(text if self.kind == "script" else notebook(text))
        try:
            yield
        finally:
            path.write_text(kept)

    @property
    def project(self) -> Path:
        return self.guild.project

    def _write(self, name: str, text: str) -> None:
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def __call__(self, command: str, **options: str) -> Result:
        """Run ``guild COMMAND``; ``{file}`` is the ending of scripts, ``{last}`` the last run."""
        if "{last}" in command:
            command = command.replace("{last}", self.last())
        return self.keep(self.guild(command.replace("{file}", self.ending), **options))

    def keep(self, result: Result) -> Result:
        self.results.append(result)
        return result

    def last(self) -> str:
        """The ID of the run that was started last."""
        return max(self.run_dirs(), key=lambda path: _started(path)).name

    def run_dirs(self) -> list[Path]:
        runs = self.guild.home / "runs"
        return [p for p in runs.iterdir() if not p.is_symlink()] if runs.exists() else []

    def wait_until(self, happened: Callable[[], Any], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not happened() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert happened(), "it did not happen"

    def printed(self) -> list[str]:
        """All that the commands printed, a line each, without what only one kind has."""
        texts = (f"{result.out}\n{result.err}" for result in self.results)
        lines = [_without_flags(normal(line)) for text in texts for line in text.splitlines()]
        return [line for line in lines if line and not _OF_ONE_KIND.search(line)]

    def complaints(self) -> list[str]:
        return [line for line in self.printed() if COMPLAINT.search(line)]

    def forget(self) -> None:
        """Begin anew: the commands and runs so far are of an earlier check."""
        self.results.clear()
        self._known.update((path.name, _started(path)) for path in self.run_dirs())

    def new_runs(self) -> list[dict[str, Any]]:
        """The runs that were made or restarted since ``forget``, in the order of their start."""
        new = [path for path in self.run_dirs() if self._known.get(path.name) != _started(path)]
        return [describe(path) for path in sorted(new, key=_started)]


def _started(run_dir: Path) -> int:
    try:
        return int((run_dir / ".guild/attrs/started").read_text())
    except (OSError, ValueError):
        return 0


def describe(run_dir: Path) -> dict[str, Any]:
    """What a run is, with nothing that must differ between two of them."""
    from guild import run as runlib
    from guild import tfevent

    run = runlib.Run(run_dir.name, str(run_dir))
    scalars = sorted(
        (tag, step, round(value, 5))
        for _dir, _digest, reader in tfevent.scalar_readers(str(run_dir))
        for tag, value, step in reader
    )
    return {
        "operation": normal(run.opref.op_name),
        "status": run.status,
        "exit status": run.get("exit_status"),
        "flags": {k: normal(str(v)) for k, v in (run.get("flags") or {}).items()},
        "label": re.sub(r"\w+=\S+ ?", "", normal(str(run.get("label") or ""))).strip(),
        "tags": run.get("tags"),
        "comments": [comment["body"] for comment in run.get("comments") or []],
        "scalars": scalars,
        "files": _files(run_dir),
    }


ARTIFACTS = ".guild/notebook-artifacts"


def _files(run_dir: Path) -> list[str]:
    """The files of a run without Guild's own, and without what is made of a notebook."""
    listed = run_dir / ARTIFACTS
    lines = listed.read_text().splitlines() if listed.exists() else []
    made = {json.loads(line) for line in lines}
    paths = (path for path in run_dir.rglob("*") if path.is_file() or path.is_symlink())
    names = {str(path.relative_to(run_dir)) for path in paths}
    return sorted(normal(name) for name in names - made if not name.startswith(".guild"))


_SAME = [
    (r"(?<==)notebook,(?=cpu)", ""),  # the plugin, in GUILD_PLUGINS
    (r"\S*python\S* (-um guild\.op_main|-ISc .* guild_notebook\.run) .*", "COMMAND"),
    (r"inproc://\S+|(?<=http://)[\w.]+:\d+|\b[\d.]+:\d{4,5}\b|(?<= using )[\d.]+K", "PLACE"),
    (r"^\.guild/sourcecode/(?=\w+\.ipynb$)", ""),  # where a notebook's source is kept
    (r"\x1b\[[0-9;?]*[A-Za-z]", ""),
    (r"\b[0-9a-f]{32,64}\b|\b[0-9a-f]{8}\b", "ID"),
    (r"\d{4}-\d\d-\d\d([ T_]?\d\d[:_]?\d\d[:_]?\d\d)?", "TIME"),
    (r"\b\d?\d:\d\d:\d\d\b", "TIME"),
    (r"(?<![\d.])\d{13,16}\b", "TIME"),
    (r"/\S*/(script|notebook)\b", "FOLDER"),
    (r"\b(train|evaluate|settings|slow|fails)\.(py|ipynb)\b", r"\1.src"),
    (r"\bpid \d+|\bguild-pid-\w+|\b\d+ bytes|\b\d+\.\d+ seconds", "NUMBER"),
    (r"\s+", " "),
]


@functools.lru_cache(maxsize=10_000)
def normal(text: str) -> str:
    """A line of text without what must differ from run to run and from script to notebook."""
    for pattern, same in _SAME:
        text = re.sub(pattern, same, text)
    return text.strip()


# A line for each cell, a report, a kept source; Guild's word that it reads a script's flags, and
# where it puts them; the folder that an operation with a notebook leaves out; Guild's word that the
# machine was slow, which it has for either (guild/commands/tensorboard_impl.py, 5 seconds).
_OF_ONE_KIND = re.compile(
    r"^\[\d+/\d+\] |^(Copying )?(\S*/)?\w+\.html$|\.guild/(sourcecode|notebook-artifacts)"
    r"|^Refreshing flags|^FLAGS_DEST=|^exclude dir \.ipynb_checkpoints$"
    r"|^WARNING: Guild took NUMBER to prepare runs"
    # Of a sweep, and of flags that are the notebook's own (tests/optimizers, tests/compat).
    r"|^INFO: \[guild\] (Running trial|Random start for|Found \d+ previous) "
    r"|^trial \d+/\d+ |^\d+ trials? (of|in) |^best: |^trial run "
    r"|^\d+/\d+ ID|^\d+ flags? as in the notebook|^[nx]: |^no scalars |nb-scalars: "
)

_LISTED = re.compile(r"^\[\d+:ID\]|^(INFO: \[guild\] )?\w+ing trial ID: |^\w+=\S+( \w+=\S+)*$")


def _without_flags(line: str) -> str:
    """A line that lists runs, or a label, without flags: those of a notebook are the ones that
    differ from its own values (tests/compat/test_shown_flags.py)."""
    if line.startswith("ID") or "label" in line:  # null for none, and for such a label
        line = re.sub(r'"(?:\w+=[^\s"]+ ?)*"', "null", line)
        return " ".join(re.sub(r"\b\w+=[\w.]+ ?", "", line).split())
    if not _LISTED.match(line):
        return line
    return re.sub(r" ?\((\w+=[^()]*)?\)$|( |^)\w+=\S+", "", line).strip()
