"""Keys are told of as they are typed, and nothing is done while none are."""

from __future__ import annotations

import asyncio
import os
import queue
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from tui.runtime import textual_driver
from tui.runtime.textual_driver import NOTIFICATION, TerminalDriver, notification

SOON = 60.0
"""Seconds within which what is waited for must come."""


class Listened(TerminalDriver):
    """Reads from a pipe, and keeps what it would tell the app."""

    def __init__(self, app: App[object], fileno: int) -> None:
        super().__init__(app, mouse=False)
        self.fileno = fileno
        self.told: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def process_message(self, message: Message) -> None:
        self.told.put(message)

    def next_key(self) -> str:
        message = self.told.get(timeout=SOON)
        assert isinstance(message, events.Key)
        return message.key


def reading_from(fileno: int) -> Listened:
    app: App[object] = App()

    async def in_a_loop() -> Listened:
        return Listened(app, fileno)

    return asyncio.run(in_a_loop())


@contextmanager
def reading() -> Iterator[tuple[Listened, int, Thread]]:
    """A driver that reads, what to write to for it, and its thread."""
    source, keyboard = os.pipe()
    driver = reading_from(source)
    thread = Thread(target=driver.run_input_thread)
    driver._key_thread = thread
    thread.start()
    try:
        yield driver, keyboard, thread
    finally:
        driver.disable_input()
        os.close(keyboard)
        os.close(source)


def test_keys_are_told_of_in_order() -> None:
    with reading() as (driver, keyboard, _):
        os.write(keyboard, b"a\x1b[A")
        assert [driver.next_key(), driver.next_key()] == ["a", "up"]


def test_a_key_that_comes_in_pieces_is_one_key() -> None:
    with reading() as (driver, keyboard, _):
        first, second = "é".encode()[:1], "é".encode()[1:]
        os.write(keyboard, first)
        os.write(keyboard, second)
        message = driver.told.get(timeout=SOON)
        assert isinstance(message, events.Key)
        assert message.character == "é"


def test_escape_alone_is_a_key() -> None:
    with reading() as (driver, keyboard, _):
        os.write(keyboard, b"\x1b")
        assert driver.next_key() == "escape"


def test_while_nobody_types_it_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: queue.SimpleQueue[float | None] = queue.SimpleQueue()
    real = select.select

    def noted(reads: list[int], writes: list[int], odd: list[int], longest: float | None) -> object:
        asked.put(longest)
        return real(reads, writes, odd, longest)

    monkeypatch.setattr(select, "select", noted)
    with reading() as (driver, keyboard, _):
        assert asked.get(timeout=SOON) is None
        os.write(keyboard, b"a")
        assert driver.next_key() == "a"
        # Once to see whether that was the beginning of something, and then until the next key.
        assert asked.get(timeout=SOON) is not None
        assert asked.get(timeout=SOON) is None
        assert asked.empty()


def test_it_ends_when_it_is_told_to_and_can_begin_again() -> None:
    with reading() as (driver, keyboard, thread):
        driver.disable_input()
        assert not thread.is_alive()
        again = driver._key_thread = Thread(target=driver.run_input_thread)
        again.start()
        os.write(keyboard, b"b")
        assert driver.next_key() == "b"


def test_a_terminal_that_is_gone_ends_it() -> None:
    source, keyboard = os.pipe()
    os.close(keyboard)
    driver = reading_from(source)
    driver.run_input_thread()
    os.close(source)


def asked(driver: Listened) -> None:
    """The terminal was asked for its status, and did not answer yet."""
    driver._line.begin((80, 24))
    assert driver._line.expects()


@pytest.mark.parametrize("pieces", [["\x1b[0n"], ["\x1b", "[0n"], ["\x1b[", "0", "n"]])
def test_an_answer_of_the_terminal_is_no_key(pieces: list[str]) -> None:
    with reading() as (driver, keyboard, _):
        asked(driver)
        for piece in ["a", *pieces, "b"]:
            os.write(keyboard, piece.encode())
        assert [driver.next_key(), driver.next_key()] == ["a", "b"]
        assert not driver._line.expects()


def test_an_answer_that_comes_after_all_is_no_key() -> None:
    with reading() as (driver, keyboard, _):
        os.write(keyboard, b"a\x1b[0nb")
        assert [driver.next_key(), driver.next_key()] == ["a", "b"]


