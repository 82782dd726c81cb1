"""One object as it is now, for those who are about to change it; and what they share."""

from __future__ import annotations

from typing import Any

import msgspec
import pydantic_core

from backends.kubernetes.client import HttpAnswer, KubeClient
from backends.kubernetes.objects import MAPS, Path, WorkerObject, worker_object
from backends.kubernetes.resources import WORKERS
from backends.store import Entry, KeyNotAllowed


async def delete_object(client: KubeClient, path: Path, **preconditions: str) -> HttpAnswer:
    """Delete an object if it still has this `uid` and `resourceVersion`, as far as they are given.
    Return the server's answer: 409 if it has not."""
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions}
    return await client.request("DELETE", WORKERS.path(*path), body=options)


def json_pointer(*parts: str) -> str:
    """Return the JSON pointer of a member of a member (RFC 6901)."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def json_of(key: bytes, value: bytes) -> Any:
    """Return a value that an object can hold. Raises `KeyNotAllowed` for one that is not JSON."""
    try:
        return pydantic_core.from_json(value)
    except ValueError:
        raise KeyNotAllowed(key, "Kubernetes keeps JSON, and the value is none") from None


class Current(msgspec.Struct, frozen=True):
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
        raise client.error_of(answer)
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
