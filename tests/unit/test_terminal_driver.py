"""Keys are told of as they are typed, and nothing is done while none are."""

from __future__ import annotations

import asyncio
import os
import queue
import select
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from textual import events
from textual.app import App
from textual.message import Message

from tui.terminal_driver import TerminalDriver

SOON = 10.0
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
