"""Which file a key is, seen from outside: by the folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backends.store import KeyNotAllowed, Removal, Revision
from tests.file.conftest import OpenStore
from tests.file.following import ALL, following, names_in, write
from tests.support.seen import as_seen


async def test_a_file_is_where_dynamo_looks_for_it(root: Path, open_store: OpenStore) -> None:
    store = open_store()
    await store.put(b"v1/instances/prod/backend/clear_kv_blocks/a907", b"{}")
    await store.put(b"instances/prod/backend/generate:694d", b"{}")
    assert names_in(root / "v1" / "instances") == ["prod%2Fbackend%2Fclear%5Fkv%5Fblocks%2Fa907"]
    assert names_in(root / "instances") == ["prod%2Fbackend%2Fgenerate%3A694d"]


async def test_each_spelling_of_a_name_is_removed_alone(
    bucket: Path, open_store: OpenStore
) -> None:
    names = ["foo%5Fbar", "foo_bar", "foo%5fbar", "%", "a b"]
    for name in names:
        (bucket / name).write_bytes(name.encode())
    store = open_store()
    entries = (await store.snapshot(ALL)).entries
    assert sorted(entry.value.decode() for entry in entries) == sorted(names)
    for entry in entries:
        assert (bucket / entry.value.decode()).exists()
        assert await store.delete([entry]) == {entry.key: Removal.REMOVED}
        assert not (bucket / entry.value.decode()).exists()
        names.remove(entry.value.decode())
        assert names_in(bucket) == sorted(names)


async def test_names_that_are_not_utf8_are_listed_watched_and_removed(
    root: Path, bucket: Path, open_store: OpenStore, notifications: bool
) -> None:
    odd_bucket = os.path.join(os.fsencode(root), b"v1", b"b\xff")
    os.mkdir(odd_bucket)
    store = open_store(notifications=notifications)
    async with following(store) as follower:
        await follower.until_polled()
        for folder in (os.fsencode(bucket), odd_bucket):
            write(os.path.join(folder, b"n\xfe"), b"1")
        keys = {b"v1/instances/n\xfe", b"v1/b\xff/n\xfe"}
        await follower.until(lambda: set(follower.entries) == keys)
        assert list((await store.get(keys)).values()) != []
        await store.delete([follower.entries[key] for key in keys])
        await follower.until(lambda: not follower.entries)
        # And what comes afterwards is found as before.
        await open_store().put(b"v1/instances/later", b"1")
        await follower.until(lambda: b"v1/instances/later" in follower.entries)


async def test_a_key_with_dots_stays_inside_the_bucket(
    tmp_path: Path, bucket: Path, open_store: OpenStore
) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"{}")
    store = open_store()
    key = b"v1/instances/../../../outside"
    revision = await store.put(key, b"mine")
    assert outside.read_bytes() == b"{}"
    assert names_in(bucket) == ["%2E%2E%2F%2E%2E%2F%2E%2E%2Foutside"]
    assert await store.delete(await as_seen(store, {key: revision})) == {key: Removal.REMOVED}
    assert outside.exists()


@pytest.mark.parametrize(
    "key",
    [
        b"v1/instances/./../../../outside",
        b"v1/instances/./..",
        b"v1/instances/./.",
        b"v1/../outside/x",
        b"v1/../../outside",
        b"../outside",
        b"/outside",
        b"v1/instances/./.tmp_0123456789abcdef",
        b"v1/instances/",
        b"v1/instances/a\0",
        b"v1/a\0/x",
        b"v1/instances/" + b"x" * 5000,
        b"",
    ],
)
async def test_a_key_that_no_file_can_have_is_not_there(
    tmp_path: Path, bucket: Path, open_store: OpenStore, key: bytes
) -> None:
    (tmp_path / "outside").write_bytes(b"{}")
    (bucket / ".tmp_0123456789abcdef").write_bytes(b"{}")
    store = open_store()
    assert await store.get([key]) == {}
    assert await store.delete(await as_seen(store, {key: Revision("any")})) == {key: Removal.GONE}
    assert (tmp_path / "outside").exists()
    assert (bucket / ".tmp_0123456789abcdef").exists()


@pytest.mark.parametrize("key", [b"other/x", b"v1/instances/./foo_bar", b"v1/../x/y"])
async def test_what_the_layout_cannot_hold_is_refused_and_nothing_written(
    tmp_path: Path, open_store: OpenStore, key: bytes
) -> None:
    with pytest.raises(KeyNotAllowed) as refusal:
        await open_store().put(key, b"{}")
    assert refusal.value.key == key
    assert names_in(tmp_path) == []


async def test_only_buckets_are_read(root: Path, bucket: Path, open_store: OpenStore) -> None:
    for folder in (root / "other", root / "v2" / "instances", bucket / "below"):
        folder.mkdir(parents=True)
        (folder / "x").write_bytes(b"{}")
    for name in ("instances", "models", "mdc"):
        (root / name).mkdir()
        (root / name / "x").write_bytes(b"{}")
    (root / "v1" / "claims").mkdir()
    (root / "v1" / "claims" / "x").write_bytes(b"{}")
    (root / "v1" / "stray").write_bytes(b"{}")
    (root / "stray").write_bytes(b"{}")
    keys = [entry.key for entry in (await open_store().snapshot((b"",))).entries]
    assert keys == [b"instances/x", b"mdc/x", b"models/x", b"v1/claims/x"]
