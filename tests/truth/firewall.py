"""A network beside a cluster's, from which its store can be reached, and its workers cannot.

    with cluster_on("etcd", etcd=ReachableEtcd()) as cluster:
        with beside(cluster.etcd, Fault.PROHIBIT):
            dyntop("check", "--probe", env={"ETCD_ENDPOINTS": cluster.etcd.endpoint})

Needs root and `ip`; `NotAllowed` says so where that is missing.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from tests.support.etcd_server import EtcdServer
from tests.support.namespace import NotAllowed, own_network

STORE = "10.9.0.1"
WORKERS = "10.9.0.2"
OUTSIDE = "10.9.0.3"
GATEWAY = "10.9.0.254"
NOWHERE = "02:00:00:00:00:99"
"""A hardware address that nothing has."""


class Fault(Enum):
    """What becomes of a connection to a worker."""

    PROHIBIT = "prohibit"
    """Refused by ICMP as administratively prohibited, as firewalld does by default."""
    UNREACHABLE = "unreachable"
    """No route to the host."""
    DROP = "drop"
    """Nothing comes back."""


class ReachableEtcd(EtcdServer):
    """An etcd that the network beside reaches too. Start it within the cluster's network."""

    def command(self) -> list[str]:
        urls = f"{self.endpoint},http://{STORE}:{self.ports[0]}"
        # The last of two equal flags counts.
        return [*super().command(), "--listen-client-urls", urls]

    def start(self) -> ReachableEtcd:
        for address in (STORE, WORKERS):
            _ip("addr", "replace", f"{address}/32", "dev", "lo")
        super().start()
        return self

    @property
    def outer_endpoint(self) -> str:
        """Its URL in the network beside."""
        return f"http://{STORE}:{self.ports[0]}"


def require_tools() -> None:
    """Raise `NotAllowed` where such networks cannot be made."""
    for program in ("ip", "nsenter"):
        if shutil.which(program) is None:
            raise NotAllowed(f"there is no program {program!r}")
    with own_network():
        _ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")


@contextmanager
def beside(etcd: EtcdServer, fault: Fault) -> Iterator[None]:
    """Stay in a network beside that of a server which runs, with such a fault on the way."""
    inside = str(etcd.process.pid)
    with own_network():
        _ip("link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", inside)
        _ip("addr", "add", f"{OUTSIDE}/24", "dev", "v0")
        _ip("link", "set", "v0", "up")
        enter = ["nsenter", "--target", inside, "--net"]
        _run(*enter, "ip", "addr", "add", f"{GATEWAY}/24", "dev", "v1")
        _run(*enter, "ip", "link", "set", "v1", "up")
        if fault is Fault.DROP:
            _ip("neigh", "replace", WORKERS, "lladdr", NOWHERE, "dev", "v0")
        else:
            _ip("route", "add", fault.value, f"{WORKERS}/32")
        # The pair of devices goes with this network.
        yield


def _ip(*words: str) -> None:
    _run("ip", *words)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotAllowed(f"{' '.join(command)}: {done.stderr.strip()}")
