"""The ``guild`` command many times, each in a fork of one process that has imported Guild and has
loaded its plugins: a command that is refused takes a tenth of a second in place of one.

Each fork begins as ``guild`` does after its imports, in a folder and with arguments of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from tests.helpers.project import CHECKOUT, LIMIT, Command, Project


class ForkedGuild:
    """Runs commands in the folders of a project, until it is closed."""

    def __init__(self, project: Project) -> None:
        self._project = project
        path = os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.forked_guild"],
            cwd=project.dir,
            env={**project.environment(), "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *args: str, cwd: str = ".") -> Command:
        before = self._project.run_dirs()
        with tempfile.TemporaryDirectory() as folder:
            job = {"args": args, "cwd": str(self._project.dir / cwd), "out": folder}
            assert self._process.stdin and self._process.stdout
            print(json.dumps(job), file=self._process.stdin, flush=True)
            status = int(self._process.stdout.readline())
            out, err = (Path(folder, name).read_text("utf-8", "replace") for name in ("1", "2"))
        return Command(out, err, status, sorted(self._project.run_dirs() - before))

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(LIMIT)


def main() -> None:
    from guild import main as guild_main
    from guild import main_bootstrap, plugin
    from guild.commands import run_impl

    assert main_bootstrap and guild_main and run_impl
    list(plugin.iter_plugins())
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if not pid:
            _become(job)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def _become(job: dict[str, Any]) -> None:
    from guild import main_bootstrap

    for number, path in enumerate([os.devnull, f"{job['out']}/1", f"{job['out']}/2"]):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
    os.chdir(job["cwd"])
    os.environ["PWD"] = job["cwd"]
    sys.path.remove(str(CHECKOUT))
    sys.argv[:] = ["guild", *job["args"]]
    status = 0
    try:
        main_bootstrap.main()
    except SystemExit as e:
        status = e.code if isinstance(e.code, int) else 1
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
