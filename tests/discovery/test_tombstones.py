"""Tombstones tell for a while what went, and how often things restart."""

from __future__ import annotations

from itertools import count

from backends.discovery.history import Event, EventType
from backends.discovery.reasons import Reason, ReasonKind
from backends.discovery.tombstones import KEPT, KEPT_SECONDS, Tombstones
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord
from tests.support import registered
from tests.support.registered import record

NOW = 1000.0
FIRST = record(registered.instance(1, address="10.0.0.1:9000"), lease=1)
SECOND = record(registered.instance(2, address="10.0.0.1:9001"), lease=2)
ELSEWHERE = record(registered.instance(3, address="10.0.0.3:9000"), lease=3)
INSTANCES = frozenset({Kind.ENDPOINT})

_numbers = count(1)


def went(one: AnyRecord, at: float = NOW, why: Reason | None = None) -> Event:
    return Event(next(_numbers), at, EventType.REMOVED, one, why)


def came(one: AnyRecord, at: float = NOW) -> Event:
    return Event(next(_numbers), at, EventType.ADDED, one)


def test_what_went_has_a_stone_with_when_and_why_also_where_that_is_learnt_later() -> None:
    stones = Tombstones()
    going = went(FIRST)
    assert stones.note([going]) == {FIRST.key}
    stone = stones.get(FIRST.key)
    assert stone is not None
    assert (stone.record, stone.at) == (FIRST, NOW)
    going.why = Reason(ReasonKind.LEASE_ENDED)
    assert stone.event.why == Reason(ReasonKind.LEASE_ENDED)


def test_what_comes_back_under_its_key_has_none_any_more() -> None:
    stones = Tombstones()
    stones.note([went(FIRST)])
    assert stones.note([came(FIRST)]) == {FIRST.key}
    assert stones.get(FIRST.key) is None
    assert stones.of(INSTANCES) == []


def test_stones_go_when_they_are_old() -> None:
    stones = Tombstones()
    stones.note([went(FIRST), went(ELSEWHERE, NOW + 5)])
    assert stones.prune(NOW + KEPT_SECONDS - 1) == set()
    assert stones.prune(NOW + KEPT_SECONDS) == {FIRST.key}
    assert [stone.record for stone in stones.of(INSTANCES)] == [ELSEWHERE]


def test_there_are_never_more_than_a_bounded_number_and_the_oldest_go_first() -> None:
    stones = Tombstones()
    records = [record(registered.instance(number)) for number in range(KEPT + 5)]
    stones.note([went(one) for one in records])
    assert len(stones) == KEPT
    assert stones.get(records[4].key) is None
    assert stones.get(records[5].key) is not None


def test_restarts_are_kept_of_no_more_than_what_is_there_and_what_has_a_stone() -> None:
    stones = Tombstones()
    for number in range(KEPT + 5):
        one = record(registered.instance(2 * number, address=f"10.0.{number}.1:9000"))
        other = record(registered.instance(2 * number + 1, address=f"10.0.{number}.1:9001"))
        stones.note([went(one), came(other), went(other)])
    assert len(stones._restarts) <= KEPT
    assert stones.restarts(other, NOW) == 1


def test_they_are_found_by_kind_and_place() -> None:
    stones = Tombstones()
    card = record(registered.card(1))
    stones.note([went(FIRST), went(card)])
    assert [stone.record for stone in stones.of(INSTANCES, ("prod", "backend"))] == [FIRST]
    assert stones.of(INSTANCES, ("prod", "other")) == []
    assert [stone.record for stone in stones.of({Kind.MODEL})] == [card]


def test_an_instance_that_comes_where_one_went_replaces_it_and_counts_as_a_restart() -> None:
    stones = Tombstones()
    stones.note([went(FIRST)])
    assert stones.note([came(SECOND, NOW + 9)]) == {FIRST.key, SECOND.key}
    stone = stones.get(FIRST.key)
    assert stone is not None
    assert stone.replaced_by == SECOND
    assert stones.restarts(SECOND, NOW + 9) == 1
    assert stones.restarts(ELSEWHERE, NOW + 9) == 0


def test_restarts_add_up_and_are_forgotten_after_a_while() -> None:
    stones = Tombstones()
    for number in range(3):
        one = record(registered.instance(number, address=f"10.0.0.1:{number + 1}"))
        other = record(registered.instance(number + 1, address=f"10.0.0.1:{number + 2}"))
        stones.note([went(one, NOW + number), came(other, NOW + number)])
    last = record(registered.instance(3, address="10.0.0.1:4"))
    assert stones.restarts(last, NOW + 2) == 3
    assert stones.restarts(last, NOW + KEPT_SECONDS + 1) == 1
    stones.prune(NOW + KEPT_SECONDS + 2)
    assert stones.restarts(last, NOW + KEPT_SECONDS + 2) == 0


def test_one_that_joins_without_another_having_gone_is_no_restart() -> None:
    stones = Tombstones()
    stones.note([came(FIRST), went(ELSEWHERE), came(SECOND)])
    assert stones.restarts(SECOND, NOW) == 0


def test_each_going_is_replaced_once() -> None:
    stones = Tombstones()
    third = record(registered.instance(9, address="10.0.0.1:9009"))
    stones.note([went(FIRST), came(SECOND), came(third)])
    assert [stones.restarts(one, NOW) for one in (SECOND, third)] == [1, 0]


def test_what_this_dyntop_took_away_and_put_back_did_not_restart() -> None:
    stones = Tombstones()
    stones.note([went(FIRST, why=Reason(ReasonKind.THIS_DYNTOP)), came(FIRST)])
    assert stones.restarts(FIRST, NOW) == 0
    assert len(stones) == 0


def test_a_key_that_comes_back_is_the_same_process_whoever_took_it_away() -> None:
    stones = Tombstones()
    for _ in range(3):
        stones.note([went(FIRST, why=Reason(ReasonKind.DELETED, left=20.0)), came(FIRST)])
    assert stones.restarts(FIRST, NOW) == 0
    assert len(stones) == 0


def test_restarts_are_of_one_process_and_not_of_all_on_its_host() -> None:
    stones = Tombstones()
    never = [
        record(registered.instance(100 + one, address=f"10.0.0.1:{8000 + one}")) for one in range(3)
    ]
    stones.note([came(one) for one in never])
    for number in range(3):
        one = record(registered.instance(number, address=f"10.0.0.1:{number + 1}"))
        other = record(registered.instance(number + 1, address=f"10.0.0.1:{number + 2}"))
        stones.note([went(one), came(other)])
    assert stones.restarts(other, NOW) == 3
    assert [stones.restarts(one, NOW) for one in never] == [0, 0, 0]


def test_of_several_that_went_the_one_on_the_same_port_is_replaced() -> None:
    stones = Tombstones()
    same_port = record(registered.instance(7, address="10.0.0.1:9001"))
    stones.note([went(FIRST), went(same_port), came(SECOND)])
    replaced = stones.get(same_port.key)
    first = stones.get(FIRST.key)
    assert replaced is not None
    assert first is not None
    assert (first.replaced_by, replaced.replaced_by) == (None, SECOND)


def test_a_new_worker_beside_a_drained_one_is_no_restart_of_it() -> None:
    for why in (Reason(ReasonKind.THIS_DYNTOP), Reason(ReasonKind.DELETED, left=20.0)):
        stones = Tombstones()
        stones.note([went(FIRST, why=why), came(SECOND)])
        assert stones.restarts(SECOND, NOW) == 0
