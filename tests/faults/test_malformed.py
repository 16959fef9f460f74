"""Malformed notebooks: whatever a file holds, a run of it is an error in one line or a run."""

from __future__ import annotations

import copy
import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest

from guild_notebook import options
from guild_notebook.cli import commands
from guild_notebook.document import reader, strip
from guild_notebook.errors import FlagError, KernelError, NotebookError, UserError
from guild_notebook.flags import apply, guild_values, languages
from guild_notebook.flags.discover import Discovered, discover
from guild_notebook.flags.sources import parameters
from guild_notebook.kernels.kernelspecs import KernelSpecs, choose
from guild_notebook.run.execution.execute import Outcome
from guild_notebook.run.output.display import RunOutput
from guild_notebook.run.output.pipe import OutputPipe
from guild_notebook.run.output.progress import StatusLines
from guild_notebook.run.output.status import RunStatus
from guild_notebook.run.output.stream import Stream
from guild_notebook.run.record.autosave import Autosave
from guild_notebook.run.record.run_dir import RunDir
from guild_notebook.run.run_facts import RunFlags
from guild_notebook.run.session import Session
from guild_notebook.secrets.masking import Masker
from tests.helpers.figures import figure
from tests.helpers.mutations import BASES, OUTPUTS, mutant
from tests.helpers.notebooks import edited

SLOWEST = 5.0
"""Seconds that one file may take, on a machine that has other work too."""

WANTED = ["lr", "mode", "x", "epochs", "no-such"]
PATTERNS = {"first": r"x = (\d+)", "second": ["print", "nothing at all"], "third": "("}
VALUES = [None, True, 5, 1.5, "text", "", "\ud800", [1, 2], {"a": 1}, 10**30]

NULL = Path("/dev/null")


