"""What a watch makes of writes, replacements and files that are still being written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backends.store import Delete, Loading, Put, Resync
from tests.file.conftest import OpenStore
from tests.file.following import Follower, following, names_in, write

KEY = b"v1/instances/a"


def values(follower: Follower) -> dict[bytes, bytes]:
    return {key: entry.value for key, entry in follower.entries.items()}


async def test_each_write_is_seen_whole_and_once(
    bucket: Path, open_store: OpenStore, notifications: bool
) -> None:
    writer = open_store()
    large = [bytes([65 + number]) * 300_000 for number in range(5)]
    async with following(open_store(notifications=notifications)) as follower:
        await follower.until_polled()
        for value in large:
            await writer.put(KEY, value)
            await follower.until(lambda value=value: values(follower) == {KEY: value})  # type: ignore[misc]
        await follower.until_polled()
        assert [entry.value for entry in follower.puts(KEY)] == large
        assert names_in(bucket) == ["a"]


async def test_what_dynamo_links_into_place_is_seen_once(
    bucket: Path, open_store: OpenStore, notifications: bool
) -> None:
    async with following(open_store(notifications=notifications)) as follower:
        await follower.until_polled()
        temporary = bucket / ".tmp_0123456789abcdef"
        write(temporary, b"{}")
        os.link(temporary, bucket / "a")
        await follower.until(lambda: KEY in follower.entries)
        os.unlink(temporary)
        await follower.until_polled()
        assert follower.count(Put) == 1


async def test_a_file_that_is_being_written_is_skipped(
    bucket: Path, open_store: OpenStore, notifications: bool
) -> None:
    write(bucket / ".tmp_left", b"half")
    async with following(open_store(notifications=notifications)) as follower:
        await follower.until_polled()
        write(bucket / ".tmp_0123456789abcdef", b"half")
        await follower.until_polled()
        assert follower.entries == {}
        os.rename(bucket / ".tmp_0123456789abcdef", bucket / "a")
        await follower.until(lambda: values(follower) == {KEY: b"half"})
        os.rename(bucket / "a", bucket / ".tmp_back")
        await follower.until(lambda: follower.entries == {})
        assert follower.count(Put) == follower.count(Delete) == 1


async def test_a_write_in_place_of_the_same_size_is_seen(
    bucket: Path, open_store: OpenStore, notifications: bool
) -> None:
    write(bucket / "a", b"1")
    async with following(open_store(notifications=notifications)) as follower:
        await follower.until(lambda: values(follower) == {KEY: b"1"})
        await follower.until_polled()
        before = follower.entries[KEY].revision
        write(bucket / "a", b"2")
        await follower.until(lambda: values(follower) == {KEY: b"2"})
        assert follower.entries[KEY].revision != before


async def test_a_change_with_the_old_times_put_back_is_seen(
    bucket: Path, open_store: OpenStore, notifications: bool
) -> None:
    path = bucket / "a"
    write(path, b"1")
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    async with following(open_store(notifications=notifications)) as follower:
        await follower.until(lambda: KEY in follower.entries)
        await follower.until_polled()
        write(path, b"2")
        os.utime(path, ns=times)
        await follower.until(lambda: values(follower) == {KEY: b"2"})


async def test_a_file_replaced_by_one_with_the_same_content_has_another_revision(
    bucket: Path, open_store: OpenStore, notifications: bool
) -> None:
    writer = open_store()
    first = await writer.put(KEY, b"1")
    async with following(open_store(notifications=notifications)) as follower:
        await follower.until(lambda: KEY in follower.entries)
        second = await writer.put(KEY, b"1")
        assert second != first
        await follower.until(lambda: follower.entries[KEY].revision == second)


@pytest.mark.parametrize("bucket_name", ["v1/claims", "mdc"])
async def test_a_bucket_that_comes_and_goes_is_followed(
    root: Path, bucket: Path, open_store: OpenStore, notifications: bool, bucket_name: str
) -> None:
    key = bucket_name.encode() + b"/x"
    folder = root / bucket_name
    async with following(open_store(notifications=notifications)) as follower:
        await follower.until_polled()
        for number in range(3):
            folder.mkdir()
            write(folder / "x", b"%d" % number)
            await follower.until(lambda number=number: values(follower) == {key: b"%d" % number})  # type: ignore[misc]
            (folder / "x").unlink()
            folder.rmdir()
            await follower.until(lambda: not follower.entries)
        assert follower.count(Resync) == 1


async def test_many_files_are_loaded_page_by_page(bucket: Path, open_store: OpenStore) -> None:
    for number in range(1201):
        write(bucket / f"{number:04}", b"{}")
    async with following(open_store()) as follower:
        await follower.until(lambda: len(follower.entries) == 1201)
        assert follower.events[:3] == [Loading(0, 1201), Loading(500, 1201), Loading(1000, 1201)]
        assert isinstance(follower.events[3], Resync)
        assert list(follower.entries) == sorted(follower.entries)


async def test_a_burst_of_changes_ends_in_the_truth(
    bucket: Path, open_store: OpenStore, notifications: bool
) -> None:
    async with following(open_store(notifications=notifications)) as follower:
        await follower.until_polled()
        for turn in range(3):
            for number in range(200):
                path = bucket / f"{number:04}"
                if (number + turn) % 3:
                    write(bucket / ".tmp_x", b"%d" % turn)
                    os.rename(bucket / ".tmp_x", path)
                else:
                    path.unlink(missing_ok=True)
        truth = {b"v1/instances/" + name.encode(): b"" for name in names_in(bucket)}
        for key in truth:
            truth[key] = (bucket / key.decode().rpartition("/")[2]).read_bytes()
        await follower.until(lambda: values(follower) == truth)
