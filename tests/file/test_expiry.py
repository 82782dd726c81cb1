"""Files whose time to live ran out: marked, and otherwise as before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backends.file import folder, safe_open
from backends.file.safe_open import FileContent
from backends.store import Delete, Entry, Put, Resync, Revision
from tests.file.conftest import OpenStore
from tests.file.following import ALL, Clock, following, names_in, write

KEY = b"v1/instances/a"
TOUCHED = 1_700_000_000.0


@pytest.fixture
def file(bucket: Path) -> Path:
    path = bucket / "a"
    write(path, b"{}")
    os.utime(path, (TOUCHED, TOUCHED))
    return path


@pytest.mark.parametrize(
    ("age", "expired_at"),
    [
        (0.0, None),
        (9.0, None),
        (10.0, None),
        (10.5, TOUCHED + 10.0),
        (86400.0, TOUCHED + 10.0),
        (-3600.0, None),
    ],
    ids=["just touched", "in time", "at the end", "over", "a day ago", "clock an hour behind"],
)
async def test_a_file_is_marked_once_its_last_touch_is_longer_ago_than_the_ttl(
    file: Path, open_store: OpenStore, age: float, expired_at: float | None
) -> None:
    store = open_store(clock=Clock(TOUCHED + age))
    (entry,) = (await store.snapshot(ALL)).entries
    assert entry.expired_at == expired_at
    assert (await store.get([KEY]))[KEY] == entry
    ttl = (await store.time_to_live([entry]))[KEY]
    assert ttl.granted == 10.0
    assert ttl.remaining == pytest.approx(10.0 - age)


async def test_reading_hides_and_deletes_nothing(file: Path, open_store: OpenStore) -> None:
    store = open_store(clock=Clock(TOUCHED + 1e9))
    async with following(store) as follower:
        await follower.until_polled()
        assert list(follower.entries) == [KEY]
    assert names_in(file.parent) == ["a"]


async def test_a_watch_marks_an_expired_file_and_takes_the_mark_back_when_it_is_touched(
    file: Path, open_store: OpenStore, notifications: bool
) -> None:
    clock = Clock(TOUCHED)
    async with following(open_store(clock=clock, notifications=notifications)) as follower:
        await follower.until(lambda: KEY in follower.entries)
        alive = follower.entries[KEY]
        clock.now = TOUCHED + 11
        await follower.until(lambda: follower.entries[KEY].expired_at == TOUCHED + 10)
        os.utime(file, (clock.now, clock.now))
        await follower.until(lambda: follower.entries[KEY] == alive)
        assert {entry.revision for entry in follower.puts(KEY)} == {alive.revision}
        await follower.until_polled()
        assert len(follower.puts(KEY)) == 2


async def test_a_clock_set_back_and_forward_by_an_hour_is_followed(
    file: Path, open_store: OpenStore
) -> None:
    clock = Clock(TOUCHED + 3600)
    async with following(open_store(clock=clock)) as follower:
        await follower.until(lambda: KEY in follower.entries)
        assert follower.entries[KEY].expired_at is not None
        clock.now = TOUCHED
        await follower.until(lambda: follower.entries[KEY].expired_at is None)
        clock.now = TOUCHED + 3600
        await follower.until(lambda: follower.entries[KEY].expired_at is not None)
        assert follower.count(Delete) == 0
        assert follower.count(Resync) == 1


async def test_the_ttl_is_a_setting(file: Path, open_store: OpenStore) -> None:
    store = open_store(ttl=60.0, clock=Clock(TOUCHED + 30))
    (entry,) = (await store.snapshot(ALL)).entries
    assert entry.expired_at is None
    assert (await store.time_to_live([entry]))[KEY].remaining == pytest.approx(30.0)


async def test_what_is_gone_has_no_time_to_live(bucket: Path, open_store: OpenStore) -> None:
    gone = [Entry(key, b"", Revision("")) for key in (KEY, b"v1/instances/./..", b"x")]
    assert await open_store().time_to_live(gone) == {}


async def test_touches_change_nothing(
    file: Path, open_store: OpenStore, notifications: bool
) -> None:
    clock = Clock(TOUCHED)
    async with following(open_store(clock=clock, notifications=notifications)) as follower:
        await follower.until(lambda: KEY in follower.entries)
        for step in range(5):
            clock.now = TOUCHED + step
            os.utime(file, (clock.now, clock.now))
            await follower.until_polled()
        assert follower.count(Put) == 0
        assert follower.count(Resync) == 1


@pytest.mark.parametrize(("age", "overdue"), [(2.5, -7.5), (10.0, 0.0), (14.0, 4.0)])
async def test_a_file_that_goes_says_how_overdue_it_was(
    file: Path, open_store: OpenStore, age: float, overdue: float
) -> None:
    """Whoever sweeps looks at the same touch, maybe in the second in which it expires."""
    store = open_store(clock=Clock(TOUCHED + age))
    async with following(store) as follower:
        await follower.until_polled()
        os.unlink(file)
        await follower.until(lambda: not follower.entries)
        (gone,) = [event for event in follower.events if isinstance(event, Delete)]
        assert gone.overdue == pytest.approx(overdue)


async def test_where_the_kernel_reports_each_write_a_touch_is_not_read_and_a_rewrite_is(
    file: Path, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []
    really_read = safe_open.read_file

    def noting(above: int, name: bytes, *known: FileContent | None) -> FileContent | None:
        read.append(name)
        return really_read(above, name, *known)

    monkeypatch.setattr(folder, "read_file", noting)
    async with following(open_store(clock=Clock(TOUCHED))) as follower:
        for _ in range(3):
            await follower.until_polled()
        read.clear()
        os.utime(file, (TOUCHED + 1, TOUCHED + 1))
        await follower.until_polled()
        await follower.until_polled()
        assert read == []
        write(file, b"[]")
        await follower.until(lambda: follower.entries[KEY].value == b"[]")


async def test_a_touched_file_expires_by_its_last_touch(file: Path, open_store: OpenStore) -> None:
    clock = Clock(TOUCHED)
    async with following(open_store(clock=clock)) as follower:
        for _ in range(3):
            await follower.until_polled()
        os.utime(file, (TOUCHED + 4, TOUCHED + 4))
        await follower.until_polled()
        await follower.until_polled()
        clock.now = TOUCHED + 13
        await follower.until_polled()
        assert follower.entries[KEY].expired_at is None
        clock.now = TOUCHED + 15
        await follower.until(lambda: follower.entries[KEY].expired_at == TOUCHED + 14)
