"""What is done at intervals is done at the same moments."""

from __future__ import annotations

import random

import pytest

from backends.aio.common_moments import until_next


@pytest.mark.parametrize("interval", [1.0, 2.0])
def test_all_who_wait_meet_at_the_next_multiple_of_their_interval(interval: float) -> None:
    chance = random.Random(0)
    for _ in range(1000):
        now = chance.uniform(0.0, 1e6)
        at = now + until_next(interval, now)
        assert at / interval == pytest.approx(round(at / interval), abs=1e-6)
        assert 0.0 < at - now <= 1.1 * interval


def test_who_was_woken_a_moment_too_early_does_not_come_twice() -> None:
    assert until_next(1.0, 41.999) == pytest.approx(1.001)
    assert until_next(1.0, 42.0) == 1.0
