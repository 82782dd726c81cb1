"""Which of several things that are wrong decides, and what a verdict says that it rests on."""

from __future__ import annotations

import json

import pytest
from msgspec import structs
from msgspec.structs import replace

from backends.dynamo.parse import read
from backends.liveness import evidence_kinds as kinds
from backends.liveness.evidence_kinds import EvidenceKind
from backends.liveness.failure import weigh
from backends.liveness.judge import FINDINGS, JudgeInput, Verdict, judge
from backends.probe.types import ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget
from backends.store import Entry, Lifetime, Revision
from tests.liveness.judging import (
    ACCEPTS,
    ALONE,
    CARD,
    DIFFERS,
    DRAINED,
    GREETING,
    HEALTHY,
    NOW,
    TRANSPORT,
    UNLEASED_CARD,
    asked,
    explain,
    is_stale,
    life,
    reading,
    shown,
)
from tests.support import registered
from tests.support.registered import record


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (replace(HEALTHY, lease_ttl=life(-1.0, None)), Verdict.ORPHANED),
        (
            replace(HEALTHY, probed=weigh((reading(TRANSPORT, ProbeAnswer.REFUSED),))),
            Verdict.UNREACHABLE,
        ),
        (
            replace(HEALTHY, probed=weigh((reading(TRANSPORT, ProbeAnswer.SILENT),))),
            Verdict.UNREACHABLE,
        ),
        (
            replace(HEALTHY, probed=weigh((reading(TRANSPORT, ProbeAnswer.UNREACHED),))),
            Verdict.CONFLICT,
        ),
        (replace(HEALTHY, lease_ttl=life(11.0)), Verdict.CONFLICT),
        (replace(HEALTHY, drained=DRAINED), Verdict.CONFLICT),
    ],
)
def test_dead_outranks_conflict_and_says_so_first(facts: JudgeInput, verdict: Verdict) -> None:
    differs = replace(facts, record=CARD, disagreement=DIFFERS)
    assert judge(differs) is verdict
    first = explain(differs)[0].kind
    assert (first is EvidenceKind.CARDS_DIFFER) is (verdict is Verdict.CONFLICT)


def test_a_card_that_was_left_behind_is_orphaned_though_it_is_in_conflict() -> None:
    left = JudgeInput(UNLEASED_CARD, Lifetime.LEASED, NOW, worker=0x1A, disagreement=DIFFERS)
    assert judge(left) is Verdict.ORPHANED
    assert shown(left)[0] == kinds.WorkerGone(0x1A, has_leases=True)


def test_evidence_of_one_kind_is_one_line_with_a_number() -> None:
    greetings = tuple(
        ProbeResult(
            ProbeTarget(ProbeMethod.ZMTP, f"10.0.0.1:{port}"), ProbeAnswer.ANSWERS, NOW, "greets"
        )
        for port in range(5000, 5016)
    )
    facts = replace(HEALTHY, probed=weigh((ACCEPTS,), greetings))
    assert shown(facts) == [
        kinds.AddressProbed(ProbeMethod.ZMTP, ProbeAnswer.ANSWERS, "10.0.0.1:5000", 16, "greets"),
        asked(TRANSPORT, ProbeAnswer.ACCEPTS, "accepts"),
        kinds.LeaseLeft(22.0, 30.0, reset_ago=None),
    ]


def test_a_key_that_is_odd_is_no_reason_to_call_a_body_stale_that_clients_route_by() -> None:
    key, value = registered.instance(0x1A)
    odd = record((key.replace(b"/1a", b"/001a"), value), lease=0x1A)
    assert odd.malformed is not None
    facts = replace(HEALTHY, record=odd)
    assert judge(facts) is Verdict.CONFLICT
    assert explain(facts)[0].kind is EvidenceKind.ODD_KEY
    assert not is_stale(facts)


def test_what_expired_is_so_also_where_its_body_names_another() -> None:
    odd = record((registered.instance(1)[0], registered.instance(2)[1]), expired_at=NOW - 60)
    assert judge(JudgeInput(odd, Lifetime.TOUCHED, NOW)) is Verdict.EXPIRED


