"""What came while nobody looked is new until it is seen."""

from __future__ import annotations

from backends.discovery.causes import EventCause
from backends.discovery.history import Event, EventType
from tui.state.causes.unseen_causes import MOST_PERIODS, UNATTENDED, UnseenCauses

LOST = EventType.LOST


def new(unseen: UnseenCauses, last: int) -> list[int]:
    """The numbers, of all events, of those that are new."""
    found = [number for number in range(1, last + 1) if unseen.is_new(number)]
    newest_first = [EventCause([Event(n, 0.0, LOST, None)]) for n in range(last, 0, -1)]
    assert unseen.count(newest_first) == len(found)
    return found


def test_what_comes_while_the_terminal_has_no_focus_is_new_until_it_was_seen() -> None:
    unseen = UnseenCauses(0.0)
    unseen.look(1.0, 2)
    assert new(unseen, 4) == []
    unseen.leave(4)
    unseen.leave(5)
    assert (unseen.is_away, new(unseen, 6)) == (True, [5, 6])
    unseen.look(2.0, 6)
    # What comes now is looked at; what came before stays marked.
    assert (unseen.is_away, new(unseen, 8)) == (False, [5, 6])
    unseen.leave(8)
    unseen.look(3.0, 9)
    assert new(unseen, 9) == [5, 6, 9]
    assert unseen.seen()
    assert new(unseen, 9) == []
    assert not unseen.seen()


def test_without_a_key_for_long_all_since_the_last_one_is_new() -> None:
    unseen = UnseenCauses(0.0)
    unseen.look(10.0, 3)
    assert not unseen.tick(10.0 + UNATTENDED - 1)
    assert new(unseen, 5) == []
    assert unseen.tick(10.0 + UNATTENDED)
    assert not unseen.tick(10.0 + UNATTENDED + 1)
    assert new(unseen, 5) == [4, 5]
    unseen.look(1000.0, 6)
    assert new(unseen, 7) == [4, 5, 6]


def test_what_was_there_at_the_start_is_not_new() -> None:
    unseen = UnseenCauses(0.0)
    unseen.start(1)
    assert unseen.tick(UNATTENDED)
    assert new(unseen, 2) == [2]
    away = UnseenCauses(0.0)
    away.leave(0)
    away.start(1)
    assert new(away, 2) == [2]


def test_a_key_goes_on_counting_where_the_focus_is_not_reported() -> None:
    unseen = UnseenCauses(0.0)
    for at in range(0, 1000, 100):
        unseen.look(float(at), 1)
        assert not unseen.tick(at + 99.0)
    assert not unseen.has_any


def test_no_more_is_remembered_than_can_be_of_use() -> None:
    unseen = UnseenCauses(0.0)
    for number in range(3 * MOST_PERIODS):
        unseen.leave(number)
        unseen.look(float(number), number + 1)
    assert len(new(unseen, 3 * MOST_PERIODS)) == MOST_PERIODS
