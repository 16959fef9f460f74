"""``dask:cluster``: staged runs, run by the workers of a dask.distributed cluster.

```
guild run dask:cluster address=tcp://host:8786
  │  here                                           │  a worker of the cluster
  ├─ staged    claim a staged run (Guild's lock)    │
  ├─ remote    submit a task for it ───────────────►├─ worker  "arrived" (an event of dask)
  ├─ attempt   send the run directory, "go" ───────►├─ cargo   unpack, unless the home is shared
  ├─ marks     status, stand-in for `guild stop`    ├─ room    guild run --restart, with a keeper
  ├─ follow    output, twice a second ◄─────────────┤
  └─ cargo     take what has changed ◄──────────────┴─ cargo   pack what has changed
```

Guild's own ``dask:scheduler`` (guild/plugins/dask.py) runs threads of one process; it stays as it
is. A task waits for "go" before it starts anything: dask runs the task of a worker that died
anew on another one, as often as the scheduler's ``allowed-failures`` says, which no client can
change. Who gave "go" once for a claim does not give it again, so no run is executed twice.

Only events with a few words each are pushed; output and files are asked for, in pieces, through
``Client.run``: nothing piles up in the scheduler (which keeps each event it has passed on), and
it works wherever the client reaches the scheduler, even where it cannot reach a worker. Who is
no longer asked knows that the client is gone.
"""

from __future__ import annotations

import importlib.util
from typing import Any

NAME = "dask:cluster"


def resolve(opspec: str) -> tuple[Any, str] | None:
    """Resolve ``dask:cluster`` to what a plugin's ``resolve_model_op`` returns; None for all else.
    Works without dask, so that ``--help-op`` does."""
    if opspec != NAME:
        return None
    from .definition import ModelProxy

    return ModelProxy(), "cluster"


def check(opdef: Any) -> None:
    """Raise SystemExit with one line where ``opdef`` is our operation and dask is not installed."""
    from .definition import ModelProxy

    if not ModelProxy.is_ours(opdef) or importlib.util.find_spec("distributed"):
        return
    raise SystemExit(f"{NAME} needs dask - pip install 'guild-notebook[dask]'")
