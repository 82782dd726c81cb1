"""What an address that was asked means, by the way there and by the lease."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.liveness import evidence_kinds as kinds
from backends.liveness.failure import failure_of, weigh
from backends.liveness.judge import JudgeInput, LeaseTtl, Verdict, judge
from backends.probe.types import ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget
from backends.store import Lifetime, TimeToLive
from tests.liveness.judging import (
    ACCEPTS,
    ALONE,
    CARD,
    GREETING,
    HEALTHY,
    NOW,
    OTHER_GREETING,
    TRANSPORT,
    asked,
    explain,
    is_stale,
    life,
    reading,
    shown,
)
from tests.support import registered
from tests.support.registered import record


def failing(
    answer: ProbeAnswer, for_seconds: float, remaining: float, *, local: bool = False
) -> JudgeInput:
    """The instance, its address failing for so long, its lease read now."""
    one = ProbeResult(TRANSPORT, answer, NOW, f"is {answer.value}", local=local)
    since = {TRANSPORT: NOW - for_seconds}
    return replace(
        HEALTHY, probed=weigh((one,), (), since), lease_ttl=life(remaining), host="web-1"
    )


def test_an_address_that_refuses_is_unreachable_at_once_though_its_lease_was_renewed() -> None:
    facts = replace(HEALTHY, probed=weigh((reading(TRANSPORT, ProbeAnswer.REFUSED),)), host="web-1")
    assert judge(facts) is Verdict.UNREACHABLE
    assert not is_stale(facts)
    assert shown(facts) == [
        asked(TRANSPORT, ProbeAnswer.REFUSED, "refused"),
        kinds.RenewalAwaited(),
        kinds.LeaseLeft(22.0, 30.0, reset_ago=None),
    ]


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
    assert not is_stale(replace(facts, lease_ttl=old))


def test_a_network_that_loses_packets_is_no_evidence_before_a_renewal_is_seen_either() -> None:
    for standing in (life(22.0), None, LeaseTtl(TimeToLive(30.0, 29.0, reset_ago=2.0), NOW)):
        facts = replace(failing(ProbeAnswer.UNREACHED, 3.0, 22.0), lease_ttl=standing)
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
    touched = replace(file, lease_ttl=life(8.0, 10.0))
    assert judge(touched) is Verdict.UNREACHABLE_FROM_HERE
    (first, *_) = shown(touched)
    assert isinstance(first, kinds.AddressProbedFromHere)
    assert (first.lease_renewed_ago, first.file_touched_ago) == (None, 2.0)
    missed = replace(file, lease_ttl=life(2.0, 10.0))
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
        failing(ProbeAnswer.REFUSED, 5.0, 0.0), lifetime=lifetime, record=ALONE, lease_ttl=None
    )
    assert judge(refused) is Verdict.UNREACHABLE
    assert is_stale(refused)
    lost = replace(
        failing(ProbeAnswer.UNREACHED, 5.0, 0.0), lifetime=lifetime, record=ALONE, lease_ttl=None
    )
    assert judge(lost) is otherwise
    assert not is_stale(lost)


def test_that_no_connection_comes_about_any_more_takes_no_silence_back() -> None:
    """The queue of connections of a process that hangs runs full after a while."""
    silent = reading(GREETING, ProbeAnswer.SILENT, NOW)
    full = reading(GREETING, ProbeAnswer.UNREACHED, NOW + 300)
    facts = replace(HEALTHY, probed=weigh((), (silent, full)), lease_ttl=life(29.0))
    assert judge(facts) is Verdict.UNREACHABLE
    refused = reading(GREETING, ProbeAnswer.REFUSED, NOW + 300)
    facts = replace(
        facts,
        probed=weigh((), (silent, refused)),
        lease_ttl=LeaseTtl(TimeToLive(30.0, 29.0), NOW + 310),
    )
    assert judge(facts) is Verdict.UNREACHABLE_FROM_HERE


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
    assert not is_stale(replace(facts, lifetime=Lifetime.UNBOUNDED, lease_ttl=None))
    back = replace(
        facts, probed=weigh((*away, reading(subject, ProbeAnswer.ANSWERS, NOW + 5)), (ACCEPTS,))
    )
    assert judge(back) is Verdict.LIVE
    # What the same worker has elsewhere is not carried by it.
    assert judge(replace(facts, record=CARD, probed=weigh((), away))) is Verdict.LIVE


def test_that_a_connection_is_accepted_proves_nothing_of_the_process() -> None:
    assert judge(replace(HEALTHY, lease_ttl=None, probed=weigh((ACCEPTS,)))) is Verdict.UNKNOWN
