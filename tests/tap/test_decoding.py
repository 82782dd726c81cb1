"""What messages say, in one line and in full."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backends.tap import decoding
from backends.tap.decoding import LONGEST_LINE, decode, payload_bytes
from backends.tap.messages import of_nats
from tests.tap.wire import envelope, removed, stored


def summary(content: Any) -> str:
    message = of_nats("s", envelope(content), 1.0)
    said = decode(message).summary
    assert decoding.summary(message) == said
    return said


def test_a_line_makes_nothing_but_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(decoding, "_as_json", never)
    assert decoding.summary(of_nats("s", envelope([stored(1)]), 1.0)) == "stored 1 block"


def test_a_line_is_bounded_whatever_is_named_in_it() -> None:
    assert len(summary({f"name{number}": {"a": 1, "b": 2} for number in range(2000)})) == (
        LONGEST_LINE + 1
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([stored(11, 12, 2**64 - 13, parent=0x1F2E5A77)], "stored 3 blocks, parent 1f2e…"),
        ([stored(11, parent=10)], "stored 1 block, parent a"),
        ([removed(11, 12)], "removed 2 blocks"),
        # A batch (1.4.2 and 1.6.1); a single one as 1.2.1 writes it.
        ([stored(99), removed(98)], "stored 1 block; removed 1 block"),
        (removed(*range(1500)), "removed 1,500 blocks"),
        ([{"worker_id": 1, "event": {"event_id": 1, "data": "cleared"}}], "cleared all blocks"),
        ([removed(1) | {"storage_tier": "host_pinned"}], "removed 1 block (host_pinned)"),
        ([stored(1)] * 10, "; ".join(["stored 1 block"] * 8) + "; and 2 more"),
    ],
)
def test_kv_events_are_told_by_their_blocks(content: Any, said: str) -> None:
    assert summary(content) == said


def test_metrics_are_told_by_name_and_what_is_null_is_left_out() -> None:
    # As 1.2.1, 1.4.2 and 1.6.1 write them.
    load = {"worker_id": 0x7D7B, "dp_rank": 0, "active_decode_blocks": None, "kv_used_blocks": 7}
    assert summary(load) == "worker_id=7d7b dp_rank=0 kv_used_blocks=7"
    passes = {
        "version": 1,
        "worker_id": "w1",
        "wall_time": 0.5,
        "scheduled_requests": {"num_prefill_requests": 1, "var_prefill_length": 0.0},
        "queued_requests": {"num_decode_requests": 8},
    }
    assert summary(passes) == (
        "version=1 worker_id=w1 wall_time=0.5 scheduled_requests: num_prefill_requests=1 "
        "var_prefill_length=0; queued_requests: num_decode_requests=8"
    )


def test_the_rank_is_told_where_it_is_not_the_first() -> None:
    event = removed(1)
    event["event"]["dp_rank"] = 3
    assert summary([event]) == "removed 1 block (rank 3)"


def test_a_durable_event_of_1_2_1_is_json_without_an_envelope() -> None:
    decoded = decode(of_nats("s", json.dumps(stored(11, 12, parent=10)).encode(), 1.0))
    assert decoded.summary == "stored 2 blocks, parent a"
    assert decoded.codec == "json"
    assert decoded.published_at is None


def test_a_json_envelope_is_read_too() -> None:
    whole = {"publisher_id": 1, "sequence": 2, "published_at": 3000, "payload": list(b'{"a": 1}')}
    decoded = decode(of_nats("s", json.dumps(whole).encode(), 1.0))
    assert (decoded.summary, decoded.published_at) == ("a=1", 3.0)


def test_what_is_unknown_says_so() -> None:
    assert summary("hello") == "hello"
    assert summary([1, 2, 3]) == "a list of 3"
    assert summary({}) == "empty"
    decoded = decode(of_nats("s", b"\xc1\xc1", 1.0))
    assert decoded.problem is not None
    assert decoded.summary.startswith("not decoded: neither msgpack nor JSON")


def test_raw_is_what_is_in_the_envelope_and_else_all() -> None:
    message = of_nats("s", envelope("hello"), 1.0)
    assert payload_bytes(message) == b"\xa5hello"
    assert payload_bytes(of_nats("s", b"plain", 1.0)) == b"plain"
