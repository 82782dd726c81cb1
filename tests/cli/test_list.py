"""`dyntop list` on real stores."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from backends.dynamo import keys
from tests import corpus
from tests.cli.conftest import BODY, CARD, CARD_BODY, INSTANCE, Here
from tests.support.etcd_server import EtcdServer
from tests.support.running import dyntop, put_file

FIELDS = [
    *("kind", "key", "namespace", "component", "endpoint", "topic", "instance_id", "model_suffix"),
    *("model_name", "transport", "worker", "lease", "ttl_granted", "ttl_remaining", "expired_at"),
    *(
        "revision",
        "verdict",
        "evidence",
        "evidence_data",
        "routable",
        "not_routable",
        "malformed",
        "conflict",
        "note",
        "unread",
        "value",
    ),
]

KINDS = {
    "v1/instances/": "endpoint",
    "instances/": "endpoint",
    "v1/mdc/": "model",
    "models/": "model",
    "mdc/": "model",
    "v1/event_channels/": "event_channel",
    "v1/event_sources/": "event_source",
}


def identity(record: dict[str, Any]) -> list[str | None]:
    names = ("namespace", "component", "endpoint", "topic", "instance_id", "model_suffix")
    return [record[name] for name in names]


def expected_identity(key: str, worker: str) -> list[str | None]:
    """Read off a key of the corpus by eye; `worker` is its lease in hex."""
    match key.split("/"):
        case ["instances", namespace, component, last]:
            endpoint, _, lease = last.partition(":")
            return [namespace, component, endpoint, None, lease, None]
        case ["models", _]:
            return ["prod", "backend", "generate", None, worker, None]
        case ["mdc", _]:
            return [None] * 6
        case ["v1", "instances" | "mdc", namespace, component, endpoint, instance, *suffix]:
            return [namespace, component, endpoint, None, instance, suffix[0] if suffix else None]
        case ["v1", _, namespace, component, topic, publisher]:
            return [namespace, component, None, topic, publisher, None]
        case ["v1", _, "namespace", namespace, "component", component, "topic", topic, publisher]:
            return [namespace, component, None, topic, publisher, None]
        case ["v1", _, _, namespace, _, component, _, endpoint, _, topic, publisher]:
            return [namespace, component, endpoint, topic, publisher, None]
    raise AssertionError(key)


def load(etcd: EtcdServer, entries: dict[bytes, bytes]) -> str:
    """Put entries under one new lease of 600 s; returns its id as keys would have it."""
    lease = etcd.etcdctl("lease", "grant", "600").decode().split()[1]
    for key, value in entries.items():
        etcd.etcdctl("put", f"--lease={lease}", key.decode(), input=value)
    return lease.lstrip("0")


LOWEST_ID = min(
    f"{number:x}"
    for release in corpus.load()
    for entry in release.entries
    if entry.key.startswith((b"v1/instances/", b"v1/mdc/", b"instances/"))
    and (number := keys.parse(entry.key).id.instance_id) is not None
)
"""Of an instance or a card. All have sixteen digits."""


def test_every_record_of_the_corpus_is_listed_with_its_kind_and_identity(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    entries = {entry.key: entry.value for release in corpus.load() for entry in release.entries}
    lease = load(etcd, entries)
    # An etcd may be shared: this is somebody else's.
    etcd.etcdctl("put", "registry/pods/x", "1")
    ended = dyntop("list", "-o", "json", "--liveness", env=in_etcd)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.isascii()

    stored = etcd.entries()
    listed = {record["key"]: record for record in ended.records}
    assert set(listed) == {key.decode() for key in entries}
    for key, record in listed.items():
        assert list(record) == FIELDS
        assert record["kind"] == next(kind for at, kind in KINDS.items() if key.startswith(at))
        assert identity(record) == expected_identity(key, lease), key
        assert (record["malformed"], record["conflict"]) == (None, None), key
        assert record["value"] == json.loads(entries[key.encode()])
        assert record["revision"] == str(stored[key.encode()].mod_revision)
        # There a lease is a worker, whatever ids are on it: it is known by the lowest.
        assert record["lease"] == lease
        assert record["worker"] == LOWEST_ID
        assert record["ttl_granted"] == 600
        assert 0 < record["ttl_remaining"] <= 600
    channel = listed["v1/event_channels/prod//kv_metrics/7d7ba1fd2395773e"]
    assert channel["component"] == ""
    assert channel["transport"] == {"kind": "Nats", "address": "namespace.prod"}


def test_an_empty_store_is_an_empty_list_and_a_word_to_the_person(in_etcd: dict[str, str]) -> None:
    ended = dyntop("list", "-o", "json", env=in_etcd)
    assert (ended.code, ended.out, ended.err) == (0, b"[]\n", "")
    for output in ("table", "name"):
        ended = dyntop("list", "models", "-o", output, env=in_etcd | {"DYN_NAMESPACE": "prod"})
        assert (ended.code, ended.out) == (0, b"")
        sentence = ended.one_sentence()
        assert "no models found" in sentence
        assert "prod (DYN_NAMESPACE)" in sentence


def test_an_empty_memory_store_is_an_empty_list() -> None:
    ended = dyntop("list", "--backend", "memory", "-o", "json")
    assert (ended.code, ended.records, ended.err) == (0, [], "")


def test_the_demo_can_be_listed() -> None:
    kinds = {record["kind"] for record in dyntop("list", "--demo", "-o", "json").records}
    assert kinds == {"endpoint", "model", "event_channel", "event_source", "unknown"}


def test_a_file_store_is_listed_without_leases(in_folder: dict[str, str]) -> None:
    records = dyntop("list", "-o", "json", env=in_folder).records
    assert [record["key"].encode() for record in records] == [INSTANCE, CARD]
    instance = records[0]
    assert instance["instance_id"] == "7d7ba1fd23957b1c"
    assert instance["transport"] == {"kind": "tcp", "address": "10.0.0.7:9000/x/generate"}
    assert instance["value"] == json.loads(BODY)
    assert (instance["lease"], instance["ttl_granted"], instance["expired_at"]) == (None,) * 3
    assert records[1]["model_name"] == "Qwen/Qwen3-32B"


def test_an_expired_file_says_since_when(folder: Path, in_folder: dict[str, str]) -> None:
    os.utime(put_file(folder, CARD, CARD_BODY), (1_000_000_000, 1_000_000_000))
    instance, card = dyntop("list", "-o", "json", "--liveness", env=in_folder).records
    assert instance["expired_at"] is None
    assert 0 < instance["ttl_remaining"] <= instance["ttl_granted"] == 10
    assert card["expired_at"] == 1_000_000_010
    assert card["ttl_remaining"] < 0
    assert "expired" in dyntop("list", "models", env=in_folder).lines[1]


def test_filters_match_whole_names_and_beginnings_with_a_star(tmp_path: Path, here: Here) -> None:
    def keys_listed(env: dict[str, str], *args: str) -> list[str]:
        return here("list", *args, "-o", "name", env=env).lines

    for namespace in ("prod", "prod2", "prod.canary", "preprod"):
        for component in ("backend", "backend2"):
            key = f"v1/instances/{namespace}/{component}/generate/1"
            put_file(tmp_path, key.encode(), b"{}")
    scope = "namespace/prod%2Ecanary/component/backend/endpoint/generate/topic/kv-events/2"
    put_file(tmp_path, f"v1/event_channels/{scope}".encode(), b"{}")
    put_file(tmp_path, b"v1/event_channels/prod//kv_metrics/3", b"{}")
    put_file(tmp_path, b"v1/claims/x", b"{}")
    env = {"DYN_DISCOVERY_BACKEND": "file", "DYN_FILE_KV": str(tmp_path)}

    assert len(keys_listed(env)) == 11
    # A parent includes what is nested in it.
    within = keys_listed(env, "endpoints", "-n", "prod", "-c", "backend")
    assert within == [
        "v1/instances/prod.canary/backend/generate/1",
        "v1/instances/prod/backend/generate/1",
    ]
    assert keys_listed(env | {"DYN_NAMESPACE": "prod"}, "endpoints", "-c", "backend") == within
    # The flag goes before the environment, and an empty one is no filter.
    other = env | {"DYN_NAMESPACE": "elsewhere"}
    assert keys_listed(other) == []
    assert len(keys_listed(other, "-n", "prod.canary")) == 3
    assert len(keys_listed(other, "-n", "")) == 11
    assert len(keys_listed(env | {"DYN_NAMESPACE": ""})) == 11
    assert keys_listed(env, "channels", "-t", "kv-events", "-e", "generate") == [
        f"v1/event_channels/{scope}"
    ]
    # An empty component is one of its own: that of a whole namespace.
    assert keys_listed(env, "-c", "") == ["v1/event_channels/prod//kv_metrics/3"]
    assert keys_listed(env, "sources") == []
    # What ends with a star is the beginning of a name, of places as of namespaces.
    both = keys_listed(env, "endpoints", "-n", "prod", "-c", "back*", "-e", "gen*")
    assert both == keys_listed(env, "endpoints", "-n", "prod")
    assert keys_listed(env, "endpoints", "-n", "prod", "-c", "backend2*") == [
        "v1/instances/prod.canary/backend2/generate/1",
        "v1/instances/prod/backend2/generate/1",
    ]
    assert keys_listed(env, "-t", "kv-*") == [f"v1/event_channels/{scope}"]


HOSTILE = "\x1b]0;owned\x07\x9b2J\u202e\u200b\u2028[@click=app.quit]\x7f"


def test_nothing_but_plain_text_is_printed(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    name = HOSTILE + "n" * 5000
    body = json.dumps(
        {
            "type": "Endpoint",
            "namespace": name,
            "component": "c",
            "endpoint": "e",
            "instance_id": 1,
            "transport": {HOSTILE: HOSTILE},
        }
    )
    keys = [f"v1/instances/{name}/c/e/1", f"v1/instances/ns/{HOSTILE}/e/zz", f"v1/{HOSTILE}"]
    values = [body.encode(), HOSTILE.encode() + b"\xff\x00", b"[" * 100_000]
    for key, value in zip(keys, values, strict=True):
        etcd.etcdctl("put", key, input=value)
    for output in ("table", "wide", "json", "ndjson", "yaml", "name"):
        ended = dyntop("list", "-o", output, env=in_etcd)
        assert (ended.code, ended.err) == (0, "")
        assert all(line.isprintable() for line in ended.out.decode().split("\n")), output
    records = {
        record["key"]: record for record in dyntop("list", "-o", "json", env=in_etcd).records
    }
    assert set(records) == set(keys)
    assert records[keys[0]]["namespace"] == name
    assert records[keys[1]]["value"] == HOSTILE + "\\xff\x00"
    assert records[keys[2]]["value"] == "[" * 100_000
    # One cell does not take the whole screen.
    assert max(map(len, dyntop("list", env=in_etcd).lines)) < 1_000


VALUES: list[tuple[bytes, object]] = [
    (b"NaN", "NaN"),
    (b"1e400", "1e400"),
    (b"[1e400]", "[1e400]"),
    (b"9" * 4301, "9" * 4301),
    (b"18446744073709551616", 18446744073709551616),
    (b'{"a": 1,\n "b": "\xc3\xa9\xf0\x9f\x90\xa7"}', {"a": 1, "b": "é🐧"}),
    (b'"\\ud800"', '"\\ud800"'),
    (b"", ""),
    (b"null", None),
]
"""What is stored, and the JSON that it is shown as."""


def test_any_value_makes_valid_json(tmp_path: Path) -> None:
    for number, (stored, _) in enumerate(VALUES):
        put_file(tmp_path, b"v1/claims/%d" % number, stored)
    ended = dyntop("list", "-o", "json", "--file-store", str(tmp_path))
    assert ended.out.isascii()

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    records = json.loads(ended.out, parse_constant=refuse)
    assert [record["value"] for record in records] == [shown for _, shown in VALUES]


def test_the_table_has_aligned_columns_under_a_header(folder: Path, tmp_path: Path) -> None:
    put_file(folder, "v1/instances/prod/漢字/generate/1".encode(), BODY)
    ended = dyntop("list", "--file-store", str(folder))
    header, *rows = ended.lines
    assert header.split()[:4] == ["KIND", "NAMESPACE", "COMPONENT", "ENDPOINT"]
    wide = next(row for row in rows if "漢字" in row)
    narrow = next(row for row in rows if row.startswith("model"))
    # Two characters that take two columns each.
    assert wide.index("generate") + 2 == narrow.index("generate") == header.index("ENDPOINT")
    assert "conflict: the body names component backend" in wide
    assert all(row == row.rstrip() for row in rows)


def test_on_a_terminal_without_unicode_names_are_still_keys(folder: Path) -> None:
    key = "v1/instances/prod/é/generate/1"
    put_file(folder, key.encode(), BODY)
    where = ("--file-store", str(folder))
    latin = {"PYTHONIOENCODING": "ascii"}
    names = dyntop("list", "-o", "name", *where, env=latin).out
    assert names.isascii()
    (name,) = (name for name in names.decode().splitlines() if "xc3" in name)
    assert dyntop("list", *where, env=latin).code == 0
    done = dyntop("unregister", "--yes", *where, name, env=latin)
    assert (done.code, done.out) == (0, f"removed {name}\n".encode())
    assert key not in dyntop("list", "-o", "name", *where).lines
