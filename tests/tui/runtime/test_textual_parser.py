"""Of whatever bytes a terminal sends, what can be read is read, and no more comes of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import _parser, events
from textual.message import Message

from tui.runtime import textual_parser
from tui.runtime.textual_parser import TerminalParser

PIECES = [
    *("\x1b", "\x1b[", "\x1b[<", "\x1bO", "\x1b[?", "\x1b]", "\x1b[200~", "\x1b[201~", "\x1b[I"),
    *("\x1b[<0;5;5M", "\x1b[<35;5;5M", "\x1b[<64;1;1M", "\x1b[<0;;M", "\x1b[<0;99999999;1M"),
    *("\x1b[48;0;0;0;0t", "\x1b[48;30;100;0;0t", "\x1b[48;99999;99999;1;1t", "\x1b[30;1R"),
    *("\x1b[99999999999u", "\x1b[97;;55296u", "\x1b[97;999999u", "\x1b[1;5A", "\x1b[?2026;2$y"),
    *("\x00", "\ud800", "\x7f", "é", "日", "\U0001f600", "a", "1", ";", "M", "u", "~", "\r", "\n"),
]


def read(parser: TerminalParser, *pieces: str) -> list[Message]:
    return [message for piece in pieces for message in parser.feed(piece)]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=40))
def test_it_goes_on_after_anything(pieces: list[str]) -> None:
    parser = TerminalParser()
    read(parser, *filter(None, pieces))
    # A paste that has no end takes everything; so does what may be the beginning of a sequence.
    last = read(parser, "\x1b[201~", "x" * 40, "j")[-1]
    assert isinstance(last, events.Key)
    assert last.key == "j"


@pytest.mark.parametrize("report", ["48;30;100;0;0", "48;30;100;0;600"])
def test_a_window_without_pixels_leaves_the_mouse(report: str) -> None:
    messages = read(TerminalParser(), f"\x1b[{report}t", "\x1b[<0;5;6M")
    click = messages[-1]
    assert isinstance(click, events.MouseDown)
    assert (click.x, click.y) == (4, 5)


@pytest.mark.parametrize("report", ["48;0;0;0;0", "48;99999;99999;10;10"])
def test_a_window_that_cannot_be_is_none(report: str) -> None:
    assert read(TerminalParser(), f"\x1b[{report}t") == []


@pytest.mark.parametrize("code", ["99999999999", "1114112"])
def test_the_code_of_a_key_that_is_no_character_is_left_out(code: str) -> None:
    (message,) = read(TerminalParser(), f"\x1b[{code}u", "j")
    assert isinstance(message, events.Key)
    assert message.key == "j"


def test_half_a_character_is_left_out() -> None:
    assert read(TerminalParser(), "\x1b[97;;55296u") == []


def test_it_goes_on_after_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = TerminalParser()
    with monkeypatch.context() as broken:
        broken.setattr(TerminalParser, "parse_mouse_code", lambda *_: 1 / 0)
        assert read(parser, "\x1b[<0;5;6M") == []
    (message,) = read(parser, "b")
    assert isinstance(message, events.Key)
    assert message.key == "b"


def test_a_paste_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(textual_parser, "get_time", lambda: now)
    parser = TerminalParser()
    assert read(parser, "\x1b[200", "~prod") == []
    now += textual_parser.UNFINISHED
    assert read(parser, " prod", "j") == []
    now += textual_parser.UNFINISHED + 0.1
    (message,) = read(parser, "j")
    assert isinstance(message, events.Key)


def test_a_paste_that_takes_long_is_one() -> None:
    parser = TerminalParser()
    messages = read(parser, "\x1b[200~", *"prod" * 50, "\x1b[20", "1~", "j")
    assert [type(one) for one in messages] == [events.Paste, events.Key]


def test_esc_gives_up_a_paste(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = TerminalParser()
    assert read(parser, "\x1b[200~prod", "j", "\x1b") == []
    monkeypatch.setattr(_parser, "get_time", lambda: 1e12)
    (escape,) = parser.tick()
    (message,) = read(parser, "j")
    assert isinstance(escape, events.Key)
    assert isinstance(message, events.Key)
    assert (escape.key, message.key) == ("escape", "j")
