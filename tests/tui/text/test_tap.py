"""How what is heard on a channel is said."""

from __future__ import annotations

import pytest

from backends.probe.addresses import Address
from backends.tap import NatsRoute, NoRoute, Tap, TapLink, TapStanding, ZmqRoute
from backends.tap.messages import TapMessage
from backends.tap.open import _Unlistenable
from tui.text.tap import bar_line, bars, dump, figures, fill, in_bytes, rate, standing_in_words


def tap_at(standing: TapStanding, last_message_at: float | None = None) -> Tap:
    tap = Tap(NoRoute("x"), _Unlistenable("x"), lambda: 0.0)
    tap.standing = standing
    if last_message_at is not None:
        tap.statistics.count(TapMessage(last_message_at, 1, 0, "t", 1, b"x"))
    return tap


@pytest.mark.parametrize(
    ("standing", "last_message_at", "said"),
    [
        (TapStanding(TapLink.CONNECTING, since=99.0), None, ("connecting …", "dim")),
        (
            TapStanding(TapLink.CONNECTING, "NATS refuses connections", since=80.0),
            None,
            ("no connection for 20s: NATS refuses connections; trying again", "bad"),
        ),
        (TapStanding(TapLink.CONNECTED, since=80.0), 98.0, ("connected, listening", "good")),
        (TapStanding(TapLink.CONNECTED, since=98.0), None, ("connected, listening", "good")),
        # A connection that is back does not count the time without it.
        (TapStanding(TapLink.CONNECTED, since=98.0), 20.0, ("connected, listening", "good")),
        (
            TapStanding(TapLink.CONNECTED, since=80.0),
            88.0,
            ("connected, nothing published for 12s", "dim"),
        ),
        (
            TapStanding(TapLink.CONNECTED, since=80.0, answers=True),
            None,
            ("connected, nothing published for 20s; its process still answers", "dim"),
        ),
        (
            TapStanding(
                TapLink.CONNECTED, "10.0.0.1:5557 sends no ZMTP greeting within 1 s", since=80.0
            ),
            None,
            (
                "connected, nothing published for 20s; 10.0.0.1:5557 sends no ZMTP greeting within "
                "1 s",
                "bad",
            ),
        ),
        (
            TapStanding(TapLink.LOST, "10.0.0.1:5557 refuses connections", since=97.0),
            90.0,
            ("connection lost 3s ago: 10.0.0.1:5557 refuses connections; trying again", "bad"),
        ),
        (
            TapStanding(TapLink.LOST, since=97.0),
            90.0,
            ("connection lost 3s ago; trying again", "bad"),
        ),
        (
            TapStanding(TapLink.IMPOSSIBLE, "no NATS server is set", since=0.0),
            None,
            ("cannot be listened to: no NATS server is set", "bad"),
        ),
    ],
)
def test_how_it_stands(
    standing: TapStanding, last_message_at: float | None, said: tuple[str, str]
) -> None:
    assert standing_in_words(tap_at(standing, last_message_at), 100.0) == said


def test_a_publisher_that_is_silent_among_others_is_not_called_listening() -> None:
    tap = Tap(NatsRoute("a.b"), _Unlistenable("x"), lambda: 0.0)
    tap.standing = TapStanding(TapLink.CONNECTED, since=80.0)
    tap.statistics.count(TapMessage(99.0, 2, 0, "t", 1, b"x"))
    others = "connected; others publish here, its own publisher has published nothing for 20s"
    assert standing_in_words(tap, 100.0, own=1) == (others, "warn")
    assert standing_in_words(tap, 100.0) == ("connected, listening", "good")
    tap.statistics.count(TapMessage(97.0, 1, 0, "t", 1, b"x"))
    assert standing_in_words(tap, 100.0, own=1) == ("connected, listening", "good")


def test_of_drops_it_is_said_only_where_they_are_known() -> None:
    address = ZmqRoute((Address("10.0.0.1", 5557),), b"kv-events")
    tap = Tap(address, _Unlistenable("x"), lambda: 0.0)
    assert not any("dropped" in part for part in figures(tap, 10.0))
    tap.statistics.dropped = 3
    assert "3 dropped" in figures(tap, 10.0)


def test_figures_fill_lines_whole() -> None:
    tap = Tap(NatsRoute("a.b"), _Unlistenable("x"), lambda: 0.0)
    tap.statistics.count(TapMessage(9.0, 1, 0, "t", 1, b"x"))
    parts = figures(tap, 10.0)
    assert parts == [
        *("0.2 msg/s", "0 B/s", "1 message", "1 B", "0 missed", "0 dropped", "for 10s"),
    ]
    assert fill(parts, 40) == "0.2 msg/s  0 B/s  1 message  1 B\n0 missed  0 dropped  for 10s"
    assert "\n" not in fill(parts, 200)
    assert fill(parts, 1).count("\n") == len(parts) - 1


def test_numbers_are_short() -> None:
    assert [rate(number) for number in (0, 0.44, 12.34, 99.96, 1234.5)] == [
        *("0", "0.4", "12.3", "100.0", "1,234"),
    ]
    assert [in_bytes(number) for number in (0, 999, 4100, 123_456, 2_300_000, 5e12)] == [
        *("0 B", "999 B", "4.1 KB", "123 KB", "2.3 MB", "5000 GB"),
    ]


def test_a_line_of_bars_says_of_what_and_the_most_and_fits() -> None:
    assert bar_line("msg/s", [0, 1, 7], "7", 40) == "msg/s ▁▂█ most 7"
    assert bar_line("msg/s", [0, 0], "0", 40) == "msg/s ▁▁"
    assert len(bar_line("B/s", list(range(60)), "59 B", 40)) <= 40


def test_bars_begin_at_nothing_and_fit() -> None:
    assert bars([0, 0, 0], 10) == "▁▁▁"
    assert bars([0, 1, 7], 10) == "▁▂█"
    assert bars([1000, 1001], 10) == "██"
    assert bars([0, 0, 0, 4, 4, 0], 3) == "▁██"
    assert bars([1] * 60, 0) == "█"
    assert bars([], 10) == ""


def test_a_dump_has_hex_and_text() -> None:
    assert dump(b"hello\x1b[0m" + bytes(10)).split("\n") == [
        "000000  68 65 6c 6c 6f 1b 5b 30 6d 00 00 00 00 00 00 00  hello·[0m·······",
        "000010  00 00 00                                         ···",
    ]
