"""Ports of this machine: free ones for servers, and what a process listens on."""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import os
import random
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

LOOPBACK = "127.0.0.1"
LISTENING = "0A"
"""The state of such a socket in /proc/net/tcp."""

# Below the range from which the kernel takes ports for outgoing connections. In that range another
# connection may take the port of a server that is down for a moment, and a client that dials it
# again and again may even connect to itself.
PORTS = range(20000, 32000)
SHARES = 16
"""Into which they are divided, one for each process of a run."""


def _own_ports() -> Iterator[int]:
    """Ports of this process, one after the other, in a circle: no other process of the same run
    chooses one of them, and the one that was chosen last is chosen again last. Between choosing a
    port and binding it a busy machine may do many other things."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    number = (int(worker) if worker.isdecimal() else os.getpid()) % SHARES
    own = PORTS[number::SHARES]
    # Not the shared generator: plugins seed it, and runs beside each other would choose the same.
    start = random.SystemRandom().randrange(len(own))
    return itertools.cycle([*own[start:], *own[:start]])


_OWN_PORTS = _own_ports()


def free_ports(count: int) -> list[int]:
    """Different TCP ports that are free on loopback now, and that no other test chooses meanwhile;
    somebody else may still be faster."""
    ports: list[int] = []
    while len(ports) < count:
        port = next(_OWN_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        ports.append(port)
    return ports


def listening(pid: int) -> set[str]:
    """The addresses on which a process accepts TCP connections, as `127.0.0.1`. Linux only."""
    process = Path(f"/proc/{pid}")
    sockets: set[str] = set()
    for link in (process / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            sockets.add(link.readlink().name)
    return {
        _address(fields[1].partition(":")[0])
        for table in ("tcp", "tcp6")
        for fields in map(str.split, (process / "net" / table).read_text().splitlines()[1:])
        if fields[3] == LISTENING and f"socket:[{fields[9]}]" in sockets
    }


def _address(words: str) -> str:
    """An address as /proc/net/tcp has it: 32-bit words in this machine's byte order."""
    numbers = [int(words[start : start + 8], 16) for start in range(0, len(words), 8)]
    return str(ipaddress.ip_address(b"".join(n.to_bytes(4, sys.byteorder) for n in numbers)))
