"""A cluster that is not there in full, and answers that are not as they should be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from nats.aio.client import Client
from nats.protocol import parser

from backends.nats.client import NatsClient
from backends.nats.requests import NoResponders
from backends.nats_kv.jetstream import JetStreamSession
from backends.nats_kv.responses import Bucket, Buckets
from backends.nats_kv.store import NatsStore
from backends.store import (
    Cause,
    Delete,
    Heartbeat,
    Lost,
    Refused,
    Unreachable,
)
from tests.support.nats_places import (
    BUCKET,
    KEY,
    RELATIVE,
    STREAM,
    Opener,
    make_bucket,
    publish_raw,
)
from tests.support.nats_server import NatsServer
from tests.support.watching import DEADLINE, V1, watching

INFINITE = b'{"total":1e999,"streams":[],"seq":1e999,"num_pending":1e999,"name":"x",'
INFINITE += b'"delivered":{"consumer_seq":1e999},"message":{"seq":1e999,"time":""}}'
SOME = Bucket(BUCKET, "", 0.0, 1, 0, 0, 0, None)


def stream(name: str, last: int = 1) -> dict[str, Any]:
    state = {"messages": last, "first_seq": 1, "last_seq": last, "num_subjects": last}
    return {"config": {"name": f"KV_{name}"}, "created": "2026", "state": state}


def answering(monkeypatch: pytest.MonkeyPatch, *answers: bytes) -> JetStreamSession:
    """A session whose questions get these answers, one after the other."""
    left = list(answers)

    async def ask(self: JetStreamSession, subject: str, *rest: object, **others: object) -> bytes:
        return left.pop(0)

    monkeypatch.setattr(JetStreamSession, "ask", ask)
    return JetStreamSession(NatsClient(), "nats://n")


async def unheard(self: JetStreamSession, *rest: object, **others: object) -> int:
    raise NoResponders


async def test_buckets_that_no_server_tells_of_are_named_on_every_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Of what is offline a cluster makes up a stream with nothing in it, besides naming it.
    first = {"streams": [stream("a_v1_mdc"), stream("b_v1_mdc", 0)], "missing": ["KV_b_v1_mdc"]}
    second = {"streams": [], "missing": ["KV_c_v1_mdc", "KV_mine"]}
    third = {"streams": [stream("d_v1_mdc")]}
    pages = [json.dumps({"total": 5, **page}).encode() for page in (first, second, third)]
    buckets = await answering(monkeypatch, *pages).buckets()
    assert [bucket.name for bucket in buckets.present] == ["a_v1_mdc", "d_v1_mdc"]
    assert buckets.missing == {"b_v1_mdc", "c_v1_mdc"}


@pytest.mark.parametrize(
    "asking",
    [
        lambda session: session.buckets(),
        lambda session: session.message(STREAM, "x"),
        lambda session: session.store("x", b""),
        lambda session: session.consume(SOME, "x"),
        lambda session: session.is_delivered(SOME, "x", 1),
    ],
)
async def test_a_number_without_an_end_is_refused(
    asking: Callable[[JetStreamSession], Awaitable[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Refused):
        await asking(answering(monkeypatch, INFINITE))


async def test_what_nobody_takes_since_a_bucket_has_no_leader_is_still_there(
    client: Client, store: NatsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await make_bucket(client)).put(RELATIVE, b"1")
    (entry,) = (await store.snapshot(V1)).entries
    with monkeypatch.context() as patched:
        patched.setattr(JetStreamSession, "store", unheard)
        (outcome,) = (await store.delete([entry])).values()
        failures = [outcome]
        for act in (store.put(KEY, b"2"), store.put_back(entry)):
            with pytest.raises(Unreachable) as raised:
                await act
            failures.append(raised.value)
    for failure in failures:
        assert isinstance(failure, Unreachable)
        assert failure.cause is Cause.NO_LEADER
    assert await store.get([KEY]) == {KEY: entry}


async def test_what_a_bucket_does_not_take_any_more_is_not_told_to_be_gone(
    server: NatsServer, client: Client, store: NatsStore
) -> None:
    stream = client.jetstream()
    await stream.add_stream(name=STREAM, subjects=[f"$KV.{BUCKET}.>", "foo.bar"])
    await publish_raw(server.ports[0], b"foo.bar")
    (entry,) = (await store.snapshot(V1)).entries
    await stream.update_stream(name=STREAM, subjects=[f"$KV.{BUCKET}.>"])
    (outcome,) = (await store.delete([entry])).values()
    assert isinstance(outcome, Refused)
    assert "no longer accepts" in outcome.detail
    assert (await store.snapshot(V1)).entries == (entry,)


async def test_own_keys_are_renewed_again_once_their_bucket_has_a_leader(
    client: Client, open_store: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_bucket(client, ttl=9)
    store = open_store(renewals=10)
    with monkeypatch.context() as patched:
        first = await store.put(KEY, b"1")
        asked = asyncio.Event()

        async def no_leader(self: JetStreamSession, *rest: object, **others: object) -> int:
            asked.set()
            raise NoResponders

        patched.setattr(JetStreamSession, "store", no_leader)
        async with asyncio.timeout(DEADLINE):
            await asked.wait()
    async with watching(store) as view:
        await view.until(lambda: KEY in view.entries and view.entries[KEY].revision != first)


async def test_a_bucket_that_no_server_tells_of_keeps_its_keys_and_is_warned_of(
    client: Client, open_store: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await make_bucket(client)).put(RELATIVE, b"1")
    async with watching(open_store()) as view:
        await view.until_event(Heartbeat)
        assert view.seen[-1] == Heartbeat()

        async def partly(self: JetStreamSession) -> Buckets:
            return Buckets((), frozenset({BUCKET, "test_v1_mdc"}))

        with monkeypatch.context() as patched:
            patched.setattr(JetStreamSession, "buckets", partly)
            await view.until(
                lambda: isinstance(view.seen[-1], Heartbeat) and view.seen[-1] != Heartbeat()
            )
            (warning,) = view.seen[-1].warnings
            assert f"{BUCKET}, test_v1_mdc" in warning
            # Who has not read it must not take the rest for everything.
            with pytest.raises(Unreachable, match=BUCKET) as raised:
                await open_store().snapshot(V1)
            assert raised.value.cause is Cause.NO_LEADER
            # Of another namespace nothing is missing.
            assert (await open_store().snapshot([b"v1/instances/other/"])).entries == ()
        await view.until(lambda: view.seen[-1] == Heartbeat())
        assert view.entries.keys() == {KEY}
        assert not any(isinstance(event, Delete | Lost) for event in view.seen)
        assert view.resyncs == 1


async def test_whatever_ends_the_looking_is_told(
    client: Client, store: NatsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await make_bucket(client)).put(RELATIVE, b"1")
    async with watching(store) as view:
        await view.until_event(Heartbeat)

        async def fail(self: JetStreamSession) -> Buckets:
            raise RuntimeError("of a kind that nobody thought of")

        with monkeypatch.context() as patched:
            patched.setattr(JetStreamSession, "buckets", fail)
            await view.until_event(Lost)
        await view.until(lambda: view.resyncs == 2)


async def test_what_is_no_blank_may_be_in_a_subject(
    server: NatsServer, client: Client, store: NatsStore
) -> None:
    """The server takes a vertical tab, and a form feed."""
    await (await make_bucket(client)).put(RELATIVE, b"1")
    async with watching(store) as view:
        await view.until_event(Heartbeat)
        begins = b"$KV.prod_v1_instances.prod/b/e/"
        await publish_raw(server.ports[0], begins + b"a\x0bb", begins + b"a\x0cb")
        await publish_raw(server.ports[0], begins + b"\x0b", headers=b"NATS/1.0\r\nA: b\r\n\r\n")
        await view.until(lambda: len(view.entries) == 4)
        assert b"v1/instances/prod/b/e/a\x0bb" in view.entries
        assert not view.losses
    # Other clients in this process have the library as it is.
    assert parser.Parser.parse.__globals__["MSG_RE"] is parser.MSG_RE
    assert rb"\s" in parser.MSG_RE.pattern


async def test_a_reply_may_have_one_too(server: NatsServer, store: NatsStore) -> None:
    session = await store._sessions.session()
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def hear(message: Any) -> None:
        heard.put_nowait(message.reply)

    subscription = await session.subscribe("asked", hear)
    await session.client.flush()
    await publish_raw(server.ports[0], b"asked a\x0bb")
    async with asyncio.timeout(DEADLINE):
        assert await heard.get() == "a\x0bb"
    await subscription.unsubscribe()
