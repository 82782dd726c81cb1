"""What a store is asked to remove, where a test knows revisions."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from backends.store import Entry, Revision, Store


async def as_seen(store: Store, revisions: Mapping[bytes, Revision]) -> list[Entry]:
    """Give each revision the value, lease and owner that its key has now, so that nothing but the
    revision can differ. A key that is not there gets an empty value."""
    there = await store.get(revisions)
    entries = []
    for key, revision in revisions.items():
        now = there.get(key, Entry(key, b"", revision))
        entries.append(replace(now, revision=revision))
    return entries
