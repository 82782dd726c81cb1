"""Memory is given back once a storm is over, and not in it."""

from __future__ import annotations

from tui.runtime.heap import CALM, STORM, Heap, give_back


class Given:
    """Counts."""

    def __init__(self) -> None:
        self.times = 0
        self.heap = Heap(self._give_back)

    def second(self, events: int) -> int:
        """One in which so many events came; how often memory was given back by then."""
        self.heap.took_in(events)
        self.heap.tick()
        return self.times

    def _give_back(self) -> None:
        self.times += 1


def test_it_is_given_back_once_after_a_storm() -> None:
    given = Given()
    assert [given.second(events) for events in (STORM, STORM, CALM, 0, 0)] == [0, 0, 1, 1, 1]


def test_many_small_batches_are_a_storm_too() -> None:
    given = Given()
    assert given.second(CALM) == 0
    for _ in range(STORM):
        given.heap.took_in(1)
    assert [given.second(0), given.second(0)] == [0, 1]


def test_single_events_are_no_storm_until_they_are_many() -> None:
    given = Given()
    assert [given.second(CALM) for _ in range(STORM // CALM - 1)][-1] == 0
    assert given.second(CALM) == 1


def test_the_c_library_is_asked_where_it_can_be() -> None:
    give_back()
