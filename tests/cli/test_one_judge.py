"""Every command, the library and the dashboard judge one world, and no two of them disagree.

The addresses are real sockets of this machine: one accepts and says nothing, one refuses.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from backends.discovery.discovery import Discovery, Resynced
from backends.dynamo.queries import EVERYTHING
from backends.dynamo.registration import EventChannelSpec, ModelSpec
from backends.etcd import EtcdConfig, EtcdStore
from backends.file import FileStore
from backends.liveness.collector import EvidenceCollector
from backends.liveness.evidence import Assessment
from backends.liveness.gathering import Probing
from backends.liveness.judge import Verdict
from backends.liveness.survey import survey
from backends.memory import Keyspace, MemoryStore
from backends.probe.prober import Prober
from backends.store import Store
from tests.cli.conftest import Here
from tests.support.etcd_server import EtcdServer
from tests.support.registered import MALFORMED, UNKNOWN, KeyAndValue, card, instance, source
from tests.support.registering import LONG_AGO, grant, listening, put, refusing
from tests.support.running import DEADLINE, Ended, dyntop, put_file
from tui.state.cluster_view import ClusterView

GONE, PUBLISHER = 0xDEAD, 0x51
LONG_TTL = 3600.0
"""Seconds that a file is good for: more than any test takes."""

Judged = dict[str, tuple[str, tuple[str, ...]]]
"""Verdict and evidence of keys, without the seconds that go on while commands run."""


def channel(publisher: int, transport: str, address: str) -> KeyAndValue:
    config = {"subject_prefix": address} if transport == "Nats" else {"endpoint": address}
    spec = EventChannelSpec(
        namespace="prod",
        component="backend",
        topic="kv-events",
        transport=transport,
        config=config,
    )
    return spec.entry(publisher)


def other_card(worker: int) -> KeyAndValue:
    """A card that a frontend takes for another model of the same name."""
    about = {"display_name": "acme/tiny-llm", "source_path": "acme/tiny-llm", "context_length": 7}
    spec = ModelSpec(namespace="prod", component="backend", endpoint="generate", card=about)
    return spec.entry(worker)


def unleased(accepts: str, refuses: str) -> list[KeyAndValue]:
    """What hangs on no lease."""
    return [
        MALFORMED,
        UNKNOWN,
        instance(0x21, address=accepts),
        card(0x21),
        instance(0x22, address=refuses),
        card(0x22),
        card(GONE),
        channel(PUBLISHER, "Zmq", f"tcp://{refuses}"),
        source(PUBLISHER, GONE),
        (instance(0x23)[0], instance(0x24, address=accepts)[1]),
    ]


def of_workers(workers: list[int], accepts: str, refuses: str) -> list[list[KeyAndValue]]:
    """What each of five workers registered: well, refusing, hung, over NATS, with another card."""
    well, refusing_, hung, by_nats, odd = workers
    return [
        [
            instance(well, address=accepts),
            instance(well, endpoint="clear_kv_blocks", address=accepts),
            card(well),
            card(well, lora="sql"),
        ],
        [instance(refusing_, address=refuses), card(refusing_)],
        [
            instance(hung, address=accepts),
            channel(hung // 2, "Zmq", f"tcp://{accepts}"),
            source(hung // 2, hung),
        ],
        [instance(by_nats, address=accepts), channel(by_nats // 2, "Nats", "kv")],
        [instance(odd, address=accepts), other_card(odd)],
    ]


@dataclass
class World:
    """A store that holds it all, and how to ask there."""

    open: Callable[[], Store]
    run: Callable[..., Ended]
    holds: set[Verdict]
    """Verdicts that something in it must get where it is asked whether anybody listens."""


OF_LEASES = {
    *(Verdict.LIVE, Verdict.UNREACHABLE, Verdict.UNLEASED, Verdict.ORPHANED),
    *(Verdict.CONFLICT, Verdict.MALFORMED),
}


@contextmanager
def in_memory(
    accepts: str, refuses: str, here: Here, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    keyspace = Keyspace(lambda: 10_000.0)
    workers = [0xA900 + 16 * number for number in range(6)]
    for worker, contents in zip(workers, of_workers(workers[:5], accepts, refuses), strict=False):
        keyspace.grant(worker, LONG_TTL)
        for key, value in contents:
            keyspace.put(key, value, worker)
    late = workers[5]
    keyspace.clock = lambda: 10_000.0 - 0.72 * LONG_TTL
    keyspace.grant(late, LONG_TTL)
    keyspace.clock = lambda: 10_000.0
    keyspace.put(*instance(late, address=accepts), late)
    for key, value in unleased(accepts, refuses):
        keyspace.put(key, value)
    monkeypatch.setattr("backends.connections.open_store", lambda _: MemoryStore(keyspace))
    yield World(lambda: MemoryStore(keyspace), here, OF_LEASES | {Verdict.LATE})


@contextmanager
def in_files(
    accepts: str, refuses: str, here: Here, monkeypatch: pytest.MonkeyPatch, root: Path
) -> Iterator[World]:
    workers = [0xA900 + 16 * number for number in range(6)]
    contents = of_workers(workers[:5], accepts, refuses)
    contents.append(unleased(accepts, refuses))
    now = time.time()
    touched = {
        **{put_file(root, *one): now for some in contents for one in some},
        put_file(root, *instance(workers[5], address=accepts)): now - 0.72 * LONG_TTL,
        put_file(root, *card(GONE + 1)): LONG_AGO,
    }
    for file, at in touched.items():
        os.utime(file, (at, at))

    def open_one(*_: object) -> Store:
        # Nothing ends, or becomes late, while it is asked about.
        return FileStore(root, ttl=LONG_TTL, clock=lambda: now)

    monkeypatch.setattr("backends.connections.open_store", open_one)
    monkeypatch.setenv("DYN_DISCOVERY_BACKEND", "file")
    monkeypatch.setenv("DYN_FILE_KV", str(root))
    holds = {Verdict.LIVE, Verdict.LATE, Verdict.EXPIRED, Verdict.UNREACHABLE, Verdict.MALFORMED}
    yield World(open_one, here, holds)


@contextmanager
def in_etcd_server(
    accepts: str, refuses: str, server: EtcdServer, env: dict[str, str]
) -> Iterator[World]:
    workers = [grant(server) for _ in range(5)]
    for worker, contents in zip(workers, of_workers(workers, accepts, refuses), strict=True):
        for one in contents:
            put(server, one, worker)
    for one in unleased(accepts, refuses):
        put(server, one)

    def open_one() -> Store:
        return EtcdStore(EtcdConfig(endpoints=[server.endpoint]))

    yield World(open_one, lambda *args: dyntop(*args, env=env), OF_LEASES)


# What each says.


def timeless(evidence: str) -> str:
    """A sentence without the seconds that go on."""
    evidence = re.sub(r" \(for more than \d+ s\)", "", evidence)
    evidence = re.sub(r"has \d+ of", "has N of", evidence)
    return re.sub(r"touched \d+ s ago", "touched N s ago", evidence)


def judged(verdict: str, evidence: list[str]) -> tuple[str, tuple[str, ...]]:
    return verdict, tuple(map(timeless, evidence))


def in_json(ended: Ended) -> Judged:
    return {one["key"]: judged(one["verdict"], one["evidence"]) for one in ended.records}


def described(ended: Ended) -> Judged:
    """Of what a command shows before it asks."""
    found: dict[str, tuple[str, list[str]]] = {}
    key = ""
    for line in ended.err.splitlines():
        if line.startswith("  verdict   "):
            found[key] = (line.removeprefix("  verdict   "), [])
        elif line.startswith("  evidence  "):
            found[key][1].append(line.removeprefix("  evidence  "))
        elif not line.startswith((" ", "dyntop: ")):
            key = line
    return {key: judged(verdict, evidence) for key, (verdict, evidence) in found.items()}


def assessed(assessments: dict[bytes, Assessment]) -> Judged:
    return {
        key.decode(): judged(one.verdict.value, [piece.text for piece in one.evidence])
        for key, one in assessments.items()
    }


def prober() -> Prober:
    return Prober(nats=None, clock=time.time, random=random.random)


async def by_library(store: Store, probe: str) -> tuple[Judged, set[str]]:
    """What a script finds, and what of it is stale."""
    asking = prober()
    try:
        found = await survey(
            Discovery(store), probes=None if probe == "never" else asking, deep=probe == "deep"
        )
    finally:
        await asking.aclose()
        await store.aclose()
    by_key = {one.key: found.assessment(one) for one in found.records}
    return assessed(by_key), {one.key.decode() for one in found.stale()}


async def by_dashboard(store: Store, probe: str) -> Judged:
    """What the dashboard's own tracker has, once all was asked."""
    view, discovery, asking = (
        ClusterView(time.time(), store.lifetime),
        Discovery(store),
        prober(),
    )
    events = discovery.watch(EVERYTHING)
    async for event in events:
        view.take([event], time.time())
        if isinstance(event, Resynced):
            break
    await events.aclose()
    view.take_changes()
    records = list(view.cluster.records.values())
    collector = EvidenceCollector(
        discovery,
        view.verdicts,
        asking,
        lambda: records,
        clock=time.time,
        probing=Probing.NEVER,
    )
    heard = asyncio.Event()
    running = asyncio.create_task(collector.run(heard.set))
    try:
        async with asyncio.timeout(DEADLINE):
            while not all(has_lease_ttl(view, one.key, store) for one in records):
                await heard.wait()
                heard.clear()
            if probe != "never":
                await collector.probe(records, deep=probe == "deep")
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await asking.aclose()
        await store.aclose()
    view.take_changes()
    at = time.time()
    return assessed({one.key: view.verdicts.assessment(one, at) for one in records})


