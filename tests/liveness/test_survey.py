"""What one look at a store finds, and what bears on it that was not asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection

import pytest

from backends.aio.timer import LoopTimer
from backends.discovery.discovery import Discovery
from backends.dynamo.ids import Kind
from backends.dynamo.queries import EVERYTHING, Query
from backends.liveness.drain_marks import DrainMark
from backends.liveness.evidence_kinds import Drained, EvidenceKind
from backends.liveness.failure import CONFIRMED
from backends.liveness.judge import Verdict
from backends.liveness.survey import read_once, survey, survey_keys
from backends.memory import Keyspace, MemoryStore
from backends.probe.types import ProbeAnswer, ProbeResult, ProbeTarget
from backends.store import Entry, Forbidden, Resync, TimeToLive
from tests.support.registered import KeyAndValue, card, channel, instance, source

WORKER, OTHER, GONE, PUBLISHER = 0xA907, 0xA908, 0xDEAD, 0x51
NOW = 1000.0


def clock() -> float:
    return NOW


def world(*unleased: KeyAndValue) -> tuple[Keyspace, Discovery]:
    """Two workers on leases, and what hangs on none."""
    keyspace = Keyspace(clock)
    for worker in (WORKER, OTHER):
        keyspace.grant(worker, 10.0)
        for key, value in (instance(worker), card(worker)):
            keyspace.put(key, value, worker)
    for key, value in unleased:
        keyspace.put(key, value)
    return keyspace, Discovery(MemoryStore(keyspace))


class Leaving(MemoryStore):
    """A worker ends after what there is was read, and before leases are asked for."""

    async def time_to_live(self, entries: object) -> dict[bytes, TimeToLive]:
        self.keyspace.end_lease(WORKER)
        return await super().time_to_live(entries)  # type: ignore[arg-type]


async def test_a_worker_that_leaves_while_leases_are_asked_is_no_finding() -> None:
    keyspace, _ = world()
    found = await survey(Discovery(Leaving(keyspace)), clock=clock)
    assert {one.lease for one in found.records} == {OTHER}
    assert {found.verdict(one) for one in found.records} == {Verdict.LIVE}
    assert not found.verdicts.findings


async def test_the_repr_of_a_survey_does_not_grow_with_what_is_in_it() -> None:
    _, discovery = world()
    assert "EndpointInstance" not in repr(await survey(discovery))


class Counting(MemoryStore):
    """Remembers which keys it was asked the time to live of."""

    asked: list[bytes]

    async def time_to_live(self, entries: object) -> dict[bytes, TimeToLive]:
        given: list[Entry] = list(entries)  # type: ignore[call-overload]
        self.asked = [entry.key for entry in given]
        return await super().time_to_live(given)


async def test_leases_are_asked_of_what_was_asked_for_and_of_its_workers_others_alone() -> None:
    keyspace, _ = world()
    keyspace.put(*instance(OTHER, component="router"), OTHER)
    store = Counting(keyspace)
    router = Query(frozenset(Kind), component="router")
    found = await survey(Discovery(store), router, clock=clock)
    assert [one.id.component for one in found.records] == ["router"]
    assert found.assessment(found.records[0]).verdict is Verdict.LIVE
    assert {(await store.get([key]))[key].lease for key in store.asked} == {OTHER}
    others = [one for one in found.cluster.records.values() if one.lease == WORKER]
    assert {found.verdict(one) for one in others} == {Verdict.UNKNOWN}


async def test_what_is_stale_by_its_siblings_is_so_for_a_key_alone() -> None:
    """The siblings of a key are read, though they were not asked for."""
    left, kept = card(GONE), card(WORKER, component="other")
    _, discovery = world(left, kept)
    everything = await survey(discovery, clock=clock)
    alone = await survey_keys(discovery, [left[0], kept[0]], clock=clock)
    assert (
        [one.key for one in everything.stale()] == [one.key for one in alone.stale()] == [left[0]]
    )
    for record in alone.records:
        assert alone.assessment(record) == everything.assessment(record)


async def test_keys_come_in_their_order_each_once_and_without_what_is_not_there() -> None:
    _, discovery = world()
    wanted = [card(OTHER)[0], card(WORKER)[0], b"v1/mdc/nothing", card(OTHER)[0]]
    found = await survey_keys(discovery, wanted, clock=clock)
    assert [one.key for one in found.records] == wanted[:2]
    assert (await survey_keys(discovery, [], clock=clock)).records == []


async def test_a_key_out_of_the_namespace_is_judged_by_all_that_there_is() -> None:
    elsewhere = [channel(PUBLISHER), source(PUBLISHER, WORKER), card(GONE, namespace="dev")]
    _, discovery = world(*elsewhere)
    for namespace in (None, "prod", "dev"):
        found = await survey_keys(
            discovery, [key for key, _ in elsewhere], namespace=namespace, clock=clock
        )
        assert [found.verdict(one) for one in found.records] == [
            Verdict.UNLEASED,
            Verdict.UNLEASED,
            Verdict.ORPHANED,
        ]


class InPart(MemoryStore):
    """A store of which this user may read single keys, and no ranges but the cards."""

    readable: tuple[bytes, ...] = (b"v1/mdc/",)

    async def snapshot(self, prefixes: object) -> Resync:
        if not self.readable:
            raise Forbidden(self.address, "permission denied")
        seen = await super().snapshot(self.readable)
        return Resync(seen.entries, seen.revision, "no permission to read v1/instances/")

    async def time_to_live(self, entries: object) -> dict[bytes, TimeToLive]:
        raise Forbidden(self.address, "permission denied")


@pytest.mark.parametrize("readable", [(b"v1/mdc/",), ()])
async def test_what_may_not_be_read_makes_no_verdict_worse(readable: tuple[bytes, ...]) -> None:
    """Whether the worker is there cannot be seen, so its card is not called left behind."""
    left = card(GONE)
    keyspace, _ = world(left)
    store = InPart(keyspace)
    store.readable = readable
    found = await survey_keys(Discovery(store), [left[0], instance(WORKER)[0]], clock=clock)
    assert found.unread
    assert isinstance(found.leases_unknown, Forbidden)
    assert [found.verdict(one) for one in found.records] == [Verdict.UNLEASED, Verdict.UNKNOWN]
    shown = [one.kind for one in found.assessment(found.records[0]).evidence]
    assert shown == [EvidenceKind.NO_LEASE]
    assert found.stale() == []
    with pytest.raises(Forbidden):
        await survey(Discovery(store), clock=clock)


class Skipping(LoopTimer):
    """Waits no time, and remembers how long it was to wait."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)


