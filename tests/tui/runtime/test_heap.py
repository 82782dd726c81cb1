"""Memory is given back once a storm is over, and not in it."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

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


HEAPS = """
import ctypes, threading
from tui.runtime.heap import keep_one_heap

{first}
c = ctypes.CDLL(None)
started = threading.Barrier(5)

def work():
    started.wait()
    kept.append([c.malloc(100_000) for _ in range(10)])
    started.wait()

kept = []
threads = [threading.Thread(target=work) for _ in range(4)]
for one in threads:
    one.start()
started.wait()
c.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(c.fopen({path!r}, b"w"))
c.malloc_info(0, file)
c.fclose(file)
started.wait()
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="this is not glibc")
def test_threads_have_no_heaps_of_their_own(tmp_path: Path) -> None:
    def heaps(first: str) -> int:
        path = tmp_path / "heaps"
        code = HEAPS.format(first=first, path=bytes(path))
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
        return path.read_text().count("<heap nr=")

    assert heaps("") > 1
    assert heaps("keep_one_heap()") == 1
