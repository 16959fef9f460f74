"""What Guild starts for ``dask:cluster``."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import uuid

from ..errors import UserError
from ..run.execution.stop import die_by
from . import connection, dispatch, queue

log = logging.getLogger("guild")


def main() -> int:
    """Returns the exit status, below 0 the signal that the process is to die by."""
    try:
        wanted, options, wait_for_running = _options(sys.argv[1:])
        logging.basicConfig(
            stream=sys.stderr,
            level=logging.INFO,
            format="%(levelname)s: [%(name)s] %(asctime)s %(message)s",
            datefmt="%Y-%m-%d %H:%M:%S",
        )
        return asyncio.run(_main(wanted, options, wait_for_running))
    except UserError as e:
        print(f"guild-notebook: {e}", file=sys.stderr)
        return 1


def _options(argv: list[str]) -> tuple[connection.Wanted, dispatch.Options, bool]:
    """Guild writes no for a flag's value as an empty string, yes as 1."""
    parser = argparse.ArgumentParser(prog="dask:cluster", allow_abbrev=False)
    parser.add_argument("--address")
    parser.add_argument("--scheduler-file")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--resources")
    parser.add_argument("--shared", default="auto")
    parser.add_argument("--retries", type=int, default=0)
    parser.add_argument("--on-stop", default="end")
    parser.add_argument("--poll-interval", type=float, default=10.0)
    parser.add_argument("--run-once", action="store_true")
    parser.add_argument("--wait-for-running", action="store_true")
    parser.add_argument("--loglevel", default="error")
    parser.add_argument("--dashboard-address")
    args = parser.parse_args(argv)
    if args.address and args.scheduler_file:
        raise UserError("address and scheduler-file both name a cluster - give one of them")
    try:
        resources = queue.parse_resources(args.resources or "")
    except ValueError as e:
        raise UserError(f"resources: {e}") from e
    dashboard = args.dashboard_address or None
    wanted = connection.Wanted(
        args.address or None,
        _file(args.scheduler_file),
        args.workers,
        resources or None,
        f":{dashboard}" if dashboard and dashboard.isdigit() else dashboard,
        args.loglevel,
    )
    options = dispatch.Options(
        None if args.shared == "auto" else args.shared == "1",
        args.retries,
        args.on_stop == "finish",
        args.run_once,
        args.poll_interval,
    )
    return wanted, options, args.wait_for_running


def _file(path: str | None) -> str | None:
    """A path as it was typed where the operation was started. dask itself would wait for ever for
    a file that does not exist."""
    if not path:
        return None
    full = os.path.join(os.getenv("CMD_DIR", ""), os.path.expanduser(path))
    if not os.path.isfile(full):
        raise UserError(f"scheduler-file {path} does not exist - start the scheduler first")
    return full


async def _main(
    wanted: connection.Wanted, options: dispatch.Options, wait_for_running: bool
) -> int:
    from guild import config
    from guild.plugins import gen_queue

    gen_queue.simulate_batch()  # Guild leaves batches out where it compares runs
    home = config.guild_home()
    probe = os.path.join(home, "locks", f"dask-cluster-{os.environ['RUN_ID']}")
    content = uuid.uuid4().hex
    runs = queue.Staged(os.environ["RUN_ID"], wait_for_running=wait_for_running, say=log.info)
    os.makedirs(os.path.dirname(probe), exist_ok=True)
    with open(probe, "w") as f:
        f.write(content)
    dispatcher = dispatch.Dispatcher(runs, (probe, content), options, log.info)
    caught: list[int] = []

    def on_signal(number: int) -> None:
        if caught:
            die_by(number)  # asked twice: at once, and the workers end what they have
        caught.append(number)
        log.info("Stopping dask:cluster")
        dispatcher.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal, number)
    try:
        cluster = await connection.Remote.connect(wanted, dispatcher.on_event)
        try:
            threads = sum(w.threads for w in cluster.workers.values())
            log.info("Runs at a time: %i (workers: %i)", threads, len(cluster.workers))
            await dispatcher.run(cluster)
        finally:
            await cluster.close()
    finally:
        os.unlink(probe)
    log.info("Runs that have ended: %i", dispatcher.finished)
    return -caught[0] if caught else 0


if __name__ == "__main__":
    status = main()
    if status < 0:
        die_by(-status)  # how Guild knows a run that was stopped (guild/run.py)
    sys.exit(status)
