"""TensorBoard's page of hyperparameters has every run, whatever its flags are."""

from __future__ import annotations

import functools
import math
from typing import Any


def show_every_run(tensorboard: Any) -> None:
    """Write the flags of each run in types that TensorBoard takes, also where the run has no
    scalars.

    Guild writes them beside a file of scalars alone (guild/tensorboard.py:287). One value that
    TensorBoard does not take costs the whole page: of a number that is not finite it makes no JSON,
    and one that is no double of C ends ``guild tensorboard``. Needless when Guild asks itself.
    """
    refresh_links = tensorboard._refresh_tfevent_links

    @functools.wraps(refresh_links)
    def refresh_links_or_write(run: Any, folder: str, state: Any) -> None:
        refresh_links(run, folder, state)
        if state.log_hparams and not any(tensorboard._iter_tfevents(folder)):
            tensorboard.util.ensure_dir(folder)
            tensorboard._init_hparam_session(run, folder, state)

    def add_session(run: Any, writer: Any) -> None:
        flags = run.get("flags") or {}
        hparams = {name: hparam(value) for name, value in flags.items()}
        hparams[tensorboard.SOURCECODE_HPARAM] = tensorboard._run_sourcecode(run)
        writer.add_hparam_session(tensorboard._hparam_session_name(run), hparams, run.status)

    tensorboard._refresh_tfevent_links = refresh_links_or_write
    tensorboard._add_hparam_session = add_session
    tensorboard._hparam_val_for_flag_val = hparam


def hparam(value: Any) -> Any:
    """A flag's value as TensorBoard takes it, a text where that is none of its own types."""
    if value is None:
        return ""
    if isinstance(value, (bool, str)):
        return value
    try:
        return value if isinstance(value, (int, float)) and math.isfinite(value) else str(value)
    except OverflowError:  # a whole number that is larger
        return str(value)
