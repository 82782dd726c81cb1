"""The watchdog notices what is not taken in, and takes nothing else for that."""

from __future__ import annotations

import pytest

from backends.aio.backoff import Backoff
from tui.state.watchdog import (
    FIRST_GAP,
    LONGEST_GAP,
    SILENT_AFTER,
    UNSHOWN_AFTER,
    WELL_AFTER,
    Trouble,
    Watchdog,
    gap,
)

HOUR = 3600.0


class Watched:
    """A watchdog, and the clock by which it is asked once a second."""

    def __init__(self) -> None:
        self.now = 100.0
        self.dog = Watchdog(self.now)

    def look(self, after: float = 1.0, *, is_connected: bool = True) -> Trouble | None:
        self.now += after
        return self.dog.look(self.now, is_connected=is_connected)

    def seconds_until_trouble(self, most: int = 1000) -> int | None:
        """None: there is none in so many seconds."""
        return next((n for n in range(1, most + 1) if self.look() is not None), None)


def test_what_is_not_taken_in_is_noticed_after_five_seconds() -> None:
    watched = Watched()
    watched.look()
    watched.dog.deliver()
    # The wait begins with the first look that finds it.
    assert watched.seconds_until_trouble() == UNSHOWN_AFTER + 1
    assert watched.look() is Trouble.UNSHOWN


def test_it_is_well_again_as_soon_as_something_is_taken_in() -> None:
    watched = Watched()
    for _ in range(3):
        watched.dog.deliver()
    assert watched.seconds_until_trouble() is not None
    watched.dog.show(1)
    assert watched.look() is None
    assert watched.dog.well_at == watched.now


def test_a_large_event_that_is_taken_in_step_by_step_is_no_trouble_until_the_steps_end() -> None:
    watched = Watched()
    watched.dog.deliver()
    for _ in range(60):
        watched.dog.go_on()
        assert watched.look(is_connected=False) is None
    assert watched.seconds_until_trouble() == UNSHOWN_AFTER


def test_a_storm_that_is_taken_in_more_slowly_than_it_comes_is_no_trouble() -> None:
    watched = Watched()
    for second in range(300):
        for _ in range(1000):
            watched.dog.deliver()
        if second % 4 == 0:
            watched.dog.show(1)
        assert watched.look() is None


def test_nothing_waits_where_everything_was_taken_in_however_long_ago() -> None:
    watched = Watched()
    watched.dog.deliver()
    watched.dog.show(1)
    watched.look()
    for _ in range(int(HOUR)):
        assert watched.look(is_connected=False) is None


@pytest.mark.parametrize("gap", [10.0, HOUR, 30 * 24 * HOUR])
def test_a_process_that_was_stopped_or_a_suspended_machine_is_no_trouble(gap: float) -> None:
    watched = Watched()
    watched.dog.deliver()
    watched.look()
    assert watched.look(after=gap) is None
    watched.dog.show(1)
    assert watched.look() is None


def test_a_machine_that_looks_rarely_needs_more_than_one_look() -> None:
    watched = Watched()
    watched.dog.deliver()
    said = [watched.look(after=60.0) for _ in range(4)]
    assert said == [None, None, None, Trouble.UNSHOWN]


def test_a_clock_that_goes_back_is_no_trouble_and_hides_none() -> None:
    watched = Watched()
    watched.dog.deliver()
    watched.look()
    assert watched.look(after=-HOUR) is None
    assert watched.seconds_until_trouble() == UNSHOWN_AFTER


def test_a_connected_store_that_sends_nothing_is_noticed() -> None:
    watched = Watched()
    watched.dog.deliver()
    watched.dog.show(1)
    watched.look()
    assert watched.seconds_until_trouble() == SILENT_AFTER
    assert watched.look() is Trouble.SILENT
    watched.dog.deliver()
    assert watched.look() is None


def test_a_store_that_is_not_connected_may_be_silent_and_the_time_counts_from_then_on() -> None:
    watched = Watched()
    for _ in range(int(HOUR)):
        assert watched.look(is_connected=False) is None
    assert watched.seconds_until_trouble() == SILENT_AFTER


def test_starts_are_spaced_out_up_to_five_minutes() -> None:
    backoff = Backoff(FIRST_GAP, LONGEST_GAP)
    gaps = [gap(backoff, 0.0) for _ in range(100)]
    assert gaps[:7] == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0]
    assert set(gaps[7:]) == {LONGEST_GAP}


def test_after_a_watch_that_was_healthy_for_a_while_the_first_gap_is_short_again() -> None:
    backoff = Backoff(FIRST_GAP, LONGEST_GAP)
    for _ in range(5):
        gap(backoff, WELL_AFTER - 1)
    assert gap(backoff, WELL_AFTER - 1) > FIRST_GAP
    assert gap(backoff, WELL_AFTER) == FIRST_GAP
    assert backoff.times == 1
