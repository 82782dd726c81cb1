"""Events that have one cause are one; no others are taken together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.discovery.causes import STARTING, STOPPING, CauseKind, Causes
from backends.discovery.cluster import Cluster
from backends.discovery.discovery import Added, Removed, Resynced, WatchEvent
from backends.discovery.history import KEPT, Event, EventType, History
from backends.discovery.reasons import Reason, ReasonKind
from backends.dynamo.records import AnyRecord
from backends.store import Cause, Lifetime, Lost, Unreachable
from tests.support import events, registered
from tests.support.registered import card, channel, instance, record, source

START = Resynced((), (), "")
LOST = Lost(Unreachable("etcd:2379", Cause.REFUSED))
UNREGISTERED = Reason(ReasonKind.THIS_DYNTOP)
STOPPED = Reason(ReasonKind.STOPPED, left=22.0, granted=30.0)
DRAINED = Reason(ReasonKind.THIS_DYNTOP, act="a1", act_kind="drain")


class Following:
    """A history of what is registered, and its causes."""

    def __init__(self, lifetime: Lifetime = Lifetime.LEASED, kept: int = KEPT) -> None:
        self.cluster = Cluster()
        self.history = History(kept)
        self.causes = Causes(lifetime, kept)
        self.now = 0.0
        self.tell(START)

    def tell(self, *told: WatchEvent, after: float = 0.0) -> list[Event]:
        """Pass on what a watch tells, `after` seconds after the last; returns the new events."""
        self.now += after
        noted: list[Event] = []
        for one in told:
            noted += self.history.apply(
                one, self.now, is_first=lambda record: not self.cluster.count_of(record)
            )
            if isinstance(one, Added | Removed | Resynced):
                self.cluster.apply(one, self.now)
        return noted

    def come(self, *records: AnyRecord, after: float = 0.0) -> list[Event]:
        return self.tell(*map(Added, records), after=after)

    def go(self, *records: AnyRecord, after: float = 0.0, why: Reason | None = None) -> list[Event]:
        gone = self.tell(*map(Removed, records), after=after)
        because(gone, why)
        return gone

    def found(self) -> list[tuple[str, int]]:
        """Of each cause its kind and how many events it has, without the start; newest first."""
        self.causes.follow(self.history)
        return [(one.kind.value, len(one.events)) for one in self.causes.newest_first()][:-1]


def because(gone: Iterable[Event], why: Reason | None) -> None:
    for event in gone:
        event.why = why


def worker(lease: int = 1) -> list[AnyRecord]:
    """All that one worker registers: instance, card, channel and source."""
    made = (instance(lease), card(lease), channel(lease + 100), source(lease + 100, lease))
    return [record(one, lease=lease) for one in made]


def test_the_keys_of_a_starting_worker_are_one_cause_though_they_come_one_by_one() -> None:
    following = Following()
    for one in worker():
        following.come(one, after=1.5)
        assert following.found()[0][0] == "started"
    following.come(*worker(2))
    assert following.found() == [("started", 4), ("started", 4)]
    (newest, first, _) = following.causes.newest_first()
    assert (newest.worker, first.worker) == (2, 1)
    assert (first.at, first.until) == (1.5, 6.0)


def test_a_cause_that_is_no_longer_kept_is_still_what_it_was() -> None:
    following = Following(kept=4)
    following.come(record(instance(1), lease=1))
    following.causes.follow(following.history)
    cause = next(following.causes.newest_first())
    following.come(*worker(2))
    following.causes.follow(following.history)
    assert following.causes.of(cause.number) is None
    # A row that is not made anew yet.
    assert (cause.kind.value, cause.number, cause.worker) == ("started", 2, 1)


def test_what_a_worker_registers_later_is_alone() -> None:
    following = Following()
    following.come(*worker())
    following.come(record(instance(1, endpoint="more"), lease=1), after=STARTING + 1)
    following.come(record(instance(1, endpoint="again"), lease=1))
    assert following.found() == [("added", 1), ("added", 1), ("started", 4)]


def test_a_process_that_registers_no_instance_or_card_did_not_start_as_a_worker() -> None:
    following = Following()
    following.come(record(channel(7, "active_sequences_events"), lease=9))
    assert following.found() == [("added", 1)]


def test_each_adapter_is_loaded_and_unloaded_by_itself() -> None:
    following = Following()
    following.come(*worker())
    loras = [record(card(1, lora=name), lease=1) for name in ("a", "b")]
    following.come(*loras)
    following.go(*loras, why=Reason(ReasonKind.LORA_UNLOADED))
    following.come(loras[0])
    assert following.found() == [
        ("loaded", 1),
        ("removed", 1),
        ("removed", 1),
        ("loaded", 1),
        ("loaded", 1),
        ("started", 4),
    ]


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (ReasonKind.STOPPED, "stopped"),
        (ReasonKind.RAN_OUT, "expired"),
        (ReasonKind.REVOKED, "ended"),
        (ReasonKind.LEASE_ENDED, "ended"),
        (ReasonKind.ALL_REMOVED, "stopped"),
        (ReasonKind.POD_ENDED, "ended"),
        (ReasonKind.SHUT_DOWN, "ended"),
        (ReasonKind.DELETED, "removed"),
    ],
)
def test_the_end_of_a_worker_is_one_cause_with_its_adapters(kind: ReasonKind, word: str) -> None:
    following = Following()
    everything = [*worker(), record(card(1, lora="a"), lease=1)]
    following.come(*everything)
    first = following.go(everything[0])
    rest = following.go(*everything[1:], after=1.0)
    # Until the reason is found.
    assert following.found()[0] == ("removed", 5)
    because([*first, *rest], Reason(kind))
    assert following.found()[0] == (word, 5)
    cause = following.causes.of(rest[-1].number)
    assert cause is not None
    assert cause.number == first[0].number


def test_reasons_that_differ_are_two_causes_and_one_event_keeps_its_number() -> None:
    following = Following()
    everything = worker()
    following.come(*everything)
    drained, *ended = following.go(*everything)
    assert following.found()[0] == ("removed", 4)
    drained.why = DRAINED
    because(ended, STOPPED)
    assert following.found()[:2] == [("stopped", 3), ("drained", 1)]
    first = following.causes.of(drained.number)
    assert first is not None
    assert first.number == drained.number


def test_removals_of_one_worker_far_apart_and_two_acts_are_two_causes() -> None:
    following = Following()
    everything = worker()
    following.come(*everything)
    why = Reason(ReasonKind.DELETED)
    following.go(everything[0], why=why)
    following.go(everything[1], why=why, after=STOPPING + 1)
    following.go(everything[2], why=DRAINED)
    following.go(everything[3], why=Reason(ReasonKind.ANOTHER_DYNTOP, act="a2", act_kind="drain"))
    kinds = ["drained", "drained", "removed", "removed"]
    assert [kind for kind, _ in following.found()[:4]] == kinds


def test_keys_that_come_back_are_no_start() -> None:
    following = Following()
    everything = [*worker(), record(card(1, lora="a"), lease=1)]
    following.come(*everything)
    gone = following.go(*everything, why=UNREGISTERED)
    back = following.come(*everything, after=1.0)
    assert following.found()[0] == ("back", 5)
    assert back[0].went_before is gone[0]
    # As another process.
    following.go(*everything, after=60.0, why=STOPPED)
    following.come(record(instance(1), lease=2))
    assert following.found()[0] == ("started", 1)


def test_coming_ends_going_and_the_other_way_round() -> None:
    following = Following()
    everything = worker()
    following.come(*everything)
    for _ in range(2):
        following.go(everything[0], why=UNREGISTERED)
        following.come(everything[0])
    kinds = [("back", 1), ("removed", 1), ("back", 1), ("removed", 1), ("started", 4)]
    assert following.found() == kinds


def test_what_is_known_of_no_process_is_alone() -> None:
    following = Following()
    by_hand = [record(instance(1)), record(card(1)), record(channel(1))]
    following.come(*by_hand)
    following.go(*by_hand, why=Reason(ReasonKind.NO_LEASE))
    assert [number for _, number in following.found()] == [1] * 6
    # Where there are no leases, instances and cards name their worker, and a channel does not.
    files = Following(Lifetime.TOUCHED)
    files.come(*by_hand)
    files.go(*by_hand, why=Reason(ReasonKind.ALL_REMOVED))
    assert [number for _, number in files.found()] == [1, 2, 1, 2]


def test_files_of_one_worker_that_expire_are_one_cause_and_revived_one() -> None:
    following = Following(Lifetime.TOUCHED)
    files = [record(instance(1)), record(card(1))]
    expired = [record(instance(1), expired_at=5.0), record(card(1), expired_at=6.0)]
    following.come(*files)
    for number, (before, now) in enumerate(zip(files, expired, strict=True)):
        following.tell(Added(now, before), after=float(number))
    for before, now in zip(expired, files, strict=True):
        following.tell(Added(now, before))
    assert following.found() == [("revived", 2), ("expired", 2), ("started", 2)]


def test_keys_that_move_to_another_lease_are_one_cause_and_other_changes_are_alone() -> None:
    following = Following()
    before, now = worker(), [record(one, lease=5, revision="2") for one in (instance(1), card(1))]
    following.come(*before)
    following.tell(*(Added(new, old) for new, old in zip(now, before, strict=False)))
    other = [record(instance(1, address=f"10.0.0.9:{port}"), lease=5) for port in (1, 2)]
    following.tell(Added(other[0], now[0]), Added(other[1], other[0]))
    assert following.found() == [("changed", 1), ("changed", 1), ("changed", 2), ("started", 4)]


def test_attempts_to_reach_a_lost_store_are_one_cause_until_it_is_read_again() -> None:
    following = Following()
    for _ in range(3):
        following.tell(LOST, after=100.0)
    following.tell(START)
    following.tell(LOST)
    assert following.found() == [("lost", 1), ("resynced", 1), ("lost", 3)]


def test_workers_that_came_and_went_in_a_gap_are_causes_of_their_own() -> None:
    following = Following()
    following.come(*worker(1))
    gap = Resynced(tuple(map(Removed, worker(1))), tuple(map(Added, [*worker(2), *worker(3)])), "7")
    because(following.tell(gap)[:4], Reason(ReasonKind.LEASE_ENDED, after_gap=True))
    assert following.found() == [
        ("resynced", 1),
        ("started", 4),
        ("started", 4),
        ("ended", 4),
        ("started", 4),
    ]


def test_the_past_stays_as_it_was_for_a_view_that_stands_still() -> None:
    following = Following()
    first, *rest = worker()
    following.come(first)
    until = following.history.last
    following.come(*rest)
    following.causes.follow(following.history)
    then = [len(one.events) for one in following.causes.newest_first(until)]
    assert then == [1, 1]


def test_a_record_of_the_cause_is_as_it_was_last() -> None:
    following = Following()
    following.come(*worker())
    following.causes.follow(following.history)
    newest = next(following.causes.newest_first())
    assert newest.records == worker()
    assert (newest.kind, newest.why) == (CauseKind.STARTED, None)


_reasons = st.sampled_from(
    [
        None,
        STOPPED,
        Reason(ReasonKind.REVOKED),
        Reason(ReasonKind.DELETED),
        Reason(ReasonKind.LORA_UNLOADED),
        UNREGISTERED,
        DRAINED,
    ]
)
_steps = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0, 6.0, 20.0]), st.integers(0, 9), _reasons, st.booleans()),
    max_size=40,
)


def _grouped(causes: Causes) -> list[list[int]]:
    return [[one.number for one in cause.events] for cause in causes.newest_first()]


def _follow(
    following: Following, told: Sequence[WatchEvent], steps: list[tuple[float, int, Reason, bool]]
) -> None:
    """Pass events on; set a reason after some of them, and look at the causes after some."""
    for one, (after, which, why, looks) in zip(told, steps, strict=False):
        following.tell(one, after=after)
        if looks:
            following.causes.follow(following.history)
        gone = [one for one in following.history if one.type is EventType.REMOVED]
        if gone:
            gone[which % len(gone)].why = why


@given(events.events, _steps, st.sampled_from(Lifetime))
def test_the_causes_are_the_same_whenever_they_were_looked_at(
    told: list[WatchEvent], steps: list[tuple[float, int, Reason, bool]], lifetime: Lifetime
) -> None:
    following = Following(lifetime)
    _follow(following, told, steps)
    at_once = Causes(lifetime)
    for causes in (following.causes, at_once):
        causes.follow(following.history)
    assert _grouped(following.causes) == _grouped(at_once)


@given(events.events, _steps, st.integers(1, 6))
def test_every_event_is_in_one_cause_of_one_process_and_no_more_are_held(
    told: list[WatchEvent], steps: list[tuple[float, int, Reason, bool]], kept: int
) -> None:
    following = Following(kept=kept)
    _follow(following, told, steps)
    causes = following.causes
    causes.follow(following.history)
    found = list(causes.newest_first())
    numbers = sorted(one.number for cause in found for one in cause.events)
    assert numbers == [one.number for one in following.history]
    assert [cause.number for cause in found] == sorted((one.number for one in found), reverse=True)
    assert len(causes) == len(found)
    for cause in found:
        assert causes.of(cause.events[-1].number) is cause
        assert len({one.type for one in cause.events}) == 1
        if len(cause.events) > 1:
            assert len({one.lease for one in cause.records}) == 1
            whys = {one.why.kind for one in cause.events if one.why is not None}
            assert len(whys) <= 1 or whys == {ReasonKind.STOPPED, ReasonKind.REVOKED}


def test_an_unknown_key_is_alone() -> None:
    following = Following()
    following.come(record(registered.UNKNOWN))
    assert following.found() == [("added", 1)]
