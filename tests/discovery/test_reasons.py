"""Why records went is derived from the lease and the order in which its keys went."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.discovery.lease_ttl import LeaseTtl
from backends.discovery.reasons import (
    ObservedRemoval,
    Reason,
    ReasonKind,
    why_file_went,
    why_lease_ended,
    why_lease_lives,
)
from backends.dynamo.records import AnyRecord
from backends.store import TimeToLive
from tests.support import registered
from tests.support.registered import record
from tui.text.reasons import AFTER_GAP, reason_text

NOW = 1000.0
LEASE = 0xA7
GONE = TimeToLive(None, -1.0)
LIVES = TimeToLive(30.0, 22.0)
INSTANCE = record(registered.instance(1), lease=LEASE)
CARD = record(registered.card(1), lease=LEASE)
LORA = record(registered.card(1, lora="acme/sql"), lease=LEASE)
CHANNEL = record(registered.channel(9), lease=LEASE)


def read(remaining: float, ago: float, granted: float = 30.0, reset: bool = False) -> LeaseTtl:
    """The last reading of a lease, so many seconds before it went."""
    reset_ago = 1.0 if reset else None
    return LeaseTtl(TimeToLive(granted, remaining, reset_ago=reset_ago), NOW - ago)


def went(
    one: AnyRecord,
    revision: int = 0,
    reading: LeaseTtl | None = None,
    *,
    after_gap: bool = False,
    since: float = 0.0,
) -> ObservedRemoval:
    return ObservedRemoval(
        one, NOW, NOW - since, after_gap=after_gap, revision=str(revision), reading=reading
    )


def text(goings: list[ObservedRemoval], now: TimeToLive = GONE) -> list[str]:
    return [reason_text(one) for one in why_lease_ended(goings, now, NOW)]


def test_instances_one_by_one_and_then_the_lease_is_a_stop_in_order() -> None:
    reading = read(25, ago=3)
    goings = [went(INSTANCE, 11, reading), went(CARD, 13, reading), went(CHANNEL, 13, reading)]
    assert text(goings) == ["stopped in order: lease revoked with 22 of 30 s left"] * 3


def test_all_in_one_revision_is_a_lease_revoked_whole() -> None:
    reading = read(25, ago=3)
    goings = [went(INSTANCE, 13, reading), went(CARD, 13, reading)]
    revoked = "lease revoked with 22 of 30 s left: its process ended, or it was revoked by hand"
    assert text(goings) == [revoked] * 2


def test_a_single_key_shows_no_order() -> None:
    (reason,) = why_lease_ended([went(INSTANCE, 13, read(25, ago=3))], GONE, NOW)
    assert reason.kind is ReasonKind.REVOKED


@pytest.mark.parametrize("left", [-0.9, 0.0, 0.9, -3.0])
def test_a_lease_whose_renewal_was_overdue_and_that_is_over_ran_out(left: float) -> None:
    # A worker that was killed: read at 2 of 30 s, and every two seconds before.
    reading = read(2, ago=2 - left)
    goings = [went(INSTANCE, 13, reading), went(CARD, 13, reading)]
    assert text(goings) == ["lease ran out: not renewed for 30 s"] * 2


def test_a_lease_that_may_have_been_renewed_since_is_said_to_have_ended_and_no_more() -> None:
    unknown = ["lease ended: it ran out, or its process shut down"]
    # Read just after a renewal, and not again for as long as it had: among 10,000 leases.
    assert text([went(INSTANCE, 13, read(29, ago=29))]) == unknown
    # Read long ago.
    assert text([went(INSTANCE, 13, read(12, ago=60))]) == unknown
    # Never read.
    assert text([went(INSTANCE, 13)]) == unknown


def test_where_a_renewal_was_due_since_it_is_at_least_what_it_would_have_had() -> None:
    (reason,) = text([went(INSTANCE, 13, read(29, ago=20))])
    assert reason.startswith("lease revoked with at least 9 of 30 s left")
    # One that was overdue was not renewed: a stopped worker that shut itself down.
    (reason,) = text([went(INSTANCE, 13, read(12, ago=3))])
    assert reason.startswith("lease revoked with 9 of 30 s left")


def test_a_new_leader_gives_full_time_so_what_was_read_before_proves_no_end() -> None:
    since = TimeToLive(None, -1.0, reset_ago=20.0)
    assert text([went(INSTANCE, 13, read(3, ago=30))], since) == [
        "lease ended: it ran out, or its process shut down"
    ]
    # Read after it, and overdue: what ran out is the time that the leader gave.
    assert text([went(INSTANCE, 13, read(1, ago=1, reset=True))], since) == [
        "lease ran out: not renewed for 30 s, since etcd restarted or has a new leader"
    ]


def test_what_went_unseen_did_not_run_out_for_sure() -> None:
    (reason,) = why_lease_ended([went(INSTANCE, 0, read(2, ago=2), after_gap=True)], GONE, NOW)
    assert reason.kind is ReasonKind.LEASE_ENDED
    assert reason_text(reason).startswith(AFTER_GAP)
    # Nor after a silence.
    (reason,) = why_lease_ended([went(INSTANCE, 13, read(2, ago=2), since=9.0)], GONE, NOW)
    assert reason.kind is ReasonKind.LEASE_ENDED


def lives(one: AnyRecord, *rest: AnyRecord, is_worker: bool = True, gone: bool = False) -> Reason:
    return why_lease_lives(went(one, 13), LIVES, rest, is_worker=is_worker, model_gone=gone)


def test_an_adapters_card_that_goes_while_its_worker_serves_was_unloaded() -> None:
    reason = lives(LORA, INSTANCE, CARD)
    assert reason.kind is ReasonKind.LORA_UNLOADED
    assert "worker is alive" in reason_text(reason)
    # Where the instances are gone, it is a step of something else.
    assert lives(LORA, CARD).kind is ReasonKind.DELETED


def test_a_channel_of_a_process_that_is_no_worker_was_dropped() -> None:
    reason = lives(CHANNEL, is_worker=False, gone=True)
    assert reason_text(reason) == (
        "dropped by its frontend or router, whose lease is alive: no model is left at its endpoint"
    )
    assert lives(CHANNEL, INSTANCE).kind is ReasonKind.DELETED


def test_an_instance_whose_lease_lives_was_drained_or_is_a_first_step() -> None:
    assert reason_text(lives(INSTANCE, CARD)) == (
        "drained or deleted, or its worker is stopping: its lease was alive with 22 of 30 s left"
    )


def test_a_file_that_had_expired_was_swept() -> None:
    expired = record(registered.instance(1), expired_at=NOW - 12)
    assert reason_text(why_file_went(replace(went(expired), overdue=12.0), ())) == (
        "swept by another process, 12s after it had expired"
    )
    # So far ago that it is not known how long.
    assert reason_text(why_file_went(went(expired, after_gap=True), ())) == (
        f"{AFTER_GAP}swept by another process after it had expired"
    )
    # Before dyntop saw that it had: the one who sweeps looks at its own time.
    file = record(registered.instance(1))
    just_now = why_file_went(replace(went(file), overdue=-0.4), ())
    assert reason_text(just_now) == "swept by another process as it expired"
    assert why_file_went(replace(went(file), overdue=-7.0), ()).kind is ReasonKind.ALL_REMOVED


def test_a_file_tells_by_what_else_its_worker_has() -> None:
    file, other = record(registered.instance(1)), record(registered.card(1))
    expired = record(registered.card(1), expired_at=NOW)
    assert why_file_went(went(file), (other,)).kind is ReasonKind.DELETED_ALONE
    assert why_file_went(went(file), (expired,)).kind is ReasonKind.REMOVED
    assert why_file_went(went(file), ()).kind is ReasonKind.ALL_REMOVED


def test_a_removal_by_hand_is_named_only_where_it_cannot_be_ruled_out() -> None:
    named = {kind for kind in ReasonKind if "by hand" in reason_text(Reason(kind))}
    in_kubernetes = {
        ReasonKind.OBJECT_DELETED,
        ReasonKind.SHUT_DOWN,
        ReasonKind.ENTRY_REMOVED,
        ReasonKind.TAKEN_OUT,
    }
    elsewhere = {ReasonKind.REMOVED, ReasonKind.REVOKED, ReasonKind.NOT_KEPT_ALIVE}
    assert named == elsewhere | in_kubernetes
    assert all(reason_text(Reason(kind)) for kind in ReasonKind if kind is not ReasonKind.LOST)
