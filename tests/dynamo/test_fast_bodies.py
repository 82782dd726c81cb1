"""The fast paths of reading and writing make what the whole paths make, and are taken."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.dynamo import keys, parse
from backends.dynamo.ids import Kind
from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord
from backends.store import Entry, Revision
from tests.corpus import load, load_clusters, load_objects
from tests.support.bodies import (
    CARD,
    CARD_KEY,
    CHANNEL,
    CHANNEL_KEY,
    INSTANCE,
    INSTANCE_KEY,
    SOURCE,
    SOURCE_KEY,
)
from tui.text import json_export
from tui.text.json_export import record_json

RECORDED = [
    entry
    for release in (*load(), *load_clusters(), *load_objects())
    for entry in release.entries
    if keys.kind_of(entry.key) is not Kind.UNKNOWN
]
ADAPTER = CARD | {"model_suffix": "tuned"}
ADAPTER_KEY = f"{CARD_KEY}/tuned"


def text_of(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def made(key: str, value: object) -> Entry:
    raw = value if isinstance(value, bytes) else text_of(value)
    return Entry(key.encode(), raw, Revision("1"))


ELSEWHERE = {"namespace": "prod", "component": "backend", "name": "other"}
SCOPED_KEY = "v1/event_channels/namespace/prod/component/backend/endpoint/generate/topic/t/2b"
SCOPE = {"kind": "component", "name": "prod", "namespace": "prod"}
"""It lacks what its kind needs."""

WRITTEN = [
    *RECORDED,
    made(INSTANCE_KEY, INSTANCE),
    made(CARD_KEY, CARD),
    made(CHANNEL_KEY, CHANNEL),
    made(SOURCE_KEY, SOURCE),
    made(ADAPTER_KEY, ADAPTER),
    # As Kubernetes sorts it.
    made(ADAPTER_KEY, dict(sorted(ADAPTER.items()))),
]

ODD = st.sampled_from(
    [
        *(b"1.0", b"-0", b"1e0", b"01", b"18446744073709551615", b"18446744073709551616", b" 1 "),
        *(b"1e400", b"NaN", b"-Infinity", b"true", b"null", b"{}", b"[" * 3000 + b"]" * 3000),
        *(
            b'""',
            b'"26"',
            b'"\xff"',
            b'"\\ud800"',
            b'"\\u0000"',
            b'"\x01"',
            b'"\\q"',
            b'"\xc3\xa9"',
        ),
        *(b'"Endpoint"', b'"Model"', b'"tuned"', b'{"tcp":"a","http":"b"}', b'{"quic":"a"}'),
        *(b'"EventChannel"', b'"component"', b'"t"', b'{"kind":"component"}', b'"Nats"'),
        *(b'{"tcp":1}', b'{"tcp":null}', b'{"display_name":"a"}', b'{"display_name":1}'),
    ]
)
MEMBER = re.compile(rb'"(\w+)": ?("[^"\\]*"|-?\d+|null|\{[^{}]*\})')
NAMES = st.sampled_from(
    [
        *(b"type", b"namespace", b"component", b"endpoint", b"instance_id", b"transport", b"x"),
        *(
            b"kind",
            b"name",
            b"scope",
            b"topic",
            b"config",
            b"publisher_id",
            b"metadata",
            b"worker_id",
        ),
        *(b"device_type", b"model_suffix", b"card_json", b"request_plane_codec", b"ty\\u0070e"),
    ]
)


@st.composite
def bent(draw: st.DrawFn) -> Entry:
    """What Dynamo wrote, with some members changed, renamed, doubled or added, or cut off."""
    entry = draw(st.sampled_from(WRITTEN))
    value = entry.value
    for _ in range(draw(st.integers(0, 2))):
        members = list(MEMBER.finditer(value))
        if not members:
            break
        one, odd = draw(st.sampled_from(members[:7] + members[-7:])), draw(ODD)
        other = b'"%s":%s' % (draw(NAMES), odd)
        bent = draw(st.sampled_from([b'"%s":%s' % (one[1], odd), other, None]))
        if bent is None:
            bent = b",".join(draw(st.permutations([one[0], other])))
        value = value[: one.start()] + bent + value[one.end() :]
    if draw(st.integers(0, 9)) == 9:
        end = draw(st.sampled_from([b"", b"}", b" ", b"x"]))
        value = value[: draw(st.integers(0, len(value)))] + end
    return replace(entry, head=value)


def read_in_full(entry: Entry) -> AnyRecord:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(parse, "decoded", lambda *_: None)
        patched.setattr(parse, "halves", lambda _: None)
        patched.setattr(keys, "_parse_last", lambda _: None)
        return read(entry)


@given(bent())
@example(made(CARD_KEY, b'{,"card_json":{"display_name":"a"}}'))
@example(made(CARD_KEY, b'{"card_json":1,"type":"Model","card_json":{"display_name":"a"}}'))
@example(made(ADAPTER_KEY, text_of(ADAPTER).replace(b'"card', b'"model_suffix":"b","card')))
@example(made(ADAPTER_KEY, text_of(dict(sorted(ADAPTER.items())))[:-1] + b',"model_suffix":null}'))
@example(made(CARD_KEY, CARD | {"card_json": {"display_name": "a", "context_length": 1.0}}))
@example(made(CARD_KEY, CARD | {"card_json": {"display_name": "a", "context_length": True}}))
@example(made(CARD_KEY, CARD | {"card_json": {"display_name": "a", "context_length": 2**64}}))
@example(made(CARD_KEY, CARD | {"card_json": {"display_name": "a", "context_length": -1}}))
@example(made(CARD_KEY, CARD | {"card_json": {"display_name": "a", "lora": {"name": 1}}}))
@example(made(INSTANCE_KEY, text_of(INSTANCE)[:-1] + b',"instance_id":27}'))
@example(made(INSTANCE_KEY, text_of(INSTANCE)[:-1] + b',"new":"\xff"}'))
@example(made(INSTANCE_KEY, INSTANCE | {"transport": {"tcp": None}}))
@example(made(INSTANCE_KEY, INSTANCE | {"transport": {"tcp": "a", "http": "b"}}))
@example(made("v1/event_channels/namespace/prod/topic/t/2b", CHANNEL | {"scope": SCOPE}))
@example(made("v1/event_channels/prod//t/2b", CHANNEL | {"scope": SCOPE | {"kind": "namespace"}}))
@example(made(SCOPED_KEY, CHANNEL | {"scope": {"kind": "endpoint", "endpoint": ELSEWHERE}}))
@example(made(CHANNEL_KEY, CHANNEL | {"new": 1}))
@example(made(CHANNEL_KEY, CHANNEL | {"transport": {"kind": "Nats", "config": {"a": "b"}}}))
@example(made(CHANNEL_KEY, CHANNEL | {"transport": {"kind": "New", "config": {"": "b"}}}))
def test_a_value_s_record_does_not_depend_on_the_path_that_read_it(entry: Entry) -> None:
    assert read(entry) == read_in_full(entry)


@given(st.sampled_from(WRITTEN), st.data())
@example(made("v1/mdc/a/b/c/1a/", CARD), None)
@example(made("v1/mdc/a/b/c/1A/x", CARD), None)
@example(made("v1/instances/./x", INSTANCE), None)
@example(made("v1/instances/a/b/c/-1", INSTANCE), None)
@example(made("v1/instances/a//c/1", INSTANCE), None)
@example(made("v1/mdc/a/b/c/1/é", CARD), None)
@example(made("v1/mdc/a/b/c/0/1", CARD), None)
@example(made("v1/pool_members/a/0/1", {}), None)
@example(made("v1/instances/./a%2Fb%2Fc%2F1", INSTANCE), None)
@example(made("instances/a/b/c", INSTANCE), None)
@example(made("mdc/1", CARD), None)
def test_nor_does_a_key_s_id(entry: Entry, data: st.DataObject | None) -> None:
    key = entry.key
    if data is not None:
        start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(key))] * 2)))
        new = data.draw(
            st.sampled_from([b"", b"/", b"//", b"\xff", "é".encode(), b"0", b"F", b"./"])
        )
        key = key[:start] + new + key[end:]
    assert read(replace(entry, key=key)) == read_in_full(replace(entry, key=key))


def _parse_first(parse_any: Callable[[bytes], Any], key: bytes) -> Any:
    assert key.endswith(b"/0")
    return parse_any(key)


def test_what_dynamo_writes_is_read_on_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_parse_any", partial(_parse_first, keys._parse_any))
    monkeypatch.delattr(parse, "_read_in_full")
    # From 0.7 on bodies have a tag, from 1.4 on channels a scope. Agents' sources are few.
    kinds = (b'"type":"Endpoint"', b'"type":"Model"', b'"scope":{"kind":"endpoint"')
    usual = [entry for entry in RECORDED if any(one in entry.value for one in kinds)]
    assert {keys.kind_of(entry.key) for entry in usual} == {*Kind} - {Kind.UNKNOWN}
    assert all(read(entry).malformed is None for entry in usual)


def written_in_full(record: AnyRecord) -> str:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_export, "_plain_json", lambda _: None)
        patched.setattr(json_export, "_as_stored", lambda _: None)
        return record_json(record, 5)


@given(bent())
@example(made(CARD_KEY, b'{"card_json":1,"type":"Model","card_json":{"display_name":"a"}}'))
@example(made(CARD_KEY, text_of(CARD | {"card_json": {"display_name": "a", "x": 1e16}})))
@example(made(ADAPTER_KEY, text_of(ADAPTER).replace(b'"card', b'"model_suffix":"b","card')))
@example(made(INSTANCE_KEY, json.dumps(INSTANCE).encode()))
@example(made(INSTANCE_KEY, text_of(INSTANCE)[:-1] + b',"instance_id":26}'))
def test_a_record_is_written_as_if_there_were_no_fast_path(entry: Entry) -> None:
    record = read(entry)
    assert record_json(record, 5) == written_in_full(record)


def test_every_character_is_written_as_if_there_were_no_fast_path() -> None:
    for char in map(chr, range(0x100)):
        names = {"namespace": char, "device_type": char, "transport": {"tcp": char}}
        for key in (INSTANCE_KEY, f"v1/instances/{char}/backend/generate/1a"):
            record = read(made(key, INSTANCE | names))
            assert record_json(record, 5) == written_in_full(record)


def test_what_dynamo_writes_is_written_on_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = (b'{"type":"Endpoint"', b'{"type":"Model"', b'"scope":{"kind":"endpoint"')
    entries = [entry for release in (*load(), *load_clusters()) for entry in release.entries]
    usual = [read(one) for one in entries if any(kind in one.value for kind in kinds)]
    # The first card of its kind is encoded in full.
    lines = [record_json(record, 5) for record in usual]
    monkeypatch.delattr(json_export, "as_json")
    assert [record_json(record, 5) for record in usual] == lines
