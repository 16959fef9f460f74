"""What a run costs, measured beside papermill, ``jupyter execute`` and ploomber-engine.

Makes an environment for this package and for each peer, and runs each workload of workloads.py
with each of them in turn, five times after a warm-up with a small one. Prints medians: seconds
from the command to the prompt; seconds of the processor of all processes; the most megabytes of the
largest one, and of all at a time; how many times as much this package takes as each of the others;
and which targets are held. What has been measured is written to build/bench.json after each
workload.

    python -m benchmarks.bench [--quick] [--against FOLDER] [--write] [WORD…]

``--quick`` takes small workloads, once each. ``--against`` measures another version of this package
beside this one, with ``--no-peers`` only that. ``--write`` puts the tables into docs/speed.md.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import environments, table
from benchmarks.environments import CHECKOUT, KEPT, OWN
from benchmarks.workloads import TARGETS, WORKLOADS, Workload

PAGE = CHECKOUT / "docs/speed.md"
BEGIN, END = "<!-- begin of what make bench writes -->", "<!-- end of what make bench writes -->"
LIMIT = 600
"""Seconds after which a command is killed, and has failed."""

PACKAGES = ["guildai", "papermill", "nbclient", "ploomber-engine", "ipykernel", "jupyter-client"]


def main() -> int:
    args = parsed()
    if args.list:
        print("\n".join(work.name for work in WORKLOADS))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if args.table:
        report = json.loads(args.json.read_text())
    else:
        with contextlib.nullcontext() if args.this else environments.nobody_else():
            report = measured_report(args)
    print(f"\n{tables(report)}")
    if args.write:
        page = PAGE.read_text("utf-8")
        PAGE.write_text(table.replaced(page, tables(report), BEGIN, END), "utf-8")
        print(f"written to {PAGE}")
    return 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("words", nargs="*", metavar="WORD", help="of the names of workloads: only these")
    add("--quick", action="store_true", help="small workloads, measured once: two minutes")
    add("--rounds", type=int, metavar="N", help="how often each is measured (5, or 1 with --quick)")
    add("--peer", action="append", metavar="NAME", help=f"only this, of {environments.PEERS}")
    add("--no-peers", action="store_true", help="this package alone")
    add("--this", type=Path, metavar="VENV", help="an environment that has this package")
    add(
        "--against",
        action="append",
        default=[],
        metavar="[NAME=]FOLDER",
        help="a checkout of another version of this package, or an environment that has it",
    )
    add("--json", type=Path, metavar="FILE", default=CHECKOUT / "build/bench.json")
    add("--table", action="store_true", help="measure nothing, show what the JSON file has")
    add("--write", action="store_true", help="put the tables into docs/speed.md")
    add("--list", action="store_true", help="list the workloads")
    args = parser.parse_args()
    args.rounds = args.rounds or (1 if args.quick else 5)
    args.peers = [] if args.no_peers else args.peer or environments.PEERS
    return args


def measured_report(args: argparse.Namespace) -> dict[str, Any]:
    """Measure what was chosen. What has been measured is returned where a key interrupts it, too,
    and a command that fails costs only its own rows."""
    began = time.monotonic()
    paths = dict(environment_of_another(against) for against in args.against)
    chosen = [w for w in WORKLOADS if not args.words or any(word in w.name for word in args.words)]
    venvs = {OWN: args.this.resolve() if args.this else environments.made(OWN)}
    wanted = {work.environment_of(command) for work in chosen for command in work.commands}
    for name in args.peers:
        if name in wanted:
            venvs[name] = environments.made(name)
    report: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "quick": args.quick,
        "rounds": args.rounds,
        "machine": machine(),
        "versions": versions(venvs),
        "results": {},
    }
    warm: set[Path] = set()
    args.json.parent.mkdir(parents=True, exist_ok=True)
    print(table.HEAD, flush=True)
    try:
        for work in chosen:
            results: dict[str, Any] = {}
            report["results"][work.name] = results
            with tempfile.TemporaryDirectory(prefix="bench") as folder:
                commands = commands_of(work, venvs, paths, Path(folder))
                for called, sample in samples(work, commands, args, warm):
                    if "errors" in sample:
                        print(f"{work.name}, {called}: {sample['errors']}", file=sys.stderr)
                    for measure, value in sample.items():
                        results.setdefault(called, {}).setdefault(measure, []).append(value)
            print("\n".join(table.rows(work.name, results)), flush=True)
            report["seconds"] = time.monotonic() - began
            args.json.write_text(json.dumps(report, indent=1))
    except KeyboardInterrupt:
        print("interrupted: the results are those of what was measured", file=sys.stderr)
    args.json.write_text(json.dumps(report, indent=1))
    return report


@dataclass
class Command:
    """A line of sh, the environment in which it runs, whose name is also that of its HOME, and the
    folder that its project is in."""

    line: str
    environment: Path
    name: str
    folder: Path


def environment_of_another(against: str) -> tuple[str, Path]:
    """A name, and the environment that has another version of this package."""
    name, _, text = against.rpartition("=")
    path = Path(text).resolve()
    if (path / "setup.py").exists():
        name = name or path.name
        return name, environments.made_of(path, f"version {name}")
    return name or path.parent.name, path


def samples(
    work: Workload, commands: dict[str, Command], args: argparse.Namespace, warm: set[Path]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Run all commands of a workload in turn and yield what each has taken, or its error. One that
    fails twice is not run again. Before that each has a warm-up, or with --quick each environment
    has one of all."""
    failed = dict.fromkeys(commands, 0)
    for number in range(-1, args.rounds):
        for called, command in commands.items():
            warmed = number < 0 and args.quick and command.environment in warm
            if failed[called] == 2 or warmed:
                continue
            warm.add(command.environment)
            size = work.small if number < 0 or args.quick else work.size
            if number < 1:
                shutil.rmtree(command.folder, ignore_errors=True)
                for name in ("project", "guild"):
                    (command.folder / name).mkdir(parents=True)
                work.make(command.folder / "project", size)
            try:
                sample = measured(command, size)
            except OSError as e:
                failed[called] += 1
                yield called, {"errors": str(e)}
                continue
            if number >= 0:
                yield called, sample


