"""What is not a regular file in a bucket: never followed, never opened, never in the way."""

# ruff: noqa: ASYNC240 - a test may block its own event loop for as long as a mkdir takes.

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from backends.file.safe_open import LARGEST_VALUE
from backends.store import Refused, Removal, Revision
from tests.file.conftest import OpenStore
from tests.file.following import ALL, following, names_in, write
from tests.support.seen import as_seen

ODD = ("fifo", "socket", "folder", "symlink", "dangling")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    write(folder / "secret", b"secret")
    return folder


@pytest.fixture
def odd(bucket: Path, outside: Path) -> None:
    os.mkfifo(bucket / "fifo")
    listener = socket.socket(socket.AF_UNIX)
    # A socket's path may have about 100 bytes, and temporary folders have long names.
    here = os.open(bucket, os.O_RDONLY)
    listener.bind(f"/proc/self/fd/{here}/socket")
    os.close(here)
    listener.close()
    (bucket / "folder").mkdir()
    write(bucket / "folder" / "x", b"{}")
    (bucket / "symlink").symlink_to(outside / "secret")
    (bucket / "dangling").symlink_to(outside / "nothing")
    write(bucket / "a", b"{}")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The names that are opened from here on."""
    names: list[bytes] = []
    real = os.open

    def noting(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        names.append(os.fsencode(path))
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", noting)
    return names


@pytest.mark.usefixtures("odd")
async def test_only_regular_files_are_listed_and_nothing_else_is_opened(
    open_store: OpenStore, opened: list[bytes], notifications: bool
) -> None:
    store = open_store(notifications=notifications)
    assert [entry.key for entry in (await store.snapshot(ALL)).entries] == [b"v1/instances/a"]
    async with following(store) as follower:
        await follower.until_polled()
        assert list(follower.entries) == [b"v1/instances/a"]
        assert follower.warnings() == ("symlinks, not followed: 2",)
    keys = [b"v1/instances/" + name.encode() for name in ODD]
    assert await store.get(keys) == {}
    targets = dict.fromkeys(keys, Revision("any"))
    assert await store.delete(await as_seen(store, targets)) == dict.fromkeys(keys, Removal.GONE)
    assert {name.encode() for name in ODD}.isdisjoint(opened)


@pytest.mark.usefixtures("odd")
async def test_what_turns_into_something_else_is_gone(
    bucket: Path, outside: Path, open_store: OpenStore, notifications: bool
) -> None:
    async with following(open_store(notifications=notifications)) as follower:
        await follower.until(lambda: b"v1/instances/a" in follower.entries)
        (bucket / "a").unlink()
        (bucket / "a").symlink_to(outside / "secret")
        await follower.until(lambda: not follower.entries)
        (bucket / "a").unlink()
        write(bucket / "a", b"again")
        await follower.until(lambda: b"v1/instances/a" in follower.entries)


async def test_a_bucket_that_is_a_symlink_is_not_followed(
    root: Path, bucket: Path, outside: Path, open_store: OpenStore, notifications: bool
) -> None:
    (root / "v1" / "linked").symlink_to(outside)
    store = open_store(notifications=notifications)
    key = b"v1/linked/secret"
    async with following(store) as follower:
        await follower.until_polled()
        assert follower.entries == {}
        assert follower.warnings() == ("symlinks, not followed: 1",)
    assert await store.get([key]) == {}
    assert await store.delete(await as_seen(store, {key: Revision("any")})) == {key: Removal.GONE}
    with pytest.raises(Exception, match="not a folder"):
        await store.put(key, b"{}")
    assert names_in(outside) == ["secret"]


async def test_a_version_folder_that_is_a_symlink_is_not_followed(
    root: Path, outside: Path, open_store: OpenStore
) -> None:
    root.mkdir()
    (outside / "instances").mkdir()
    write(outside / "instances" / "x", b"{}")
    (root / "v1").symlink_to(outside)
    async with following(open_store()) as follower:
        await follower.until_polled()
        assert follower.entries == {}
        assert follower.warnings() == ("symlinks, not followed: 1",)


async def test_a_put_replaces_a_symlink_and_not_what_it_points_to(
    bucket: Path, outside: Path, open_store: OpenStore
) -> None:
    (bucket / "a").symlink_to(outside / "secret")
    await open_store().put(b"v1/instances/a", b"mine")
    assert (outside / "secret").read_bytes() == b"secret"
    assert (bucket / "a").read_bytes() == b"mine"


async def test_a_file_that_is_too_large_is_listed_cut_off_and_can_be_removed(
    bucket: Path, open_store: OpenStore
) -> None:
    key = b"v1/instances/large"
    write(bucket / "large", b"x" * (LARGEST_VALUE + 1))
    write(bucket / "just", b"x" * LARGEST_VALUE)
    store = open_store()
    async with following(store) as follower:
        await follower.until(lambda: key in follower.entries)
        await follower.until_polled()
        assert follower.entries[key].value == b"x" * LARGEST_VALUE
        assert follower.warnings() == ("files larger than 8 MiB, read up to there: 1",)
        seen = follower.entries[key]
        assert seen.unread == "it is larger than 8 MiB, and was read up to there"
        write(bucket / "large", b"x" * (LARGEST_VALUE + 2))
        assert await store.delete([seen]) == {key: Removal.CHANGED}
        entry = (await store.get([key]))[key]
        assert await store.delete([entry]) == {key: Removal.REMOVED}
    with pytest.raises(Refused):
        await store.put(key, b"x" * (LARGEST_VALUE + 1))
    assert names_in(bucket) == ["just"]


async def test_an_empty_file_is_a_key(bucket: Path, open_store: OpenStore) -> None:
    write(bucket / "empty", b"")
    store = open_store()
    (entry,) = (await store.snapshot(ALL)).entries
    assert (entry.key, entry.value) == (b"v1/instances/empty", b"")
    assert await store.delete([entry]) == {entry.key: Removal.REMOVED}
