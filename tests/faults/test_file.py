"""A folder that is not there, goes, hides and says nothing: what a person sees of it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import asyncinotify
import pytest

from backends.connections import FileConnection
from backends.file import fs_events
from tests.file.following import bound_by_permissions, write
from tests.support.operating import Operator
from tests.support.registered import KeyAndValue, instance
from tests.support.running import put_file
from tests.support.seeing import begins, held, lists, looking, shows, shows_loss


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with two instances."""
    put(tmp_path / "kv", instance(1), instance(2))
    return tmp_path / "kv"


def put(root: Path, *registered: KeyAndValue) -> None:
    for key, value in registered:
        put_file(root, key, value)


def stored(root: Path) -> dict[bytes, bytes]:
    """As the folder itself has it."""
    bucket = root / "v1" / "instances"
    return {_key(path): path.read_bytes() for path in bucket.iterdir()}


def _key(path: Path) -> bytes:
    escaped = path.name.encode().split(b"%")
    name = escaped[0] + b"".join(bytes([int(one[:2], 16)]) + one[2:] for one in escaped[1:])
    return b"v1/instances/" + name


def remove(root: Path, registered: KeyAndValue) -> None:
    put_file(root, *registered).unlink()


def leading_to(root: Path) -> dict[str, str]:
    return {"DYN_DISCOVERY_BACKEND": "file", "DYN_FILE_KV": str(root)}


def looking_at(root: Path) -> AbstractAsyncContextManager[Operator]:
    return looking(FileConnection(root=root))


async def test_missing_at_the_start_and_made_later(tmp_path: Path) -> None:
    root = tmp_path / "kv"
    async with looking_at(root) as operator:
        await shows_loss(operator, "does not exist", leading_to(root))
        put(root, instance(1))
        await shows(operator, stored(root), leading_to(root))


async def test_removed_and_made_again(root: Path) -> None:
    async with looking_at(root) as operator:
        await begins(operator, stored(root))
        shutil.rmtree(root)
        await shows_loss(operator, "does not exist", leading_to(root))
        assert sorted(operator.rows("id")) == ["1", "2"]
        put(root, instance(2), instance(3))
        await shows(operator, stored(root), leading_to(root))


async def test_a_symlink_to_it_that_is_turned_to_another(root: Path, tmp_path: Path) -> None:
    link, other = tmp_path / "link", tmp_path / "other"
    link.symlink_to(root)
    put(other, instance(3))
    async with looking_at(link) as operator:
        await begins(operator, stored(root))
        (tmp_path / "new").symlink_to(other)
        (tmp_path / "new").rename(link)
        await shows(operator, stored(other), leading_to(link))


@bound_by_permissions
async def test_not_readable_and_readable_again(root: Path) -> None:
    async with looking_at(root) as operator:
        await begins(operator, stored(root))
        bucket = root / "v1" / "instances"
        bucket.chmod(0)
        try:
            await shows_loss(operator, "this user may not read", leading_to(root), code=4)
        finally:
            bucket.chmod(0o700)
        await shows(operator, stored(root), leading_to(root))


@bound_by_permissions
async def test_not_writable_is_read_all_the_same(root: Path) -> None:
    bucket = root / "v1" / "instances"
    bucket.chmod(0o500)
    try:
        async with looking_at(root) as operator:
            await shows(operator, stored(root), leading_to(root))
    finally:
        bucket.chmod(0o700)


async def test_what_is_being_written_and_what_is_left_of_it_is_not_shown(root: Path) -> None:
    whole = stored(root)
    bucket = root / "v1" / "instances"
    (bucket / ".tmp_left_by_one_that_died").write_bytes(b"{")
    async with looking_at(root) as operator:
        await begins(operator, whole)
        # As Dynamo writes: a temporary file, which is then linked into place.
        being_written = bucket / ".tmp_3"
        being_written.write_bytes(instance(3)[1][:20])
        put(root, instance(4))
        whole |= dict([instance(4)])
        await shows(operator, whole, leading_to(root))
        being_written.write_bytes(instance(3)[1])
        place = put_file(root, *instance(3))
        os.replace(being_written, place)
        whole |= dict([instance(3)])
        await shows(operator, whole, leading_to(root))


async def test_names_that_do_not_decode_are_shown_and_go_when_they_go(root: Path) -> None:
    odd = os.fsencode(root / "v1" / "instances") + b"/\xff%zz%FF"
    async with looking_at(root) as operator:
        await begins(operator, stored(root))
        write(odd, b"{}")
        await operator.until(lambda: len(held(operator)) == 3)
        ended = await lists(leading_to(root))
        assert len(ended.records) == 3
        os.unlink(odd)
        await shows(operator, stored(root), leading_to(root))


def _no_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(asyncinotify.Inotify, "add_watch", fail)


def _silence(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(_: asyncinotify.Inotify) -> asyncinotify.Event:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(asyncinotify.Inotify, "get", silent)
    monkeypatch.setattr(fs_events, "LOCAL", frozenset())


@pytest.mark.parametrize(
    ("notices", "says"),
    [
        pytest.param(_no_watches, "no change notifications", id="inotify's limit is reached"),
        pytest.param(_silence, "", id="notices never come, as over NFS"),
    ],
)
async def test_where_there_are_no_notices_changes_are_found_by_looking(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    notices: Callable[[pytest.MonkeyPatch], None],
    says: str,
) -> None:
    notices(monkeypatch)
    async with looking_at(root) as operator:
        await begins(operator, stored(root))
        await operator.until_shown(says)
        put(root, instance(3))
        remove(root, instance(1))
        await operator.until(lambda: held(operator) == stored(root))
        await shows(operator, stored(root), leading_to(root))
