"""What this process registers, and what it removes: only ever what it wrote or was shown."""

# ruff: noqa: ASYNC240 - a test may block its own event loop for as long as a mkdir takes.

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from backends.file.safe_open import read_file
from backends.store import Removal
from tests.file.conftest import OpenStore
from tests.file.following import ALL, Clock, following, names_in, write
from tests.support.seen import as_seen

KEY = b"v1/instances/a"
OTHER = b"v1/instances/b"
START = 1_700_000_000.0


async def test_own_files_are_kept_alive(bucket: Path, open_store: OpenStore) -> None:
    clock = Clock(START)
    store = open_store(ttl=0.3, clock=clock)
    await store.put(KEY, b"1")
    assert (bucket / "a").stat().st_mtime == START
    async with following(open_store(ttl=0.3, clock=clock)) as follower:
        await follower.until(lambda: KEY in follower.entries)
        clock.now = START + 60
        await follower.until(lambda: (bucket / "a").stat().st_mtime == START + 60)
        await follower.until(lambda: follower.entries[KEY].expired_at is None)


async def test_closing_removes_what_this_process_registered_and_nothing_else(
    bucket: Path, open_store: OpenStore
) -> None:
    await open_store().put(OTHER, b"1")
    store = open_store()
    await store.put(KEY, b"1")
    await store.aclose()
    assert names_in(bucket) == ["b"]
    await store.aclose()


async def test_closing_leaves_a_file_that_somebody_replaced(
    bucket: Path, open_store: OpenStore
) -> None:
    store = open_store()
    await store.put(KEY, b"1")
    await open_store().put(KEY, b"1")
    await store.aclose()
    assert names_in(bucket) == ["a"]


async def test_closing_leaves_a_file_that_somebody_changed_in_place(
    bucket: Path, open_store: OpenStore
) -> None:
    store = open_store()
    await store.put(KEY, b"1")
    write(bucket / "a", b"2")
    await store.aclose()
    assert names_in(bucket) == ["a"]


async def test_what_somebody_replaced_is_not_kept_alive_any_more(
    bucket: Path, open_store: OpenStore
) -> None:
    clock = Clock(START)
    store = open_store(ttl=0.3, clock=clock)
    await store.put(KEY, b"1")
    await store.put(OTHER, b"1")
    write(bucket / ".tmp_x", b"2")
    os.utime(bucket / ".tmp_x", (START, START))
    os.rename(bucket / ".tmp_x", bucket / "a")
    clock.now = START + 60
    async with following(open_store()) as follower:
        # The other one is touched in the same round, after the first.
        await follower.until(lambda: (bucket / "b").stat().st_mtime == START + 60)
    assert (bucket / "a").stat().st_mtime == START


async def test_closing_where_the_folder_is_gone_is_quiet(
    root: Path, bucket: Path, tmp_path: Path, open_store: OpenStore
) -> None:
    store = open_store()
    await store.put(KEY, b"1")
    root.rename(tmp_path / "away")
    await store.aclose()


async def test_a_new_file_may_be_read_by_others_as_the_umask_says(
    bucket: Path, open_store: OpenStore
) -> None:
    mask = os.umask(0o027)
    try:
        await open_store().put(KEY, b"1")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((bucket / "a").stat().st_mode) == 0o640


async def test_a_file_replaced_by_one_with_the_same_content_is_not_removed(
    bucket: Path, open_store: OpenStore
) -> None:
    write(bucket / "a", b"1")
    store = open_store()
    (seen,) = (await store.snapshot(ALL)).entries
    write(bucket / ".tmp_x", b"1")
    os.rename(bucket / ".tmp_x", bucket / "a")
    assert await store.delete([seen]) == {KEY: Removal.CHANGED}
    assert names_in(bucket) == ["a"]


async def test_a_touched_file_is_still_the_one_that_was_seen(
    bucket: Path, open_store: OpenStore
) -> None:
    write(bucket / "a", b"1")
    store = open_store()
    (seen,) = (await store.snapshot(ALL)).entries
    os.utime(bucket / "a", (START, START))
    assert await store.delete([seen]) == {KEY: Removal.REMOVED}


@pytest.mark.parametrize(
    ("interfere", "outcome", "left"),
    [
        ("replace", Removal.CHANGED, ["a"]),
        ("rewrite", Removal.CHANGED, ["a"]),
        ("touch", Removal.REMOVED, []),
        ("remove", Removal.GONE, []),
    ],
)
async def test_what_happens_between_reading_and_removing_is_noticed(
    bucket: Path,
    open_store: OpenStore,
    monkeypatch: pytest.MonkeyPatch,
    interfere: str,
    outcome: Removal,
    left: list[str],
) -> None:
    write(bucket / "a", b"1")
    os.utime(bucket / "a", (START, START))
    store = open_store()
    (seen,) = (await store.snapshot(ALL)).entries
    done = False

    def read_then_interfere(*arguments: Any) -> Any:
        nonlocal done
        found = read_file(*arguments)
        if not done:
            done = True
            match interfere:
                case "replace":
                    write(bucket / ".tmp_x", b"1")
                    os.rename(bucket / ".tmp_x", bucket / "a")
                case "rewrite":
                    write(bucket / "a", b"2")
                case "touch":
                    os.utime(bucket / "a")
                case "remove":
                    (bucket / "a").unlink()
        return found

    monkeypatch.setattr("backends.file.folder.read_file", read_then_interfere)
    assert await store.delete([seen]) == {KEY: outcome}
    assert names_in(bucket) == left


async def test_a_file_made_anew_with_the_same_bytes_on_the_same_inode_is_not_the_one_that_was_seen(
    bucket: Path, open_store: OpenStore
) -> None:
    """As a worker that registers again makes it: ext4 gives the inode number out again at once."""
    file = bucket / "a"
    file.write_bytes(b"1")
    store = open_store()
    seen = (await store.get([KEY]))[KEY].revision
    inode = file.stat().st_ino
    await until_the_clock_of_files_moves(bucket.parent / "scratch")
    for _ in range(100):
        file.unlink()
        file.write_bytes(b"1")
        if file.stat().st_ino == inode:
            break
    else:
        pytest.skip("this file system does not use inode numbers again at once")
    assert await store.delete(await as_seen(store, {KEY: seen})) == {KEY: Removal.CHANGED}
    assert names_in(bucket) == ["a"]


async def until_the_clock_of_files_moves(scratch: Path) -> None:
    """It does every few milliseconds: what is made within one of them has the same times."""
    scratch.write_bytes(b"")
    start = scratch.stat().st_ctime_ns
    async with asyncio.timeout(60):
        while scratch.stat().st_ctime_ns == start:
            await asyncio.sleep(0.001)
            scratch.write_bytes(b"1")
    scratch.unlink()
