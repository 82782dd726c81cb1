"""An etcd of its own that holds the load of one size."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from bench.keeping import TTL, kept_alive
from bench.load import Instance, Load, in_order
from bench.marks import MOST
from bench.screen import Frames, Row, complete
from bench.writing import LEASE_TTL, Put, Writer
from tests.support.dashboard import Dashboard, leading_to
from tests.support.etcd_server import EtcdServer
from tests.support.programs import clean_environment, find_program

QUOTA = 8 * 1024**3
"""Bytes: etcd's own 2 GB are full after some runs."""
LONG = 120.0
"""Seconds after which a first screen does not come any more."""
QUIET = ("--probe", "never")
"""Flags of every dashboard here: nobody listens at the addresses of the load."""
UNSWEPT = (*QUIET, "--lease-rate", "0")
"""... of one that does not ask for leases either."""


class Place:
    """A filled etcd, and what is registered in it."""

    def __init__(
        self, etcd: EtcdServer, load: Load, ttl: int, leases: Sequence[int] | None = None
    ) -> None:
        """`leases`: of each worker, by its number. None: as etcd chooses."""
        self.etcd = etcd
        self.load = load
        self.writer = Writer(etcd.endpoint)
        self.leases = (
            self.writer.grant(load.workers, ttl)
            if leases is None
            else self.writer.grant_these(leases, ttl)
        )
        self._changes = itertools.count()
        self._compacted = ""
        """The revision up to which the past is forgotten."""
        self.register(range(load.workers))

    @property
    def size(self) -> int:
        return self.load.size

    def register(self, workers: range) -> None:
        """Write all that these workers register."""
        self.writer.put_all(
            Put(key, value, self.leases[worker])
            for worker in workers
            for key, value in self.load.records_of(worker, self.leases[worker])
        )

    def instances(self) -> list[Instance]:
        """All that are registered, as the Instances tab sorts them."""
        return in_order(
            [
                instance
                for worker, lease in enumerate(self.leases)
                for instance in self.load.instances_of(worker, lease)
            ]
        )

    def rows(self) -> list[Row]:
        """Of the Instances tab, as it sorts them at first, and as etcd itself has them now."""
        instances, entries = self.instances(), self.etcd.entries("v1/instances/")
        assert len(entries) == len(instances)
        addresses = (json.loads(entries[one.key].value)["transport"]["tcp"] for one in instances)
        return [
            (one.id, address.partition(":")[0])
            for one, address in zip(instances, addresses, strict=True)
        ]

    def move(self, instance: Instance, address: str) -> Put:
        """What changes an instance's address, in place."""
        return Put(instance.key, instance.value(address), instance.lease)

    def number_of_change(self) -> int:
        """A number that no change had before (see `marks`)."""
        return next(self._changes) % MOST

    def dashboard(self, *flags: str, tab: str | None = "Instances") -> Dashboard:
        """dyntop on this etcd, in a terminal of 120x40, with these flags of a dashboard. None: with
        the tab that it opens with by itself."""
        return Dashboard(self.etcd, *flags, tab=tab)

    @property
    def environment(self) -> dict[str, str]:
        """That leads dyntop here."""
        return clean_environment(**leading_to(self.etcd))

    def etcdctl_command(self, *args: str, url: str = "") -> list[str]:
        """A command line of etcdctl for this etcd. `url`: another way to it."""
        return [find_program("etcdctl"), "--endpoints", url or self.etcd.endpoint, *args]

    def get_command(self, *flags: str, url: str = "") -> list[str]:
        """A command line that has etcdctl read all of it."""
        timeout = f"--command-timeout={LONG}s"
        return self.etcdctl_command("get", "--prefix", "v1/", timeout, *flags, url=url)

    def tidy(self) -> None:
        """Let etcd forget what is past, so that no figure pays for the one before."""
        status = self.etcd.etcdctl("endpoint", "status", "--write-out", "fields").decode()
        (line,) = (line for line in status.splitlines() if line.startswith('"Revision"'))
        revision = line.partition(":")[2].strip()
        # What nothing was written since cannot be compacted again.
        if revision != self._compacted:
            self.etcd.etcdctl("compact", revision)
            self._compacted = revision


@contextmanager
def filled(
    load: Load, *, renewed: bool = False, leases: Sequence[int] | None = None
) -> Iterator[Place]:
    """A new etcd with a load, gone in the end.

    `renewed`: its leases are as short as Dynamo's, and kept alive by somebody; else they are long.
    `leases`: of each worker, by its number. None: as etcd chooses.
    """
    with EtcdServer(f"--quota-backend-bytes={QUOTA}", timeout=120) as etcd:
        place = Place(etcd, load, TTL if renewed else LEASE_TTL, leases)
        try:
            with kept_alive(etcd.endpoint, place.leases) if renewed else nullcontext():
                yield place
        finally:
            place.writer.close()


@contextmanager
def opened(
    place: Place, *flags: str, tab: str | None = "Instances"
) -> Iterator[tuple[Dashboard, Frames]]:
    """dyntop on a place, with these flags of a dashboard, once it shows all that is there. `tab`:
    as `Place.dashboard` opens it."""
    with place.dashboard(*flags, tab=tab) as dashboard:
        frames = Frames(dashboard)
        frames.when(complete(place.load), "all counts", LONG)
        yield dashboard, frames
        # Nobody waits for it to end in order.
        dashboard.process.kill()
