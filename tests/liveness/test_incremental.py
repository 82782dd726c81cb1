"""Verdicts on a cluster equal those made from scratch, whatever came in whichever order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from backends.dynamo.records import AnyRecord
from backends.dynamo.registration import EventChannelSpec
from backends.liveness.drain_marks import DrainMark
from backends.liveness.evidence_kinds import Drained
from backends.liveness.judge import LeaseTtl
from backends.liveness.tracker import LeaseOrKey, lease_or_key
from backends.probe.types import NATS_SERVER, ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget
from backends.store import Lifetime, TimeToLive
from tests.liveness.watched import NOW, SEEN, Watched, assert_same, life
from tests.support import registered
from tests.support.events import Event, contents, events

_evidence = st.lists(st.tuples(st.integers(0, 2), st.sampled_from([-1.0, 5.0, 22.0])), max_size=4)


@settings(deadline=None, max_examples=60)
@given(events, st.sampled_from(Lifetime), st.data())
def test_verdicts_follow_from_what_is_there_now_and_not_from_the_way_there(
    told: list[Event], lifetime: Lifetime, data: st.DataObject
) -> None:
    followed = Watched(lifetime=lifetime)
    last: dict[LeaseOrKey, LeaseTtl] = {}
    for event in told:
        followed.cluster.apply(event, NOW)
        followed.verdicts.update(followed.cluster.take_changes().keys)
        lives: dict[LeaseOrKey, LeaseTtl] = {
            lease: life(remaining) for lease, remaining in data.draw(_evidence)
        }
        followed.verdicts.observe_ttls(lives)
        there = {lease_or_key(one) for one in followed.cluster.records.values()}
        last = {lease: one for lease, one in (last | lives).items() if lease in there}
        followed.verdicts.update()
        fresh = Watched(lifetime=lifetime)
        fresh.put(*followed.cluster.records.values())
        fresh.verdicts.observe_ttls(last)
        fresh.verdicts.update()
        assert_same(followed, fresh)
    assert followed.cluster.records == contents(told)


# --- workers of several ranks, probed -----------------------------------------------------------

WORKERS = (1, 2)
RANKS = (0, 1)

PLANES = ("10.0.0.1:9000", "10.0.0.2:9000")
"""A worker that was started again may have the address of one that left its keys behind."""

_worker = st.sampled_from(WORKERS)
_publisher = st.builds(lambda worker, rank: worker * 0x10 + rank, _worker, st.sampled_from(RANKS))


def _carried(publisher: int, kind: str) -> registered.KeyAndValue:
    """The channel of a publisher over a server that others use, too."""
    config: dict[str, object] = {"subject_prefix": "namespace.prod"}
    if kind == "ZmqBroker":
        config = {
            "xsub_endpoints": ["tcp://10.0.0.9:5555"],
            "xpub_endpoints": ["tcp://10.0.0.9:5556"],
        }
    spec = EventChannelSpec(
        namespace="prod", component="backend", topic="kv-events", transport=kind, config=config
    )
    return spec.entry(publisher)


_of_ranks = st.one_of(
    st.builds(registered.card, _worker),
    st.builds(registered.instance, _worker, address=st.sampled_from(PLANES)),
    st.builds(
        lambda worker, rank, address: registered.instance(
            worker, endpoint=f"worker_kv_query_source_{rank:x}", address=address
        ),
        _worker,
        st.sampled_from(RANKS),
        st.sampled_from(PLANES),
    ),
    st.builds(registered.channel, _publisher, port=st.sampled_from([5000, 5001])),
    st.builds(_carried, _publisher, st.sampled_from(["Nats", "ZmqBroker"])),
    # A source may name another worker than the one that its publisher's channel belongs to.
    st.builds(registered.source, _publisher, _worker),
)
_records = st.builds(
    registered.record,
    _of_ranks,
    lease=st.sampled_from([None, *WORKERS, *WORKERS]),
    revision=st.sampled_from("12"),
)


def _usual() -> list[AnyRecord]:
    """What the two workers register, each on its lease."""
    made: list[AnyRecord] = []
    for worker, address in zip(WORKERS, PLANES, strict=True):
        of_worker = [registered.card(worker), registered.instance(worker, address=address)]
        for rank in RANKS:
            publisher = worker * 0x10 + rank
            internal = f"worker_kv_query_source_{rank:x}"
            of_worker += [
                registered.instance(worker, endpoint=internal, address=address),
                registered.channel(publisher, port=5000 + rank, host=address.partition(":")[0]),
                registered.source(publisher, worker),
            ]
        made += [registered.record(one, lease=worker) for one in of_worker]
    return made


_worlds = st.one_of(
    st.lists(_records, max_size=14),
    st.builds(lambda more: [*_usual(), *more], st.lists(_records, max_size=4)),
)


@dataclass
class Told:
    """All that a tracker was told which counts still, to tell it to another."""

    lives: dict[LeaseOrKey, LeaseTtl] = field(default_factory=dict)
    readings: list[ProbeResult] = field(default_factory=list)
    nats: list[ProbeResult] = field(default_factory=list)
    drained: dict[int, DrainMark] = field(default_factory=dict)
    is_complete: bool = True

    def keep(self, followed: Watched) -> None:
        """Drop what is of nothing that is there."""
        there = {lease_or_key(one) for one in followed.cluster.records.values()}
        self.lives = {lease: one for lease, one in self.lives.items() if lease in there}
        self.readings = [one for one in self.readings if followed.verdicts.knows(one.target)]

    def anew(self, records: Iterable[AnyRecord], lifetime: Lifetime) -> Watched:
        """A tracker that was told it at once, and judged once."""
        fresh = Watched(lifetime=lifetime)
        for one in records:
            fresh.cluster.put(one, SEEN)
        fresh.verdicts.set_complete(self.is_complete)
        fresh.verdicts.drained(self.drained)
        fresh.verdicts.update(fresh.cluster.take_changes().keys)
        for one in fresh.cluster.records.values():
            fresh.verdicts.targets([one])
        fresh.verdicts.observe_ttls(self.lives)
        fresh.verdicts.observe_readings([*self.readings, *self.nats])
        fresh.verdicts.update()
        return fresh


@settings(deadline=None, max_examples=100)
@given(_worlds, st.sampled_from(Lifetime), st.data())
def test_verdicts_on_ranks_that_are_probed_are_those_of_a_tracker_built_anew(
    at_first: list[AnyRecord], lifetime: Lifetime, data: st.DataObject
) -> None:
    followed, told, now = Watched(*at_first, lifetime=lifetime), Told(), NOW
    for _ in range(data.draw(st.integers(1, 12), "steps")):
        now += data.draw(st.sampled_from([0.0, 0.5, 2.0, 6.0]), "passed")
        _step(followed, told, now, data)
        assert_same(followed, told.anew(followed.cluster.records.values(), lifetime))


def _step(followed: Watched, told: Told, now: float, data: st.DataObject) -> None:
    """One thing happens, and the tracker follows."""
    verdicts, records = followed.verdicts, followed.cluster.records
    known = sorted({target for one in records.values() for target in verdicts.targets([one])})
    known = [one for one in known if one != NATS_SERVER]
    what = data.draw(st.sampled_from("rrrrrrlllcgnds"), "what")
    if what == "r" and known:
        told.readings += [heard := _reading(data, data.draw(st.sampled_from(known)), now)]
        verdicts.observe_readings([heard])
    elif what == "l":
        leases = sorted({lease_or_key(one) for one in records.values()}, key=str)
        if leases:
            remaining = data.draw(st.sampled_from([-1.0, 11.0, 22.0, 29.0]), "remaining")
            ttl = TimeToLive(None if remaining < 0 else 30.0, remaining)
            heard_of: dict[LeaseOrKey, LeaseTtl] = {
                data.draw(st.sampled_from(leases), "lease"): LeaseTtl(ttl, now)
            }
            told.lives |= heard_of
            verdicts.observe_ttls(heard_of)
    elif what == "c":
        followed.put(*data.draw(st.lists(_records, min_size=1, max_size=3), "come"))
    elif what == "g" and records:
        followed.discard(records[data.draw(st.sampled_from(sorted(records)), "goes")])
    elif what == "n":
        answer = data.draw(st.sampled_from([ProbeAnswer.AWAY, ProbeAnswer.ACCEPTS]), "NATS")
        told.nats = [ProbeResult(NATS_SERVER, answer, now, answer.value)]
        verdicts.observe_readings(told.nats)
    elif what == "d":
        workers = data.draw(st.sets(_worker), "drained")
        told.drained = {one: DrainMark(NOW, Drained("joe", "node-1", None)) for one in workers}
        verdicts.drained(told.drained)
    elif what == "s":
        told.is_complete = data.draw(st.booleans(), "sees all")
        verdicts.set_complete(told.is_complete)
    verdicts.update()
    told.keep(followed)
    # What came is on screen from now on.
    for one in records.values():
        verdicts.targets([one])
    verdicts.update()


def _reading(data: st.DataObject, target: ProbeTarget, now: float) -> ProbeResult:
    answer = data.draw(
        st.sampled_from(
            [*ProbeAnswer, ProbeAnswer.ACCEPTS, ProbeAnswer.ANSWERS, ProbeAnswer.ANSWERS]
        ),
        str(target),
    )
    deep = target.method is ProbeMethod.TCP and data.draw(st.booleans(), "deep")
    local = data.draw(st.booleans(), "local")
    return ProbeResult(target, answer, now, answer.value, deep, local)
