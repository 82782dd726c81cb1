"""A cluster with its verdicts, amended by hand."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from backends.discovery.cluster import Cluster, FirstSeen
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord
from backends.dynamo.roles import is_internal_instance
from backends.liveness.evidence import Assessment, Evidence
from backends.liveness.evidence_kinds import AddressProbed, CardsDiffer, Values
from backends.liveness.judge import FINDINGS, LeaseTtl, Verdict
from backends.liveness.serving import Serving
from backends.liveness.serving.worker_sets import CardGroup
from backends.liveness.tracker import LivenessTracker
from backends.probe.types import ProbeAnswer, ProbeResult
from backends.store import Lifetime, TimeToLive
from tests.support import registered

INSTANCE = registered.record(registered.instance(0xA), lease=0xA)
CARD = registered.record(registered.card(0xA), lease=0xA)
ADAPTER = registered.record(registered.card(0xA, lora="acme/sql"), lease=0xA)
CHANNEL = registered.record(registered.channel(0xA), lease=0xA)
OTHER = registered.record(registered.instance(0xB, component="other"), lease=0xB)

NOW = 1000.0
SEEN = FirstSeen(NOW, was_there=False)


class Watched:
    """A cluster with its verdicts, amended by hand."""

    def __init__(self, *records: AnyRecord, lifetime: Lifetime = Lifetime.LEASED) -> None:
        self.cluster = Cluster()
        self.verdicts = LivenessTracker(self.cluster, lifetime)
        self.put(*records)

    def put(self, *records: AnyRecord) -> set[bytes]:
        for one in records:
            self.cluster.put(one, SEEN)
        return self.verdicts.update(self.cluster.take_changes().keys)

    def discard(self, *records: AnyRecord) -> set[bytes]:
        for one in records:
            self.cluster.discard(one.key)
        return self.verdicts.update(self.cluster.take_changes().keys)

    def lives(self, **remaining: float) -> set[bytes]:
        """Of leases, by their ids in hex."""
        self.verdicts.observe_ttls(
            {int(lease, 16): life(seconds) for lease, seconds in remaining.items()}
        )
        return self.verdicts.update()

    def probed(self, one: AnyRecord, answer: ProbeAnswer, *, deep: bool = False) -> set[bytes]:
        (target,) = self.verdicts.targets([one])
        self.verdicts.observe_readings([ProbeResult(target, answer, NOW, answer.value, deep)])
        return self.verdicts.update()

    def of(self, one: AnyRecord) -> Verdict:
        return self.verdicts.of(one.key)


def life(remaining: float) -> LeaseTtl:
    granted = None if remaining < 0 else 30.0
    return LeaseTtl(TimeToLive(granted, remaining), NOW)


def assert_same(one: Watched, other: Watched) -> None:
    keys = one.cluster.records
    assert {key: one.verdicts.of(key) for key in keys} == {
        key: other.verdicts.of(key) for key in keys
    }
    assert one.verdicts.findings == other.verdicts.findings
    assert set(one.verdicts.left_behind) == set(other.verdicts.left_behind)
    assert one.verdicts.count_workers() == other.verdicts.count_workers()
    for of in ("failed", "awaited", "refused"):
        assert set(getattr(one.verdicts, of)) == set(getattr(other.verdicts, of)), of
    for record in keys.values():
        assert one.verdicts.is_stale(record) is other.verdicts.is_stale(record)
        assert one.verdicts.may_live(record) is other.verdicts.may_live(record)
        told = one.verdicts.assessment(record, NOW)
        anew = other.verdicts.assessment(record, NOW)
        assert _in_order(told) == _in_order(anew)
        assert (told.verdict, told.routing) == (anew.verdict, anew.routing)
        assert told.verdict is one.of(record)
    assert {key: one.verdicts.serving.routing(key) for key in keys} == {
        key: other.verdicts.serving.routing(key) for key in keys
    }
    mine, theirs = one.verdicts.serving, other.verdicts.serving
    assert mine.unserved == theirs.unserved
    assert (mine.unserved_adapters, mine.adapters) == (theirs.unserved_adapters, theirs.adapters)
    for key in keys:
        assert mine.disagrees(key) is theirs.disagrees(key)
        assert mine.bearing_on([key]) == theirs.bearing_on([key])
        assert [set(sort.keys) for sort in sorts_of(mine, key)][:1] == [
            set(sort.keys) for sort in sorts_of(theirs, key)
        ][:1]
    names = set(one.verdicts.serving.models())
    assert names == set(other.verdicts.serving.models())
    for name in names:
        for within in ((), ("prod",), ("a",), ("a", "b")):
            assert mine.model(name, within) == theirs.model(name, within)
    for scope in ((), ("prod",), ("a",), ("a", "b")):
        assert set(one.verdicts.not_live(scope)) == set(other.verdicts.not_live(scope))
    counted = {
        key
        for key, record in one.cluster.records.items()
        if record.kind is Kind.ENDPOINT
        and not is_internal_instance(record)
        and one.verdicts.of(key) in FINDINGS
    }
    assert set(one.verdicts.not_live()) == counted


def _in_order(assessment: Assessment) -> list[Evidence]:
    """The evidence, with the other sorts of card in an order that does not depend on their age."""
    found: list[Evidence] = []
    for piece in assessment.evidence:
        values = piece.values
        if isinstance(values, CardsDiffer):
            others = sorted(values.sorts[1:], key=repr)
            piece = replace(
                piece, values=msgspec.structs.replace(values, sorts=(*values.sorts[:1], *others))
            )
        found.append(piece)
    return found


def evidence_of(watched: Watched, one: AnyRecord) -> Values:
    return watched.verdicts.assessment(one, NOW).evidence[0].values


def answers_for(watched: Watched, one: AnyRecord) -> list[tuple[str, ProbeAnswer]]:
    """The addresses that the evidence of a record names, each with what came of asking it."""
    shown = [piece.values for piece in watched.verdicts.assessment(one, NOW).evidence]
    return [(one.address, one.answer) for one in shown if isinstance(one, AddressProbed)]


def sorts_of(serving: Serving, key: bytes) -> list[CardGroup]:
    """The sorts of card in a card's worker set, its own first. Empty: it is compared with no
    other."""
    if (party := serving.party(key)) is None:
        return []
    sort, card_set = party
    groups = [one for one in card_set.groups.values() if one.is_party]
    return sorted(groups, key=lambda one: one.sort != sort)
