"""Records that real Dynamo releases wrote into etcd, as store entries. See README.md."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.kubernetes import objects
from backends.kubernetes.readiness import Rights
from backends.kubernetes.view import ObjectView
from backends.store import Entry, Revision


@dataclass(frozen=True, slots=True)
class Release:
    """All that one worker of one release registered."""

    name: str
    """Release and request plane, e.g. `1.6.1-tcp`."""
    entries: tuple[Entry, ...]


def load() -> list[Release]:
    """Every recorded release, oldest first."""
    return _releases(Path(__file__).parent)


def load_clusters() -> list[Release]:
    """Whole small clusters of mockers, frontends, routers and agents, oldest release first."""
    return _releases(Path(__file__).parent / "clusters")


def load_objects() -> list[Release]:
    """What several releases wrote to Kubernetes, as the entries that its store makes of them."""
    return [
        Release(file.stem.removeprefix("dynamo-"), tuple(entries_of(_objects(file))))
        for file in sorted((Path(__file__).parent / "kubernetes").glob("dynamo-*.jsonl"))
    ]


def entries_of(raw: Iterable[dict[str, Any]]) -> list[Entry]:
    """The entries that the store makes of an API server's objects, sorted by key."""
    workers, slices, pods = [], [], []
    for one in raw:
        match one["kind"]:
            case "DynamoWorkerMetadata":
                workers.append(objects.worker_object(one))
            case "EndpointSlice":
                slices.append(objects.endpoint_slice(one))
            case "Pod":
                pods.append(objects.pod(one))
    # Where no pod is recorded, it existed all the same.
    rights = Rights(pods=bool(pods))
    view = ObjectView(filter(None, workers), filter(None, slices), filter(None, pods), rights)
    return sorted(view.entries(), key=lambda entry: entry.key)


def _objects(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def _releases(folder: Path) -> list[Release]:
    files = sorted(folder.glob("dynamo-*.jsonl"))
    return [
        Release(
            name=file.stem.removeprefix("dynamo-"),
            entries=tuple(_entry(line) for line in file.read_text().splitlines()),
        )
        for file in files
    ]


def _entry(line: str) -> Entry:
    stored = json.loads(line)
    return Entry(
        key=stored["key"].encode(),
        head=stored["value"].encode(),
        revision=Revision(str(stored["mod_revision"])),
        lease=stored["lease"] or None,
    )
