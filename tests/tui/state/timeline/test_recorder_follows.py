"""A recorder that was held up did not follow the store until it has heard of it again."""

from __future__ import annotations

from backends.store import Cause, Heartbeat, Lost, Resync, StoreEvent, Unreachable
from backends.timeline import LeasesRead, StoreEvents
from tui.state.timeline.recorder_follows import LONGEST_SILENCE, RecorderFollows, is_sign_of_life

ALIVE = StoreEvents((Heartbeat(),))
READ = LeasesRead({})
HELD = LONGEST_SILENCE + 1


def of_store(event: StoreEvent) -> StoreEvents:
    return StoreEvents((event,))


def test_short_silence_is_none_and_a_long_one_lasts_until_the_store_is_heard_of() -> None:
    follows = RecorderFollows()
    follows.begin(0.0)
    assert follows.heard(ALIVE, 60.0)
    assert follows.followed_until(60.0 + LONGEST_SILENCE) == 60.0 + LONGEST_SILENCE
    assert follows.followed_until(60.0 + HELD) == 60.0
    assert not follows.heard(ALIVE, 400.0)
    assert not follows.heard(ALIVE, 500.0)
    assert follows.followed_until(501.0) == 60.0
    assert not follows.heard(READ, 502.0), "the store answers, and may not be followed"
    assert follows.heard(of_store(Resync((), "")), 503.0)
    assert follows.followed_until(504.0) == 504.0


def test_that_the_store_was_lost_is_no_word_of_it() -> None:
    follows = RecorderFollows()
    follows.begin(0.0)
    assert not follows.heard(of_store(Lost(Unreachable("etcd", Cause.LOST))), HELD)


def test_a_watch_that_was_not_begun_anew_for_so_long_goes_on() -> None:
    follows = RecorderFollows()
    follows.begin(0.0)
    assert not follows.heard(READ, HELD)
    assert not follows.heard(ALIVE, HELD + 60)
    assert follows.heard(ALIVE, HELD + 120)


def test_another_moment_begins_anew_and_without_times_nothing_is_missed() -> None:
    follows = RecorderFollows()
    assert follows.followed_until(7.0) == 7.0
    follows.begin(0.0)
    assert not follows.heard(ALIVE, HELD)
    follows.begin(500.0)
    assert follows.followed_until(501.0) == 501.0


def test_only_a_sign_of_life_is_one() -> None:
    assert is_sign_of_life(ALIVE)
    assert not is_sign_of_life(READ)
    assert not is_sign_of_life(of_store(Resync((), "")))
