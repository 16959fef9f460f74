"""``dask:cluster``: staged runs, run by the workers of a dask.distributed cluster.

```
guild run dask:cluster address=tcp://host:8786
  │  the dispatcher                                │  a worker of the cluster
  ├─ queue       claim a staged run (Guild's lock) │
  ├─ connection  submit a task for it ────────────►├─ worker      the task sends an event, and waits
  ├─ attempt     send the run directory, "start" ─►├─ archive     unpack, unless the home is shared
  ├─ run_state   status; pid_proxy: `guild stop`   ├─ worker_run  guild run --restart, supervised
  ├─ tail        output, twice a second ◄──────────┤
  └─ archive     move what has changed here ◄──────┴─ archive     pack what has changed
```

Guild's own ``dask:scheduler`` (guild/plugins/dask.py) runs threads of one process; it stays as it
is. A task waits for "start" before it starts anything: dask runs the task of a worker that died
again on another worker, as often as the scheduler's ``allowed-failures`` says, which no client can
change. The dispatcher calls "start" once for an attempt, so no run is executed twice.

Workers send only short events; output and files are fetched in pieces through ``Client.run``.
So nothing accumulates in the scheduler, which keeps each event, and it works wherever the client
reaches the scheduler, even where it cannot reach a worker. A worker that is not called for a minute
stops its run: the dispatcher is gone.

May use ``run``, ``run/execution``, ``run/kernel``, ``run/record``, ``secrets`` and ``errors``.
"""

from __future__ import annotations

import importlib.util
from typing import Any

NAME = "dask:cluster"


def resolve(opspec: str) -> tuple[Any, str] | None:
    """What a plugin's ``resolve_model_op`` has to return for ``dask:cluster``; None for every other
    operation. Works without dask, so that ``--help-op`` does."""
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