def test_what_expired_malformed_or_disagrees_is_so_whatever_else_is_known() -> None:
    expired = record(registered.instance(1), expired_at=NOW - 60)
    assert judge(JudgeInput(expired, Lifetime.TOUCHED, NOW)) is Verdict.EXPIRED
    assert explain(JudgeInput(expired, Lifetime.TOUCHED, NOW))[0].at == NOW - 60
    # Whatever else is wrong with it does not decide.
    odd = structs.replace(expired, conflict="its body names another")
    assert judge(JudgeInput(odd, Lifetime.TOUCHED, NOW)) is Verdict.EXPIRED
    assert shown(JudgeInput(odd, Lifetime.TOUCHED, NOW))[:2] == [
        kinds.TimeRanOut(),
        kinds.NamesAnother("its body names another"),
    ]


def test_the_evidence_of_what_hangs_on_no_lease_begins_with_that() -> None:
    facts = JudgeInput(ALONE, Lifetime.LEASED, NOW, probed=weigh((ACCEPTS,)), worker=0x1A)
    assert judge(facts) is Verdict.UNLEASED
    assert shown(facts) == [
        kinds.NoLease(),
        asked(TRANSPORT, ProbeAnswer.ACCEPTS, ACCEPTS.text),
    ]
    malformed = record(registered.MALFORMED, lease=1)
    assert judge(replace(HEALTHY, record=malformed)) is Verdict.MALFORMED
    assert judge(replace(HEALTHY, record=CARD, disagreement=DIFFERS)) is Verdict.CONFLICT
    names_another = record((registered.instance(1)[0], registered.instance(2)[1]), lease=1)
    assert judge(replace(HEALTHY, record=names_another)) is Verdict.CONFLICT


@pytest.mark.parametrize("value", [b"", b"{", b'{"type":"Endpoint"}'])
@pytest.mark.parametrize("expired_at", [None, 5.0])
@pytest.mark.parametrize(
    "key",
    [
        b"v1/instances/prod/backend/generate/1a",
        b"v1/instances/odd",
        b"v1/mdc/prod/backend/generate/1a",
        b"v1/event_channels/prod//kv_metrics/1a",
        b"v1/event_sources/prod//kv_metrics/1a",
        b"models/1a",
        b"mdc/1a",
        b"v1/claims/1a",
    ],
)
def test_what_is_not_known_in_full_is_unknown_and_never_stale(
    key: bytes, expired_at: float | None, value: bytes
) -> None:
    entry = Entry(key, value, Revision("1"), None, expired_at, "this user may not read it")
    record = read(entry)
    assert (record.malformed, record.conflict) == (None, None)
    for lifetime in Lifetime:
        facts = JudgeInput(record, lifetime, 10.0)
        verdict = judge(facts)
        assert verdict is Verdict.UNKNOWN
        assert not is_stale(facts)
        evidence = explain(facts)
        assert evidence[0].values == kinds.Unread("this user may not read it")
        assert EvidenceKind.MALFORMED not in {one.kind for one in evidence}


def test_a_channel_that_nothing_joins_to_its_worker_says_what_will_show_that_it_is_dead() -> None:
    """`kv_metrics` of Dynamo in a file store: it has no source, and there are no leases."""
    channel = registered.channel(0x101, "kv_metrics")
    facts = JudgeInput(record(channel), Lifetime.TOUCHED, NOW, lease_ttl=life(8.0, 10.0))
    assert judge(facts) is Verdict.LIVE
    assert shown(facts) == [kinds.FileTouched(2.0, 10.0), kinds.NoSource(has_address=True)]
    key, value = channel
    body = json.loads(value)
    body["transport"] = {"kind": "Nats", "config": {"subject_prefix": "namespace.prod"}}
    over_nats = replace(facts, record=record((key, json.dumps(body).encode())))
    assert shown(over_nats)[-1] == kinds.NoSource(has_address=False)
    # Not where a source or a lease joins it, nor once it is dead.
    for other in (
        replace(facts, worker=1),
        replace(facts, record=record(channel, lease=1), lifetime=Lifetime.LEASED),
        replace(facts, record=record(channel, expired_at=NOW - 1.0)),
        replace(facts, probed=weigh((reading(GREETING, ProbeAnswer.REFUSED),))),
    ):
        assert EvidenceKind.NO_SOURCE not in {one.kind for one in explain(other)}


def test_unknown_is_no_finding() -> None:
    assert {Verdict.LIVE, Verdict.UNKNOWN}.isdisjoint(FINDINGS)
    assert len(FINDINGS) == len(Verdict) - 2
