"""The folder missing, made, removed, replaced, unreadable; notices that fail."""

# ruff: noqa: ASYNC240 - a test may block its own event loop for as long as a mkdir takes.

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import asyncinotify
import pytest

from backends.file import FileStore, fs_events
from backends.store import (
    Cause,
    Lost,
    Misconfigured,
    NotAuthorised,
    PutBack,
    Refused,
    Removal,
    Resync,
    StoreError,
    Unreachable,
)
from tests.file.conftest import OpenStore
from tests.file.following import (
    ALL,
    Follower,
    bound_by_permissions,
    following,
    names_in,
    write,
    written,
)
from tests.support.seen import as_seen

KEY = b"v1/instances/a"


def last_loss(follower: Follower) -> StoreError:
    return [event.error for event in follower.events if isinstance(event, Lost)][-1]


async def test_a_missing_folder_is_unreachable_and_not_created_by_reading(
    root: Path, tmp_path: Path, open_store: OpenStore
) -> None:
    store = open_store()
    for attempt in (
        store.snapshot(ALL),
        store.get([KEY]),
        store.put_back(written(KEY, b"1")),
        store.time_to_live([]),
    ):
        with pytest.raises(Unreachable) as error:
            await attempt
        assert error.value.cause is Cause.MISSING
        assert error.value.address == str(root)
    assert names_in(tmp_path) == []


async def test_where_the_folder_is_missing_no_key_is_said_to_be_gone(
    root: Path, tmp_path: Path, open_store: OpenStore
) -> None:
    no_file = b"v1/../x"
    outcomes = await open_store().delete([written(KEY, b"1"), written(no_file, b"1")])
    assert outcomes.keys() == {KEY, no_file}
    for error in outcomes.values():
        assert isinstance(error, Unreachable)
        assert (error.cause, error.address) == (Cause.MISSING, str(root))
    assert names_in(tmp_path) == []


async def test_a_folder_that_is_missing_at_the_start_is_waited_for(
    bucket: Path, root: Path, open_store: OpenStore, notifications: bool
) -> None:
    shutil.rmtree(root)
    async with following(open_store(notifications=notifications)) as follower:
        await follower.until_next(Lost)
        error = last_loss(follower)
        assert isinstance(error, Unreachable)
        assert error.cause is Cause.MISSING
        assert follower.count(Resync) == 0
        bucket.mkdir(parents=True)
        write(bucket / "a", b"1")
        await follower.until(lambda: KEY in follower.entries)
        write(bucket / "b", b"1")
        await follower.until(lambda: len(follower.entries) == 2)
        assert follower.count(Lost) == 1


async def test_a_folder_that_is_removed_and_made_again_is_resynced(
    bucket: Path, root: Path, open_store: OpenStore, notifications: bool
) -> None:
    write(bucket / "a", b"1")
    async with following(open_store(notifications=notifications)) as follower:
        for turn in range(3):
            await follower.until(lambda: KEY in follower.entries)
            shutil.rmtree(root)
            await follower.until(lambda turn=turn: follower.count(Lost) == turn + 1)  # type: ignore[misc]
            bucket.mkdir(parents=True)
            write(bucket / "a", b"%d" % turn)
            await follower.until(lambda turn=turn: follower.count(Resync) >= turn + 2)  # type: ignore[misc]


async def test_another_folder_put_in_its_place_unnoticed_is_resynced(
    bucket: Path, root: Path, tmp_path: Path, open_store: OpenStore, notifications: bool
) -> None:
    write(bucket / "a", b"1")
    other = tmp_path / "other"
    (other / "v1" / "instances").mkdir(parents=True)
    write(other / "v1" / "instances" / "b", b"1")
    async with following(open_store(notifications=notifications)) as follower:
        await follower.until(lambda: list(follower.entries) == [KEY])
        root.rename(tmp_path / "old")
        other.rename(root)
        await follower.until(lambda: list(follower.entries) == [b"v1/instances/b"])
        write(bucket / "c", b"1")
        await follower.until(lambda: len(follower.entries) == 2)


async def test_a_folder_without_buckets_is_an_empty_store(
    root: Path, open_store: OpenStore
) -> None:
    root.mkdir()
    store = open_store()
    assert await store.snapshot(ALL) == Resync((), "")
    async with following(store) as follower:
        await follower.until_polled()
        assert (follower.count(Resync), follower.count(Lost)) == (1, 0)
        await open_store().put(KEY, b"1")
        await follower.until(lambda: KEY in follower.entries)


async def test_a_file_in_the_folders_place_is_not_this_store(
    root: Path, open_store: OpenStore
) -> None:
    write(root, b"")
    for attempt in (open_store().snapshot(ALL), open_store().put(KEY, b"")):
        with pytest.raises(Unreachable) as error:
            await attempt
        assert error.value.cause is Cause.NOT_THIS_STORE


