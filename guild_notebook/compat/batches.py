"""The process of a batch: moments at which Guild tells nobody of its trials.

:mod:`guild_notebook.optimizers` shows what trials do and starts their processes early. Needless
when Guild asks plugins there: none is loaded in that process.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any


def when_made(call: Callable[[list[Any]], None]) -> None:
    """Call ``call`` with the runs of all trials, where these are known beforehand
    (guild/batch_util.py:150, _init_trial_runs)."""
    from guild import batch_util

    init_by_guild = batch_util._init_trial_runs

    @functools.wraps(init_by_guild)
    def init_trial_runs(*args: Any) -> Any:
        runs = init_by_guild(*args)
        call(runs)
        return runs

    batch_util._init_trial_runs = init_trial_runs


def when_stopped(call: Callable[[], None]) -> None:
    """Call ``call`` before the batch ends its trial and itself, after SIGTERM (:589)."""
    from guild import batch_util

    terminate_by_guild = batch_util._terminate_batch

    @functools.wraps(terminate_by_guild)
    def terminate_batch(*args: Any) -> None:
        import psutil

        psutil.wait_procs = wait_for_ends  # type: ignore[assignment]  # all that Guild passes
        call()
        terminate_by_guild(*args)

    batch_util._terminate_batch = terminate_batch


def run_trials_by(start: Callable[[Any, Callable[[], None]], None]) -> None:
    """Let ``start`` run each trial that is not staged (:198, start_trial_run): it is given Guild's
    run, and what runs it, which is to be called under the ``running_lock``. A batch that is stopped
    ends its trial first, whatever the optimizer: in Guild ``+`` alone does (:575)."""
    from guild import batch_util

    by_guild = batch_util.start_trial_run

    @functools.wraps(by_guild)
    def start_trial_run(run: Any, stage: bool = False) -> None:
        from guild.commands import run_impl

        if stage:
            by_guild(run, stage)
        else:
            start(run, functools.partial(run_impl.run, restart=run.id))

    batch_util.start_trial_run = start_trial_run
    batch_util.stop_trials_on_sigterm(batch_util.batch_run())


def add_results(call: Callable[[Sequence[Any]], list[Any]]) -> None:
    """Let a sequential optimizer go by what ``call`` makes of the results of trials, pairs of flags
    and a list with the objective (:431, trial_results, which guild/plugins/skopt_util.py calls)."""
    from guild import batch_util

    by_guild = batch_util.trial_results
    batch_util.trial_results = lambda *args: call(by_guild(*args))


def write_attributes_in_threads() -> None:
    """Let several threads write attributes of runs. For each one Guild changes what PyYAML takes
    for a truth value, and back: another thread reads a text ``y`` as True meanwhile, and the next
    one fails that writes (guild/yaml_util.py:81, StrictPatch)."""
    import yaml
    from guild import yaml_util

    class Dumper(yaml.SafeDumper):
        """Quotes what is a truth value in YAML, though not for PyYAML."""

    for tag, pattern, first in yaml_util.StrictPatch.implicit_resolver_patches:
        Dumper.add_implicit_resolver(tag, pattern, first)
    by_guild = yaml_util.encode_yaml

    @functools.wraps(by_guild)
    def encode_yaml(value: Any, default_flow_style: bool = False, strict: bool = False) -> str:
        if not strict:
            return str(by_guild(value, default_flow_style))
        text = yaml.dump(value, None, Dumper, default_flow_style=default_flow_style, indent=2)
        return str(yaml_util._strip_encoded_yaml(text))

    yaml_util.encode_yaml = encode_yaml


def running_lock() -> Any:
    """Guild's lock of a trial that runs, after which it ends the process of a batch."""
    from guild import batch_util

    return vars(batch_util)["__trial_running_lock"]


def show_output_by(shown_by: Any) -> None:
    """Let ``shown_by`` show the output of trials: ``terminal(output)`` returns what takes the place
    of the terminal, ``shows_status`` says whether that takes a status (output_reader)."""
    from guild import op_util

    op_util.RunOutput.shown_by = shown_by


def wait_for_ends(processes: Sequence[Any], timeout: float) -> tuple[list[Any], list[Any]]:
    """As ``psutil.wait_procs``, but that who has started a process gets its exit status. Where
    psutil waits for the process of a trial (:600), it may be the one that gets it, and Guild, which
    waits as well, 0: the trial would be recorded as completed."""
    until = time.monotonic() + timeout
    while time.monotonic() < until and any(map(_goes_on, processes)):
        time.sleep(0.02)
    alive = [process for process in processes if _goes_on(process)]
    return [process for process in processes if process not in alive], alive


def _goes_on(process: Any) -> bool:
    import psutil

    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
