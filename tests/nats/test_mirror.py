"""What is known of a bucket follows from messages and from counts."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.nats_kv.bucket_state import BucketState, revision_of, sequence_of
from backends.nats_kv.responses import Bucket
from backends.store import Delete, Put
from backends.store.resync_loop import PositionLost

BORN = "2026-11-21T16:55:48.089957182Z"
EMPTY = Bucket("prod_v1_instances", BORN, 0.0, 1, 0, 0, 0, None)
BEGINS = b"$KV.prod_v1_instances."


def key(name: str) -> bytes:
    return f"v1/instances/prod/{name}".encode()


def put(mirror: BucketState, name: str, sequence: int) -> list[Put | Delete]:
    return mirror.message(BEGINS + b"prod/" + name.encode(), sequence, b"{}", is_marker=False)


def remove(mirror: BucketState, name: str, sequence: int) -> list[Put | Delete]:
    return mirror.message(BEGINS + b"prod/" + name.encode(), sequence, b"", is_marker=True)


def with_three() -> BucketState:
    mirror = BucketState(EMPTY, (b"v1/",))
    for sequence, name in enumerate("abc", 1):
        (event,) = put(mirror, name, sequence)
        assert isinstance(event, Put)
        assert event.entry.key == key(name)
    return mirror


def counts(first: int, last: int, subjects: int) -> Bucket:
    return replace(EMPTY, first=first, last=last, messages=subjects, subjects=subjects)


def test_a_marker_removes_what_was_there_and_nothing_else() -> None:
    mirror = with_three()
    assert remove(mirror, "b", 4) == [Delete(key("b"))]
    assert remove(mirror, "b", 5) == []
    assert remove(mirror, "z", 6) == []
    assert mirror.counts(counts(1, 6, 4)) == []


def test_what_is_older_than_the_first_message_is_gone() -> None:
    mirror = with_three()
    put(mirror, "a", 4)
    assert mirror.counts(counts(3, 4, 2)) == [Delete(key("b"))]
    assert mirror.counts(counts(5, 4, 0)) == [Delete(key("c")), Delete(key("a"))]


def test_counts_are_compared_when_all_that_they_tell_of_has_come() -> None:
    mirror = with_three()
    assert mirror.counts(counts(3, 4, 2)) == []
    assert not mirror.is_settled
    changes = put(mirror, "d", 4)
    assert changes[1:] == [Delete(key("a")), Delete(key("b"))]
    assert mirror.is_settled


def test_a_key_that_went_out_of_the_middle_is_noticed() -> None:
    with pytest.raises(PositionLost):
        with_three().counts(counts(1, 3, 2))


def test_a_message_that_was_deleted_behind_a_newer_one_is_noticed() -> None:
    mirror = with_three()
    history = replace(counts(1, 3, 3), messages=7)
    assert mirror.counts(history) == []
    with pytest.raises(PositionLost):
        mirror.counts(replace(history, messages=6))


def test_messages_that_do_not_come_are_noticed() -> None:
    mirror = with_three()
    assert mirror.counts(counts(1, 9, 9)) == []
    put(mirror, "d", 4)
    assert mirror.counts(counts(1, 9, 9)) == []
    with pytest.raises(PositionLost):
        mirror.counts(counts(1, 9, 9))


def test_a_stream_that_went_back_is_noticed() -> None:
    mirror = with_three()
    mirror.counts(counts(1, 3, 3))
    with pytest.raises(PositionLost):
        mirror.counts(counts(1, 2, 2))


def test_keys_that_are_not_asked_for_are_counted_and_not_told() -> None:
    mirror = BucketState(EMPTY, (b"v1/instances/prod/a",))
    assert len(put(mirror, "a", 1)) == 1
    assert put(mirror, "b", 2) == []
    assert mirror.counts(counts(1, 2, 2)) == []
    assert mirror.deletes() == [Delete(key("a"))]


def test_a_revision_is_of_one_stream_only() -> None:
    revision = revision_of(7, BORN)
    assert sequence_of(revision, BORN) == 7
    assert sequence_of(revision, BORN.replace("182Z", "183Z")) is None
