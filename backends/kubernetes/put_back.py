"""Put an entry back that was removed from its object, or with it."""

from __future__ import annotations

from typing import Any

from backends.kubernetes.apply import apply, create_empty, pod_reference
from backends.kubernetes.client import KubeClient
from backends.kubernetes.current_object import Current, json_of, owner_path, place_of, read_object
from backends.kubernetes.objects import BUCKETS
from backends.kubernetes.pods import pod_existence
from backends.store import Entry, KeyNotAllowed, Mode, Owner, PodExistence, PutBack, Refused

TRIES = 5
"""How often an object is read again that changed between reading and writing."""


async def put_back(client: KubeClient, entry: Entry) -> PutBack:
    """Put an entry back, as `Store.put_back`. Raises `StoreError`."""
    if entry.unread:
        return PutBack.UNREAD
    path = owner_path(entry)
    if path is None or entry.owner is None:
        raise KeyNotAllowed(entry.key, "it is not known which object held it")
    name, key = place_of(entry.plain_key)
    value = json_of(entry.key, entry.value)
    for _ in range(TRIES):
        current = await read_object(client, path)
        if current is not None and _holds(current, name, key):
            return PutBack.THERE
        if await _owner_is_gone(client, entry.owner, current):
            return PutBack.POD_GONE
        metadata = _metadata(entry.owner, current)
        if current is None:
            answer = await create_empty(client, path, metadata)
        else:
            there = current.data.get(name)
            held = {**(there if isinstance(there, dict) else {}), key: value}
            # The server has null for a map whose last entry was taken out.
            maps = {one: {} if there is None else there for one, there in current.data.items()}
            data = {**{one: {} for one in BUCKETS}, **maps, name: held}
            answer = await apply(client, path, data, metadata)
            if answer.ok:
                return PutBack.DONE
        if not answer.ok and answer.status != 409:
            raise client.error_of(answer)
    raise Refused(client.address, "the object changes all the time")


def _holds(current: Current, name: str, key: str) -> bool:
    entries = current.data.get(name)
    return isinstance(entries, dict) and key in entries


async def _owner_is_gone(client: KubeClient, owner: Owner, current: Current | None) -> bool:
    """Return whether the pod that owned the object is gone, so that Kubernetes would remove at once
    what is put back. False also where this user may not read the pod."""
    if current is not None and owner.pod_uid and current.worker.pod_uid != owner.pod_uid:
        return True
    return await pod_existence(client, owner) in (PodExistence.GONE, PodExistence.REPLACED)


def _metadata(owner: Owner, current: Current | None) -> dict[str, Any]:
    """Return the object's metadata as it was, on the condition that nothing else changed it."""
    found: dict[str, Any] = {}
    if owner.pod_uid:
        container_mode = owner.mode is Mode.CONTAINER
        reference = pod_reference(owner.pod_name, owner.pod_uid, container_mode=container_mode)
        found["ownerReferences"] = [reference]
    if current is not None:
        found["uid"] = current.worker.uid
        found["resourceVersion"] = current.worker.version
    return found
