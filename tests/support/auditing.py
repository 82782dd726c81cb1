"""What tests of the audit share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backends.removal.audit.audit import Audit
from backends.removal.audit.operation import Item, Operation
from backends.store import (
    Entry,
    Revision,
)

NOON = 1795262400.0
"""2026-11-21, 12:00 UTC."""
ROOT = Path(__file__).parent.parent.parent
KEY = b"v1/instances/prod/backend/generate/1a"


def item(number: int = 1, key: bytes = KEY, value: bytes = b"{}", **more: Any) -> Item:
    entry = Entry(key, value, Revision("7"), more.pop("lease", None), more.pop("expired_at", None))
    return Item(number, entry, "stale", ("nothing listens at 10.0.0.1:9000",), **more)


def begin(audit: Audit, *items: Item) -> Operation:
    return audit.begin("unregister", "etcd", "http://etcd:2379", items or (item(),))


def audit_at(path: Path, **more: Any) -> Audit:
    return Audit(path, clock=lambda: NOON, user="kim", host="node-1", **more)


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.glob("audit.jsonl*") if file.suffix != ".lock")
