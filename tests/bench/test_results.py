"""What figures come to, and how they are told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench import report
from bench.figures.growth import growth
from bench.marks import mark, marks_in
from bench.results import Line, Peer, Target, Unit, percentile

ROOT = Path(__file__).parents[2]
MACHINE = {"date": "2026-11-21", "cores": "2"}


def line(*runs: float, target: Target | None = None, **peers: tuple[float, ...]) -> Line:
    others = tuple(Peer(name, values) for name, values in peers.items())
    return Line("list", "list all", 10_000, Unit.SECONDS, runs, others, target)


def first_paint(size: int, seconds: float) -> Line:
    return Line("first-paint", "first paint", size, Unit.CPU_SECONDS, (seconds,))


@pytest.mark.parametrize(("percent", "expected"), [(50, 2), (95, 4), (99, 4), (0, 1), (100, 4)])
def test_a_percentile_is_one_of_the_values(percent: float, expected: float) -> None:
    assert percentile([4, 1, 3, 2], percent) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_a_target_is_for_the_median() -> None:
    assert line(1.0, 2.0, 9.0, target=Target(2.0)).within() is True
    assert line(1.0, 2.1, 9.0, target=Target(2.0)).within() is False


def test_a_target_may_be_a_multiple_of_what_peers_took_together() -> None:
    target = Target(2.5, ("app", "get"))

    assert line(10.0, target=target, app=(3.0,), get=(0.9, 1.0, 1.1)).within() is True
    assert line(10.1, target=target, app=(3.0,), get=(0.9, 1.0, 1.1)).within() is False


def test_there_is_no_telling_where_the_peer_of_a_target_is_missing() -> None:
    assert line(1.0, target=Target(2.0, ("htop",)), htop=()).within() is None


def test_a_target_that_is_missed_by_less_than_the_factor_is_within_it() -> None:
    assert line(9.9, target=Target(1.0)).within(10.0) is True
    assert line(10.1, target=Target(1.0)).within(10.0) is False


def test_a_row_tells_the_spread_the_peers_the_target_and_whether_it_is_met() -> None:
    told = line(1.0, 1.5, 1.2, target=Target(6.0, ("get",)), get=(0.25, 0.3), htop=())

    assert report.rows([told]) == [
        (
            "list all",
            "10,000",
            "1.20 s [1.00–1.50]",
            "get 0.28 s [0.25–0.30], htop not installed",
            "≤ 6 × get (is 4.36)",
            "met",
        )
    ]


def test_a_new_table_takes_the_place_of_the_one_in_a_document_and_nothing_else() -> None:
    document = "before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n"
    table = report.as_markdown([line(1.0)], MACHINE)

    written = report.with_table(document, table)

    assert written == f"before\n<!-- bench -->\n{table}\n<!-- /bench -->\nafter\n"
    assert report.with_table(written, table) == written


def test_a_document_without_a_place_for_the_table_is_left_alone() -> None:
    with pytest.raises(ValueError, match="<!-- bench -->"):
        report.with_table("before\n<!-- bench -->\nno end\n", "table")


def test_the_document_that_make_bench_names_has_a_place_for_the_table() -> None:
    named = re.search(r"-m bench .*--table (\S+)", (ROOT / "Makefile").read_text())
    assert named is not None
    document = (ROOT / named[1]).read_text()
    assert "| new |" in report.with_table(document, "| new |")


def test_first_paint_that_grows_linearly_has_the_ratio_1() -> None:
    linear = [first_paint(1_000, 1.1), first_paint(10_000, 2.0), first_paint(50_000, 6.0)]
    (ratio,) = growth(linear)

    assert ratio.median == pytest.approx(1.0)
    assert ratio.within() is True


def test_first_paint_that_grows_faster_does_not_meet_its_target() -> None:
    steep = [first_paint(1_000, 1.1), first_paint(10_000, 2.0), first_paint(50_000, 26.0)]
    (ratio,) = growth(steep)

    assert ratio.median == pytest.approx(6.0)
    assert ratio.within() is False


def test_nothing_is_said_of_growth_where_sizes_are_missing() -> None:
    assert not list(growth([first_paint(100, 1.0), first_paint(10_000, 2.0)]))


@pytest.mark.parametrize("number", [0, 255, 256, 65_535])
def test_a_change_is_found_again_by_its_address(number: int) -> None:
    assert marks_in(f"  tcp {mark(number)}   >1s\n  tcp 10.0.0.7:9000") == {number}


def test_no_change_is_found_in_an_address_that_only_begins_so() -> None:
    assert marks_in("tcp 10.77.0.1111:7001  110.77.0.2:7001  10.77.0.1.2") == set()
