"""Why records went of real workers that stop, are killed, drained, swept, unload an adapter."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backends.discovery.discovery import Discovery
from backends.discovery.history import Event, EventType
from backends.discovery.reasons import Reason, ReasonKind
from backends.dynamo.queries import EVERYTHING
from backends.dynamo.records import EndpointInstance
from backends.etcd import EtcdConfig, EtcdStore
from backends.file import FileStore
from backends.liveness.collector import EvidenceCollector
from backends.liveness.gathering import Probing
from backends.removal.audit.audit import Audit
from backends.removal.removal_targets import RemovalTarget
from backends.removal.removals import Removals
from tests.support.dynamo import DynamoWorker, Store
from tests.support.etcd_places import QUICK
from tests.support.etcd_server import EtcdServer
from tests.support.operating import SaidProbes
from tui.state.cluster_view import ClusterView
from tui.state.looking_back.unexplained import Unexplained
from tui.state.record_states import RecordStates
from tui.state.reported_removals import ReportedRemovals
from tui.text.host_clock import HostClock
from tui.text.reasons import reason_text

LEASE_TTL = 12
"""Seconds; Dynamo 1.6.1's own are 30."""
PATIENCE = 60.0
"""Seconds until what is waited for counts as missing."""


@pytest.fixture(params=["etcd", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "file":
        yield tmp_path / "kv"
    else:
        with EtcdServer(*QUICK) as etcd:
            yield etcd


class Followed:
    """A store as the dashboard follows it, without the screen: history with reasons."""

    def __init__(self, discovery: Discovery, audit: Audit) -> None:
        self.discovery = discovery
        self.monitor = ClusterView(time.time(), discovery.store.lifetime)
        self.acts = Removals(discovery, audit)
        self._removals = ReportedRemovals(self.acts, RecordStates(self.monitor, HostClock()))
        self._unexplained = Unexplained(self._removals, self.monitor)
        self._collector = EvidenceCollector(
            discovery,
            self.monitor.verdicts,
            SaidProbes(),
            self.instances,
            clock=time.time,
            probing=Probing.NEVER,
        )

    def instances(self) -> list[EndpointInstance]:
        return self.monitor.cluster.of_type(EndpointInstance)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._collector.run(lambda: None))
            async for event in self.discovery.watch(EVERYTHING):
                noted = self.monitor.take([event], time.time())
                self.monitor.take_changes()
                if self._unexplained.add(noted):
                    group.create_task(self._explain())

    async def _explain(self) -> None:
        await self._unexplained.explain(lambda: None)
        await self._unexplained.confirm(lambda: None)

    def gone(self) -> list[Event]:
        return [one for one in self.monitor.history if one.type is EventType.REMOVED]

    def why(self) -> dict[str, Reason | None]:
        """The last reason of each key that went."""
        return {one.record.key.decode(): one.why for one in self.gone() if one.record is not None}

    def kinds(self) -> set[ReasonKind | None]:
        return {None if one is None else one.kind for one in self.why().values()}

    async def until_registered(self, number: int) -> None:
        await self._until(lambda: len(self.monitor.cluster.records) == number, "all keys")
        # Each lease is read, and read again after a renewal.
        leases = [one for one in self.monitor.cluster.records.values() if one.lease is not None]
        life = self.monitor.verdicts.lease_ttl
        await self._until(lambda: all(life(one) for one in leases), "a reading of each lease")

    async def until_explained(self, keys: set[str], kind: ReasonKind) -> None:
        await self._until(
            lambda: self.why().keys() >= keys and {self._kind(key) for key in keys} == {kind},
            f"{kind.value} of {keys}",
        )
        for key in sorted(keys):
            print(f"{key}: {reason_text(self.why()[key])}")

    def _kind(self, key: str) -> ReasonKind | None:
        why = self.why()[key]
        return None if why is None else why.kind

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():  # noqa: ASYNC110 - what is asked is elsewhere
                    await asyncio.sleep(0.05)
        except TimeoutError:
            found = {key: reason_text(why) for key, why in self.why().items()}
            raise AssertionError(f"no {what} within {PATIENCE:g} s: {found}") from None


@asynccontextmanager
async def followed(store: Store, tmp_path: Path) -> AsyncIterator[Followed]:
    opened: EtcdStore | FileStore
    opened = (
        FileStore(store) if isinstance(store, Path) else EtcdStore(EtcdConfig([store.endpoint]))
    )
    trail = Audit(tmp_path / "audit.jsonl", clock=time.time, user="joe", host="node-1")
    one = Followed(Discovery(opened), trail)
    running = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await opened.aclose()


async def test_a_worker_that_is_stopped_stopped_in_order(store: Store, tmp_path: Path) -> None:
    async with followed(store, tmp_path) as seen:
        with DynamoWorker(store, loras=["acme/sql"]) as worker:
            keys = worker.registered()
            await seen.until_registered(len(keys))
            await asyncio.to_thread(worker.stop)
            kind = ReasonKind.STOPPED
            if isinstance(store, Path):
                # Nothing tells whose a channel in a file is, once its source has gone as well.
                keys = {key for key in keys if "/event_channels/" not in key}
                kind = ReasonKind.ALL_REMOVED
            await seen.until_explained(keys, kind)


async def test_the_lease_of_a_worker_that_was_killed_ran_out(
    etcd: EtcdServer, tmp_path: Path
) -> None:
    async with followed(etcd, tmp_path) as seen:
        with DynamoWorker(etcd, publishers=False, lease_ttl=LEASE_TTL) as worker:
            keys = worker.registered()
            await seen.until_registered(len(keys))
            await asyncio.to_thread(worker.kill)
            await seen.until_explained(keys, ReasonKind.RAN_OUT)


async def test_after_a_restart_of_etcd_the_lease_of_a_dead_worker_runs_out_anew(
    etcd: EtcdServer, tmp_path: Path
) -> None:
    """It has its full time again, of no keep-alive, and that is said."""
    async with followed(etcd, tmp_path) as seen:
        with DynamoWorker(etcd, publishers=False, lease_ttl=LEASE_TTL) as worker:
            keys = worker.registered()
            await seen.until_registered(len(keys))
            await asyncio.to_thread(worker.kill)
            await asyncio.to_thread(etcd.kill)
            await asyncio.to_thread(etcd.start)
            await seen.until_explained(keys, ReasonKind.RAN_OUT)
            assert all(why is not None and why.by_store for why in seen.why().values())


async def test_a_lease_that_is_revoked_by_hand_was_revoked(
    etcd: EtcdServer, tmp_path: Path
) -> None:
    async with followed(etcd, tmp_path) as seen:
        with DynamoWorker(etcd, publishers=False) as worker:
            keys = worker.registered()
            await seen.until_registered(len(keys))
            await asyncio.to_thread(etcd.etcdctl, "lease", "revoke", worker.instance_id)
            await seen.until_explained(keys, ReasonKind.REVOKED)


async def test_an_adapter_that_is_unloaded_was_unloaded(etcd: EtcdServer, tmp_path: Path) -> None:
    async with followed(etcd, tmp_path) as seen:
        with DynamoWorker(etcd, publishers=False, loras=["acme/sql", "acme/poet"]) as worker:
            before = worker.registered()
            await seen.until_registered(len(before))
            await asyncio.to_thread(worker.unload_lora, "acme/sql")
            (card,) = before - worker.registered()
            await seen.until_explained({card}, ReasonKind.LORA_UNLOADED)


async def test_an_instance_that_is_drained_by_another_dyntop_is_told_with_who(
    store: Store, tmp_path: Path
) -> None:
    """And one that the worker itself took out went while its lease, or its other files, lived."""
    async with followed(store, tmp_path) as seen, followed(store, tmp_path) as other:
        with DynamoWorker(store, publishers=False) as worker:
            keys = worker.registered()
            await seen.until_registered(len(keys))
            await other.until_registered(len(keys))
            key = worker.instance_key()
            await asyncio.to_thread(worker.unregister_endpoint)
            alone = isinstance(store, Path)
            kind = ReasonKind.DELETED_ALONE if alone else ReasonKind.DELETED
            await seen.until_explained({key}, kind)
            await asyncio.to_thread(worker.register_endpoint)
            await seen.until_registered(len(keys))
            await other.until_registered(len(keys))
            record = other.monitor.cluster.records[key.encode()]
            await other.acts.remove("drain", [RemovalTarget(record, "live", ())])
            await seen.until_explained({key}, ReasonKind.ANOTHER_DYNTOP)
            why = seen.why()[key]
            assert why is not None
            assert (why.user, why.host, why.act_kind) == ("joe", "node-1", "drain")


async def test_the_files_of_a_worker_that_was_killed_were_swept_by_the_one_that_lives(
    tmp_path: Path,
) -> None:
    store = tmp_path / "kv"
    async with followed(store, tmp_path) as seen:
        with DynamoWorker(store, publishers=False) as dead:
            keys = dead.registered()
            # Only the buckets that a process watches are swept: a frontend watches both.
            with DynamoWorker(store, component="other", publishers=False) as sweeping:
                await seen.until_registered(len(keys) + len(sweeping.registered()))
                await asyncio.to_thread(dead.kill)
                instances = {key for key in keys if "/instances/" in key}
                await seen.until_explained(instances, ReasonKind.SWEPT)
