"""What a store is asked to remove, where a test knows revisions."""

from __future__ import annotations

from collections.abc import Mapping

from backends.store import Entry, Revision, Store


async def as_seen(store: Store, revisions: Mapping[bytes, Revision]) -> list[Entry]:
    """Give each revision the value and lease that its key has now, so that nothing but the revision
    can differ. A key that is not there gets an empty value."""
    there = await store.get(revisions)
    entries = []
    for key, revision in revisions.items():
        now = there.get(key)
        value, lease = (b"", None) if now is None else (now.value, now.lease)
        entries.append(Entry(key, value, revision, lease))
    return entries