def has_lease_ttl(view: ClusterView, key: bytes, store: Store) -> bool:
    record = view.cluster.records[key]
    never = store.lifetime.has_leases and record.lease is None
    return never or record.expired_at is not None or view.verdicts.lease_ttl(record) is not None


# That they are one.


@pytest.fixture
def world(
    request: pytest.FixtureRequest,
    store: str,
    here: Here,
    monkeypatch: pytest.MonkeyPatch,
    state: dict[str, str],
    tmp_path: Path,
) -> Iterator[World]:
    refuses = refusing()
    with listening() as accepts:
        match store:
            case "memory":
                place = in_memory(accepts, refuses, here, monkeypatch)
            case "file":
                place = in_files(accepts, refuses, here, monkeypatch, tmp_path / "kv")
            case _:
                server: EtcdServer = request.getfixturevalue("etcd")
                env = state | {"ETCD_ENDPOINTS": server.endpoint}
                place = in_etcd_server(accepts, refuses, server, env)
        with place as ready:
            yield ready


@pytest.mark.parametrize(
    ("store", "probe"),
    [
        *(("memory", probe) for probe in ("never", "connect", "deep")),
        ("file", "never"),
        ("file", "connect"),
        # A process for each command.
        ("etcd", "connect"),
    ],
)
def test_verdict_and_evidence_of_each_key_are_the_same_wherever_they_are_asked(
    world: World, probe: str
) -> None:
    asked = [] if probe == "never" else [f"--probe={probe}"]
    listed = in_json(world.run("list", "-o", "json", *(asked or ["--liveness"])))
    if probe == "connect":
        assert {Verdict(verdict) for verdict, _ in listed.values()} >= world.holds
        told = {one for _, evidence in listed.values() for one in evidence}
        assert any("sends no ZMTP greeting" in one for one in told)

    found = in_json(world.run("check", "-o", "json", *asked))
    fine = (Verdict.LIVE, Verdict.UNKNOWN)
    assert found == {key: one for key, one in listed.items() if one[0] not in fine}

    named = described(world.run("unregister", "--dry-run", f"--probe={probe}", *listed))
    assert named == listed
    # Of a key alone, too: what bears on it is read and asked though it was not named.
    for key in [key for key in listed if "/mdc/" in key][:2]:
        alone = described(world.run("unregister", "--dry-run", f"--probe={probe}", key))
        assert alone == {key: listed[key]}

    drained: Judged = {}
    instances = world.run("list", "endpoints", "-o", "json").records
    workers = {one["worker"] for one in instances if one["worker"] is not None}
    assert len(workers) >= 5
    for worker in sorted(workers):
        drained |= described(world.run("drain", "--dry-run", f"--probe={probe}", worker))
    of_them = {one["key"] for one in instances if one["worker"] is not None}
    assert drained == {key: listed[key] for key in of_them}

    by_script, stale = asyncio.run(by_library(world.open(), probe))
    assert by_script == listed
    proposed = described(world.run("unregister", "--stale", "--dry-run", f"--probe={probe}"))
    assert proposed == {key: listed[key] for key in stale}

    assert asyncio.run(by_dashboard(world.open(), probe)) == listed
