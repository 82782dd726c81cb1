"""Pauses between attempts double up to a limit, however long it goes on."""

from __future__ import annotations

from backends.aio.backoff import Backoff


def test_each_pause_is_twice_as_long_up_to_the_longest() -> None:
    backoff = Backoff(0.5, 3.0)
    assert [backoff.pause() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert backoff.times == 5


def test_once_all_went_well_the_first_pause_is_short_again() -> None:
    backoff = Backoff(0.5, 3.0)
    assert [backoff.pause(), backoff.pause()] == [0.5, 1.0]
    backoff.reset()
    assert (backoff.times, backoff.pause()) == (0, 0.5)


def test_a_first_pause_over_the_limit_is_the_limit() -> None:
    assert Backoff(90.0, 60.0).pause() == 60.0


def test_years_of_attempts_overflow_nothing() -> None:
    backoff = Backoff(5.0, 300.0)
    assert {backoff.pause() for _ in range(5000)} == {5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0}
