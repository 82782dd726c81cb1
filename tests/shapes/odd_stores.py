"""Stores of odd shapes, of any size: what is rare and allowed, and what faults leave behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from backends.dynamo.records import AnyRecord
from tests.support import registered
from tests.support.registered import KeyAndValue, record

FIRST = 0x7D7B_A1FD_0000_0000
"""The first of many ids."""
LEASE = 77

Registered = tuple[KeyAndValue, int | None]
"""With its lease."""


def one_lease(size: int) -> Iterator[Registered]:
    """All workers registered by a program that grants one lease."""
    for n in range(size // 2):
        yield registered.instance(FIRST + n), LEASE
        yield registered.card(FIRST + n), LEASE


def a_lease_for_each_key(size: int) -> Iterator[Registered]:
    """One worker, each key of it under another lease."""
    for n in range(size):
        yield registered.instance(FIRST, endpoint=f"e-{n}"), 1000 + n


def leases_in_a_row(size: int) -> Iterator[Registered]:
    """Each lease shares an id with the next one."""
    for n in range(size // 2):
        yield registered.instance(FIRST + n, endpoint="a"), 1000 + n
        yield registered.instance(FIRST + n + 1, endpoint="b"), 1000 + n


def one_worker(size: int) -> Iterator[Registered]:
    for n in range(size // 2):
        yield registered.instance(FIRST, endpoint=f"e-{n}"), FIRST
        yield registered.card(FIRST, endpoint=f"e-{n}"), FIRST


def cards_without_instances(size: int) -> Iterator[Registered]:
    for n in range(size):
        yield registered.card(FIRST, endpoint=f"e-{n}"), FIRST


def adapters(size: int) -> Iterator[Registered]:
    """One worker with very many of them."""
    yield registered.instance(FIRST), FIRST
    yield registered.card(FIRST), FIRST
    for n in range(size):
        yield registered.card(FIRST, lora=f"adapter-{n}"), FIRST


def namespaces(size: int) -> Iterator[Registered]:
    """One model, in very many of them."""
    for n in range(size // 2):
        yield registered.instance(FIRST + n, f"ns-{n}"), FIRST + n
        yield registered.card(FIRST + n, namespace=f"ns-{n}"), FIRST + n


def frontends_in_namespaces(size: int) -> Iterator[Registered]:
    for n in range(size):
        yield registered.instance(FIRST + n, f"ns-{n}", endpoint="router-discovery"), FIRST + n


def orphans_in_namespaces(size: int) -> Iterator[Registered]:
    for n in range(size):
        yield registered.card(FIRST + n, namespace=f"ns-{n}"), None


def cards_that_differ(size: int) -> Iterator[Registered]:
    """One model, each card of it of another sort."""
    for n in range(size // 2):
        key, value = registered.card(FIRST + n)
        body = json.loads(value)
        body["card_json"]["context_length"] = 1024 + n
        yield registered.instance(FIRST + n), FIRST + n
        yield (key, json.dumps(body).encode()), FIRST + n


def models(size: int) -> Iterator[Registered]:
    for n in range(size // 2):
        yield registered.instance(FIRST + n), FIRST + n
        yield registered.card(FIRST + n, f"acme/model-{n}"), FIRST + n


def one_address(size: int) -> Iterator[Registered]:
    """The workers of one process."""
    for n in range(size):
        yield registered.instance(FIRST + n, address="10.0.0.1:9000"), FIRST + n


def ranks(size: int) -> Iterator[Registered]:
    yield registered.instance(FIRST), FIRST
    yield registered.card(FIRST), FIRST
    for n in range(size // 3):
        internal = f"worker_kv_query_source_{n:x}"
        yield registered.instance(FIRST, endpoint=internal), FIRST
        yield registered.channel(n + 1, port=1024 + n), FIRST
        yield registered.source(n + 1, FIRST, rank=n), FIRST


def topics(size: int) -> Iterator[Registered]:
    """One publisher of very many, without a lease."""
    for n in range(size // 2):
        yield registered.channel(9, topic=f"t-{n}"), None
        yield registered.source(9, FIRST, topic=f"t-{n}"), None


def unreadable(size: int) -> Iterator[Registered]:
    for n in range(size // 2):
        yield (b"v1/instances/prod/backend/generate/%x" % (FIRST + n), b"{"), LEASE
        yield (b"v1/event_channels/namespace/prod/topic/kv/no-id-%d" % n, b"{"), LEASE


def unknown(size: int) -> Iterator[Registered]:
    for n in range(size):
        yield (b"v1/claims/prod/%d" % n, b"{}"), None


SHAPES: tuple[Callable[[int], Iterator[Registered]], ...] = (
    one_lease,
    a_lease_for_each_key,
    leases_in_a_row,
    one_worker,
    cards_without_instances,
    adapters,
    namespaces,
    frontends_in_namespaces,
    orphans_in_namespaces,
    cards_that_differ,
    models,
    one_address,
    ranks,
    topics,
    unreadable,
    unknown,
)


def records_of(shape: Callable[[int], Iterator[Registered]], size: int) -> list[AnyRecord]:
    """The records of a shape, about `size`, in the order of their keys."""
    found = [record(one, lease=lease) for one, lease in shape(size)]
    return sorted(found, key=lambda one: one.key)
