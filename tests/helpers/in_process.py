"""``guild-notebook`` in this process: one of its own takes longer than what most commands do."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from guild_notebook.cli import main


class Done(NamedTuple):
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        assert self.err == ""
        return self.out.splitlines()


@contextlib.contextmanager
def at_home(home: Path) -> Iterator[None]:
    """Meanwhile ``home`` is the Guild home of this process."""
    from guild import config

    before, in_environment = config._guild_home, os.environ.get("GUILD_HOME")
    config.set_guild_home(str(home))
    try:
        yield
    finally:
        config.set_guild_home(before)
        if in_environment is not None:
            os.environ["GUILD_HOME"] = in_environment


def guild_notebook(home: Path, folder: Path, *args: str) -> Done:
    """``guild-notebook ARGS`` in ``folder``."""
    out, err = io.StringIO(), io.StringIO()
    cwd = os.getcwd()
    os.chdir(folder)
    try:
        with at_home(home), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(list(args))
    finally:
        os.chdir(cwd)
    return Done(status, out.getvalue(), err.getvalue())
