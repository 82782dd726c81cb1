"""A key is waited for until all that it sets off in the app is done."""

from __future__ import annotations

import asyncio

from textual.app import App, ComposeResult
from textual.events import Key
from textual.widgets import Label

from tests.support.idle import wait_for_messages, waits_for_message

wait_for_messages()


class Slow(Label, can_focus=True):
    """Does what a key asks for once it hears something from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.heard = asyncio.Event()
        self.done = ""

    async def on_key(self, event: Key) -> None:
        event.stop()
        self.begun.set()
        await self.heard.wait()
        self.done += event.key


class SlowApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Slow()
        yield Label("another")


async def test_a_key_is_done_when_its_press_ends_though_the_widget_waited_for_something() -> None:
    async with SlowApp().run_test() as pilot:
        slow = pilot.app.query_one(Slow)
        slow.focus()
        asyncio.get_running_loop().call_later(0.2, slow.heard.set)
        await pilot.press("a")
        assert slow.done == "a"


async def test_a_widget_that_handles_a_message_does_not_wait_for_one() -> None:
    async with SlowApp().run_test() as pilot:
        slow = pilot.app.query_one(Slow)
        assert waits_for_message(slow)
        slow.post_message(Key("a", "a"))
        assert not waits_for_message(slow)
        await slow.begun.wait()
        assert slow._message_queue.empty()
        assert not waits_for_message(slow)
        slow.heard.set()
        await pilot.pause()
        assert slow.done == "a"
