"""Times of the past as they are typed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backends.timeline import LATEST
from tui.text.past.typed_time import read_time
from tui.text.timestamps import day_and_time


@pytest.fixture(autouse=True)
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


START, END = at("2026-11-30T13:00:00+05:30"), at("2026-12-01T14:30:00+05:30")


@pytest.mark.parametrize(
    ("typed", "then"),
    [
        ("14:02", "2026-12-01T14:02:00+05:30"),
        (" 14:02:31 ", "2026-12-01T14:02:31+05:30"),
        ("9:05", "2026-12-01T09:05:00+05:30"),
        ("14:02:31.5", "2026-12-01T14:02:31.5+05:30"),
        ("14:31", "2026-11-30T14:31:00+05:30"),
        ("2026-12-01T14:02:31Z", "2026-12-01T14:02:31Z"),
        ("2026-12-01T14:02:31", "2026-12-01T14:02:31+05:30"),
        ("2026-12-01 14:02", "2026-12-01T14:02:00+05:30"),
        ("2026-12-01", "2026-12-01T00:00:00+05:30"),
        ("10m", "2026-12-01T14:20:00+05:30"),
        ("-10m", "2026-12-01T14:20:00+05:30"),
        ("1h30m", "2026-12-01T13:00:00+05:30"),
        ("0.5h", "2026-12-01T14:00:00+05:30"),
        ("90s", "2026-12-01T14:28:30+05:30"),
        ("1d", "2026-11-30T14:30:00+05:30"),
        ("+90s", "2026-11-30T13:01:30+05:30"),
        ("start", "2026-11-30T13:00:00+05:30"),
        ("end", "2026-12-01T14:30:00+05:30"),
    ],
)
def test_a_time_is_read_as_it_is_typed(typed: str, then: str) -> None:
    assert read_time(typed).at(START, END) == at(then)


@pytest.mark.parametrize(
    "typed",
    [
        *("", "soon", "25:00", "14:60", "14", "1.5", "10", "m", "10 m", "--10m", "2026-13-01"),
        *("1e9s", "2026-12-01T", "٣:٠٠", "10m\x1b[31m", "9" * 30 + "d", "nan", "inf"),
    ],
)
def test_what_is_no_time_is_refused_with_what_may_be_typed(typed: str) -> None:
    with pytest.raises(ValueError, match="is no time: write 14:02, ") as raised:
        read_time(typed)
    assert str(raised.value).isprintable()


@given(st.text(max_size=30) | st.from_regex(r"[-+]?[0-9]{1,9}[smhd]", fullmatch=True))
@example("999999999d")
@example("+999999999d")
@example("0001-01-01T23:00")
@example("9999-12-31T23:59:59Z")
def test_any_text_is_refused_or_a_time_that_can_be_printed_anywhere(typed: str) -> None:
    try:
        found = read_time(typed).at(START, END)
    except ValueError:
        return
    assert len(day_and_time(found)) == len("2026-12-01 14:02:31")


def test_the_last_time_of_all_can_be_printed_in_each_time_zone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for zone in ("Pacific/Kiritimati", "UTC-24:59:59", "UTC+24:59:59"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert day_and_time(LATEST).startswith("9999-12-")
        assert read_time("12:00").at(0.0, LATEST) <= LATEST
        assert read_time("12:00").at(0.0, 0.0) == 0.0
