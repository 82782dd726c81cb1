"""What can be told of a message before it is decoded."""

from __future__ import annotations

import json

import msgpack
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.tap.decoding import decode, payload_bytes
from backends.tap.messages import of_nats, of_zmq
from tests.support.wire import envelope, frames, stored

# Heard of real workers: a KV event of 1.6.1 over ZMQ, with the publisher's id left as it was.
REAL_1_6_1 = [
    b"kv-events",
    b"\x00\nN\x90\x9e\xbf\xb3M",
    b"\x00\x00\x00\x00\x00\x00\x00\x02",
    b"\x01\x00\x00\x01\x10\x85\xacpublisher_id\xcf\x00\nN\x90\x9e\xbf\xb3M\xa8sequence\x02"
    b"\xacpublished_at\xcf\x00\x00\x01\xa1\xff\x04/p\xa5topic\xa9kv-events\xa7payload\xc4\xbf\x91"
    b"\x84\xa9worker_id\xcf\xb8\xc7N'>bnW\xacstorage_tier\xa6device\xb0residency_domain\xa6worker"
    b"\xa5event\x83\xa8event_id\x03\xa4data\x81\xa6stored\x83\xabparent_hash\xc0\xaestart_position"
    b"\xc0\xa6blocks\x91\x83\xaablock_hash*\xabtokens_hash\xcfD\xc3VXW\xa0H\xe5\xadmm_extra_info"
    b"\xc0\xa7dp_rank\x00",
]


def test_a_real_message_over_zmq_says_who_and_which() -> None:
    message = of_zmq(REAL_1_6_1, 1.0)
    assert (message.publisher, message.sequence) == (0x0A4E909EBFB34D, 2)
    assert message.topic == "kv-events"
    assert message.size == len(message.body) == 0x110
    decoded = decode(message)
    assert decoded.summary == "stored 1 block"
    assert decoded.codec == "msgpack"
    assert decoded.published_at == 1795279826.8
    assert decoded.payload[0]["worker_id"] == "b8c74e273e626e57"
    assert decoded.payload[0]["event"]["data"]["stored"]["blocks"][0]["block_hash"] == "2a"


def test_the_same_envelope_over_nats_says_the_same() -> None:
    message = of_nats("namespace.prod.kv-events", REAL_1_6_1[3][5:], 1.0)
    assert (message.publisher, message.sequence) == (0x0A4E909EBFB34D, 2)
    assert message.topic == "namespace.prod.kv-events"
    assert decode(message).summary == "stored 1 block"


def test_a_long_message_is_counted_in_full_and_kept_cut() -> None:
    content = [stored(*range(2**63, 2**63 + 30_000))]
    for message in (
        of_zmq(frames(content, sequence=9), 1.0, kept=1000),
        of_nats("x", envelope(content, sequence=9), 1.0, kept=1000),
    ):
        assert (message.publisher, message.sequence) == (5, 9)
        assert message.size == len(envelope(content, sequence=9)) > 1_000_000
        assert len(message.body) == 1000
        assert "only the first 1,000 were kept" in decode(message).summary


def test_what_is_not_as_dynamo_writes_it_has_no_publisher() -> None:
    for odd in ([], [b"t"], [b"t", b"x"], [b"t", b"1", b"2", b"3"], [*frames([]), b"more"]):
        message = of_zmq(odd, 1.0)
        assert message.publisher is None
        assert message.sequence is None
    for data in (b"", b"{", b'{"publisher_id": "5"}', b"\xc1", msgpack.packb([1])):
        assert of_nats("x", data, 1.0).publisher is None
    assert of_nats("x", b'{"publisher_id": 5, "sequence": 6}', 1.0).sequence == 6


def test_an_array_is_not_believed_to_be_as_long_as_it_says() -> None:
    # Each level claims four billion elements, and memory is reserved for what is believed.
    bomb = b"\xdd\xff\xff\xff\xff" * 10_000
    assert of_nats("x", bomb, 1.0).publisher is None
    assert decode(of_nats("x", bomb, 1.0)).problem is not None


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=40), max_size=6), st.binary(max_size=200))
def test_nothing_that_comes_raises(parts: list[bytes], data: bytes) -> None:
    for message in (of_zmq(parts, 1.0, kept=50), of_nats("s", data, 1.0, kept=150)):
        assert len(message.body) <= message.size
        assert decode(message).summary
        assert payload_bytes(message) is not None


@settings(max_examples=60)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats()
        | st.text()
        | st.binary(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.text() | st.sampled_from(["event", "data", "stored", "blocks"]), inner
            )
        ),
    )
)
def test_any_content_of_an_envelope_becomes_a_line_and_json(content: object) -> None:
    decoded = decode(of_nats("s", envelope(content), 1.0))
    assert decoded.problem is None
    assert decoded.summary is not None
    json.dumps(decoded.payload, allow_nan=False)
