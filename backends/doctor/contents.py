"""What is registered, of records that were read. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from backends.doctor.steps import Contents
from backends.dynamo.ids import Kind
from backends.dynamo.keys import BUCKET_NAMES
from backends.dynamo.records import AnyRecord

NATS_TRANSPORTS = ("nats_tcp", "Nats")


def contents(records: Sequence[AnyRecord], namespace: str | None) -> Contents:
    """Return numbers and namespaces of records. `namespace`: what was asked for."""
    numbers = Counter(_prefix(record.key) for record in records)
    return Contents(
        {prefix: numbers[prefix] for prefix in BUCKET_NAMES if numbers[prefix]},
        sum(record.malformed is not None for record in records),
        namespaces(records),
        namespace,
    )


def namespaces(records: Iterable[AnyRecord]) -> tuple[str, ...]:
    """Return the namespaces of records, in order."""
    return tuple(sorted({one.id.namespace for one in records if one.id.namespace is not None}))


def by_nats(records: Iterable[AnyRecord]) -> int:
    """Return how many instances and channels are reached by NATS."""
    return sum(
        record.kind in (Kind.ENDPOINT, Kind.EVENT_CHANNEL)
        and record.transport is not None
        and record.transport.kind in NATS_TRANSPORTS
        for record in records
    )


def _prefix(key: bytes) -> bytes:
    """Return the bucket's prefix, as `BUCKET_NAMES` has it: the longest that fits."""
    fitting = [prefix for prefix in BUCKET_NAMES if key.startswith(prefix)]
    return max(fitting, key=len, default=b"v1/")