def commands_of(
    work: Workload, venvs: dict[str, Path], others: dict[str, Path], folder: Path
) -> dict[str, Command]:
    """The commands of a workload whose environments are there, by what the table calls them: those
    of this package also with its other versions."""
    commands: dict[str, Command] = {}
    for called, line in work.commands.items():
        name = work.environment_of(called)
        each = {called: (name, venvs[name])} if name in venvs else {}
        if name == OWN:
            for other, path in others.items():
                each[other if called == OWN else f"{called}, {other}"] = (other, path)
        for text, (name, venv) in each.items():
            commands[text] = Command(line, venv, name, folder / str(len(commands)))
    return commands


def measured(command: Command, size: int) -> dict[str, float]:
    """Run a command in its project, with a Guild home without runs, and measure it.

    Raises:
        OSError: it failed.
    """
    folder = command.folder
    shutil.rmtree(folder / "guild/runs", ignore_errors=True)
    home = KEPT / "home" / command.name.replace("/", "-").replace(" ", "-")
    line = command.line.format(size=size)
    request = {
        "command": ["/bin/sh", "-c", line],
        "cwd": str(folder / "project"),
        "output": str(folder / "output"),
        "limit": LIMIT,
    }
    script = str(Path(__file__).with_name("measure.py"))
    env = environments.variables(command.environment, home)
    env["GUILD_HOME"] = str(folder / "guild")
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", script, json.dumps(request)],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        text, _ = process.communicate()
    except BaseException:  # it ends all that it has begun
        process.terminate()
        process.wait()
        raise
    if process.returncode:
        raise OSError(f"it could not be measured: status {process.returncode}")
    sample: dict[str, float] = json.loads(text)
    if sample.pop("status"):
        printed = (folder / "output").read_text("utf-8", "replace")
        raise OSError(f"{line} failed:\n{printed[-2000:]}")
    return sample


def machine() -> dict[str, Any]:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        model = next((each.partition(":")[2] for each in lines if "model name" in each), model)
    return {
        "model": model.strip(),
        "processors": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "gigabytes": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def versions(venvs: dict[str, Path]) -> dict[str, str]:
    found: dict[str, str] = {}
    for venv in venvs.values():
        found = {**environments.versions(venv, PACKAGES), **found}
    return found


def tables(report: dict[str, Any]) -> str:
    """What stands in docs/speed.md: where and when, the targets, and all medians."""
    on = report["machine"]
    lines = [
        f"Measured on {report['date']}: {on['model']}, {on['processors']} processors, "
        f"{on['gigabytes']} GB, {on['system']}, Python {on['python']}; the load before was "
        f"{on['load']}. Medians of {report['rounds']}.",
        "",
        ", ".join(f"{name} {version}" for name, version in sorted(report["versions"].items())),
        "",
    ]
    if report["quick"]:
        lines += ["Small workloads (`--quick`): no targets are for these.", ""]
    else:
        lines += [table.targets_table(TARGETS, report["results"], OWN), ""]
    return "\n".join([*lines, table.full_table(report["results"])])


if __name__ == "__main__":
    sys.exit(main())
