"""An sshd on loopback, with a configuration, keys and a port of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.server_process import ServerProcess

_SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
_SEPARATED = Path("/run/sshd")
"""Without it, sshd does not begin as root."""


def why_not() -> str:
    """Why there can be none here. Empty: there can."""
    if not (Path(_SSHD).exists() and shutil.which("ssh") and shutil.which("ssh-keygen")):
        return "OpenSSH is not installed"
    if os.getuid() == 0 and not _SEPARATED.exists():
        return f"{_SEPARATED} is not there: make system-packages"
    return ""


class SshServer(ServerProcess):
    """Lets in the user that runs it, with the key that `client` names."""

    name = "sshd"
    port_count = 1

    def command(self) -> list[str]:
        for key in ("host", "user"):
            if not (self.directory / key).exists():
                make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]
                subprocess.run(make, cwd=self.directory, check=True, stdin=subprocess.DEVNULL)
        settings = {
            "ListenAddress": "127.0.0.1",
            "Port": self.ports[0],
            "HostKey": self.directory / "host",
            "AuthorizedKeysFile": self.directory / "user.pub",
            "PidFile": "none",
            "StrictModes": "no",
            "UsePAM": "no",
            "PasswordAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
        }
        options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        return [_SSHD, "-D", "-e", "-f", "/dev/null", *options]

    def is_ready(self) -> bool:
        return "Server listening" in self.recent_log()

    def client(self, port: int, command: str) -> list[str]:
        """What runs a command in a terminal over there, through that port."""
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
        return [
            *("ssh", "-tt", "-F", "/dev/null", "-p", str(port)),
            *("-i", str(self.directory / "user")),
            *(word for option in options for word in ("-o", option)),
            "127.0.0.1",
            command,
        ]
