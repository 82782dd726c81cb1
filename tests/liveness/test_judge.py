"""A verdict follows from evidence alone, and says what it rests on."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord
from backends.liveness import evidence_kinds as kinds
from backends.liveness.drained import DrainMark
from backends.liveness.evidence import Evidence
from backends.liveness.evidence_kinds import EvidenceKind
from backends.liveness.explain import assess
from backends.liveness.failure import CONFIRMED, failure_of, weigh
from backends.liveness.judge import (
    FINDINGS,
    JudgeInput,
    LeaseTtl,
    Verdict,
    is_late,
    is_stale,
    judge,
)
from backends.probe.types import ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget
from backends.store import Entry, Lifetime, Revision, TimeToLive
from tests.support import registered
from tests.support.registered import record

NOW = 1000.0
INSTANCE = record(registered.instance(0x1A), lease=0x1A)
ALONE = record(registered.instance(0x1A))
CARD = record(registered.card(0x1A), lease=0x1A)
GREETING = ProbeTarget(ProbeMethod.ZMTP, "10.0.0.1:5557")
DIFFERS = kinds.CardsDiffer(0, ())
DRAINED = DrainMark(NOW, kinds.DrainedOrDeleted(has_leases=True))
TRANSPORT = ProbeTarget(ProbeMethod.TCP, "10.0.0.26:9000")


def life(remaining: float, granted: float | None = 30.0) -> LeaseTtl:
    return LeaseTtl(TimeToLive(granted, remaining), NOW)


def reading(
    target: ProbeTarget, answer: ProbeAnswer, at: float = NOW, *, deep: bool = False
) -> ProbeResult:
    return ProbeResult(target, answer, at, answer.value, deep)


def explain(facts: JudgeInput) -> tuple[Evidence, ...]:
    return assess(facts).evidence


def shown(facts: JudgeInput) -> list[kinds.Values]:
    """What the evidence shows, what decided first."""
    return [one.values for one in explain(facts)]


def asked(address: ProbeTarget, answer: ProbeAnswer, detail: str) -> kinds.AddressProbed:
    return kinds.AddressProbed(address.method, answer, address.address, 1, detail)


HEALTHY = JudgeInput(INSTANCE, Lifetime.LEASED, NOW, life=life(22.0), worker=0x1A)
ACCEPTS = reading(TRANSPORT, ProbeAnswer.ACCEPTS)


def test_what_is_renewed_is_live() -> None:
    assert judge(HEALTHY) is Verdict.LIVE


def test_without_any_evidence_it_says_so() -> None:
    facts = replace(HEALTHY, life=None)
    assert judge(facts) is Verdict.UNKNOWN
    assert shown(facts) == [kinds.NothingAsked()]


def test_that_a_connection_is_accepted_proves_nothing_of_the_process() -> None:
    assert judge(replace(HEALTHY, life=None, probed=weigh((ACCEPTS,)))) is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("granted", "remaining", "late"),
    [
        (30.0, 15.0, False),
        # Whole seconds, rounded down: a renewal that comes at half may be seen as 14.
        (30.0, 14.0, False),
        (30.0, 13.0, True),
        (30.0, 0.0, True),
        (10.0, 4.0, False),
        (10.0, 3.0, True),
        (None, -1.0, False),
    ],
)
def test_late_is_a_renewal_at_half_that_was_missed_by_a_second(
    granted: float | None, remaining: float, late: bool
) -> None:
    assert is_late(TimeToLive(granted, remaining)) is late


def test_a_missed_keep_alive_is_late_and_says_which() -> None:
    facts = replace(HEALTHY, life=life(11.0))
    assert judge(facts) is Verdict.LATE
    (told,) = explain(facts)
    assert told.values == kinds.LeaseLate(11.0, 30.0, reset_ago=None)
    assert told.at == NOW


def test_an_address_that_refuses_is_unreachable_at_once_though_its_lease_was_renewed() -> None:
    facts = replace(HEALTHY, probed=weigh((reading(TRANSPORT, ProbeAnswer.REFUSED),)), host="web-1")
    assert judge(facts) is Verdict.UNREACHABLE
    assert not is_stale(facts)
    assert shown(facts) == [
        asked(TRANSPORT, ProbeAnswer.REFUSED, "refused"),
        kinds.RenewalAwaited(),
        kinds.LeaseLeft(22.0, 30.0, reset_ago=None),
    ]


# --- what a failed address means, by the way there and by the lease --------------------------


def failing(
    answer: ProbeAnswer, for_seconds: float, remaining: float, *, local: bool = False
) -> JudgeInput:
    """The instance, its address failing for so long, its lease read now."""
    one = ProbeResult(TRANSPORT, answer, NOW, f"is {answer.value}", local=local)
    since = {TRANSPORT: NOW - for_seconds}
    return replace(HEALTHY, probed=weigh((one,), (), since), life=life(remaining), host="web-1")


@pytest.mark.parametrize("answer", [ProbeAnswer.REFUSED, ProbeAnswer.UNREACHED])
def test_a_lease_that_is_renewed_while_its_address_fails_is_unreachable_from_here(
    answer: ProbeAnswer,
) -> None:
    facts = failing(answer, 20.0, 26.0)
    assert judge(facts) is Verdict.UNREACHABLE_FROM_HERE
    assert not is_stale(facts)
    (first, *_) = shown(facts)
    assert isinstance(first, kinds.AddressProbedFromHere)
    assert (first.address, first.answer, first.host) == (TRANSPORT.address, answer, "web-1")
    assert (first.lease_renewed_ago, first.file_touched_ago) == (4.0, None)
    assert explain(facts)[0].at == NOW


@pytest.mark.parametrize("answer", [ProbeAnswer.REFUSED, ProbeAnswer.UNREACHED])
def test_a_renewal_that_came_due_and_did_not_come_is_proof_on_any_host(answer: ProbeAnswer) -> None:
    facts = failing(answer, 20.0, 12.0)
    assert judge(facts) is Verdict.UNREACHABLE
    assert is_stale(facts)
    # One look is not enough, nor is a lease that was read before the address began to fail.
    assert not is_stale(failing(answer, 0.0, 12.0))
    old = LeaseTtl(TimeToLive(30.0, 12.0), NOW - 30)
    assert not is_stale(replace(facts, life=old))


def test_a_network_that_loses_packets_is_no_evidence_before_a_renewal_is_seen_either() -> None:
    for standing in (life(22.0), None, LeaseTtl(TimeToLive(30.0, 29.0, reset_ago=2.0), NOW)):
        facts = replace(failing(ProbeAnswer.UNREACHED, 3.0, 22.0), life=standing)
        assert judge(facts) is Verdict.UNREACHABLE_FROM_HERE
        assert not is_stale(facts)
        (first, *_) = shown(facts)
        assert isinstance(first, kinds.AddressProbedFromHere)
        assert (first.address, first.host) == (TRANSPORT.address, "web-1")


def test_what_this_host_itself_refuses_is_proof_at_once_until_a_renewal_contradicts_it() -> None:
    facts = failing(ProbeAnswer.REFUSED, 0.0, 22.0, local=True)
    assert judge(facts) is Verdict.UNREACHABLE
    assert is_stale(facts)
    assert shown(facts)[0] == asked(TRANSPORT, ProbeAnswer.REFUSED, "is refused")
    renewed = failing(ProbeAnswer.REFUSED, 20.0, 26.0, local=True)
    assert judge(renewed) is Verdict.UNREACHABLE
    assert not is_stale(renewed)


def test_a_closed_socket_of_a_process_that_accepts_elsewhere_is_no_proof_of_its_death() -> None:
    facts = failing(ProbeAnswer.REFUSED, 5.0, 22.0, local=True)
    answers = (reading(OTHER_GREETING, ProbeAnswer.ANSWERS),)
    since = {TRANSPORT: NOW - 5.0}
    elsewhere = replace(facts, probed=weigh(facts.probed.own, answers, since))
    assert judge(elsewhere) is Verdict.UNREACHABLE
    assert not is_stale(elsewhere)


def test_an_accepted_connection_that_stays_silent_is_a_finding_whatever_the_lease_does() -> None:
    renewed = failing(ProbeAnswer.SILENT, 20.0, 29.0)
    assert judge(renewed) is Verdict.UNREACHABLE
    assert not is_stale(renewed)
    missed = failing(ProbeAnswer.SILENT, 20.0, 12.0)
    assert judge(missed) is Verdict.UNREACHABLE
    assert is_stale(missed)


def test_a_file_that_is_touched_speaks_for_its_worker_as_a_lease_does() -> None:
    file = replace(failing(ProbeAnswer.REFUSED, 8.0, 0.0), record=ALONE, lifetime=Lifetime.TOUCHED)
    touched = replace(file, life=life(8.0, 10.0))
    assert judge(touched) is Verdict.UNREACHABLE_FROM_HERE
    (first, *_) = shown(touched)
    assert isinstance(first, kinds.AddressProbedFromHere)
    assert (first.lease_renewed_ago, first.file_touched_ago) == (None, 2.0)
    missed = replace(file, life=life(2.0, 10.0))
    assert judge(missed) is Verdict.UNREACHABLE
    assert is_stale(missed)


@pytest.mark.parametrize(
    ("lifetime", "otherwise"),
    [
        (Lifetime.LEASED, Verdict.UNLEASED),
        (Lifetime.UNBOUNDED, Verdict.UNREACHABLE_FROM_HERE),
    ],
)
def test_where_nothing_is_renewed_a_refusal_is_stale_and_a_lost_packet_is_not(
    lifetime: Lifetime, otherwise: Verdict
) -> None:
    refused = replace(
        failing(ProbeAnswer.REFUSED, 5.0, 0.0), lifetime=lifetime, record=ALONE, life=None
    )
    assert judge(refused) is Verdict.UNREACHABLE
    assert is_stale(refused)
    lost = replace(
        failing(ProbeAnswer.UNREACHED, 5.0, 0.0), lifetime=lifetime, record=ALONE, life=None
    )
    assert judge(lost) is otherwise
    assert not is_stale(lost)


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (replace(HEALTHY, life=life(-1.0, None)), Verdict.ORPHANED),
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
        (replace(HEALTHY, life=life(11.0)), Verdict.CONFLICT),
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


def test_that_no_connection_comes_about_any_more_takes_no_silence_back() -> None:
    """The queue of connections of a process that hangs runs full after a while."""
    silent = reading(GREETING, ProbeAnswer.SILENT, NOW)
    full = reading(GREETING, ProbeAnswer.UNREACHED, NOW + 300)
    facts = replace(HEALTHY, probed=weigh((), (silent, full)), life=life(29.0))
    assert judge(facts) is Verdict.UNREACHABLE
    refused = reading(GREETING, ProbeAnswer.REFUSED, NOW + 300)
    facts = replace(
        facts, probed=weigh((), (silent, refused)), life=LeaseTtl(TimeToLive(30.0, 29.0), NOW + 310)
    )
    assert judge(facts) is Verdict.UNREACHABLE_FROM_HERE


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


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("0.0.0.0:9", "stands for any address of a host"),
        ("[::]:9", "stands for any address of a host"),
        ("fd00::1:9", "is IPv6 without brackets"),
        ("10.0.0.1:0", "has port 0"),
        (":9000", "has no host"),
    ],
)
def test_an_address_that_no_client_can_use_is_said_whatever_the_lease_does(
    address: str, why: str
) -> None:
    one = record(registered.instance(0x1A, address=address), lease=0x1A)
    (found,) = (
        values
        for values in shown(replace(HEALTHY, record=one))
        if isinstance(values, kinds.AddressUnusable)
    )
    assert found.address == address
    assert found.detail.startswith(why)


def test_a_worker_whose_publisher_is_silent_is_unreachable_though_its_kernel_accepts() -> None:
    facts = replace(HEALTHY, probed=weigh((ACCEPTS,), (reading(GREETING, ProbeAnswer.SILENT),)))
    assert judge(facts) is Verdict.UNREACHABLE


def test_one_closed_publisher_of_a_worker_that_accepts_elsewhere_is_not_its_end() -> None:
    refused = reading(GREETING, ProbeAnswer.REFUSED)
    assert judge(replace(HEALTHY, probed=weigh((ACCEPTS,), (refused,)))) is Verdict.LIVE
    assert judge(replace(HEALTHY, probed=weigh((), (refused,)))) is Verdict.UNREACHABLE


def test_of_its_own_address_what_was_seen_last_counts() -> None:
    silent = reading(TRANSPORT, ProbeAnswer.SILENT, NOW, deep=True)
    refused = reading(TRANSPORT, ProbeAnswer.REFUSED, NOW, deep=True)
    accepts = reading(TRANSPORT, ProbeAnswer.ACCEPTS, NOW + 60)
    # That the kernel accepts says nothing against silence, and all against a refusal.
    assert failure_of((silent, accepts), ())
    assert not failure_of((refused, accepts), ())
    assert failure_of((accepts, reading(TRANSPORT, ProbeAnswer.REFUSED, NOW + 61, deep=True)), ())
    assert not failure_of((silent, reading(TRANSPORT, ProbeAnswer.ANSWERS, NOW + 1, deep=True)), ())


OTHER_GREETING = ProbeTarget(ProbeMethod.ZMTP, "10.0.0.1:5558")


def test_one_silent_publisher_of_a_worker_that_answers_at_another_is_not_its_end() -> None:
    silent = reading(GREETING, ProbeAnswer.SILENT, NOW + 1)
    assert not failure_of((ACCEPTS,), (silent, reading(OTHER_GREETING, ProbeAnswer.ANSWERS, NOW)))
    # Each at its own moment: whoever is asked first must not decide.
    assert not failure_of(
        (ACCEPTS,), (silent, reading(OTHER_GREETING, ProbeAnswer.ANSWERS, NOW + 2))
    )
    assert failure_of((ACCEPTS,), (silent, reading(OTHER_GREETING, ProbeAnswer.SILENT, NOW + 2)))


def test_an_answer_of_long_ago_says_nothing_of_now() -> None:
    answered = reading(TRANSPORT, ProbeAnswer.ANSWERS, NOW - 600, deep=True)
    assert failure_of((answered, ACCEPTS), (reading(GREETING, ProbeAnswer.SILENT, NOW),))


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


def test_what_could_not_be_asked_from_here_is_no_evidence() -> None:
    untried = reading(TRANSPORT, ProbeAnswer.UNTRIED)
    assert judge(replace(HEALTHY, probed=weigh((untried,)))) is Verdict.LIVE


def test_while_what_carries_requests_is_away_none_gets_through_and_no_worker_is_to_blame() -> None:
    subject = ProbeTarget(ProbeMethod.NATS, "prod_backend.generate-1a")
    away = (reading(subject, ProbeAnswer.AWAY),)
    facts = replace(HEALTHY, probed=weigh(away, (ACCEPTS,)))
    assert judge(facts) is Verdict.UNREACHABLE
    assert shown(facts)[0] == asked(subject, ProbeAnswer.AWAY, "away")
    # Its lease goes on: it is nothing to clean up, also where nothing is ever renewed.
    assert not is_stale(facts)
    assert not is_stale(replace(facts, lifetime=Lifetime.UNBOUNDED, life=None))
    back = replace(
        facts, probed=weigh((*away, reading(subject, ProbeAnswer.ANSWERS, NOW + 5)), (ACCEPTS,))
    )
    assert judge(back) is Verdict.LIVE
    # What the same worker has elsewhere is not carried by it.
    assert judge(replace(facts, record=CARD, probed=weigh((), away))) is Verdict.LIVE


@pytest.mark.parametrize(
    ("one", "verdict"), [(INSTANCE, Verdict.EXPIRED), (CARD, Verdict.ORPHANED)]
)
def test_what_hangs_on_a_lease_that_does_not_exist_is_over(
    one: AnyRecord, verdict: Verdict
) -> None:
    facts = replace(HEALTHY, record=one, life=life(-1.0, None))
    assert judge(facts) is verdict
    assert kinds.LeaseGone() in shown(facts)


UNLEASED_CARD = record(registered.card(0x1A))


def test_a_card_without_a_lease_is_orphaned_once_its_worker_is_gone() -> None:
    there = JudgeInput(UNLEASED_CARD, Lifetime.LEASED, NOW, worker=0x1A, worker_is_there=True)
    assert judge(there) is Verdict.UNLEASED
    gone = replace(there, worker_is_there=False)
    assert judge(gone) is Verdict.ORPHANED
    assert shown(gone) == [kinds.WorkerGone(0x1A, has_leases=True), kinds.NoLease()]


def test_a_card_that_cannot_be_joined_to_a_worker_is_not_called_orphaned() -> None:
    facts = JudgeInput(UNLEASED_CARD, Lifetime.LEASED, NOW, worker=None)
    assert judge(facts) is Verdict.UNLEASED


def test_an_instance_without_a_lease_is_unleased_until_it_does_not_answer() -> None:
    facts = JudgeInput(record(registered.instance(1)), Lifetime.LEASED, NOW, worker=1)
    assert judge(facts) is Verdict.UNLEASED
    refused = replace(facts, probed=weigh((reading(TRANSPORT, ProbeAnswer.REFUSED),)))
    assert judge(refused) is Verdict.UNREACHABLE


def test_only_cards_channels_and_sources_of_a_drained_worker_are_drained() -> None:
    assert judge(replace(HEALTHY, record=CARD, drained=DRAINED)) is Verdict.DRAINED
    assert judge(replace(HEALTHY, drained=DRAINED)) is Verdict.LIVE


def test_in_a_store_without_leases_what_has_not_expired_is_kept_alive() -> None:
    file = JudgeInput(record(registered.instance(1)), Lifetime.TOUCHED, NOW, worker=1)
    assert judge(file) is Verdict.LIVE
    touched = replace(file, life=life(3.0, 10.0))
    assert judge(touched) is Verdict.LATE
    assert shown(touched)[0] == kinds.FileLate(7.0, 10.0)


def test_what_expired_malformed_or_disagrees_is_so_whatever_else_is_known() -> None:
    expired = record(registered.instance(1), expired_at=NOW - 60)
    assert judge(JudgeInput(expired, Lifetime.TOUCHED, NOW)) is Verdict.EXPIRED
    assert explain(JudgeInput(expired, Lifetime.TOUCHED, NOW))[0].at == NOW - 60
    # Whatever else is wrong with it does not decide.
    odd = replace(expired, conflict="its body names another")
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


def test_unknown_is_no_finding() -> None:
    assert {Verdict.LIVE, Verdict.UNKNOWN}.isdisjoint(FINDINGS)
    assert len(FINDINGS) == len(Verdict) - 2


def test_where_no_worker_renews_anything_only_an_answer_shows_that_it_lives() -> None:
    facts = replace(HEALTHY, record=ALONE, lifetime=Lifetime.UNBOUNDED, life=None)
    assert judge(facts) is Verdict.UNKNOWN
    assert shown(facts)[0] == kinds.NotRenewed()
    assert judge(replace(facts, probed=weigh((ACCEPTS,)))) is Verdict.UNKNOWN
    assert (
        judge(replace(facts, probed=weigh((reading(TRANSPORT, ProbeAnswer.ANSWERS),))))
        is Verdict.LIVE
    )
    # What is left of a bucket's time to live is no missed keep-alive.
    old = replace(facts, life=LeaseTtl(TimeToLive(60.0, 1.0), NOW))
    assert judge(old) is Verdict.UNKNOWN
    assert shown(old)[0] == kinds.BucketKeeps(1.0, 60.0)
    refused = replace(facts, probed=weigh((reading(TRANSPORT, ProbeAnswer.REFUSED),)))
    assert judge(refused) is Verdict.UNREACHABLE
    assert not is_stale(refused)
    again = reading(TRANSPORT, ProbeAnswer.REFUSED, NOW + CONFIRMED)
    assert is_stale(replace(refused, probed=weigh((again,), (), {TRANSPORT: NOW})))


def test_where_no_worker_renews_a_card_without_an_instance_is_not_called_orphaned() -> None:
    """Its instance may have been drained by somebody: the worker lives, and would not register the
    card again."""
    card = record(registered.card(1))
    facts = JudgeInput(card, Lifetime.UNBOUNDED, 0.0, worker=1, worker_is_there=False)
    assert judge(facts) is Verdict.UNKNOWN
    assert judge(replace(facts, drained=DRAINED)) is Verdict.DRAINED
    refused = ProbeResult(
        ProbeTarget(ProbeMethod.HEALTH, "http://a:1"), ProbeAnswer.REFUSED, 1.0, "refuses"
    )
    assert judge(replace(facts, probed=weigh((refused,)))) is Verdict.UNREACHABLE


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
    facts = JudgeInput(record(channel), Lifetime.TOUCHED, NOW, life=life(8.0, 10.0))
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
