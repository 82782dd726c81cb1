"""Times of the past as they are typed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.text.past.typed_time import read_time


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


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused(typed: str) -> None:
    try:
        found = read_time(typed).at(START, END)
    except ValueError:
        return
    assert found <= max(END, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
