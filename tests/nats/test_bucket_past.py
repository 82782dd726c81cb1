"""What is left of a bucket proves no more of its past than it can: without a server."""

from __future__ import annotations

import random
from collections.abc import Sequence

from msgspec.structs import replace

from backends.nats_kv.bucket_past import BucketPast, KeptMessage
from backends.nats_kv.responses import Bucket

MADE = 1_000
BUCKET = Bucket("prod_v1_claims", "", 0.0, 1, 0, 0, 0, None, made_at=MADE, history=1, is_plain=True)
PREFIX = (b"v1/",)


def message(
    sequence: int,
    subject: bytes,
    at: int = 0,
    *,
    created: bool = False,
    marker: bool = False,
    rollup: bool = False,
) -> KeptMessage:
    return KeptMessage(
        b"$KV.prod_v1_claims." + subject,
        sequence,
        at or MADE + 10 * sequence,
        b"%d" % sequence,
        is_marker=marker,
        is_first=created,
        is_rollup=rollup,
    )


def past_of(messages: Sequence[KeptMessage], history: int = 1, last: int = 0) -> BucketPast:
    end = messages[-1] if messages else message(last, b"")
    bucket = replace(BUCKET, history=history, last=last or end.sequence, last_at=end.stored_at)
    return BucketPast(bucket, messages)


def test_a_message_that_went_while_the_bucket_was_read_proves_no_longer_history() -> None:
    # Number 1 of `a` was read, and dropped as 4 came. That there are two of `a` says nothing, so
    # that 5 may have had a predecessor.
    read = [message(1, b"a"), message(3, b"b"), message(4, b"a"), message(5, b"c")]
    assert past_of(read).oldest == read[-1].stored_at
    # With a history of 2 both are kept, so that `b`, which comes after the second, is new.
    kept = [message(2, b"a"), message(3, b"a"), message(4, b"b")]
    assert past_of(kept, history=2).oldest == kept[0].stored_at


def test_a_clock_that_was_set_back_does_not_turn_the_order_round() -> None:
    back = [message(1, b"a", 5_000), message(2, b"a", 4_000, marker=True), message(3, b"b", 6_000)]
    past = past_of(back, history=5)
    assert past.is_whole
    assert past.entries(4_500, PREFIX) == []
    assert past.entries(5_000, PREFIX) == []
    changes = past.changes(MADE, 6_000, PREFIX)
    assert [one.revision for one in changes] == [5_000, 5_000, 6_000]


def test_a_stream_that_began_with_a_later_number_lacks_nothing() -> None:
    bucket = replace(BUCKET, begins=100, first=100, last=101, last_at=MADE + 1_010)
    assert BucketPast(bucket, [message(100, b"a"), message(101, b"b")]).is_whole
    assert not BucketPast(replace(bucket, begins=99), [message(100, b"a")]).is_whole


def _known_moments(seed: int) -> tuple[int, bool]:
    """Play a bucket as the server keeps it, with random changes, purges and histories, and compare
    every moment that is said to be known with what was there then. Return how many there were
    beside the last one, and whether anything was dropped."""
    chance = random.Random(seed)
    history, kept, was = chance.choice((1, 1, 2, 3)), list[KeptMessage](), dict[int, set[bytes]]()
    subjects = [b"%d" % number for number in range(chance.choice((3, 8, 40)))]
    for sequence in range(1, 40):
        if chance.random() < 0.05:
            history = max(history, chance.choice((1, 2, 5)))
        subject = chance.choice(subjects)
        of_it = [one for one in kept if one.subject.endswith(b"." + subject)]
        is_purge = chance.random() < 0.05
        kept.append(
            message(
                sequence,
                subject,
                created=not of_it and chance.random() < 0.7,
                marker=is_purge or chance.random() < 0.3,
                rollup=is_purge,
            )
        )
        for gone in of_it if is_purge else [*of_it, kept[-1]][:-history]:
            kept.remove(gone)
        latest = {one.subject: one for one in kept}
        was[MADE + 10 * sequence] = {one.value for one in latest.values() if not one.is_marker}
    past = past_of(kept, history)
    known = [moment for moment in was if moment >= past.oldest]
    for moment in known:
        assert {one.value for one in past.entries(moment, PREFIX)} == was[moment], (seed, moment)
    assert max(was) in known
    return len(known) - 1, len(kept) < len(was)


def test_what_is_said_to_be_known_is_what_was_there() -> None:
    found = [_known_moments(seed) for seed in range(400)]
    # The rules are no vain caution: half of those that lack something reach back all the same.
    lacking = [known for known, is_lacking in found if is_lacking]
    assert len(lacking) > 300
    assert sum(known > 0 for known in lacking) > len(lacking) / 2