async def test_the_root_itself_may_be_a_symlink(
    bucket: Path, root: Path, tmp_path: Path, notifications: bool
) -> None:
    (tmp_path / "link").symlink_to(root)
    write(bucket / "a", b"1")
    store = FileStore(tmp_path / "link", poll_interval=0.1, notifications=notifications)
    async with following(store) as follower:
        await follower.until(lambda: KEY in follower.entries)
        write(bucket / "b", b"1")
        await follower.until(lambda: len(follower.entries) == 2)


@bound_by_permissions
async def test_a_folder_that_may_not_be_read_is_not_authorised(
    bucket: Path, open_store: OpenStore
) -> None:
    write(bucket / "a", b"1")
    bucket.chmod(0)
    try:
        with pytest.raises(NotAuthorised):
            await open_store().snapshot(ALL)
        async with following(open_store()) as follower:
            await follower.until_next(Lost)
            assert isinstance(last_loss(follower), NotAuthorised)
            bucket.chmod(0o700)
            await follower.until(lambda: KEY in follower.entries)
    finally:
        bucket.chmod(0o700)


@bound_by_permissions
async def test_a_file_that_may_not_be_read_is_listed_and_can_be_removed(
    bucket: Path, open_store: OpenStore
) -> None:
    write(bucket / "a", b"1")
    (bucket / "a").chmod(0)
    async with following(open_store()) as follower:
        await follower.until(lambda: KEY in follower.entries)
        await follower.until_polled()
        assert follower.entries[KEY].value == b""
        assert follower.entries[KEY].unread == "this user may not read it"
        assert await open_store().put_back(follower.entries[KEY]) is PutBack.UNREAD
        assert follower.warnings() == ("files that may not be read: 1",)
        await open_store().delete([follower.entries[KEY]])
        await follower.until(lambda: not follower.entries)


@bound_by_permissions
async def test_a_folder_that_may_not_be_written_refuses_each_act_after_trying_all(
    root: Path, bucket: Path, open_store: OpenStore
) -> None:
    store = open_store()
    other = b"v1/mdc/b"
    targets = {KEY: await store.put(KEY, b"1"), other: await store.put(other, b"1")}
    bucket.chmod(0o500)
    try:
        with pytest.raises(NotAuthorised):
            await store.put(b"v1/instances/new", b"1")
        with pytest.raises(NotAuthorised):
            await store.put_back(written(b"v1/instances/new", b"1"))
        outcomes = await store.delete(await as_seen(store, targets))
        assert isinstance(outcomes[KEY], NotAuthorised)
        assert outcomes[other] is Removal.REMOVED
        assert list(await store.get(targets)) == [KEY]
    finally:
        bucket.chmod(0o700)


async def test_one_refused_removal_does_not_stop_the_others(
    bucket: Path, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    other = b"v1/instances/b"
    targets = {KEY: await store.put(KEY, b"1"), other: await store.put(other, b"1")}
    unlink = os.unlink

    def refuse_one(path: Any, *, dir_fd: int | None = None) -> None:
        if path == b"a":
            raise PermissionError(13, "Permission denied")
        unlink(path, dir_fd=dir_fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse_one)
        outcomes = await store.delete(await as_seen(store, targets))
    assert isinstance(outcomes[KEY], NotAuthorised)
    assert outcomes[other] is Removal.REMOVED
    assert list(await store.get(targets)) == [KEY]


async def test_a_full_disk_is_refused_and_leaves_nothing_behind(
    bucket: Path, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", full)
        with pytest.raises(Refused, match="no space left"):
            await open_store().put(KEY, b"1")
    assert names_in(bucket) == []


@pytest.mark.parametrize("error", [OSError(28, "inotify watch limit reached"), ImportError("?")])
async def test_where_notices_fail_the_poll_goes_on_and_it_is_said(
    bucket: Path, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(asyncinotify.Inotify, "add_watch", failing)
    async with following(open_store()) as follower:
        await follower.until_polled()
        write(bucket / "a", b"1")
        await follower.until(lambda: KEY in follower.entries)
        await follower.until_polled()
        (warning,) = follower.warnings()
        assert warning.startswith("no change notifications")


async def test_where_notices_never_come_the_poll_finds_everything(
    bucket: Path, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(_: asyncinotify.Inotify) -> asyncinotify.Event:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(asyncinotify.Inotify, "get", silent)
    monkeypatch.setattr(fs_events, "LOCAL", frozenset())
    async with following(open_store()) as follower:
        await follower.until_polled()
        write(bucket / "a", b"1")
        await follower.until(lambda: KEY in follower.entries)
        (bucket / "a").unlink()
        await follower.until(lambda: not follower.entries)


@pytest.mark.parametrize("root", ["", b"", "a\0b"])
def test_what_cannot_be_a_path_is_misconfigured(root: str | bytes) -> None:
    with pytest.raises(Misconfigured):
        FileStore(root)
