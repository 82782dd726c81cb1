"""What stands on a screen, and in which frame it came."""

from __future__ import annotations

import pytest

from bench.load import Load
from bench.screen import Frames, complete, rows_in, shows, shows_first, shows_last
from tests.support.terminal import Terminal

ROWS = [("f80a1ffb0134416", "10.0.0.0"), ("694d9b5a0c1d2e3f", "10.0.0.20")]
SCREEN = [
    " dyntop  ● connected  etcd http://127.0.0.1:2379    1,000 instances  13 models  0 channels ",
    " ▼ all namespaces 1,000 ▎ Instances 1,000  Models 13  Workers 500  Event channels 0 ",
    " ├ ▼ team-0 200         ▎ ● live   team-0/…locks  f80a1ffb0134416   10.0.0.0    aggregated ",
    " ├ ▼ team-1 200         ▎ ● live   team-0/…locks  694d9b5a0c1d2e3f  10.0.0.20   aggregated",
    "                        ▎ transport  tcp 10.0.0.0:9000/f80a1ffb0134416/team-0/backend-00/em",
]


def test_rows_are_read_and_the_detail_is_none_of_them() -> None:
    assert rows_in(SCREEN) == ROWS


def test_the_first_and_the_last_rows_are_as_many_as_there_is_room_for() -> None:
    other = ("1", "10.0.0.1")

    assert shows_first([*ROWS, other])(SCREEN)
    assert not shows_first([other, *ROWS])(SCREEN)
    assert shows_last([other, *ROWS])(SCREEN)
    assert not shows_last([*ROWS, other])(SCREEN)


def test_a_screen_without_rows_shows_none_of_them() -> None:
    assert not shows_first(ROWS)([])
    assert not shows_last(ROWS)([])


@pytest.mark.parametrize(("size", "expected"), [(1_000, True), (100, False), (10_000, False)])
def test_a_screen_is_complete_with_all_counts_of_its_load(size: int, expected: bool) -> None:
    assert complete(Load(size))(SCREEN) is expected


def test_a_screen_is_not_complete_while_a_tab_still_has_another_count() -> None:
    assert not complete(Load(1_000))([line.replace("Models 13", "Models 12") for line in SCREEN])


def test_every_frame_is_told_of_also_where_many_are_read_at_once() -> None:
    begin, end = "\\033[?2026h", "\\033[?2026l"
    script = f"printf '{begin}one{end}{begin}\\rtwo{end}'"
    seen: list[str] = []
    with Terminal(["sh", "-c", script], columns=10) as terminal:
        assert terminal.wait_for_end() == 0
        Frames(terminal).each(lambda _, lines: seen.append(lines[0].rstrip()))

    assert seen == ["one", "two"]


def test_a_text_that_never_comes_is_told_with_the_last_screen() -> None:
    with Terminal(["sh", "-c", "printf hello"], columns=10) as terminal:
        terminal.wait_for_end()
        with pytest.raises(AssertionError, match=r"more: it ended before.*\nhello"):
            Frames(terminal).when(shows("more"), "more")
