"""`dyntop watch` says why a record went, in the words of the Events tab."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from backends.discovery.discovery import Discovery
from backends.memory import MemoryStore
from backends.store import Entry, TimeToLive
from tests.support.operating import World
from tests.support.registered import KeyAndValue, card, instance
from tui.cli.commands import watch
from tui.config.settings import Settings
from tui.state.looking_back.unexplained import SETTLE

DEADLINE = 60.0
WORKER = 0xA7


class Read(MemoryStore):
    """Remembers that it was asked about leases; does not answer where it hangs."""

    asked = 0
    hangs = False

    async def time_to_live(self, entries: Iterable[Entry]) -> dict[bytes, TimeToLive]:
        if self.hangs:
            await asyncio.Event().wait()
        found = await super().time_to_live(entries)
        self.asked += len(found)
        return found


class Watched:
    """A watch of a world, and the lines that it wrote."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = Read(world.keyspace)
        self.lines: list[dict[str, Any]] = []

    async def until(self, found: Callable[[], object]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not found():
            assert time.monotonic() < deadline, self.lines
            await asyncio.sleep(0.01)

    async def went(self, key: bytes, event: str = "removed") -> dict[str, Any]:
        """The line on a key that went."""

        def lines() -> list[dict[str, Any]]:
            told = (one for one in self.lines if one["event"] == event)
            return [one for one in told if one["id"]["key"] == key.decode()]

        await self.until(lines)
        return lines()[0]


@asynccontextmanager
async def watching(
    monkeypatch: pytest.MonkeyPatch,
    *contents: KeyAndValue,
    what: str = "all",
    answer: float = watch.ANSWER,
) -> AsyncGenerator[Watched, None]:
    """A watch that has read the lease of a worker that registered these."""
    world = World()
    world.put(*contents, lease=WORKER)
    watched = Watched(world)

    @asynccontextmanager
    async def here(_: Settings) -> AsyncIterator[Discovery]:
        yield Discovery(watched.store)

    def write(lines: Iterable[str]) -> None:
        watched.lines += map(json.loads, lines)

    monkeypatch.setattr(watch, "open_discovery", here)
    monkeypatch.setattr(watch, "write_lines", write)
    monkeypatch.setattr(watch, "check_for_reader", lambda: None)
    arguments = argparse.Namespace(what=what, component=None, endpoint=None, topic=None)
    settings = Settings.from_environment({}, backend="memory", no_audit=True)
    task = asyncio.create_task(watch._watch(settings, arguments, lambda: world.now, answer))
    try:
        await watched.until(lambda: any(one["event"] == "resync" for one in watched.lines))
        await watched.until(lambda: watched.store.asked)
        yield watched
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


INSTANCE, CARD, LORA = instance(WORKER), card(WORKER), card(WORKER, lora="acme/sql")


async def test_a_worker_that_stops_stopped_in_order_and_the_first_key_is_explained_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with watching(monkeypatch, INSTANCE, CARD) as watched:
        watched.world.keyspace.delete(INSTANCE[0])
        first = await watched.went(INSTANCE[0])
        assert list(first) == ["event", "time", "id", "why", "reason"]
        assert first["why"] == (
            "drained or deleted, or its worker is stopping: "
            "its lease was alive with 60 of 60 s left"
        )
        assert first["reason"] == {"kind": "deleted", "left": 60.0, "granted": 60.0}
        watched.world.keyspace.end_lease(WORKER)
        stopped = "stopped in order: lease revoked with 60 of 60 s left"
        assert (await watched.went(CARD[0]))["why"] == stopped
        again = await watched.went(INSTANCE[0], "explained")
        assert (again["why"], again["reason"]["kind"]) == (stopped, "stopped")


async def test_a_worker_with_nothing_but_its_instance_is_asked_about_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its lease ends a moment after the instance, and takes nothing along that would tell."""
    async with watching(monkeypatch, INSTANCE) as watched:
        watched.world.keyspace.delete(INSTANCE[0])
        first = await watched.went(INSTANCE[0])
        assert first["reason"]["kind"] == "deleted"
        watched.world.keyspace.end_lease(WORKER)
        watched.world.now += SETTLE
        # A store that is quiet is heard of every few seconds; here something comes.
        watched.world.put(instance(0xB8))
        again = await watched.went(INSTANCE[0], "explained")
        assert again["reason"]["kind"] == "stopped"


async def test_what_is_filtered_out_bears_on_the_reason_of_what_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with watching(monkeypatch, INSTANCE, LORA, what="models") as watched:
        watched.world.keyspace.delete(LORA[0])
        gone = await watched.went(LORA[0])
        assert gone["why"] == "LoRA unloaded, or its card deleted: its worker is alive"
        kinds = [one["record"]["kind"] for one in watched.lines if one["event"] == "added"]
        assert kinds == ["model"]


async def test_that_a_worker_stopped_in_order_is_told_by_keys_that_are_not_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its lease is gone before it can be asked about: that the card went behind the instance tells
    it from a lease that was revoked at once."""
    async with watching(monkeypatch, INSTANCE, CARD, what="endpoints") as watched:
        watched.world.keyspace.delete(INSTANCE[0])
        watched.world.keyspace.end_lease(WORKER)
        gone = await watched.went(INSTANCE[0])
        assert gone["reason"]["kind"] == "stopped"
    async with watching(monkeypatch, INSTANCE, CARD, what="endpoints") as watched:
        watched.world.keyspace.end_lease(WORKER)
        gone = await watched.went(INSTANCE[0])
        assert gone["reason"]["kind"] == "lease revoked"
        kinds = {one["record"]["kind"] for one in watched.lines if one["event"] == "added"}
        assert kinds == {"endpoint"}


async def test_a_store_that_does_not_say_why_holds_no_line_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with watching(monkeypatch, INSTANCE, CARD, answer=0.05) as watched:
        watched.store.hangs = True
        watched.world.keyspace.delete(INSTANCE[0])
        gone = await watched.went(INSTANCE[0])
        assert (gone["why"], gone["reason"]) == (None, None)
