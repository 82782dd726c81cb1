"""What every store promises: one suite, run for each of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import pytest

from backends.store import (
    Compacted,
    Delete,
    Entry,
    Heartbeat,
    KeyNotAllowed,
    Lifetime,
    Lost,
    NotYet,
    Put,
    PutBack,
    Removal,
    Resync,
    Revision,
    Store,
    StoreError,
    Unreachable,
)
from tests.support.harness import Harness
from tests.support.seen import as_seen
from tests.support.watching import DEADLINE, watching

ALL = (b"v1/", b"instances/", b"models/", b"mdc/")
KEY = b"v1/instances/prod/backend/generate/1a"
IN_NATS = (b"v1/event_channels/prod//kv_metrics/7d7b", b"v1/claims/anything")
"""Of the odd keys below, those that a NATS bucket can hold."""
OTHER = b"v1/instances/prod/backend/generate/1b"


def is_text(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True


async def test_an_empty_store_is_an_empty_snapshot(store: Store) -> None:
    assert (await store.snapshot(ALL)).entries == ()


async def test_what_is_put_is_read_back_as_it_was_by_another_process(
    open_store: Callable[[], Store],
) -> None:
    revision = await open_store().put(KEY, b'{"a":1}')
    (entry,) = (await open_store().snapshot(ALL)).entries
    assert (entry.key, entry.value, entry.revision) == (KEY, b'{"a":1}', revision)
    assert entry.expired_at is None


async def test_values_are_bytes_and_survive_unchanged_or_are_refused(
    place: Harness, store: Store
) -> None:
    value = bytes(range(256)) * 17
    if not place.keeps_bytes:
        with pytest.raises(KeyNotAllowed):
            await store.put(KEY, value)
        assert (await store.snapshot(ALL)).entries == ()
        value = b'{"a":[1,2.5,null,"<\\u0000>"],"b":{}}'
    await store.put(KEY, value)
    assert (await store.get([KEY]))[KEY].value == value


@pytest.mark.parametrize(
    "key",
    [
        b"v1/event_channels/prod//kv_metrics/7d7b",
        b"v1/instances/prod/b%20c/generate/1a",
        "v1/instances/größe/日本/generate/1a".encode(),
        b"v1/instances/\xff\xfe/x",
        b"v1/instances/with space\tand\x1b[31mescape",
        b"v1/instances/../../escape",
        b"v1/claims/anything",
    ],
)
async def test_any_key_below_v1_is_kept_exactly_or_refused(store: Store, key: bytes) -> None:
    in_nats = store.name != "nats" or key in IN_NATS
    in_kubernetes = store.name != "kubernetes" or is_text(key)
    if not in_nats or not in_kubernetes:
        with pytest.raises(KeyNotAllowed):
            await store.put(key, b"{}")
        assert (await store.snapshot(ALL)).entries == ()
        return
    revision = await store.put(key, b"{}")
    (entry,) = (await store.snapshot(ALL)).entries
    assert entry.key == key
    assert await store.delete(await as_seen(store, {key: revision})) == {key: Removal.REMOVED}
    assert (await store.snapshot(ALL)).entries == ()


async def test_a_snapshot_holds_only_what_begins_with_a_prefix_each_key_once_and_in_order(
    store: Store,
) -> None:
    keys = [b"v1/mdc/b", b"v1/instances/a", b"v1/instances/b", b"v1/other/z"]
    for key in keys:
        await store.put(key, b"1")
    found = await store.snapshot((b"v1/instances/", b"v1/mdc/", b"v1/instances/a"))
    assert [entry.key for entry in found.entries] == [
        b"v1/instances/a",
        b"v1/instances/b",
        b"v1/mdc/b",
    ]


async def test_get_returns_exactly_the_keys_asked_for_and_leaves_out_what_is_not_there(
    store: Store,
) -> None:
    await store.put(KEY, b"1")
    await store.put(KEY + b"/longer", b"2")
    assert list(await store.get([KEY, OTHER])) == [KEY]
    assert await store.get([]) == {}


async def test_a_changed_value_has_another_revision(store: Store) -> None:
    first = await store.put(KEY, b"1")
    second = await store.put(KEY, b"2")
    assert first != second
    assert (await store.get([KEY]))[KEY].revision == second


async def test_delete_removes_the_revision_that_was_seen(store: Store) -> None:
    revision = await store.put(KEY, b"1")
    assert await store.delete(await as_seen(store, {KEY: revision})) == {KEY: Removal.REMOVED}
    assert await store.get([KEY]) == {}


async def test_delete_leaves_a_key_that_changed_meanwhile(
    place: Harness, open_store: Callable[[], Store]
) -> None:
    writer = open_store()
    seen = await writer.put(KEY, b"1")
    await (open_store() if place.shares_keys else writer).put(KEY, b"2")
    assert await open_store().delete(await as_seen(open_store(), {KEY: seen})) == {
        KEY: Removal.CHANGED
    }
    assert (await open_store().get([KEY]))[KEY].value == b"2"


async def test_delete_leaves_a_key_that_went_and_came_back_with_the_same_value(
    place: Harness, open_store: Callable[[], Store]
) -> None:
    store = open_store()
    seen = await store.put(KEY, b"1")
    if not place.shares_keys:
        # It comes back as another process's.
        entry = await take_away(store, KEY)
        await open_store().put(KEY, b"1")
        assert await store.delete([entry]) == {KEY: Removal.GONE}
        assert (await store.get([KEY]))[KEY].value == b"1"
        return
    # What replaces it is there before the first one goes, so that no inode can be used again.
    again = await open_store().put(KEY, b"1")
    assert again != seen
    assert await store.delete(await as_seen(store, {KEY: seen})) == {KEY: Removal.CHANGED}


async def test_after_a_restore_what_has_the_same_revision_and_other_bytes_is_not_removed(
    place: Harness, open_store: Callable[[], Store]
) -> None:
    await place.put_by_a_worker(OTHER, b"0")
    await place.back_up()
    await place.put_by_a_worker(KEY, b'"shown"')
    seen = (await open_store().get([KEY]))[KEY]
    await place.restore()
    await place.put_by_a_worker(KEY, b'"other"')
    now = (await open_store().get([KEY]))[KEY]
    assert (now.value, now.revision == seen.revision) == (b'"other"', place.counts_again)
    # Beside one that is as it was seen, which goes.
    same = (await open_store().get([OTHER]))[OTHER]
    outcomes = await open_store().delete([seen, same])
    assert outcomes == {KEY: Removal.CHANGED, OTHER: Removal.REMOVED}
    assert await open_store().get([KEY]) == {KEY: now}
    assert await open_store().put_back(seen) is PutBack.THERE
    assert await open_store().get([KEY]) == {KEY: now}


async def test_what_is_not_known_in_full_is_not_put_back(store: Store) -> None:
    entry = Entry(KEY, b"{", Revision("1"), unread="this user may not read it")
    assert await store.put_back(entry) is PutBack.UNREAD
    assert (await store.snapshot(ALL)).entries == ()


async def test_a_place_that_takes_puts_says_no_reason_against_them(store: Store) -> None:
    assert await store.no_puts() == ()
    assert await store.read_only() == ""
    async with watching(store, ALL) as view:
        assert await view.until_event(Heartbeat) == Heartbeat()


async def test_its_server_tells_its_release_if_it_has_one(store: Store) -> None:
    release = await store.server_version()
    if store.name in ("memory", "file"):
        assert release == ""
    else:
        assert re.match(r"v?[0-9]+\.[0-9]+\.", release)


async def test_delete_tells_each_keys_own_outcome(store: Store) -> None:
    await store.put(KEY, b"1")
    stale = await store.put(OTHER, b"1")
    await store.put(OTHER, b"2")
    removed = (await store.get([KEY]))[KEY].revision
    gone = b"v1/instances/never/was/there/1"
    targets = {KEY: removed, OTHER: stale, gone: removed}
    assert await store.delete(await as_seen(store, targets)) == {
        KEY: Removal.REMOVED,
        OTHER: Removal.CHANGED,
        gone: Removal.GONE,
    }
    assert [entry.key for entry in (await store.snapshot(ALL)).entries] == [OTHER]


async def test_delete_of_a_made_up_revision_removes_nothing(store: Store) -> None:
    await store.put(KEY, b"1")
    assert await store.delete(await as_seen(store, {KEY: Revision("made up")})) == {
        KEY: Removal.CHANGED
    }


async def test_delete_of_nothing_is_nothing(store: Store) -> None:
    assert await store.delete([]) == {}


async def test_many_keys_are_removed_in_one_call(store: Store) -> None:
    keys = [b"v1/instances/prod/backend/generate/%x" % number for number in range(300)]
    for key in keys:
        await store.put(key, b"{}")
    outcomes = await store.delete((await store.get(keys)).values())
    assert outcomes == dict.fromkeys(keys, Removal.REMOVED)
    assert (await store.snapshot(ALL)).entries == ()


async def test_what_cannot_be_reached_is_each_keys_own_outcome_and_nothing_is_raised(
    place: Harness, store: Store
) -> None:
    for key in (KEY, OTHER):
        await store.put(key, b"1")
    entries = await store.get([KEY, OTHER])
    await place.break_off()
    outcomes = await store.delete(entries.values())
    assert outcomes.keys() == entries.keys()
    assert all(isinstance(outcome, Unreachable) for outcome in outcomes.values())
    await place.mend()
    assert await store.get(entries) == entries


async def take_away(store: Store, key: bytes) -> Entry:
    """Removes a key, and gives what was there."""
    entry = (await store.get([key]))[key]
    assert await store.delete([entry]) == {key: Removal.REMOVED}
    return entry


async def test_what_is_put_back_is_as_it_was(
    place: Harness, open_store: Callable[[], Store]
) -> None:
    value = bytes(range(256)) if place.keeps_bytes else b'{"a":[1,2.5,null]}'
    await place.put_by_a_worker(KEY, value)
    store = open_store()
    before = await take_away(store, KEY)
    assert (before.lease is not None) is store.lifetime.has_leases
    assert await store.put_back(before) is PutBack.DONE
    (after,) = (await open_store().snapshot(ALL)).entries
    assert (after.key, after.value, after.lease) == (KEY, value, before.lease)
    assert (after.owner is None) is (before.owner is None)
    if after.owner is not None and before.owner is not None:
        assert (after.owner.path, after.owner.pod_uid) == (before.owner.path, before.owner.pod_uid)
    assert after.expired_at is None


async def test_what_is_put_back_can_be_removed_again_and_put_back_again(
    place: Harness, store: Store
) -> None:
    await place.put_by_a_worker(KEY, b"1")
    entry = await take_away(store, KEY)
    for _ in range(2):
        assert await store.put_back(entry) is PutBack.DONE
        entry = await take_away(store, KEY)
        assert entry.value == b"1"
    assert (await store.snapshot(ALL)).entries == ()


async def test_a_key_that_came_back_is_never_overwritten(
    place: Harness, open_store: Callable[[], Store]
) -> None:
    await place.put_by_a_worker(KEY, b"1")
    store = open_store()
    entry = await take_away(store, KEY)
    await place.put_by_a_worker(KEY, b"2")
    again = (await open_store().get([KEY]))[KEY]
    assert await store.put_back(entry) is PutBack.THERE
    assert (await store.snapshot(ALL)).entries == (again,)
    assert again.value == b"2"


async def test_what_a_process_puts_hangs_on_its_own_lease_where_there_are_leases(
    open_store: Callable[[], Store],
) -> None:
    store = open_store()
    await store.put(KEY, b"1")
    (entry,) = (await open_store().snapshot(ALL)).entries
    lives = await open_store().time_to_live([entry])
    if not store.lifetime.has_leases:
        assert entry.lease is None
        return
    assert entry.lease == await store.instance_id()
    granted = lives[KEY].granted
    assert granted is not None
    assert 0 < lives[KEY].remaining <= granted


async def test_what_hung_on_a_lease_or_a_pod_that_is_gone_is_not_put_back(
    place: Harness, store: Store
) -> None:
    if not store.lifetime.has_leases and store.lifetime is not Lifetime.OWNED:
        pytest.skip("there are neither leases nor owners here")
    await place.put_by_a_worker(KEY, b"1")
    entry = await take_away(store, KEY)
    await place.end_the_worker()
    is_owned = store.lifetime is Lifetime.OWNED
    gone = PutBack.POD_GONE if is_owned else PutBack.LEASE_GONE
    assert await store.put_back(entry) is gone
    assert (await store.snapshot(ALL)).entries == ()


async def test_nothing_is_put_back_where_the_store_cannot_be_reached(
    place: Harness, store: Store
) -> None:
    await place.put_by_a_worker(KEY, b"1")
    entry = await take_away(store, KEY)
    await place.break_off()
    with pytest.raises(Unreachable):
        await store.put_back(entry)
    await place.mend()
    assert (await store.snapshot(ALL)).entries == ()


async def test_closing_leaves_what_was_put_back(
    place: Harness, open_store: Callable[[], Store]
) -> None:
    await place.put_by_a_worker(KEY, b"1")
    store = place.open()
    await store.put_back(await take_away(store, KEY))
    await store.aclose()
    assert KEY in await open_store().get([KEY])


async def test_a_watch_tells_of_what_is_put_back(
    place: Harness, open_store: Callable[[], Store]
) -> None:
    await place.put_by_a_worker(KEY, b"1")
    store = open_store()
    async with watching(open_store(), ALL) as view:
        await view.until(lambda: KEY in view.entries)
        entry = await take_away(store, KEY)
        await view.until(lambda: KEY not in view.entries)
        await store.put_back(entry)
        await view.until(lambda: KEY in view.entries)
        assert view.entries[KEY].value == b"1"


async def test_instance_ids_are_u64_constant_and_differ_between_processes(
    open_store: Callable[[], Store],
) -> None:
    first, second = open_store(), open_store()
    one = await first.instance_id()
    assert one == await first.instance_id()
    assert 0 < one < 2**64
    assert one != await second.instance_id()


async def test_looking_writes_nothing(open_store: Callable[[], Store]) -> None:
    store = open_store()
    before = await store.snapshot((b"",)) if store.name == "etcd" else await store.snapshot(ALL)
    async with watching(store, ALL) as view:
        await view.until_event(Heartbeat)
    after = await open_store().snapshot((b"",) if store.name == "etcd" else ALL)
    assert after.entries == before.entries
    # An API server counts what others write to it, too.
    assert after.revision == before.revision or store.name == "kubernetes"


async def test_a_watch_begins_with_everything_then_tells_each_change_in_order(
    open_store: Callable[[], Store],
) -> None:
    await open_store().put(KEY, b"1")
    writer = open_store()
    async with watching(open_store(), ALL) as view:
        await view.until_event(Resync)
        assert {key: entry.value for key, entry in view.entries.items()} == {KEY: b"1"}
        first = await writer.put(OTHER, b"1")
        await view.until(lambda: OTHER in view.entries)
        second = await writer.put(OTHER, b"2")
        await view.until(lambda: view.entries[OTHER].value == b"2")
        await writer.delete(await as_seen(writer, {OTHER: second}))
        await view.until(lambda: OTHER not in view.entries)
        kinds = [
            (type(event), event.entry.revision if isinstance(event, Put) else None)
            for event in view.seen
            if isinstance(event, Put | Delete)
        ]
        assert kinds == [(Put, first), (Put, second), (Delete, None)]


async def test_a_watch_tells_only_what_begins_with_a_prefix(
    open_store: Callable[[], Store],
) -> None:
    writer = open_store()
    async with watching(open_store(), (b"v1/mdc/",)) as view:
        await view.until_event(Resync)
        await writer.put(KEY, b"1")
        await writer.put(b"v1/mdc/a", b"1")
        await view.until(lambda: b"v1/mdc/a" in view.entries)
        assert KEY not in view.entries


async def test_a_quiet_watch_is_heard_from(store: Store) -> None:
    async with watching(store, ALL) as view:
        await view.until_event(Resync)
        await view.until_event(Heartbeat)


async def test_a_lost_watch_says_so_and_then_shows_what_is_true_now(
    place: Harness, open_store: Callable[[], Store]
) -> None:
    writer = open_store()
    gone = b"v1/instances/prod/backend/generate/2"
    await writer.put(KEY, b"1")
    await writer.put(gone, b"1")
    async with watching(open_store(), ALL) as view:
        await view.until_event(Resync)
        await place.break_off()
        await view.until_event(Lost)
        await place.delete_while_broken(gone)
        await place.put_while_broken(OTHER, b"2")
        await place.mend()
        await view.until(lambda: view.connected and OTHER in view.entries)
        assert {key: entry.value for key, entry in view.entries.items()} == {
            KEY: b"1",
            OTHER: b"2",
        }
        later = b"v1/instances/prod/backend/generate/3"
        await open_store().put(later, b"3")
        await view.until(lambda: later in view.entries)


async def test_a_store_that_cannot_be_reached_raises_and_its_watch_starts_with_lost(
    place: Harness, open_store: Callable[[], Store]
) -> None:
    await place.break_off()
    with pytest.raises(StoreError):
        await open_store().snapshot(ALL)
    async with watching(open_store(), ALL) as view:
        await view.until_event(Lost)
        assert not any(isinstance(event, Resync) for event in view.seen)
        await place.mend()
        await view.until_event(Resync)


async def test_two_watches_of_one_store_do_not_disturb_each_other(
    open_store: Callable[[], Store],
) -> None:
    store = open_store()
    async with watching(store, ALL) as one, watching(store, ALL) as two:
        await one.until_event(Resync)
        await two.until_event(Resync)
        await open_store().put(KEY, b"1")
        await one.until(lambda: KEY in one.entries)
        await two.until(lambda: KEY in two.entries)


async def test_closing_leaves_no_task_behind(place: Harness) -> None:
    before = asyncio.all_tasks()
    store = place.open()
    await store.put(KEY, b"1")
    async with watching(store, ALL) as view:
        await view.until_event(Resync)
    await store.aclose()
    left = asyncio.all_tasks() - before
    assert not (await asyncio.wait(left, timeout=DEADLINE))[1] if left else True


async def test_a_past_is_what_snapshots_were_and_its_changes_lead_from_one_to_the_next(
    place: Harness, store: Store
) -> None:
    if (past := store.past) is None:
        pytest.skip(f"{store.name} keeps only what is")
    await place.keep_past(KEY)
    then = [await store.snapshot(ALL)]
    for key, value in ((KEY, b"1"), (OTHER, b"2"), (KEY, b"3")):
        await store.put(key, value)
        then.append(await store.snapshot(ALL))
    await store.delete(then[-1].entries[:1])
    then.append(await store.snapshot(ALL))
    for snapshot in then:
        assert await past.at(ALL, int(snapshot.revision)) == snapshot
    first, last = int(then[0].revision), int(then[-1].revision)
    assert await past.newest() == last
    held = {entry.key: entry for entry in then[0].entries}
    changes = await past.changes(ALL, first, last)
    for change in changes:
        assert change.at == past.time_of(change.revision)
        assert held.pop(change.key, None) == change.previous
        if change.entry is not None:
            held[change.key] = change.entry
    assert tuple(sorted(held.values(), key=lambda entry: entry.key)) == then[-1].entries
    # A revision that may be a time.
    with pytest.raises(NotYet):
        await past.at(ALL, 2**62)
    with pytest.raises(NotYet):
        await past.changes(ALL, first, 2**62)
    with pytest.raises(ValueError, match="no revision is 0"):
        await past.at(ALL, 0)


async def test_the_last_changes_of_a_past_are_those_that_are_known(
    place: Harness, store: Store
) -> None:
    if (past := store.past) is None:
        pytest.skip(f"{store.name} keeps only what is")
    await place.keep_past(KEY)
    begin = int((await store.snapshot(ALL)).revision)
    for value in (b"1", b"2", b"3"):
        await store.put(KEY, value)
    newest = await past.newest()
    every = await past.changes(ALL, begin, newest)
    assert [one.entry.value for one in every if one.entry is not None] == [b"1", b"2", b"3"]
    assert await past.recent(ALL, newest, 500) == every
    assert await past.recent(ALL, newest, 2) == every[-2:]
    assert await past.recent(ALL, every[1].revision, 1) == every[1:2]
    # Of a moment before anything is known there is nothing to tell, and no error.
    assert await past.recent(ALL, 1, 500) == ()


async def test_what_a_past_does_not_know_any_more_is_said_with_the_oldest_that_it_knows(
    place: Harness, store: Store
) -> None:
    if (past := store.past) is None:
        pytest.skip(f"{store.name} keeps only what is")
    await place.keep_past(KEY)
    await store.put(KEY, b"1")
    lost = await past.newest()
    await store.put(KEY, b"2")
    await place.forget_past(KEY)
    oldest = await past.oldest(ALL)
    assert lost < oldest
    kept = await store.snapshot(ALL)
    assert (await past.at(ALL, oldest)).entries == kept.entries
    for asked in (past.at(ALL, lost), past.changes(ALL, lost, oldest)):
        with pytest.raises(Compacted) as told:
            await asked
        assert (told.value.revision, told.value.oldest) == (lost, oldest)
        assert told.value.oldest_at == past.time_of(oldest)
