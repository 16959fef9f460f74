"""The command of ``dask:cluster``: parses its flags, connects to the cluster and dispatches."""

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
    """Returns the exit status; below 0 it is the signal by which the process has to end."""
    try:
        options = _options(sys.argv[1:])
        logging.basicConfig(
            stream=sys.stderr,
            level=logging.INFO,
            format="%(levelname)s: [%(name)s] %(asctime)s %(message)s",
            datefmt="%Y-%m-%d %H:%M:%S",
        )
        return asyncio.run(_dispatch(options))
    except UserError as e:
        print(f"guild-notebook: {e}", file=sys.stderr)
        return 1


def _options(argv: list[str]) -> argparse.Namespace:
    """The flags of an argument list in which Guild has written ``no`` as an empty string and
    ``yes`` as 1. Raises UserError."""
    parser = argparse.ArgumentParser(prog="dask:cluster", allow_abbrev=False)
    parser.add_argument("--address")
    parser.add_argument("--scheduler-file")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--resources", default="")
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
    if args.scheduler_file:
        path = os.path.join(os.getenv("CMD_DIR", ""), os.path.expanduser(args.scheduler_file))
        if not os.path.isfile(path):  # dask would wait for it for ever
            raise UserError(
                f"scheduler-file {args.scheduler_file} does not exist - start the scheduler first"
            )
        args.scheduler_file = path
    args.shared = None if args.shared == "auto" else args.shared == "1"
    if args.dashboard_address and args.dashboard_address.isdigit():
        args.dashboard_address = f":{args.dashboard_address}"
    try:
        args.resources = queue.parse_resources(args.resources)
    except ValueError as e:
        raise UserError(f"resources: {e}") from e
    return args


async def _dispatch(options: argparse.Namespace) -> int:
    from guild import config
    from guild.plugins import gen_queue

    gen_queue.simulate_batch()  # Guild leaves batches out where it compares runs
    home = config.guild_home()
    probe = os.path.join(home, "locks", f"dask-cluster-{os.environ['RUN_ID']}")
    content = uuid.uuid4().hex
    runs = queue.StagedRuns(os.environ["RUN_ID"], wait_for_running=options.wait_for_running)
    os.makedirs(os.path.dirname(probe), exist_ok=True)
    with open(probe, "w") as f:
        f.write(content)
    dispatcher = dispatch.Dispatcher(runs, (probe, content), options)
    caught: list[int] = []

    def on_signal(number: int) -> None:
        if caught:
            die_by(number)  # the second time at once; the workers end the runs that they have
        caught.append(number)
        log.info("Stopping dask:cluster")
        dispatcher.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal, number)
    try:
        async with connection.ClusterConnection.connect(options, dispatcher.on_event) as cluster:
            threads = sum(w["nthreads"] for w in cluster.workers.values())
            log.info("Runs at a time: %i (workers: %i)", threads, len(cluster.workers))
            await dispatcher.run(cluster)
    finally:
        os.unlink(probe)
    log.info("Runs that have ended: %i", dispatcher.finished)
    return -caught[0] if caught else 0


if __name__ == "__main__":
    status = main()
    if status < 0:
        die_by(-status)  # how Guild knows a run that was stopped (guild/run.py)
    sys.exit(status)