class Answers:
    """Answers for addresses, as a test says for each time that they are asked."""

    def __init__(self, timer: Skipping, **answers: list[ProbeAnswer]) -> None:
        self._timer = timer
        self._answers = {f"{host}:9000": told for host, told in answers.items()}
        self.asked: list[tuple[str, bool]] = []

    def want(self, targets: Collection[ProbeTarget]) -> None:
        raise NotImplementedError

    async def run(self, told: Callable[[list[ProbeResult]], None]) -> None:
        raise NotImplementedError

    async def once(
        self, targets: Collection[ProbeTarget], *, deep: bool = False
    ) -> list[ProbeResult]:
        self.asked += [(one.address, deep) for one in sorted(targets)]
        at = NOW + sum(self._timer.waited)
        return [
            ProbeResult(one, answer, at, answer.value, deep)
            for one in targets
            for answer in [self._answers[one.address].pop(0)]
        ]

    async def aclose(self) -> None:
        """There is nothing to end."""


REFUSED, ACCEPTS = ProbeAnswer.REFUSED, ProbeAnswer.ACCEPTS


async def test_what_fails_is_stale_only_when_it_fails_twice() -> None:
    gone, back = instance(1, address="gone:9000"), instance(2, address="back:9000")
    keyspace = Keyspace(clock)
    for key, value in (gone, back):
        keyspace.put(key, value)
    keyspace.grant(WORKER, 10.0)
    keyspace.put(*instance(WORKER, address="leased:9000"), WORKER)
    discovery, timer = Discovery(MemoryStore(keyspace)), Skipping()
    probes = Answers(timer, gone=[REFUSED] * 2, back=[REFUSED, ACCEPTS], leased=[REFUSED])
    found = await survey(discovery, probes=probes, clock=clock, timer=timer)
    assert timer.waited == [CONFIRMED]
    assert [one.key for one in found.stale()] == [gone[0]]
    verdicts = {one.key: found.verdict(one) for one in found.records}
    assert verdicts[back[0]] is Verdict.UNLEASED
    # Each address once, as it was found last; a lease that still lives makes no second time needed.
    assert sorted(probes.asked) == [
        *[("back:9000", False)] * 2,
        *[("gone:9000", False)] * 2,
        ("leased:9000", False),
    ]
    assert {one.target.address: one.answer for one in found.readings} == {
        "back:9000": ACCEPTS,
        "gone:9000": REFUSED,
        "leased:9000": REFUSED,
    }


