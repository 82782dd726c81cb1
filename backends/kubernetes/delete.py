"""Remove entries: from their object, or with it.

An entry is removed if its value, its object's uid and the time of the last write by a process of
Dynamo are those that were seen. The request itself is conditional on the object's uid and
resourceVersion, so that nothing changes in between. (A `test` of the value would compare spellings
of JSON.) An object of which all entries are named is deleted, so that nothing empty stays behind,
or emptied if this user may patch objects only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from backends.kubernetes.client import JSON_PATCH, HttpAnswer, KubeClient
from backends.kubernetes.current_object import (
    Current,
    delete_object,
    json_pointer,
    owner_path,
    read_object,
)
from backends.kubernetes.objects import Path, StoredEntry, revision
from backends.kubernetes.resources import WORKERS
from backends.store import Entry, Outcome, Removal, StoreError
from backends.store.limited_gather import limited_gather

AT_ONCE = 16
"""Objects that are changed at a time."""
TRIES = 3
"""How often an object is read again that changed between reading and removing."""


async def delete(client: KubeClient, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
    """Remove entries, as `Store.delete`. Raises nothing."""
    outcomes: dict[bytes, Outcome] = {}
    groups: dict[Path, list[Entry]] = defaultdict(list)
    for entry in entries:
        path = owner_path(entry)
        if path is None:
            outcomes[entry.key] = Removal.GONE
        else:
            groups[path].append(entry)

    async def of_one(path: Path) -> dict[bytes, Outcome]:
        return await _delete_from(client, path, groups[path])

    for path, answer in zip(
        groups, await limited_gather(list(groups), of_one, AT_ONCE), strict=True
    ):
        if isinstance(answer, StoreError):
            outcomes |= {entry.key: answer for entry in groups[path]}
        else:
            outcomes |= answer
    return outcomes


async def _delete_from(client: KubeClient, path: Path, seen: list[Entry]) -> dict[bytes, Outcome]:
    """Remove entries of one object. Raises `StoreError`."""
    for _ in range(TRIES):
        current = await read_object(client, path)
        outcomes, remove = _compare(current, seen)
        if current is None or not remove:
            return outcomes
        answer = await _remove(client, current, list(remove.values()))
        if answer.ok:
            return outcomes | dict.fromkeys(remove, Removal.REMOVED)
        error = client.error_of(answer)
        if answer.status not in (404, 409, 422):
            raise error
        # Somebody was quicker: what is there now decides.
    raise error


def _compare(
    current: Current | None, seen: Iterable[Entry]
) -> tuple[dict[bytes, Outcome], dict[bytes, StoredEntry]]:
    """Return the outcomes that are known without removing anything, and what is to be removed."""
    there = {} if current is None else {one.key: one for one in current.worker.entries}
    outcomes: dict[bytes, Outcome] = {}
    remove: dict[bytes, StoredEntry] = {}
    for entry in seen:
        stored = there.get(entry.plain_key)
        if current is None or stored is None:
            outcomes[entry.key] = Removal.GONE
        elif (entry.revision, entry.value) == (
            revision(current.worker.last_write, stored),
            stored.value,
        ):
            remove[entry.key] = stored
        else:
            outcomes[entry.key] = Removal.CHANGED
    return outcomes, remove


async def _remove(client: KubeClient, current: Current, entries: list[StoredEntry]) -> HttpAnswer:
    worker = current.worker
    if len(entries) == len(worker.entries):
        answer = await delete_object(
            client, worker.path, uid=worker.uid, resourceVersion=worker.version
        )
        if answer.status != 403:
            return answer
    patch: list[dict[str, Any]] = [
        {"op": "test", "path": "/metadata/uid", "value": worker.uid},
        {"op": "test", "path": "/metadata/resourceVersion", "value": worker.version},
    ]
    patch += [
        {"op": "remove", "path": json_pointer("spec", "data", *entry.place)} for entry in entries
    ]
    path = WORKERS.path(*worker.path)
    return await client.request("PATCH", path, body=patch, content_type=JSON_PATCH)
