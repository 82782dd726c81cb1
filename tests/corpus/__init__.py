"""Records that real Dynamo releases wrote into etcd, as store entries. See README.md."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

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
        value=stored["value"].encode(),
        revision=Revision(str(stored["mod_revision"])),
        lease=stored["lease"] or None,
    )