async def test_without_confirming_each_address_is_asked_once_and_deep_where_wanted() -> None:
    keyspace = Keyspace(clock)
    keyspace.put(*instance(1, address="gone:9000"))
    timer = Skipping()
    probes = Answers(timer, gone=[REFUSED])
    found = await survey(
        Discovery(MemoryStore(keyspace)),
        probes=probes,
        deep=True,
        confirm=False,
        clock=clock,
        timer=timer,
    )
    assert (timer.waited, probes.asked) == ([], [("gone:9000", True)])
    assert [found.verdict(one) for one in found.records] == [Verdict.UNREACHABLE]
    assert found.stale() == []


def card_with(worker: int, component: str = "backend", **more: object) -> KeyAndValue:
    """A card with some fields set."""
    key, value = card(worker, component=component)
    body = json.loads(value)
    body["card_json"] |= more
    return key, json.dumps(body).encode()


PREFILL_AND_DECODE = {
    1: card_with(1, worker_type="decode", needs=[["prefill"]]),
    2: card_with(2, worker_type="prefill", needs=[["decode"]], model_type=""),
}
TWO_SORTS = {1: card_with(1), 2: card_with(2, context_length=7), 3: card_with(3)}
ONE_SORT = {1: card_with(1), 2: card_with(2)}


@pytest.mark.parametrize(
    ("cards", "verdict", "asked"),
    [
        (PREFILL_AND_DECODE, Verdict.UNROUTABLE, [1, 2]),
        (TWO_SORTS, Verdict.LIVE, [1, 2, 3]),
        # Its own worker decides alone.
        (ONE_SORT, Verdict.LIVE, [1]),
    ],
)
async def test_a_card_is_judged_by_the_workers_that_it_is_served_with(
    cards: dict[int, KeyAndValue], verdict: Verdict, asked: list[int]
) -> None:
    """Of a key alone as of everything: the second worker is dead."""
    keyspace, timer = Keyspace(clock), Skipping()
    for worker, one in cards.items():
        keyspace.grant(worker, 10.0)
        keyspace.put(*one, worker)
        keyspace.put(*instance(worker, address=f"w{worker}:9000"), worker)
    answers = {f"w{worker}": [REFUSED if worker == 2 else ACCEPTS] for worker in cards}
    store = Counting(keyspace)
    probes = Answers(timer, **{host: list(told) for host, told in answers.items()})
    alone = await survey_keys(Discovery(store), [cards[1][0]], probes=probes, clock=clock)
    (record,) = alone.records
    assert sorted(address for address, _ in probes.asked) == [f"w{one}:9000" for one in asked]
    assert {(await store.get([key]))[key].lease for key in store.asked} == set(asked)
    everything = await survey(
        Discovery(store), probes=Answers(timer, **answers), clock=clock, timer=timer
    )
    assert alone.verdict(record) is everything.verdict(record) is verdict
    assert alone.assessment(record) == everything.assessment(record)


async def test_what_dyntop_drained_is_drained() -> None:
    keyspace, discovery = world()
    keyspace.delete(instance(WORKER)[0])
    marks = {WORKER: DrainMark(NOW - 5, Drained("joe", "node-1", None))}
    found = await survey(discovery, drained=marks, clock=clock)
    by_key = {one.key: found.verdict(one) for one in found.records}
    assert by_key[card(WORKER)[0]] is Verdict.DRAINED
    assert by_key[card(OTHER)[0]] is Verdict.LIVE


async def test_read_once_asks_nothing() -> None:
    keyspace, _ = world(card(GONE))
    found = await read_once(Discovery(Leaving(keyspace)), EVERYTHING)
    assert {found.verdict(one) for one in found.records} == {Verdict.UNKNOWN, Verdict.ORPHANED}
    assert found.readings == []
