"""An ssh server of the test's own on loopback: its port, keys and configuration."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers.project import LIMIT, free_port, wait_for

SSHD = shutil.which("sshd", path=f"{os.defpath}:/usr/sbin:/usr/local/sbin")


def missing() -> str:
    """Why there can be no server here, if so."""
    lacking = [name for name in ("ssh", "ssh-keygen", "rsync") if not shutil.which(name)]
    if not SSHD:
        lacking.append("sshd (Debian: openssh-server)")
    return f"there is no {', no '.join(lacking)}" if lacking else ""


@dataclass
class Server:
    """Logs in the user who runs the tests, with ``folder``/key. What such a login finds first on
    its PATH are the commands of the tests' own Python, and its HOME is ``home``."""

    folder: Path
    accepted: str = ""
    """Environment variable that the client sends and the server takes."""

    login: str = ""
    """What a login has in its environment over there beside the usual, ``NAME=value``."""

    port: int = 0
    process: subprocess.Popen | None = None

    @property
    def key(self) -> Path:
        return self.folder / "key"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def start(self) -> Server:
        self.home.mkdir(parents=True)
        for name in ("host_key", "key"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name]
            subprocess.run(command, check=True)
        shutil.copy(self.folder / "key.pub", self.folder / "authorized_keys")
        self.port = free_port()
        path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath, "/usr/local/bin"])
        settings = {
            "Port": self.port,
            "ListenAddress": "127.0.0.1",
            "HostKey": self.folder / "host_key",
            "AuthorizedKeysFile": self.folder / "authorized_keys",
            "PidFile": self.folder / "sshd.pid",
            "PasswordAuthentication": "no",
            "UsePAM": "no",
            "StrictModes": "no",  # the folder is in /tmp
            "PermitRootLogin": "yes",
            "SetEnv": f"HOME={self.home} PATH={path} NO_PIP_FREEZE=1 PIP_NO_INDEX=1 {self.login}",
            **({"AcceptEnv": self.accepted} if self.accepted else {}),
        }
        text = "".join(f"{name} {value}\n" for name, value in settings.items())
        (self.folder / "sshd_config").write_text(text)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # which its service would make
        with (self.folder / "sshd.log").open("wb") as log:
            self.process = subprocess.Popen(
                [str(SSHD), "-D", "-e", "-f", self.folder / "sshd_config"], stderr=log
            )
        wait_for(self._answers)
        return self

    def client(self) -> Path:
        """A folder for the PATH of a test, with an ``ssh`` that leaves the user's files alone."""
        folder = self.folder / "bin"
        folder.mkdir(exist_ok=True)
        ssh = folder / "ssh"
        known = self.folder / "known_hosts"
        options = f"-F none -oUserKnownHostsFile={known} -oLogLevel=ERROR"
        if self.accepted:
            options += f" -oSendEnv={self.accepted}"
        ssh.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} {options} "$@"\n')
        ssh.chmod(0o755)
        return folder

    def remote(self, **settings: str) -> dict[str, Any]:
        """What Guild's configuration says of a remote that is this server."""
        where = {"host": "127.0.0.1", "port": self.port, "private-key": str(self.key)}
        return {"type": "ssh", **where, "guild-home": str(self.home / ".guild"), **settings}

    def environment(self, folder: Path, path: str) -> dict[str, str]:
        """Variables of a user who knows this server as the remote ``box``; their configuration
        goes into ``folder``. ``path`` is their PATH."""
        config = folder / "config.yml"
        config.write_text(yaml.safe_dump({"remotes": {"box": self.remote()}}))
        return {"GUILD_CONFIG": str(config), "PATH": os.pathsep.join([str(self.client()), path])}

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            pytest.skip(f"sshd does not start here: {(self.folder / 'sshd.log').read_text()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(LIMIT)


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Server]:
    """A server until the end; skips the test where there can be none."""
    if missing():
        pytest.skip(missing())
    server = Server(folder, **settings)
    try:
        yield server.start()
    finally:
        if server.process:
            server.stop()
