"""What is shown first of a record is what decided its verdict, whatever else speaks against it."""

from __future__ import annotations

from itertools import product

import pytest
from msgspec.structs import replace

from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.drain_marks import DrainMark
from backends.liveness.evidence_kinds import CardsDiffer, DrainedOrDeleted
from backends.liveness.evidence_kinds import EvidenceKind as Kind
from backends.liveness.explain import assess
from backends.liveness.failure import NOT_PROBED, weigh
from backends.liveness.judge import JudgeInput, LeaseTtl, Verdict
from backends.liveness.routing import Routing, ServingReason
from backends.probe.types import ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget
from backends.store import Lifetime, TimeToLive
from tests.support import registered
from tests.support.registered import record

NOW = 1000.0
TRANSPORT = ProbeTarget(ProbeMethod.TCP, "10.0.0.26:9000")
DECIDES: dict[Verdict, set[Kind]] = {
    Verdict.MALFORMED: {Kind.MALFORMED},
    Verdict.EXPIRED: {Kind.TIME_RAN_OUT, Kind.LEASE_GONE},
    Verdict.ORPHANED: {Kind.LEASE_GONE, Kind.WORKER_GONE, Kind.INSTANCES_UNUSABLE},
    Verdict.UNREACHABLE: {Kind.PROBED},
    Verdict.UNREACHABLE_FROM_HERE: {Kind.PROBED_FROM_HERE},
    Verdict.CONFLICT: {Kind.ODD_KEY, Kind.NAMES_ANOTHER, Kind.CARDS_DIFFER},
    Verdict.DRAINED: {Kind.DRAINED, Kind.DRAINED_OR_DELETED},
    Verdict.UNROUTABLE: {Kind.NO_INSTANCE, Kind.INSTANCE_DEAD},
    Verdict.UNLEASED: {Kind.NO_LEASE},
    Verdict.LATE: {Kind.LEASE_LATE, Kind.FILE_LATE},
}
"""The kinds of evidence that a verdict may rest on. Of others nothing speaks against the record."""


def records() -> list[AnyRecord]:
    instance, card = registered.instance(0x1A), registered.card(0x1A)
    found = []
    for lease in (0x1A, None):
        for entry in (instance, card):
            whole = record(entry, lease=lease)
            found += [
                whole,
                read(replace(whole.entry, head=b"{")),
                read(replace(whole.entry, head=whole.entry.value.replace(b"26", b"27"))),
                read(replace(whole.entry, unread="permission denied")),
                read(replace(whole.entry, head=b"{", unread="permission denied")),
                read(replace(whole.entry, expired_at=NOW - 5.0)),
                read(replace(whole.entry, key=whole.entry.key.replace(b"/1a", b"/1A"))),
            ]
    return found


def probed(answer: ProbeAnswer | None) -> object:
    if answer is None:
        return NOT_PROBED
    return weigh((ProbeResult(TRANSPORT, answer, NOW, answer.value),))


ROUTINGS = (None, Routing(False, ServingReason.NO_INSTANCE), Routing(False, ServingReason.DEAD))


@pytest.mark.parametrize("lifetime", [Lifetime.LEASED, Lifetime.TOUCHED])
@pytest.mark.parametrize("life", [None, (None, -1.0), (30.0, 22.0), (30.0, 5.0)])
@pytest.mark.parametrize(
    "answer", [None, ProbeAnswer.REFUSED, ProbeAnswer.UNREACHED, ProbeAnswer.ACCEPTS]
)
def test_the_first_piece_of_evidence_is_what_the_verdict_rests_on(
    lifetime: Lifetime, life: tuple[float | None, float] | None, answer: ProbeAnswer | None
) -> None:
    seen = set()
    for one, is_there, drained, differs, routing in product(
        records(), (True, False), (True, False), (True, False), ROUTINGS
    ):
        is_card = isinstance(one, ModelCard)
        if (differs or routing is not None) and not is_card:
            continue  # only cards are compared and routed by
        asked = life if one.lease is not None or not lifetime.has_leases else None
        mark = DrainMark(NOW, DrainedOrDeleted(has_leases=True)) if drained else None
        facts = JudgeInput(
            one,
            lifetime,
            NOW,
            lease_ttl=None if asked is None else LeaseTtl(TimeToLive(*asked), NOW),
            probed=probed(answer),  # type: ignore[arg-type]
            worker=0x1A,
            worker_is_there=is_there,
            drained=mark,
            disagreement=CardsDiffer(0, ()) if differs else None,
            routing=routing,
        )
        found = assess(facts)
        first = found.evidence[0].values.kind
        seen.add(found.verdict)
        if one.unread:
            assert (found.verdict, first) == (Verdict.UNKNOWN, Kind.UNREAD)
        elif found.verdict in DECIDES:
            assert first in DECIDES[found.verdict], (found.verdict, first, routing, mark)
    assert Verdict.MALFORMED in seen