def test_an_answer_in_the_middle_of_a_paste_is_not_pasted() -> None:
    with reading() as (driver, keyboard, _):
        asked(driver)
        for piece in (b"\x1b[200~one\x1b[", b"0n two\x1b[201~c"):
            os.write(keyboard, piece)
        message = driver.told.get(timeout=SOON)
        assert isinstance(message, events.Paste)
        assert message.text == "one two"
        assert driver.next_key() == "c"


def test_escape_is_a_key_also_while_an_answer_is_awaited() -> None:
    with reading() as (driver, keyboard, _):
        asked(driver)
        os.write(keyboard, b"\x1b")
        assert driver.next_key() == "escape"
        assert driver._line.expects()
        os.write(keyboard, b"\x1b[A\x1b[0n\x1b[B")
        assert [driver.next_key(), driver.next_key()] == ["up", "down"]
        assert not driver._line.expects()


def test_what_textual_keeps_private_and_is_used_here_is_there() -> None:
    used = [
        "_get_terminal_size",
        "_disable_mouse_support",
        "_sigtstp_application",
        "_sigcont_application",
    ]
    assert [name for name in used if not callable(getattr(LinuxDriver, name, None))] == []
    driver = reading_from(0)
    kept = ["_file", "_loop", "_key_thread", "_writer_thread", "_must_signal_resume"]
    assert [name for name in kept if not hasattr(driver, name)] == []
    assert hasattr(driver._app, "_exit")


def test_what_is_no_utf_8_is_marked_and_ends_nothing() -> None:
    with reading() as (driver, keyboard, _):
        os.write(keyboard, b"a\xff\xe2\x82b")
        keys = [driver.next_key() for _ in range(2)]
        os.write(keyboard, b"c")
        while keys[-1] != "c":
            keys.append(driver.next_key())
    assert keys[0] == "a"
    assert "b" in keys


class InBackground:
    """A driver that SIGCONT let go on while another job has the terminal."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[int] = []
        self.driver = reading_from(os.open(os.devnull, os.O_RDONLY))
        self.app = SimpleNamespace(_exit=False, is_running=True)
        self.waits: list[tuple[float, Callable[[], None]]] = []
        loop = SimpleNamespace(call_later=self._call_later)
        monkeypatch.setattr(self.driver, "_app", self.app)
        monkeypatch.setattr(self.driver, "_loop", loop)
        monkeypatch.setattr(self.driver, "_must_signal_resume", True)
        monkeypatch.setattr(textual_driver, "in_foreground", lambda _fileno: False)
        monkeypatch.setattr(os, "kill", lambda _pid, number: self.sent.append(number))

    def _call_later(self, seconds: float, act: Callable[[], None]) -> SimpleNamespace:
        self.waits.append((seconds, act))
        return SimpleNamespace(cancel=lambda: self.waits.remove((seconds, act)))


def test_in_the_background_it_stops_again_but_not_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    background = InBackground(monkeypatch)
    background.driver._go_on()
    assert background.sent == []
    ((seconds, act),) = background.waits
    assert seconds > 0
    act()
    assert background.sent == [signal.SIGSTOP]


def test_it_does_not_stop_again_when_what_ends_it_comes_after_sigcont(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Linux may give SIGTERM and SIGCONT, sent in that order, to two threads."""
    background = InBackground(monkeypatch)
    background.driver._go_on()
    ((_, act),) = background.waits
    background.app._exit = True
    act()
    assert background.sent == []


def test_two_sigcont_in_the_background_stop_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    background = InBackground(monkeypatch)
    background.driver._go_on()
    background.driver._go_on()
    assert len(background.waits) == 1


@pytest.mark.parametrize(
    ("way", "sent"),
    [
        ("bell", "\a"),
        ("osc9", "\x1b]9;dyntop: worker 1 late\a"),
        ("osc777", "\x1b]777;notify;dyntop;worker 1 late\a"),
        ("off", ""),
    ],
)
def test_a_notification_is_one_sequence(way: str, sent: str) -> None:
    assert notification(way, "worker 1 late") == sent


@given(st.text())
def test_no_name_ends_or_begins_a_sequence_in_a_notification(name: str) -> None:
    for text in (name, "\x1b\\\a\x9c\x1b]0;title\a" + name, "4;3" + name):
        for way, start in (("osc9", "\x1b]9;dyntop: "), ("osc777", "\x1b]777;notify;dyntop;")):
            sent = notification(way, text)
            inside = sent.removeprefix(start).removesuffix("\a")
            assert sent == f"{start}{inside}\a"
            assert inside.isascii()
            assert not inside or inside.isprintable()
            assert ";" not in inside
            assert len(inside) <= NOTIFICATION
        assert notification("bell", text) == "\a"
