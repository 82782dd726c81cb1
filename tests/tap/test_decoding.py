"""What messages say, in one line and in full."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backends.tap import decoding
from backends.tap.decoding import LONGEST_LINE, decode, payload_bytes
from backends.tap.messages import of_nats, of_zmq
from tests.support.wire import envelope, removed, stored


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
    # What the numbers are, and then whose.
    assert summary(load) == "kv_used_blocks=7 worker_id=7d7b dp_rank=0"


def forward_pass(worker: str, wall: float, scheduled: list[int], queued: list[int]) -> Any:
    """As engines with an instrumented scheduler write it; a request's numbers are prefill requests
    and tokens, decode requests and KV tokens."""
    names = (
        "num_prefill_requests",
        "sum_prefill_tokens",
        "num_decode_requests",
        "sum_decode_kv_tokens",
    )
    return {
        "version": 1,
        "worker_id": worker,
        "dp_rank": 1,
        "counter_id": 812,
        "wall_time": wall,
        "scheduled_requests": dict(zip(names, scheduled, strict=True))
        | {"var_prefill_length": 2.0},
        "queued_requests": dict(zip(names, queued, strict=True)),
    }


def test_a_forward_pass_is_told_by_what_it_did_and_by_ids_as_keys_have_them() -> None:
    busy = forward_pass("1117070999408103943", 0.0123, [1, 31, 8, 1234], [2, 512, 0, 0])
    assert summary(busy) == (
        "12.3 ms; scheduled 1 prefill (31 tokens), 8 decode (1,234 KV tokens); "
        "queued 2 prefill (512 tokens); worker f80a227cc9c5207; rank 1"
    )
    decoded = decode(of_nats("s", envelope(busy), 1.0))
    assert decoded.payload["worker_id"] == "f80a227cc9c5207"
    idle = forward_pass("", 0.0, [0] * 4, [0] * 4)
    assert summary(idle) == "idle; rank 1"
    # No id of Dynamo's.
    assert "worker w1;" in summary(forward_pass("w1", 0.0, [0] * 4, [0] * 4))
    assert "worker 7;" in summary(forward_pass("7", 0.0, [0] * 4, [0] * 4))


ADDED = (
    "010000018785ac7075626c69736865725f6964cf0008c3cae6863dcba873657175656e636500ac7075626c697368"
    "65645f6174cf000001a227ccadcca5746f706963b76163746976655f73657175656e6365735f6576656e7473a770"
    "61796c6f6164c5012781a66576656e74739185aa726571756573745f6964d92466373533383432332d316333632d"
    "343866642d396265342d313035656463303634383532a6776f726b657282a9776f726b65725f6964cf0f80a227cc"
    "9c5207a764705f72616e6b00a46461746181aa4164645265717565737484ae746f6b656e5f73657175656e636591"
    "cf62650ddba447c027b4747261636b5f70726566696c6c5f746f6b656e73c3b665787065637465645f6f75747075"
    "745f746f6b656e73c0b170726566696c6c5f6c6f61645f68696e7482d920696e697469616c5f6566666563746976"
    "655f70726566696c6c5f746f6b656e731fb965787065637465645f70726566696c6c5f6475726174696f6ec0a972"
    "6f757465725f6964cf0f80a227cc9c520fa96c6f72615f6e616d65c0"
)
FREED = (
    "01000000e685ac7075626c69736865725f6964cf0008c3cae6863dcba873657175656e636502ac7075626c697368"
    "65645f6174cf000001a227ccae08a5746f706963b76163746976655f73657175656e6365735f6576656e7473a770"
    "61796c6f6164c48781a66576656e74739185aa726571756573745f6964d92466373533383432332d316333632d34"
    "3866642d396265342d313035656463303634383532a6776f726b657282a9776f726b65725f6964cf0f80a227cc9c"
    "5207a764705f72616e6b00a464617461a446726565a9726f757465725f6964cf0f80a227cc9c520fa96c6f72615f"
    "6e616d65c0"
)
"""Recorded of a frontend of 1.6.1 with KV routing and replica sync, over ZMQ: a request begins at a
worker and ends."""


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        (ADDED, "add f7538423 at f80a227cc9c5207: 1 block, 31 tokens to prefill"),
        (FREED, "free f7538423 at f80a227cc9c5207"),
    ],
)
def test_batches_of_active_sequences_are_told_by_request_and_worker(
    recorded: str, said: str
) -> None:
    frames = [b"active_sequences_events", bytes(8), bytes(8), bytes.fromhex(recorded)]
    decoded = decode(of_zmq(frames, 1.0))
    assert decoded.summary == said
    (event,) = decoded.payload["events"]
    assert event["router_id"] == "f80a227cc9c520f"
    assert event["worker"]["worker_id"] == "f80a227cc9c5207"


def test_active_sequences_come_in_batches_or_one_by_one() -> None:
    worker = {"worker_id": 0x7D7B, "dp_rank": 3}
    one = {"request_id": "abcdefghij", "worker": worker, "data": "MarkPrefillCompleted"}
    assert summary(one) == "prefilled abcdefgh at 7d7b (rank 3)"
    assert summary({"events": [one] * 10}) == (
        "; ".join(["prefilled abcdefgh at 7d7b (rank 3)"] * 8) + "; and 2 more"
    )
    # As older sources have it.
    request = {"token_sequence": None, "isl": 1200, "overlap": 3, "expected_output_tokens": 90}
    older = {"request_id": "r", "worker": worker, "data": {"AddRequest": request}}
    assert summary(older | {"lora_name": "acme/sql"}) == (
        "add r at 7d7b: 1,200 tokens, 90 expected (LoRA acme/sql) (rank 3)"
    )
    # Not what it seems.
    assert summary({"events": 3}) == "events=3"
    assert summary({"request_id": "r", "data": 3}) == "request_id=r data=3"


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
