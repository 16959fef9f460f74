"""What a report says of its run, gathered while the run ends: its exit status is not written yet,
and Guild still reads its output."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..document import states
from ..document.cells import cell_label
from ..document.measures import is_measure, measures_of
from ..document.mime import text_of
from ..secrets.settings import PLACEHOLDER
from . import again, run_scalars
from .record.run_dir import RunDir
from .record.run_files import RunFiles, mapping
from .report.facts import CellError, FlagValue, RunFacts

if TYPE_CHECKING:
    from ..flags.discover import Discovered
    from ..flags.model import Flag
    from .execution.execute import Outcome

LONGEST_ERROR = 2_000  # characters of the text of an exception that a report begins with

STATES = {"error": "failed", "terminated": "stopped", "exit": "failed"}
"""The words of a report for those that the executed notebook has of the run and of its cells
(document/states.py), where they differ."""


@dataclass(frozen=True)
class RunFlags:
    """The flags of a run: those that its notebook declares (``found``), the ``values`` as Guild
    holds them, the ``variables`` of the secret ones, by their names, and ``options`` that were
    assigned beside them (``nb-kernel=other``)."""

    found: Discovered
    values: Mapping[str, Any]
    variables: Mapping[str, str]
    options: Sequence[str] = ()


@dataclass(frozen=True)
class Ended:
    """What a notebook says of an execution that has ended, in the fields of Outcome."""

    exit_status: int
    failed_cell: int | None
    where: str
    why: str
    errors: Mapping[int, str]


def run_facts(
    record: RunDir,
    flags: RunFlags,
    nb: Any,
    outcome: Outcome | Ended,
    is_saved: bool,
    mask: Callable[[str], str],
    event_files: Sequence[str] = (),
) -> RunFacts:
    """What is known of a run that ends with ``outcome``: ``nb`` is the executed notebook,
    ``is_saved`` says whether all of the run could be, ``event_files`` are those that its cells have
    written. No text of it holds a secret value, which ``mask`` leaves out."""
    name, opspec = again.operation(record)
    run_id = str(record.known_attr("id") or os.path.basename(record.dir))
    shown = list(_flag_values(flags))
    batch, varied = _batch(record, flags)
    assigned = {
        *(flag.name for flag in shown if flag.differs),
        *mapping(record.known_attr("user_flags")),
        *varied,
    }.difference(flags.variables)
    values = {flag.name: flags.values[flag.name] for flag in shown if flag.name in assigned}
    command = again.command(opspec, values, flags.options)
    is_with_others = os.path.basename(os.path.dirname(record.dir)) == "runs"
    commit = str(record.known_attr("vcs_commit") or "").rpartition(":")[2]
    started, now = time_of(record.known_attr("started")), datetime.datetime.now().astimezone()
    config = record.attr("op").get("output-scalars")
    ignored = flags.values if config is None else ()  # as guild/commands/run_impl.py
    scalars, more_scalars, are_last = run_scalars.of_run(record, config, ignored, event_files)
    facts = RunFacts(
        operation=name or record.source_path,
        run_id=run_id,
        label=_text(record.known_attr("label")),
        tags=[_text(tag) for tag in _list(record.known_attr("tags"))],
        comments=[
            _text(mapping(comment).get("body")) for comment in _list(record.known_attr("comments"))
        ],
        **_end(nb, outcome, is_saved),
        started=started,
        seconds=(now - started).total_seconds() if started else None,
        user=_text(record.known_attr("user")) or os.environ.get("USER", ""),
        host=platform.node(),
        kernel=_kernel(nb),
        commit=commit.rstrip("*"),
        is_modified=commit.endswith("*"),
        flags=shown,
        scalars=[scalar for scalar in scalars if not is_measure(scalar.name)],
        more_scalars=more_scalars,
        has_last_values_only=are_last,
        batch=batch,
        varied=sorted(varied),
        **_shared(nb),
        command=command if mask(command) == command else "",
        proto_command=f"guild run --proto {run_id[:8]}" if is_with_others and name else "",
        variables=[v for n, v in flags.variables.items() if flags.values.get(n) is not None],
    )
    masked: RunFacts = _masked(facts, mask)
    return masked


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [_masked(item, mask) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **{k: _masked(v, mask) for k, v in fields.items()})
    return value


def _end(nb: Any, outcome: Outcome | Ended, is_saved: bool) -> dict[str, Any]:
    """How the run has ended, as fields of RunFacts."""
    errors = [
        CellError(index, text.rpartition(" failed")[0], text)
        for index, text in outcome.errors.items()
    ]
    index = outcome.failed_cell
    if not outcome.exit_status:
        if is_saved:
            return {"errors": errors, "reason": _part(nb)}
        said = "not everything of it could be saved"
        return {"state": "failed", "reason": said, "errors": errors}
    state = str(nb.metadata.get("guild", {}).get("status", "error"))
    failed = None
    if index is not None:
        state = str(nb.cells[index].metadata.get("guild", {}).get("status", state))
        failed = CellError(index, outcome.where, _error_text(nb.cells[index], outcome.why))
    state = STATES.get(state, state)
    return {"state": state, "reason": outcome.why, "failed": failed, "errors": errors}


def _part(nb: Any) -> str:
    """Up to which cell the run was to go, "" for the whole notebook."""
    last = mapping(nb.metadata.get("guild")).get("last_cell")
    if type(last) is not int or not 0 <= last < len(nb.cells):
        return ""
    number = nb.cells[last].get("execution_count")
    return (
        f"up to {cell_label(last + 1, number=number if type(number) is int else None)} (nb-until)"
    )


def _shared(nb: Any) -> dict[str, Any]:
    """The cells that were executed once for several runs, as fields of RunFacts."""
    shared = filter(states.is_shared, nb.cells)
    seconds = [measures_of(cell).seconds or 0 for cell in shared]
    return {"shared": len(seconds), "shared_seconds": sum(seconds)}


def _error_text(cell: Any, reason: str) -> str:
    """The exception that a cell has ended with, as Python says it; "" for none, and where the
    ``reason`` says the same."""
    for output in reversed(cell.get("outputs") or ()):
        if output.get("output_type") == "error":
            name, text = (text_of(output.get(key) or "") for key in ("ename", "evalue"))
            return "" if reason.endswith(text.strip()) else f"{name}: {text}"[:LONGEST_ERROR]
    return ""


def _flag_values(flags: RunFlags) -> Iterator[FlagValue]:
    """The flags of the run, in the order of its notebook."""
    from ..flags.guild_values import is_unchanged

    found = flags.found.flags
    others = sorted(set(flags.values).difference(found))
    for name in [*(name for name in found if name in flags.values), *others]:
        value, flag = flags.values[name], found.get(name)
        if name in flags.variables:
            yield FlagValue(name, "" if value is None else PLACEHOLDER)
        elif flag is None:
            yield FlagValue(name, value_text(value))
        else:
            default = _default_text(flag)
            differs = not is_unchanged(flag, value)
            yield FlagValue(name, value_text(value) if differs else default, default, differs)


def _default_text(flag: Flag) -> str:
    from ..flags.guild_values import guild_default

    default = guild_default(flag)
    is_shown = default is not None or (flag.default is None and not flag.computed)
    return value_text(default) if is_shown else flag.default_source


def value_text(value: Any) -> str:
    """A flag's value as Guild shows it."""
    if value is None or isinstance(value, bool):
        return {True: "yes", False: "no", None: "null"}[value]
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _batch(record: RunDir, flags: RunFlags) -> tuple[str, set[str]]:
    """The id of the batch whose trial this run is, and the names of the flags that it varies; ""
    for none. A batch has a link for each of its trials (guild/batch_util.py, _link_to_trial)."""
    home, run_id = os.path.split(record.dir)
    try:
        with os.scandir(home) as entries:
            batches = [e.path for e in entries if os.path.islink(os.path.join(e.path, run_id))]
    except OSError:
        return "", set()
    for path in batches:
        proto = RunFiles(os.path.join(path, ".guild", "proto"))
        values = mapping(proto.known_attr("flags"))
        if values:
            differing = {n for n, value in flags.values.items() if values.get(n) != value}
            return os.path.basename(path), differing.difference(flags.variables)
    return "", set()


def _kernel(nb: Any) -> str:
    """The name, the language and the version of the kernel."""
    described = mapping(nb.metadata.get("guild_kernel"))
    name, language, version = (str(described.get(k) or "") for k in ("name", "language", "version"))
    language = language.capitalize() if language.islower() else language
    about = " ".join(filter(None, (language, version)))
    return f"{name} ({about})" if name and about else name or about


def time_of(microseconds: Any) -> datetime.datetime | None:
    """A time of Guild's (guild/run.py, timestamp) where this is, None for what is not one."""
    with contextlib.suppress(OverflowError, ValueError, OSError):
        if type(microseconds) is int:
            return datetime.datetime.fromtimestamp(microseconds / 1_000_000).astimezone()
    return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return "" if value is None else str(value)
