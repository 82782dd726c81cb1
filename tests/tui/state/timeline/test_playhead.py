"""The playhead: how far it comes in a time, and how it says that reading is slower."""

from __future__ import annotations

import pytest

from backends.timeline import Moment
from tui.state.timeline.playhead import LOOKS, MOST_AT_ONCE, SPEEDS, Playhead, PlayMode

FIRST, LAST = Moment(1, at=1000.0), Moment(9, at=1100.0)


def playhead(speed: float = 10.0) -> Playhead:
    return Playhead(FIRST, LAST, has_times=True, speed=speed)


def test_it_stands_at_the_start_until_it_is_played() -> None:
    head = playhead()
    assert (head.position, head.time, head.mode) == (FIRST, 1000.0, PlayMode.PAUSED)
    head.play()
    assert head.is_playing


def test_time_passes_by_the_speed_and_never_beyond_the_end() -> None:
    head = playhead()
    assert head.due_time(0.25) == 1002.5
    head.come_to(Moment(8, at=1090.0), 1099.0)
    assert head.due_time(0.25) == 1100.0


def test_what_took_longer_than_a_look_is_not_leapt_over() -> None:
    head = playhead()
    assert head.due_time(3600.0) == 1000.0 + 10.0 * MOST_AT_ONCE


def test_a_speed_that_is_not_kept_is_measured() -> None:
    head = playhead()
    for _ in range(LOOKS):
        assert not head.is_slowed
        head.due_time(0.25)
    assert not head.is_slowed
    for _ in range(LOOKS):
        head.due_time(4 * MOST_AT_ONCE)
    assert head.is_slowed
    assert head.kept_speed == pytest.approx(2.5)
    head.play()
    assert not head.is_slowed


def test_at_the_end_it_stops_and_is_neither_played_nor_paused() -> None:
    head = playhead()
    head.play()
    head.come_to(LAST)
    modes = [head.mode]
    head.come_to(FIRST)
    assert [*modes, head.mode] == [PlayMode.ENDED, PlayMode.PAUSED]


def test_a_jump_to_the_end_of_a_paused_one_does_not_say_that_it_was_played() -> None:
    head = playhead()
    head.come_to(LAST)
    assert head.mode is PlayMode.PAUSED
    assert head.at_end


def test_after_the_last_change_time_passes_on_to_the_end_of_the_recording() -> None:
    head = Playhead(FIRST, LAST, has_times=True)
    head.play()
    head.come_to(LAST, 1099.0)
    assert head.is_playing


def test_the_speeds_are_gone_through_and_have_an_end_at_both_sides() -> None:
    head = playhead(SPEEDS[0])
    assert not head.change_speed(-1)
    taken = [head.speed]
    while head.change_speed(1):
        taken.append(head.speed)
    assert tuple(taken) == SPEEDS


@pytest.mark.parametrize(("steps", "speed"), [(1, 5.0), (-1, 2.0)])
def test_from_a_speed_between_two_the_next_one_is_taken(steps: int, speed: float) -> None:
    head = playhead(3.0)
    assert head.change_speed(steps)
    assert head.speed == speed


def test_without_times_the_speed_is_changes_in_a_second() -> None:
    head = Playhead(Moment(1), Moment(9), has_times=False, speed=2.0)
    assert head.time is None
    assert [head.due_changes(0.25) for _ in range(8)] == [0, 1, 0, 1, 0, 1, 0, 1]
