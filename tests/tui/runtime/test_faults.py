"""One fault is survived, the same again within a minute is not."""

from __future__ import annotations

import pytest

from tui.runtime.faults import AGAIN_WITHIN, MOST_KEPT, Faults


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def faults(clock: Clock) -> Faults:
    return Faults(clock)


def raised(kind: type[Exception], text: str = "") -> Exception:
    try:
        raise kind(text)
    except Exception as error:
        return error


def raised_elsewhere(kind: type[Exception]) -> Exception:
    try:
        raise kind
    except Exception as error:
        return error


def test_the_first_is_survived(faults: Faults) -> None:
    assert faults.met(raised(KeyError))


def test_the_same_again_within_a_minute_is_not(faults: Faults, clock: Clock) -> None:
    faults.met(raised(KeyError, "a"))
    clock.now += AGAIN_WITHIN
    assert not faults.met(raised(KeyError, "b"))


def test_the_same_again_after_a_minute_is_survived_and_counts_anew(
    faults: Faults, clock: Clock
) -> None:
    for _ in range(5):
        assert faults.met(raised(KeyError))
        clock.now += AGAIN_WITHIN + 0.1
    clock.now -= 1
    assert not faults.met(raised(KeyError))


def test_another_type_or_another_place_is_another_fault(faults: Faults) -> None:
    assert faults.met(raised(KeyError))
    assert faults.met(raised(ValueError))
    assert faults.met(raised_elsewhere(KeyError))


def test_that_there_is_no_memory_is_never_survived(faults: Faults) -> None:
    assert not faults.met(raised(MemoryError))


def test_an_error_that_was_never_raised_is_one_too(faults: Faults) -> None:
    assert faults.met(KeyError())
    assert not faults.met(KeyError())


def test_the_newest_errors_are_kept(faults: Faults, clock: Clock) -> None:
    for number in range(MOST_KEPT + 5):
        clock.now += AGAIN_WITHIN + 1
        faults.met(raised(KeyError, str(number)))
    assert len(faults.errors) == MOST_KEPT
    assert faults.errors[-1].args == (str(MOST_KEPT + 4),)
