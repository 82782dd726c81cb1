"""Putting back what was removed: under the very name, and not as this process's own."""

# ruff: noqa: ASYNC240 - a test may block its own event loop for as long as a mkdir takes.

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backends.file.safe_open import LARGEST_VALUE
from backends.store import Entry, KeyNotAllowed, PutBack, Refused, Removal
from tests.file.conftest import OpenStore
from tests.file.following import (
    ALL,
    Clock,
    bound_by_permissions,
    following,
    names_in,
    write,
    written,
)

KEY = b"v1/instances/a"
OTHER = b"v1/instances/b"
START = 1_700_000_000.0


async def test_each_spelling_of_a_name_comes_back_as_it_was(
    bucket: Path, open_store: OpenStore
) -> None:
    names = [b"foo%5Fbar", b"foo_bar", b"foo%5fbar", b"%", b"a b", b"n\xfe", b"%2E%2Fx"]
    for name in names:
        write(os.path.join(os.fsencode(bucket), name), name)
    store = open_store()
    entries = (await store.snapshot(ALL)).entries
    assert len(entries) == len(names)
    await store.delete(entries)
    assert names_in(bucket) == []
    for entry in entries:
        assert await store.put_back(entry) is PutBack.DONE
    assert sorted(map(os.fsencode, os.listdir(bucket))) == sorted(names)
    for name in names:
        assert Path(os.fsdecode(os.path.join(os.fsencode(bucket), name))).read_bytes() == name


async def test_a_bucket_that_is_gone_is_made_again(
    root: Path, bucket: Path, open_store: OpenStore
) -> None:
    (root / "v1" / "instances").rmdir()
    assert await open_store().put_back(written(KEY, b"1")) is PutBack.DONE
    assert names_in(bucket) == ["a"]


async def test_what_is_put_back_lives_from_now_and_is_not_kept_alive(
    bucket: Path, open_store: OpenStore
) -> None:
    clock = Clock(START)
    store = open_store(ttl=0.3, clock=clock)
    await store.put(KEY, b"1")
    await store.put(OTHER, b"1")
    (entry,) = (await store.get([KEY])).values()
    assert await store.delete([entry]) == {KEY: Removal.REMOVED}
    clock.now = START + 30
    assert await store.put_back(entry) is PutBack.DONE
    assert (bucket / "a").stat().st_mtime == START + 30
    clock.now = START + 60
    async with following(open_store()) as follower:
        # The other one is touched in the same round, after the first.
        await follower.until(lambda: (bucket / "b").stat().st_mtime == START + 60)
    assert (bucket / "a").stat().st_mtime == START + 30
    await store.aclose()
    assert names_in(bucket) == ["a"]


@pytest.mark.parametrize("there", ["file", "folder", "symlink", "fifo"])
async def test_whatever_has_the_name_stays(
    bucket: Path, tmp_path: Path, open_store: OpenStore, there: str
) -> None:
    match there:
        case "file":
            write(bucket / "a", b"2")
        case "folder":
            (bucket / "a").mkdir()
        case "symlink":
            (bucket / "a").symlink_to(tmp_path / "outside")
        case "fifo":
            os.mkfifo(bucket / "a")
    before = (bucket / "a").lstat()
    assert await open_store().put_back(written(KEY, b"1")) is PutBack.THERE
    after = (bucket / "a").lstat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (
        before.st_ino,
        before.st_size,
        before.st_mtime_ns,
    )
    assert names_in(bucket) == ["a"]
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    "key",
    [
        b"other/x",
        b"v1/../x/y",
        b"v1/instances/",
        b"v1/instances/./a",
        b"v1/instances/./../outside",
        b"v1/instances/./.tmp_0123456789abcdef",
        b"v1/instances/" + b"x" * 256,
        b"v1/instances/./" + b"_" * 256,
    ],
)
async def test_what_no_file_of_this_store_can_be_is_refused_and_nothing_written(
    bucket: Path, tmp_path: Path, open_store: OpenStore, key: bytes
) -> None:
    with pytest.raises(KeyNotAllowed) as refusal:
        await open_store().put_back(written(key, b"{}"))
    assert refusal.value.key == key
    assert names_in(bucket) == []
    assert names_in(tmp_path) == ["store"]


async def put_back_in_vain(store_entry: Entry, bucket: Path, open_store: OpenStore) -> None:
    store = open_store()
    assert await store.delete([store_entry]) == {store_entry.key: Removal.REMOVED}
    assert await store.put_back(store_entry) is PutBack.UNREAD
    assert names_in(bucket) == []


async def test_what_was_shown_cut_off_is_not_put_back(bucket: Path, open_store: OpenStore) -> None:
    write(bucket / "a", b"x" * (LARGEST_VALUE + 1))
    (entry,) = (await open_store().snapshot(ALL)).entries
    await put_back_in_vain(entry, bucket, open_store)


@bound_by_permissions
async def test_what_could_not_be_read_is_not_put_back(bucket: Path, open_store: OpenStore) -> None:
    write(bucket / "a", b"1")
    (bucket / "a").chmod(0)
    (entry,) = (await open_store().snapshot(ALL)).entries
    await put_back_in_vain(entry, bucket, open_store)


async def test_a_file_system_without_links_refuses_and_nothing_is_left_behind(
    bucket: Path, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(95, "Operation not supported")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", no_links)
        with pytest.raises(Refused, match="not supported"):
            await open_store().put_back(written(KEY, b"1"))
    assert names_in(bucket) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
async def test_what_root_puts_back_belongs_to_the_workers_who_keep_it_alive(
    bucket: Path, open_store: OpenStore
) -> None:
    write(bucket / "a", b"1")
    for path in (bucket, bucket / "a"):
        os.chown(path, 12345, 12346)
    store = open_store()
    (entry,) = (await store.snapshot(ALL)).entries
    await store.delete([entry])
    assert await store.put_back(entry) is PutBack.DONE
    status = (bucket / "a").stat()
    assert (status.st_uid, status.st_gid) == (12345, 12346)
