"""The dashboard of a recording: its timeline, its keys, and what there is not then."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.recording.entry_lines import put_line
from backends.recording.lines import AliveLine
from tests.recording.frames import START, beginning, packed, packed_by_line, written
from tests.recording.histories import COMES, DIES, DRAINED, STAYS, a_history, entries
from tests.support.moved_timer import MovedTimer
from tests.support.operating import Operator
from tests.support.replaying import place, replay, timeline
from tui.actions import ACTIONS, Place
from tui.replay import Start
from tui.screens.detail import DetailScreen
from tui.text.past.typed_time import read_time
from tui.text.timeline.times import DATE, TIME, local


def at(seconds: float) -> str:
    """Return the time of day of so many seconds after the start."""
    return local(START + seconds, TIME)


async def until_at(operator: Operator, seconds: float) -> None:
    """Wait until the moment of so many seconds after the start is shown."""
    shown = local(START + seconds, f"{DATE} {TIME}")
    await operator.until(lambda: shown in operator.header(), shown)


def seconds(operator: Operator) -> float:
    """Return how many seconds after the start the moment is that is shown."""
    now = place(operator)
    assert now is not None
    assert now.at is not None
    return now.at - START


@pytest.fixture
def history(tmp_path: Path) -> str:
    return a_history(tmp_path / "night.dyntop")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=str)
async def test_it_opens_paused_at_its_start_and_says_that_it_is_a_recording(
    history: str, size: tuple[int, int]
) -> None:
    async with replay(history, size=size) as operator:
        await until_at(operator, 0)
        assert " RECORDING " in operator.header()
        assert len(operator.rows("id")) == 5
        assert timeline(operator).startswith("❚❚")
        assert at(100) in timeline(operator)
        assert {len(line) for line in operator.lines()} == {size[0]}
        assert timeline(operator) in operator.lines()[-2]


async def test_keys_lead_to_changes_removals_deaths_minutes_and_the_ends(history: str) -> None:
    async with replay(history) as operator:
        for key, seconds in (
            ("]", 5),
            (")", 30),
            (")", 40),
            ("(", 30),
            ("$", 100),
            ("left_curly_bracket", 40),
            (",", 30),
            ("^", 0),
            (".", 30),
            ("[", 5),
            ("right_curly_bracket", 65),
        ):
            await operator.press(key)
            await until_at(operator, seconds)
        operator.forget_told()
        await operator.press("$")
        await until_at(operator, 100)
        await operator.press(")")
        await operator.until(operator.told)
        assert operator.told() == ["There is no later removal."]


async def test_verdicts_and_events_are_those_of_then(history: str) -> None:
    async with replay(history, Start(read_time("end"))) as operator:
        await until_at(operator, 100)
        assert f"{DIES:x}" not in operator.rows("id")
        await operator.press("^")
        await until_at(operator, 0)
        assert set(operator.rows("state")) == {"● live"}
        await operator.press("]")
        await until_at(operator, 5)
        assert f"{COMES:x}" in operator.rows("id")
        await operator.press("7")
        await operator.until_shown("started")
        assert "dyntop's start" not in operator.text()


async def test_nothing_of_a_worker_that_was_drained_sounds_as_if_it_could_be_asked(
    history: str,
) -> None:
    async with replay(history, Start(read_time(at(45)))) as operator:
        await until_at(operator, 45)
        await operator.press("3", "slash")
        await operator.type(f"{DRAINED:x}\r")
        await operator.until_shown("▽ drained  worker")
        assert "requests " not in operator.detail()
        assert "--metrics" not in operator.text()
        assert " yet" not in operator.text()


async def test_a_death_has_its_reason_however_quiet_it_was_before(history: str) -> None:
    async with replay(history, Start(read_time(at(42)))) as operator:
        await until_at(operator, 42)
        await operator.press("7")
        await operator.until_shown("lease ran out: not renewed for 30 s")


async def test_a_store_that_was_followed_was_heard_of_until_it_was_lost(history: str) -> None:
    """Whether it is opened there or played up to there."""
    async with replay(history, Start(read_time(at(58)))) as operator:
        await until_at(operator, 58)
        assert "data 8s old" in operator.header()


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("30s", 70), ("-30s", 10), ("+1m", 100), ("start", 0), ("end", 100)],
)
async def test_a_time_can_be_typed(history: str, typed: str, seconds: float) -> None:
    async with replay(history, Start(read_time("1m"))) as operator:
        await until_at(operator, 40)
        await operator.press("@")
        await operator.type(f"{typed}\r")
        await until_at(operator, seconds)


async def test_a_time_of_day_can_be_typed_and_what_is_none_is_answered_in_a_sentence(
    history: str,
) -> None:
    async with replay(history) as operator:
        await operator.press("@")
        await operator.type(f"{at(45)}\r")
        await until_at(operator, 45)
        operator.forget_told()
        await operator.press("@")
        await operator.type("25:99\r")
        await operator.until(operator.told)
        assert "25:99" in operator.told()[0]
        await until_at(operator, 45)


async def test_what_came_changed_or_went_is_found_by_its_names(history: str) -> None:
    async with replay(history) as operator:
        await operator.press("n")
        await operator.until(operator.told)
        assert operator.told() == ["Nothing was looked for yet: F finds."]
        await operator.press("F")
        await operator.type(f"{COMES:x}\r")
        await until_at(operator, 5)
        operator.forget_told()
        await operator.press("n")
        await operator.until(operator.told)
        assert operator.told() == [f"There is no later change of “{COMES:x}”."]
        await operator.press("$")
        await until_at(operator, 100)
        await operator.press("N")
        await until_at(operator, 5)


async def test_played_it_moves_on_by_its_speed_and_stops_at_the_end(history: str) -> None:
    timer = MovedTimer()
    async with replay(history, timer=timer) as operator:
        await operator.press("p")
        await operator.until(lambda: timer.waits, "it plays")
        begun = timer.now()
        await timer.until(lambda: seconds(operator) >= 2)
        assert timer.now() - begun == 2.0
        await until_at(operator, 2)
        assert timeline(operator).startswith("►  playing 1×")
        await operator.press("L", "L")
        await timer.until(lambda: seconds(operator) >= 30)
        await operator.until(lambda: "playing 5×" in timeline(operator))
        await operator.press("p")
        await operator.until(lambda: timeline(operator).startswith("❚❚"))
        await operator.press("p")
        await timer.until(lambda: timeline(operator).startswith("■  at the end"))
        await until_at(operator, 100)


async def test_it_can_begin_anywhere_and_play_at_once(history: str) -> None:
    timer = MovedTimer()
    begin = Start(read_time("1m"), plays=True, speed=10.0)
    async with replay(history, begin, timer=timer) as operator:
        await operator.until(lambda: timer.waits, "it plays")
        begun = timer.now()
        await timer.until(lambda: seconds(operator) >= 50)
        assert timer.now() - begun == 1.0
        await until_at(operator, 50)


async def test_no_act_is_possible_and_what_there_is_not_then_is_said(history: str) -> None:
    async with replay(history) as operator:
        for tab, key in (("1", "f"), ("3", "d"), ("3", "c"), ("3", "u"), ("3", "m"), ("4", "w")):
            operator.forget_told()
            await operator.press(tab, key)
            assert operator.on_main
            assert all(one.startswith("This is a recording: ") for one in operator.told()), key
        offered = {one.title for one in operator.app.get_system_commands(operator.app.screen)}
        assert not offered & {"Drain", "Unregister", "Clean up", "Undo", "Probe"}
        here = {one.title for one in ACTIONS if one.places == {Place.REPLAY} and one.title}
        assert here <= offered


async def test_nothing_is_connected_to(history: str) -> None:
    heard: list[str] = []
    is_on = True

    def hear(event: str, _arguments: object) -> None:
        if is_on and event in ("socket.connect", "socket.getaddrinfo", "socket.bind"):
            heard.append(event)

    sys.addaudithook(hear)
    try:
        async with replay(history) as operator:
            for key in ("]", "p", "3", "4", "6", "A", "escape", "p", "$"):
                await operator.press(key)
            await until_at(operator, 100)
    finally:
        is_on = False
    assert heard == []


async def test_hostile_names_stay_plain(history: str) -> None:
    async with replay(history, Start(read_time("end")), draws=True) as operator:
        for tab in range(9):
            await operator.press(str(tab))
            assert "\x1b" not in operator.text()
        await operator.press("1")
        await operator.until_shown("\\x1b[31m")


async def test_a_recording_that_is_cut_off_opens_and_says_so(tmp_path: Path) -> None:
    lines = beginning(at=START)
    path = written(tmp_path / "cut", [packed(lines), packed_by_line(lines)[:-4]])
    async with replay(path) as operator:
        assert "not whole" in operator.header()
        await operator.press("A")
        await operator.until(lambda: isinstance(operator.app.screen, DetailScreen))
        await operator.until_shown("cut off, or still being written")


async def test_a_report_has_its_settings_and_needs_no_times(tmp_path: Path) -> None:
    header, *lines = beginning(at=None)
    of_a_report = replace(header, report={"dyntop": "1.\x1b[31m"}, server="3.5.\x1b[31m")
    lines = [of_a_report, *lines]
    path = written(tmp_path / "report", [packed(lines)])
    async with replay(path) as operator:
        assert " REPORT " in operator.header()
        assert "time not known" in operator.header()
        assert "change 0 of 0" in timeline(operator)
        await operator.press("A")
        await operator.until_shown('"dyntop": "1.\\u001b[31m"', "etcd 3.5.\\x1b[31m")


async def every_tab(operator: Operator) -> list[list[str]]:
    """Return the words of each tab's lines, without those of the keys, with the first row selected.
    Columns keep the width that they once had. Overview comes last, and is left open."""
    found = []
    for tab in (*range(1, 9), 0):
        await operator.press(str(tab), "home")
        await operator.pilot.pause()
        found.append([" ".join(line.split()) for line in operator.lines()[:-2]])
    return found


async def test_each_step_forward_leads_to_what_a_recording_opened_there_shows(
    tmp_path: Path,
) -> None:
    """With figures, too: a moment opens with those of the hour before."""
    history = a_history(tmp_path / "night.dyntop", figures=True)
    async with replay(history, size=(200, 50), draws=True) as stepping:
        for moment in (5, 30, 40, 45, 60):
            while seconds(stepping) < moment:
                before = place(stepping)
                await stepping.press("]")
                # Not for another text: it may be that of the step before, of what comes next.
                await stepping.until(lambda before=before: place(stepping) != before)  # type: ignore[misc]
            by_steps = await every_tab(stepping)
            start = Start(read_time(at(moment)))
            async with replay(history, start, size=(200, 50), draws=True) as opened:
                await until_at(opened, moment)
                assert opened.header() == stepping.header(), moment
                assert await every_tab(opened) == by_steps, moment


async def test_what_happened_before_the_part_that_was_opened_has_its_reasons(history: str) -> None:
    async with replay(history, Start(read_time("end")), size=(200, 50)) as operator:
        await until_at(operator, 100)
        await operator.press("7")
        await operator.until_shown("lease ran out: not renewed for", "by ada@there")
        rows = [line for line in operator.lines() if f" {DIES:x} " in line]
        assert rows
        assert all("reason not known" not in one for one in rows)
        # So they are after the next move, and the moments behind it.
        await operator.press("[")
        await until_at(operator, 75)
        await operator.until_shown("lease ran out: not renewed for", "by ada@there")


# --- figures ----------------------------------------------------------------------------------


async def test_figures_are_those_of_then_with_their_age(tmp_path: Path) -> None:
    path = a_history(tmp_path / "night.dyntop", figures=True)
    async with replay(path, Start(read_time(at(52)))) as operator:
        await until_at(operator, 52)
        await operator.press("0")
        await operator.until_shown("REQ/S", "58.0", "1,160", "4s ago")
        await operator.press("6")
        await operator.until_shown("figures read 4s before", ">500ms", "58.0")
        await operator.press("m")
        await operator.until_shown(f"before {at(52)}", "TTFT", "highest 58.0")
        assert "asked only while" not in operator.text()
        await operator.press("escape", "$")
        await until_at(operator, 100)
        await operator.until_shown("frontend-0:8000")
        assert "58.0" not in operator.text()
        await operator.press("0")
        await operator.until_shown("No figures of this moment: 1 server gave none")
        await operator.press("@")
        await operator.type(f"{at(52)}\r")
        await until_at(operator, 52)
        await operator.until_shown("58.0", "4s ago")


async def test_a_recording_without_figures_says_so_wherever_they_would_be(history: str) -> None:
    async with replay(history) as operator:
        await operator.press("0")
        await operator.until_shown("No figures: recorded without --metrics")
        assert "REQ/S" not in operator.text()
        await operator.press("6")
        await operator.until_shown("No figures: recorded without --metrics")
        await operator.press("2", "m")
        await operator.until(operator.told)
        assert operator.told() == ["This is a recording: it was recorded without --metrics."]


# --- what was not recorded --------------------------------------------------------------------


def a_gap(path: Path) -> str:
    """Write a recording that ends, and goes on 50 seconds later without one of two workers."""
    there = [one for worker in (DIES, STAYS) for one in entries(worker)]
    first = [*beginning(there), *(put_line(one, START + 5, "2") for one in entries(COMES))]
    left = [one for worker in (STAYS, COMES) for one in entries(worker)]
    second = [
        *beginning(left, START + 60, START + 60, "9"),
        AliveLine(at=START + 61),
    ]
    third = [*beginning(left, START + 62, START + 60, "9"), AliveLine(at=START + 70)]
    return written(
        path, [packed([*first, AliveLine(at=START + 10)]), packed(second), packed(third)]
    )


async def test_a_gap_before_the_part_that_was_opened_is_an_event(tmp_path: Path) -> None:
    path = a_gap(tmp_path / "night.dyntop")
    async with replay(path, size=(200, 50), draws=True) as stepping:
        await stepping.press("]", "]", "$")
        await until_at(stepping, 70)
        await stepping.press("7")
        await stepping.until_shown("nothing was recorded", "0 added or changed, 2 removed")
    async with replay(path, Start(read_time("end")), size=(200, 50), draws=True) as opened:
        await until_at(opened, 70)
        await opened.press("7")
        await opened.until_shown("nothing was recorded", "0 added or changed, 2 removed")
        assert "in a gap: why is not known, 2 keys" in opened.text()
    async with replay(path, Start(read_time("end")), size=(200, 50), namespace="other") as other:
        await until_at(other, 70)
        await other.press("7")
        await other.until_shown("nothing was recorded", "0 added or changed, 0 removed")
        assert f"{DIES:x}" not in other.text()


async def test_a_model_without_evidence_was_registered_and_no_tab_calls_it_routable(
    tmp_path: Path,
) -> None:
    path = a_gap(tmp_path / "night.dyntop")
    async with replay(path, Start(read_time("end"))) as operator:
        await operator.press("0")
        await operator.until_shown("? acme/tiny-llm", "aggregated ?/2", "no evidence of then")
        await operator.press("2")
        await operator.until_shown("? unknown", "?/2")
        assert "2/2" not in operator.text()


async def test_the_age_of_what_is_shown_counts_from_before_the_recorder_was_held_up(
    tmp_path: Path,
) -> None:
    put = put_line(entries(COMES)[0], START + 420, "2")
    lines = [*beginning(entries(STAYS)), *map(alive, (60, 400, 401)), put, alive(430)]
    path = written(tmp_path / "night.dyntop", [packed(lines)])
    async with replay(path, Start(read_time(at(100)))) as operator:
        for seconds, age in ((100, ""), (365, "data 5m old"), (410, "data 5m old"), (425, "")):
            await operator.press("@")
            await operator.type(f"{at(seconds)}\r")
            await until_at(operator, seconds)
            assert age in operator.header()
            assert bool(age) == ("old" in operator.header())


def alive(seconds: float) -> AliveLine:
    return AliveLine(at=START + seconds)
