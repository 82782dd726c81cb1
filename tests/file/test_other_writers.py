"""Files that a program other than Dynamo wrote: its own names, and rewritten in place.

A public C++ inference server (2026) registers itself so; Dynamo 1.6.1 routes to what it writes.
"""

# ruff: noqa: ASYNC220 - a test may block its own event loop for as long as that takes.

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from backends.dynamo.ids import Kind
from backends.dynamo.parse import read
from backends.dynamo.queries import Query
from backends.store import PutBack, Removal
from tests.file.conftest import OpenStore
from tests.file.following import ALL, Clock, following, names_in, write

NAME = "my-team_a%2Fbackend%2Fgenerate%2F1234567890abc1"
DYNAMOS = "my%2Dteam%5Fa%2Fbackend%2Fgenerate%2F1234567890abc1"
KEY = b"v1/instances/my-team_a/backend/generate/1234567890abc1"
BODY = (
    b'{"type":"Endpoint","namespace":"my-team_a","component":"backend","endpoint":"generate",'
    b'"instance_id":5124095575370689,"transport":{"tcp":"127.0.0.1:9/1234567890abc1/generate"}}'
)

REWRITER = """
import os, sys, time
path, body = os.fsencode(sys.argv[1]), os.fsencode(sys.argv[2])
while True:
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    os.write(descriptor, body[:100])
    os.write(descriptor, body[100:])
    os.close(descriptor)
    time.sleep(0.002)
"""
"""Writes a file anew as other programs do, not in one step."""


async def test_a_name_with_only_slashes_encoded_is_its_key_and_no_finding(
    bucket: Path, open_store: OpenStore, notifications: bool
) -> None:
    write(bucket / NAME, BODY)
    store = open_store(notifications=notifications)
    narrowed = Query(frozenset({Kind.ENDPOINT}), "my-team_a").prefixes
    for prefixes in (ALL, narrowed):
        (entry,) = (await store.snapshot(prefixes)).entries
        assert entry.key == KEY
    async with following(store) as follower:
        await follower.until(lambda: KEY in follower.entries)
    record = read(follower.entries[KEY])
    assert record.id.namespace == "my-team_a"
    assert (record.malformed, record.conflict) == (None, None)
    assert list(await store.get([KEY])) == [KEY]
    life = (await store.time_to_live([entry]))[KEY]
    assert 0 < life.remaining <= 10


async def test_it_is_removed_and_put_back_under_the_name_that_it_had(
    bucket: Path, open_store: OpenStore
) -> None:
    write(bucket / NAME, BODY)
    store = open_store()
    (entry,) = (await store.snapshot(ALL)).entries
    assert await store.delete([entry]) == {KEY: Removal.REMOVED}
    assert names_in(bucket) == []
    # By another process, which knows the entry alone.
    assert await open_store().put_back(entry) is PutBack.DONE
    assert names_in(bucket) == [NAME]


async def test_two_files_of_one_key_are_two_marked_records_each_with_a_name_of_its_own(
    bucket: Path, open_store: OpenStore, notifications: bool
) -> None:
    store = open_store(notifications=notifications)
    own_key = b"v1/instances/./" + NAME.encode()
    write(bucket / NAME, BODY)
    async with following(store) as follower:
        await follower.until(lambda: list(follower.entries) == [KEY])
        write(bucket / DYNAMOS, BODY)
        await follower.until(lambda: set(follower.entries) == {KEY, own_key})
        await follower.until(lambda: all(one.problem for one in follower.entries.values()))
        for entry in follower.entries.values():
            record = read(entry)
            assert record.id.path() == "my-team_a/backend/generate"
            assert record.id.instance_id == 0x1234567890ABC1
            assert record.malformed is not None
            assert record.conflict is None
        assert (await store.get([KEY, own_key])) == follower.entries
        assert await store.delete([follower.entries[own_key]]) == {own_key: Removal.REMOVED}
        assert names_in(bucket) == [DYNAMOS]
        await follower.until(lambda: list(follower.entries) == [KEY])
        await follower.until(lambda: not follower.entries[KEY].problem)
        write(bucket / NAME, BODY)
        await follower.until(lambda: set(follower.entries) == {KEY, own_key})
        assert await store.delete([follower.entries[KEY]]) == {KEY: Removal.REMOVED}
        assert names_in(bucket) == [NAME]
        await follower.until(lambda: list(follower.entries) == [KEY])
        assert read(follower.entries[KEY]).malformed is None


async def test_what_is_read_while_it_is_rewritten_is_read_again(
    bucket: Path, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer goes on when the reader pauses, so no clock decides."""
    path = bucket / NAME
    store = open_store()
    halves = [b"", BODY[:90], BODY]
    monkeypatch.setattr(time, "sleep", lambda _: write(path, halves.pop(0) if halves else BODY))
    write(path, b"")
    (entry,) = (await store.snapshot(ALL)).entries
    assert entry.value == BODY
    # And before it is removed, too.
    halves[:] = [BODY[:90], BODY]
    write(path, b"")
    assert await store.delete([entry]) == {KEY: Removal.REMOVED}


async def test_a_rewrite_with_the_same_bytes_is_no_change(
    bucket: Path, open_store: OpenStore, notifications: bool
) -> None:
    path = bucket / NAME
    write(path, BODY)
    async with following(open_store(notifications=notifications)) as follower:
        await follower.until(lambda: KEY in follower.entries)
        # In a process of its own: a thread would be held up halfway by whoever reads.
        with subprocess.Popen([sys.executable, "-c", REWRITER, path, BODY]) as writer:
            try:
                for _ in range(5):
                    await follower.until_polled()
            finally:
                writer.kill()
        write(path, BODY)
        await follower.until_polled()
        assert follower.puts(KEY) == []


async def test_what_stays_half_written_is_told_as_it_is(
    bucket: Path, open_store: OpenStore
) -> None:
    write(bucket / NAME, BODY[:90])
    (entry,) = (await open_store().snapshot(ALL)).entries
    assert entry.value == BODY[:90]
    assert read(entry).malformed is not None


async def test_a_text_with_brackets_of_its_own_is_whole(
    bucket: Path, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused: list[float] = []
    monkeypatch.setattr(time, "sleep", paused.append)
    write(bucket / NAME, BODY[:-1] + b',"template":"{% if x %}{{"}')
    await open_store(clock=Clock(0.0)).snapshot(ALL)
    assert paused == []
