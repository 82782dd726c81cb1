"""Entries as Kubernetes holds them are read as those of any store."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from backends.dynamo.parse import read
from backends.dynamo.records import EventChannel, EventSource
from backends.store import Entry, Revision
from backends.store.owner import qualify
from tests.support import registered
from tests.support.owned import READY, WORKER, owned
from tests.support.registered import KeyAndValue

LARGE = 0xF0123456789ABCDE
"""More than Kubernetes keeps of an integer."""
ROUNDED = int(Decimal(repr(float(LARGE))))
"""As a real API server returns it: the shortest digits of the float, then zeros."""


def rewritten(content: KeyAndValue, **changes: object) -> KeyAndValue:
    """The same with other members, in the order in which the API server returns them."""
    key, value = content
    return key, json.dumps(json.loads(value) | changes, sort_keys=True).encode()


def test_a_key_that_another_object_holds_too_is_read_without_the_object() -> None:
    key, value = registered.instance(WORKER)
    qualified = qualify(key, READY)
    record = read(Entry(qualified, value, Revision("1"), owner=READY))
    assert (record.id, record.malformed, record.conflict) == (
        owned((key, value)).id,
        None,
        None,
    )
    assert record.key == qualified


@pytest.mark.parametrize(
    ("content", "kind", "member"),
    [
        (registered.channel(LARGE), EventChannel, "instance_id"),
        (registered.source(LARGE, WORKER), EventSource, "publisher_id"),
    ],
)
def test_a_publisher_id_that_kubernetes_rounded_is_no_conflict(
    content: KeyAndValue, kind: type, member: str
) -> None:
    record = owned(rewritten(content, **{member: ROUNDED}))
    assert isinstance(record, EventChannel | EventSource)
    assert isinstance(record, kind)
    assert (record.conflict, record.malformed, record.readable) == (None, None, True)
    assert (record.id.instance_id, record.rounded_id) == (LARGE, ROUNDED)
    assert record.note == f"Kubernetes rounded the id in the body to {ROUNDED:x}"


def test_a_rounded_id_elsewhere_and_another_id_are_conflicts() -> None:
    key, value = rewritten(registered.channel(LARGE), instance_id=ROUNDED)
    in_etcd = registered.record((key, value))
    assert in_etcd.conflict is not None
    other = owned(rewritten(registered.channel(LARGE), instance_id=LARGE + 2**20))
    assert other.conflict is not None
    small = owned(rewritten(registered.channel(7), instance_id=8))
    assert small.conflict is not None


def test_an_id_that_comes_back_as_a_fraction_cannot_be_read() -> None:
    record = owned(rewritten(registered.channel(LARGE), instance_id=float(LARGE)))
    assert not record.readable
    assert "instance_id" in (record.malformed or "")


def test_an_id_that_is_rounded_beyond_what_dynamo_reads_is_malformed() -> None:
    largest = 2**64 - 1
    rounded = int(Decimal(repr(float(largest))))
    assert rounded > largest
    record = owned(rewritten(registered.channel(largest), instance_id=rounded))
    assert not record.readable


def test_an_instance_is_never_taken_for_rounded() -> None:
    record = owned(rewritten(registered.instance(LARGE), instance_id=ROUNDED))
    assert record.conflict is not None
