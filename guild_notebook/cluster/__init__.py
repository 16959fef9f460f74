"""``dask:cluster``: staged runs, run by the workers of a dask.distributed cluster.

```
guild run dask:cluster address=tcp://host:8786
  │  the dispatcher                                │  a worker of the cluster
  ├─ queue       claim a staged run (Guild's lock) │
  ├─ connection  submit a task for it ────────────►├─ worker   the task sends an event, and waits
  ├─ attempt     send the run directory, "start" ─►├─ archive  unpack, unless the home is shared
  ├─ run_state   status; pid_proxy: `guild stop`   ├─ worker   guild run --restart, supervised
  ├─ attempt     output, twice a second ◄──────────┤
  └─ archive     move what has changed here ◄──────┴─ archive  pack what has changed
```

Guild's own ``dask:scheduler`` (guild/plugins/dask.py) runs threads of one process; it stays as it
is. A task waits for "start" before it starts anything: dask runs the task of a worker that died
again on another worker, as often as the scheduler's ``allowed-failures`` says, which no client can
change. The dispatcher calls "start" once for an attempt, so no run is executed twice.

Workers send only short events; output and files are fetched in pieces through ``Client.run``.
So nothing accumulates in the scheduler, which keeps each event, and it works wherever the client
reaches the scheduler, even where it cannot reach a worker. A worker that is not called for a minute
stops its run: the dispatcher is gone.

May use ``run``, ``run/execution``, ``run/kernel``, ``run/record``, ``fork_host``,
``kernel_folders``, ``secrets`` and ``errors``.
"""
