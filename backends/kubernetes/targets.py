"""One object as it is now, for those who are about to change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backends.kubernetes.client import KubeClient
from backends.kubernetes.errors import of_status
from backends.kubernetes.objects import MAPS, Path, WorkerObject, worker_object
from backends.kubernetes.resources import WORKERS
from backends.store import Entry, KeyNotAllowed


@dataclass(frozen=True, slots=True)
class Current:
    """An object as the server has it now."""

    worker: WorkerObject
    data: dict[str, Any]
    """Its `spec.data`. Empty also if that is not an object."""


async def read_object(client: KubeClient, path: Path) -> Current | None:
    """Return an object. None: it does not exist. Raises `StoreError`."""
    answer = await client.request("GET", WORKERS.path(*path))
    if answer.status == 404:
        return None
    if not answer.ok:
        raise of_status(client.address, answer.status, answer.body)
    body = answer.body if isinstance(answer.body, dict) else {}
    worker = worker_object(body)
    if worker is None:
        return None
    data = (body.get("spec") or {}).get("data")
    return Current(worker, data if isinstance(data, dict) else {})


def owner_path(entry: Entry) -> Path | None:
    """Return the object that an entry was seen in. None: it names none."""
    return None if entry.owner is None else (entry.owner.namespace, entry.owner.name)


def place_of(key: bytes) -> tuple[str, str]:
    """Return the map of `spec.data` and the key in it that a plain key stands for.

    Raises `KeyNotAllowed` for a key that no object can hold.
    """
    bucket, _, within = key.partition(b"/")[2].partition(b"/")
    try:
        name = MAPS.get(b"v1/" + bucket, bucket.decode())
        if not key.startswith(b"v1/") or not bucket or not within:
            raise KeyNotAllowed(key, "an object holds keys of the form v1/BUCKET/NAME")
        return name, within.decode()
    except UnicodeDecodeError:
        raise KeyNotAllowed(key, "Kubernetes keeps text, and this is not UTF-8") from None