class Pipeline:
    """What Guild's process and the runner's do with a notebook, all but the kernel itself."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "nb.ipynb"
        self.specs = KernelSpecs()
        (folder / "run" / ".guild").mkdir(parents=True)
        self.record = RunDir(str(folder / "run"), "nb.ipynb")
        sink = NULL.open("wb", buffering=0)
        self.streams = (Stream(OutputPipe(sink.fileno())), Stream(OutputPipe(sink.fileno())))
        self.sink = sink
        self.status_lines = StatusLines(self.streams[1], ())
        from jupyter_client.manager import AsyncKernelManager

        wakeups = SimpleNamespace(stop=lambda: None)
        client = SimpleNamespace(requests=["r"], wakeups=wakeups)
        manager, place = AsyncKernelManager(), {"cwd": str(self.path.parent), "language": "python"}
        self.kernel: Any = SimpleNamespace(
            manager=manager, client=client, connect=lambda *_: client, **place
        )

    def outcome(self, content: bytes, with_report: bool = False) -> str:
        """The kind of the outcome: "refused" for an error that a user reads, else "run"."""
        self.path.write_bytes(content)
        try:
            nb = reader.read(str(self.path), "nb.ipynb")
        except UserError as e:
            text = str(e)
            assert "nb.ipynb" in text and "\n" not in text and len(text) < 400, text[:1000]
            return "refused"
        values = self._in_guild(nb)
        self._in_runner(nb, values, with_report)
        return "run"

    def _in_guild(self, nb: reader.Notebook) -> dict[str, Any]:
        """Find flags, tell Guild of them, check values; returns values that are taken."""
        found = discover(nb, {}, WANTED)
        list(commands.text_lines(nb, found))
        json.loads(commands.json_text(commands.json_data(nb, found)))
        for flag in found.flags.values():
            json.dumps(guild_values.flag_data(flag))
        discover(nb, PATTERNS, WANTED)
        values: dict[str, Any] = {"unknown": 1}
        for index, (name, flag) in enumerate(found.flags.items()):
            for offset in range(3):
                value = VALUES[(index + offset) % len(VALUES)]
                try:
                    apply.assignment(flag, value)
                    self._checked(nb, found, {name: value})
                    values[name] = value
                except FlagError as e:
                    assert "\n" not in str(e)
        try:
            self._checked(nb, found, values)
        except FlagError:
            values = {}
        return values

    @staticmethod
    def _checked(nb: reader.Notebook, found: Discovered, values: dict[str, Any]) -> None:
        list(commands.diff_lines(nb, edited(nb, found, values)))

    def _in_runner(self, nb: reader.Notebook, values: dict[str, Any], with_report: bool) -> None:
        found = discover(nb, {}, sorted(values))
        sources = edited(nb, found, values)
        try:
            data, _left_out = strip.strip_outputs(nb, sources, parameters.injected_cells(nb))
        except NotebookError as e:
            assert "nb.ipynb is nested too deeply" in str(e)
            return
        try:
            choose(self.specs, None, nb.kernel_name, lambda: languages.name_of(nb))
        except KernelError as e:
            assert "\n" not in str(e)
        report: Any = {"html": {}} if with_report else {}
        settings = {**options.defaults(), "report": report, "pip-freeze": True}
        stop: Any = SimpleNamespace(requested=SimpleNamespace(is_set=lambda: False))
        output = RunOutput(
            *self.streams, self.status_lines, Masker(["a-secret-value"]), RunStatus(None)
        )
        flags = RunFlags(found, values, {})
        session = Session(
            self.record,
            self.kernel,
            data,
            {},
            list,
            lambda: flags,
            settings,
            output,
            stop,
            Autosave(),
        )
        client = session._client()
        execution = session._execution(client)
        session._states = execution.states
        session._save()
        self._check_saved()
        language = {"name": "python", "version": "3.11"}
        session.nb.metadata["language_info"] = nbformat.from_dict(language)
        for number, index in enumerate(execution.indexes, 1):
            execution.states[index] = "completed"
            client.start_cell(index, number)
            client.nb.cells[index]["execution_count"] = number
            self._show(client, index)
        last = execution.indexes[-1] if execution.indexes else None
        session._set_end(Outcome(0 if last is None else 1, last, "failed"))
        session._save(client.sync())
        assert not session._save_errors
        self._check_saved()
        if with_report:
            said = []
            status_lines: Any = SimpleNamespace(write=lambda *forms: said.append(forms[0]))
            session.output = replace(output, status_lines=status_lines)
            written = session._write_reports(Outcome(1, last))
            assert session._checked_reports(*written) and not said, said

    @staticmethod
    def _show(client: Any, index: int) -> None:
        for kind, content in (
            ("stream", {"name": "stdout", "text": "shown\n"}),
            ("error", {"ename": "E", "evalue": "v", "traceback": ["t"]}),
        ):
            message = {
                "msg_type": kind,
                "header": {"msg_type": kind},
                "content": content,
                "parent_header": {"msg_id": "r"},
            }
            client.process_message(message, client.nb.cells[index], index)

    def _check_saved(self) -> None:
        text = Path(self.record.executed_file).read_text("utf-8")
        saved = json.loads(text, parse_constant=_no_json)
        nbformat.validate(nbformat.from_dict(saved))
        nbformat.reads(text, as_version=4)


def _no_json(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@pytest.fixture
def pipeline(tmp_path: Path) -> Any:
    return Pipeline(tmp_path)


def _fuzz(pipeline: Pipeline, seeds: range) -> tuple[Counter[str], float]:
    outcomes: Counter[str] = Counter()
    slowest, failures = 0.0, []
    for seed in seeds:
        content = mutant(seed)
        started = time.monotonic()
        try:
            outcomes[pipeline.outcome(content, with_report=seed % 20 == 0)] += 1
        except Exception as e:
            failures.append(f"seed {seed}: {type(e).__name__}: {str(e)[:300]}")
        slowest = max(slowest, time.monotonic() - started)
    assert not failures, "\n".join(failures[:20])
    assert slowest < SLOWEST
    return outcomes, slowest


def test_malformed_notebooks_are_refused_in_a_line_or_run(pipeline: Pipeline):
    outcomes, _ = _fuzz(pipeline, range(300))
    assert outcomes["run"] > 30 and outcomes["refused"] > 30  # the mutations are of some use


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_five_thousand_malformed_notebooks_are_refused_in_a_line_or_run(pipeline: Pipeline):
    outcomes, slowest = _fuzz(pipeline, range(5000))
    refused, ran = outcomes["refused"], outcomes["run"]
    figure("malformed notebooks", f"{refused + ran:,}: {refused:,} refused, {ran:,} sound", "5,000")
    figure("slowest malformed notebook", f"{slowest:.2f} s", f"below {SLOWEST:g} s")


WIDGETS = "application/vnd.jupyter.widget-state+json"

ODD = [None, True, 5, 1.5, "", "text", "\ud800", [], [None, 5, {}], {}, {"a": None}, {"": [[]]}]
"""What a notebook may hold where this package, or one that it uses, looks for something else."""

METADATA = [
    (), ("kernelspec",), ("kernelspec", "name"), ("kernelspec", "language"),
    ("kernelspec", "display_name"), ("language_info",), ("language_info", "name"),
    ("language_info", "version"), ("language_info", "codemirror_mode"), ("widgets",),
    ("widgets", WIDGETS), ("widgets", WIDGETS, "state"), ("widgets", WIDGETS, "state", "a1"),
    ("title",), ("authors",), ("jupytext",), ("jupytext", "formats"), ("guild",), ("colab",),
    ("orig_nbformat",),
]  # fmt: skip

OF_A_CELL = [
    ("metadata",), ("metadata", "tags"), ("metadata", "name"), ("metadata", "collapsed"),
    ("metadata", "scrolled"), ("metadata", "jupyter"), ("metadata", "execution"),
    ("metadata", "guild"), ("metadata", "id"), ("metadata", "trusted"), ("metadata", "format"),
    ("id",), ("execution_count",), ("outputs",), ("outputs", 0), ("outputs", 0, "output_type"),
    ("outputs", 3, "data"), ("outputs", 3, "data", "text/plain"), ("outputs", 3, "metadata"),
    ("outputs", 0, "text"), ("attachments",), ("attachments", "a.png"),
    ("attachments", "a.png", "image/png"), ("unknown",),
]  # fmt: skip

OF_ALL = [("metadata", *path) for path in METADATA] + [
    ("cells", index, *path) for index in (2, 3) for path in OF_A_CELL
]


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.faults)])
def test_metadata_may_be_of_any_type(pipeline: Pipeline, step: int):
    """Each place of it, of one cell of code and one of text, is each ``step``-th of ODD."""
    for number, path in enumerate(OF_ALL):
        for value in ODD[number % step :: step]:
            document = BASES["tagged"]()
            document["cells"][2]["outputs"] = copy.deepcopy(OUTPUTS)
            container: Any = document
            for key in path[:-1]:
                if not isinstance(container, list) and key not in container:
                    container[key] = {}
                container = container[key]
            if isinstance(container, dict) or path[-1] < len(container):
                container[path[-1]] = value
            try:
                assert pipeline.outcome(json.dumps(document).encode()) == "run"
            except Exception as e:
                raise AssertionError(f"{path}: {value!r}: {e!r}") from e
