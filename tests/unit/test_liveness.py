"""A verdict follows from evidence alone, and says what it rests on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backends.liveness import (
    FINDINGS,
    Facts,
    Life,
    Verdict,
    explain,
    is_late,
    is_stale,
    is_unreachable,
    judge,
)
from backends.probe.types import Answer, Method, Reading, Target
from backends.records import AnyRecord
from backends.store import TimeToLive
from tests import registered
from tests.registered import record

NOW = 1000.0
INSTANCE = record(registered.instance(0x1A), lease=0x1A)
ALONE = record(registered.instance(0x1A))
CARD = record(registered.card(0x1A), lease=0x1A)
GREETING = Target(Method.ZMTP, "10.0.0.1:5557")
TRANSPORT = Target(Method.TCP, "10.0.0.26:9000")


def life(remaining: float, granted: float | None = 30.0) -> Life:
    return Life(TimeToLive(granted, remaining), NOW)


def reading(target: Target, answer: Answer, at: float = NOW, *, deep: bool = False) -> Reading:
    return Reading(target, answer, at, answer.value, deep)


HEALTHY = Facts(INSTANCE, True, NOW, life=life(22.0), worker=0x1A)
ACCEPTS = reading(TRANSPORT, Answer.ACCEPTS)


def test_what_is_renewed_is_live() -> None:
    assert judge(HEALTHY) is Verdict.LIVE


def test_without_any_evidence_it_says_so() -> None:
    facts = replace(HEALTHY, life=None)
    assert judge(facts) is Verdict.UNKNOWN
    assert [one.text for one in explain(facts)] == ["nothing was asked about it yet"]


def test_that_a_connection_is_accepted_proves_nothing_of_the_process() -> None:
    assert judge(replace(HEALTHY, life=None, own=(ACCEPTS,))) is Verdict.UNKNOWN


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
    assert told.text == "its lease has 11 of 30 s left: the keep-alive at 15 s was missed"
    assert told.at == NOW


def test_an_address_that_refuses_is_unreachable_though_its_lease_is_renewed() -> None:
    facts = replace(HEALTHY, own=(reading(TRANSPORT, Answer.REFUSED),))
    assert judge(facts) is Verdict.UNREACHABLE
    assert explain(facts)[0].text == "10.0.0.26:9000 refused"


def test_a_worker_whose_publisher_is_silent_is_unreachable_though_its_kernel_accepts() -> None:
    facts = replace(HEALTHY, own=(ACCEPTS,), others=(reading(GREETING, Answer.SILENT),))
    assert judge(facts) is Verdict.UNREACHABLE


def test_one_closed_publisher_of_a_worker_that_accepts_elsewhere_is_not_its_end() -> None:
    refused = reading(GREETING, Answer.REFUSED)
    assert judge(replace(HEALTHY, own=(ACCEPTS,), others=(refused,))) is Verdict.LIVE
    assert judge(replace(HEALTHY, others=(refused,))) is Verdict.UNREACHABLE


def test_of_its_own_address_what_was_seen_last_counts() -> None:
    silent = reading(TRANSPORT, Answer.SILENT, NOW, deep=True)
    refused = reading(TRANSPORT, Answer.REFUSED, NOW, deep=True)
    accepts = reading(TRANSPORT, Answer.ACCEPTS, NOW + 60)
    # That the kernel accepts says nothing against silence, and all against a refusal.
    assert is_unreachable((silent, accepts), ())
    assert not is_unreachable((refused, accepts), ())
    assert is_unreachable((accepts, reading(TRANSPORT, Answer.REFUSED, NOW + 61, deep=True)), ())
    assert not is_unreachable((silent, reading(TRANSPORT, Answer.ANSWERS, NOW + 1, deep=True)), ())


OTHER_GREETING = Target(Method.ZMTP, "10.0.0.1:5558")


def test_one_silent_publisher_of_a_worker_that_answers_at_another_is_not_its_end() -> None:
    silent = reading(GREETING, Answer.SILENT, NOW + 1)
    assert not is_unreachable((ACCEPTS,), (silent, reading(OTHER_GREETING, Answer.ANSWERS, NOW)))
    # Each at its own moment: whoever is asked first must not decide.
    assert not is_unreachable(
        (ACCEPTS,), (silent, reading(OTHER_GREETING, Answer.ANSWERS, NOW + 2))
    )
    assert is_unreachable((ACCEPTS,), (silent, reading(OTHER_GREETING, Answer.SILENT, NOW + 2)))


def test_an_answer_of_long_ago_says_nothing_of_now() -> None:
    answered = reading(TRANSPORT, Answer.ANSWERS, NOW - 600, deep=True)
    assert is_unreachable((answered, ACCEPTS), (reading(GREETING, Answer.SILENT, NOW),))


def test_a_key_that_is_odd_is_no_reason_to_call_a_body_stale_that_clients_route_by() -> None:
    key, value = registered.instance(0x1A)
    odd = record((key.replace(b"/1a", b"/001a"), value), lease=0x1A)
    assert odd.malformed is not None
    facts = replace(HEALTHY, record=odd)
    assert judge(facts) is Verdict.CONFLICT
    assert "clients of Dynamo 1.6 go by that" in explain(facts)[0].text
    assert not is_stale(judge(facts), odd, has_leases=True)


def test_what_expired_is_so_also_where_its_body_names_another() -> None:
    odd = record((registered.instance(1)[0], registered.instance(2)[1]), expired_at=NOW - 60)
    assert judge(Facts(odd, False, NOW)) is Verdict.EXPIRED


def test_what_could_not_be_asked_from_here_is_no_evidence() -> None:
    untried = reading(TRANSPORT, Answer.UNTRIED)
    assert judge(replace(HEALTHY, own=(untried,))) is Verdict.LIVE


@pytest.mark.parametrize(
    ("one", "verdict"), [(INSTANCE, Verdict.EXPIRED), (CARD, Verdict.ORPHANED)]
)
def test_what_hangs_on_a_lease_that_does_not_exist_is_over(
    one: AnyRecord, verdict: Verdict
) -> None:
    facts = replace(HEALTHY, record=one, life=life(-1.0, None))
    assert judge(facts) is verdict
    assert "its lease does not exist any more" in [piece.text for piece in explain(facts)]


UNLEASED_CARD = record(registered.card(0x1A))


def test_a_card_without_a_lease_is_orphaned_once_its_worker_is_gone() -> None:
    there = Facts(UNLEASED_CARD, True, NOW, worker=0x1A, worker_is_there=True)
    assert judge(there) is Verdict.UNLEASED
    gone = replace(there, worker_is_there=False)
    assert judge(gone) is Verdict.ORPHANED
    assert [piece.text for piece in explain(gone)] == [
        "its worker 1a has no instance and no lease",
        "it hangs on no lease: nothing will ever remove it",
    ]


def test_a_card_that_cannot_be_joined_to_a_worker_is_not_called_orphaned() -> None:
    facts = Facts(UNLEASED_CARD, True, NOW, worker=None)
    assert judge(facts) is Verdict.UNLEASED


def test_an_instance_without_a_lease_is_unleased_until_it_does_not_answer() -> None:
    facts = Facts(record(registered.instance(1)), True, NOW, worker=1)
    assert judge(facts) is Verdict.UNLEASED
    refused = replace(facts, own=(reading(TRANSPORT, Answer.REFUSED),))
    assert judge(refused) is Verdict.UNREACHABLE


def test_only_cards_channels_and_sources_of_a_drained_worker_are_drained() -> None:
    assert judge(replace(HEALTHY, record=CARD, drained_at=NOW)) is Verdict.DRAINED
    assert judge(replace(HEALTHY, drained_at=NOW)) is Verdict.LIVE


def test_in_a_store_without_leases_what_has_not_expired_is_kept_alive() -> None:
    file = Facts(record(registered.instance(1)), False, NOW, worker=1)
    assert judge(file) is Verdict.LIVE
    touched = replace(file, life=life(3.0, 10.0))
    assert judge(touched) is Verdict.LATE
    assert explain(touched)[0].text == "last touched 7 s ago: a keep-alive was missed"


def test_what_expired_malformed_or_disagrees_is_so_whatever_else_is_known() -> None:
    expired = record(registered.instance(1), expired_at=NOW - 60)
    assert judge(Facts(expired, False, NOW)) is Verdict.EXPIRED
    assert explain(Facts(expired, False, NOW))[0].at == NOW - 60
    malformed = record(registered.MALFORMED, lease=1)
    assert judge(replace(HEALTHY, record=malformed)) is Verdict.MALFORMED
    assert judge(replace(HEALTHY, record=CARD, disagreement="differs")) is Verdict.CONFLICT
    names_another = record((registered.instance(1)[0], registered.instance(2)[1]), lease=1)
    assert judge(replace(HEALTHY, record=names_another)) is Verdict.CONFLICT


def test_unknown_is_no_finding() -> None:
    assert {Verdict.LIVE, Verdict.UNKNOWN}.isdisjoint(FINDINGS)
    assert len(FINDINGS) == len(Verdict) - 2


@pytest.mark.parametrize("verdict", Verdict)
def test_only_what_nothing_else_removes_is_proposed_for_cleaning_up(verdict: Verdict) -> None:
    proposed = {Verdict.EXPIRED, Verdict.ORPHANED, Verdict.MALFORMED}
    assert is_stale(verdict, INSTANCE, has_leases=True) is (verdict in proposed)
    unleased = record(registered.instance(1))
    proposed.add(Verdict.UNREACHABLE)
    assert is_stale(verdict, unleased, has_leases=True) is (verdict in proposed)


def test_where_no_worker_renews_anything_only_an_answer_shows_that_it_lives() -> None:
    facts = replace(HEALTHY, record=ALONE, has_leases=False, is_kept_alive=False, life=None)
    assert judge(facts) is Verdict.UNKNOWN
    assert explain(facts)[0].text == "no worker renews it: it tells nothing of its worker"
    assert judge(replace(facts, own=(ACCEPTS,))) is Verdict.UNKNOWN
    assert judge(replace(facts, own=(reading(TRANSPORT, Answer.ANSWERS),))) is Verdict.LIVE
    # What is left of a bucket's time to live is no missed keep-alive.
    old = replace(facts, life=Life(TimeToLive(60.0, 1.0), NOW))
    assert judge(old) is Verdict.UNKNOWN
    assert explain(old)[0].text == "no worker renews it: its bucket keeps it for 1 of 60 s more"
    refused = replace(facts, own=(reading(TRANSPORT, Answer.REFUSED),))
    assert judge(refused) is Verdict.UNREACHABLE
    stale = is_stale(judge(refused), ALONE, has_leases=False, is_kept_alive=False)
    assert stale


def test_where_no_worker_renews_a_card_without_an_instance_is_not_called_orphaned() -> None:
    """Its instance may have been drained by somebody: the worker lives, and would not register the
    card again."""
    card = record(registered.card(1))
    facts = Facts(card, False, 0.0, worker=1, worker_is_there=False, is_kept_alive=False)
    assert judge(facts) is Verdict.UNKNOWN
    assert judge(replace(facts, drained_at=1.0)) is Verdict.DRAINED
    refused = Reading(Target(Method.HEALTH, "http://a:1"), Answer.REFUSED, 1.0, "refuses")
    assert judge(replace(facts, own=(refused,))) is Verdict.UNREACHABLE
