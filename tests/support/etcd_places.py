"""What the etcd tests share: following a watch, waiting for states, running things aside."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from backends.etcd import EtcdStore
from backends.etcd.rpc import Message
from tests.support.etcd_server import EtcdServer
from tests.support.ports import LOOPBACK, free_ports
from tests.support.watching import DEADLINE

QUICK = ("--heartbeat-interval=20", "--election-timeout=200")
"""A single member elects itself the sooner."""


class Member(EtcdServer):
    """One of the members of a cluster, which serves while more than half of them run."""

    def __init__(self, number: int, peers: Sequence[int]) -> None:
        """`peers` are the ports on which members speak with each other, one for each."""
        super().__init__(*QUICK)
        self._number = number
        self._peers = [f"http://{LOOPBACK}:{port}" for port in peers]

    def command(self) -> list[str]:
        own = self._peers[self._number]
        everyone = ",".join(f"m{number}={url}" for number, url in enumerate(self._peers))
        # What is said last counts.
        return [
            *super().command(),
            *("--name", f"m{self._number}", "--initial-cluster", everyone),
            *("--listen-peer-urls", own, "--initial-advertise-peer-urls", own),
        ]


@contextmanager
def cluster_of(members: int) -> Iterator[list[Member]]:
    """A cluster whose members all run."""
    peers = free_ports(members)
    with ThreadPoolExecutor() as pool:
        cluster = [Member(number, peers) for number in range(members)]
        try:
            # None is ready before most are. They end with the threads that started them.
            list(pool.map(Member.start, cluster))
            yield cluster
        finally:
            for member in cluster:
                member.close()


Opener = Callable[..., EtcdStore]

Spy = list[Message]
"""Requests, in the order in which they were made."""


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Ask again and again until the answer is true."""
    async with asyncio.timeout(DEADLINE):
        while not await condition():  # noqa: ASYNC110 - what is asked is elsewhere
            await asyncio.sleep(0.05)


class Renewals:
    """Counts how often a lease was renewed, by the seconds that etcd says are left of it."""

    def __init__(self, server: EtcdServer, lease: int) -> None:
        self._server = server
        self._lease = lease
        self._least: int | None = None
        self.number = 0

    @property
    def left(self) -> int:
        """Rounded down; below 0 once it ended."""
        answer = self._server.etcdctl("lease", "timetolive", f"{self._lease:x}", "-w", "json")
        left: int = json.loads(answer)["ttl"]
        return left

    def look(self) -> int:
        """Look once more, and return the number."""
        left = self.left
        assert left >= 0, "it ended"
        if self._least is not None and left > self._least:
            self.number += 1
            self._least = None
        self._least = left if self._least is None else min(left, self._least)
        return self.number


def stored(server: EtcdServer) -> dict[bytes, bytes]:
    """An independent reading: all keys and values as etcdctl gives them."""
    return {key: entry.value for key, entry in server.entries().items()}


def switch_auth_on(server: EtcdServer, password: str = "secret") -> None:
    """Make a `root` user, and a user `joe` who may read and write below `v1/instances/` only."""
    for command in (
        f"user add root:{password}",
        "user grant-role root root",
        "role add some",
        "role grant-permission some readwrite v1/instances/ --prefix=true",
        f"user add joe:{password}",
        "user grant-role joe some",
        "auth enable",
    ):
        server.etcdctl(*command.split())
    server.client_flags = ["--user", f"root:{password}"]
