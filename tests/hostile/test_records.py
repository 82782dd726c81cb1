"""Whatever bytes are in a store: each key is a record, shown as plain text, and can be named."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.discovery import Discovery
from backends.dynamo import keys
from backends.dynamo.ids import Kind
from backends.dynamo.keys import kind_of
from backends.dynamo.parse import read
from backends.dynamo.queries import Query
from backends.dynamo.records import AnyRecord
from backends.liveness.judge import Verdict
from backends.memory import Keyspace, MemoryStore
from backends.store import Entry, Removal, Revision
from tests.hostile import strategies
from tests.hostile.corpus import BODIES, another_sort, everything
from tests.hostile.plainness import assert_plain, harm_in
from tui.text.detail import detail_of
from tui.text.detail_lines import lines_of
from tui.text.format import STATES
from tui.text.json_export import record_json
from tui.text.sanitize import plain_key

EVERYTHING = everything()
EVERYWHERE = Query(frozenset(Kind))


def read_of(key: bytes, value: bytes) -> AnyRecord:
    return read(Entry(key, value, Revision("1")))


def assert_shown_and_named(key: bytes, value: bytes) -> AnyRecord:
    """It is a record of its bucket's kind; JSON and detail are plain and have its exact key."""
    record = read_of(key, value)
    assert record.key == key
    assert record.kind is kind_of(key)
    exported = record_json(record, None)
    assert exported.isascii()
    assert not harm_in(exported)
    assert keys.unspell(json.loads(exported)["key"]) == key
    for ascii_only in (False, True):
        spelled = plain_key(key, ascii_only=ascii_only)
        assert not harm_in(spelled)
        assert keys.unspell(spelled) == key
    cluster = Cluster()
    cluster.put(record, FirstSeen(0.0, was_there=True))
    detail = detail_of(record, STATES[Verdict.LIVE], cluster, None, None, 0.0)
    assert_plain("\n".join(map(str, lines_of(detail, 100))))
    return record


@pytest.mark.parametrize("group", sorted({what.partition(":")[0] for what in EVERYTHING}))
def test_every_record_of_the_corpus_is_shown_and_named(group: str) -> None:
    for what, (key, value) in EVERYTHING.items():
        if what.partition(":")[0] == group:
            assert_shown_and_named(key, value)


@pytest.mark.parametrize("key", BODIES, ids=bytes.decode)
def test_every_field_may_be_of_any_type(key: bytes) -> None:
    assert assert_shown_and_named(key, json.dumps(BODIES[key]).encode()).malformed is None
    for what, value in another_sort(key).items():
        record = assert_shown_and_named(key, value)
        # What another says of itself changes nobody's key; the id is the key's.
        assert record.id == read_of(key, b"").id or key.startswith(keys.OLD_MODELS), what


@settings(max_examples=150)
@given(strategies.keys, strategies.values)
def test_any_key_and_value_is_shown_and_named(key: bytes, value: bytes) -> None:
    assert_shown_and_named(key, value)


@pytest.mark.parametrize("key", [key for key in BODIES if not key.startswith((b"m", b"i"))])
def test_a_body_that_claims_to_be_another_is_said_to(key: bytes) -> None:
    record = read_of(key, another_sort(key)["claims to be another"])
    assert record.malformed is None
    assert record.conflict is not None


@given(st.sampled_from([b"ab", b"AB", b"00ab", b"0000000000000000000ab", b"aB"]))
def test_an_id_in_another_spelling_is_that_id_and_said_to_be_odd(spelling: bytes) -> None:
    record = read_of(b"v1/instances/ns/comp/gen/" + spelling, b"{}")
    assert record.id.instance_id == 0xAB
    odd = "the id is not lower-case hex without leading zeros"
    assert (record.malformed == odd) is (spelling != b"ab")


def test_two_spellings_of_an_id_are_two_records_of_one_place() -> None:
    cluster = Cluster()
    for spelling in (b"ab", b"AB", b"00ab"):
        record = read_of(b"v1/instances/ns/comp/gen/" + spelling, b"{}")
        cluster.put(record, FirstSeen(0.0, was_there=True))
    assert len(cluster.records) == 3
    assert {record.id.instance_id for record in cluster.records.values()} == {0xAB}


@settings(max_examples=60)
@given(st.sets(strategies.keys, min_size=2, max_size=6), st.data())
async def test_of_any_keys_only_the_named_one_is_removed(
    there: set[bytes], data: st.DataObject
) -> None:
    keyspace = Keyspace()
    for key in there:
        keyspace.put(key, b"{}")
    discovery = Discovery(MemoryStore(keyspace))
    listed = {plain_key(record.key): record for record in await discovery.list(EVERYWHERE)}
    assert {record.key for record in listed.values()} == there
    name = data.draw(st.sampled_from(sorted(listed)))
    assert await discovery.unregister(listed[name]) is Removal.REMOVED
    left = {entry.key for entry in keyspace.read([b""]).entries}
    assert there - left == {keys.unspell(name)}
