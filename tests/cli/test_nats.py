"""Commands on a real NATS store."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from backends.nats_kv.names import location_of, why_not_writable
from tests import corpus
from tests.cli.conftest import Here
from tests.support.completing import offered
from tests.support.nats_places import connected, make_bucket
from tests.support.nats_server import NatsServer
from tests.support.peers import refusing
from tests.support.registered import instance
from tests.support.running import dyntop
from tui.cli.completion.quoting import is_plain

REGISTERED = {
    entry.key.decode(): entry.value
    for release in corpus.load()
    for entry in release.entries
    if why_not_writable(entry.key) is None
}


@pytest.fixture
def server() -> Iterator[NatsServer]:
    with NatsServer() as server:
        yield server


async def written(url: str) -> dict[str, int]:
    """Writes with a plain client what real releases registered; the revision of each key, as that
    client reads it back."""
    found = {}
    async with connected(url) as client:
        buckets = {}
        for key, value in REGISTERED.items():
            location = location_of(key.encode())
            assert location is not None
            if location.bucket not in buckets:
                buckets[location.bucket] = await make_bucket(client, location.bucket)
            await buckets[location.bucket].put(key.split("/", 2)[2], value)
        for name, bucket in buckets.items():
            kind = name.rpartition("_v1_")[2]
            # Not by the bucket's `keys`: on a busy machine it says that there are none, if it asks
            # how many are left to come after the last was sent and before one was taken in.
            stream = f"KV_{name}"
            info = await client.jetstream().stream_info(stream, subjects_filter=f"$KV.{name}.>")
            for subject in info.state.subjects or {}:
                key = subject.removeprefix(f"$KV.{name}.")
                found[f"v1/{kind}/{key}"] = (await bucket.get(key)).revision or 0
    assert len(found) == len(REGISTERED)
    return found


def test_a_list_is_what_a_plain_client_reads(server: NatsServer) -> None:
    expected = asyncio.run(written(server.url))
    ended = dyntop("--backend", "nats", "--nats", server.url, "list", "all", "-o", "json")
    assert (ended.code, ended.err) == (0, "")
    found = {one["key"]: int(one["revision"].partition("@")[0]) for one in ended.records}
    assert found == expected
    assert all(one["value"] is not None and one["lease"] is None for one in ended.records)


async def put_one(url: str, key: bytes, value: bytes) -> None:
    location = location_of(key)
    assert location is not None
    async with connected(url) as client:
        bucket = await make_bucket(client, location.bucket)
        await bucket.put(key.decode().split("/", 2)[2], value)


def test_what_is_unknown_is_counted_where_nothing_is_stale(server: NatsServer) -> None:
    """No worker renews what is in a NATS store, and no address is asked."""
    asyncio.run(put_one(server.url, *instance(0xA907)))
    stale = ("unregister", "--stale", "--dry-run", "--probe", "never")
    ended = dyntop("--backend", "nats", "--nats", server.url, *stale)
    assert (ended.code, ended.out) == (0, b"")
    told = "nothing is stale among 1 record, of which 1 is unknown, in nats"
    assert ended.one_sentence().startswith(told)


def test_a_tab_offers_the_keys_of_a_real_nats(server: NatsServer) -> None:
    asyncio.run(written(server.url))
    line = f"dyntop --backend nats --nats {server.url} unregister v1/instances/"
    wanted = {key for key in REGISTERED if key.startswith("v1/instances/")}
    found = {word.partition("\t")[0] for word in offered(line, shell="fish")}
    assert found == {key for key in wanted if is_plain(key)}


@pytest.mark.parametrize("command", [("--backend", "nats", "list"), ("stats",)])
@pytest.mark.parametrize("name", ["NATS_AUTH_NKEY", "NATS_AUTH_CREDENTIALS_FILE"])
def test_without_the_extra_nkeys_a_setting_that_needs_it_is_answered_with_what_to_install(
    name: str, command: tuple[str, ...], here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nkeys", None)  # as if it were not installed
    file = tmp_path / "user.creds"
    file.write_text("BEGIN NATS USER JWT BEGIN USER NKEY SEED")
    secret = "SUAsecret"
    with refusing() as nowhere:
        env = {
            "NATS_SERVER": f"nats://{nowhere}",
            "DYN_DISCOVERY_BACKEND": "file",
            "DYN_FILE_KV": str(tmp_path / "kv"),
            name: secret if name == "NATS_AUTH_NKEY" else str(file),
        }
        (tmp_path / "kv").mkdir()
        ended = here(*command, env=env)
        sentence = ended.one_sentence()
        assert ended.code == 2
        assert "pip install 'dyntop[nkeys]'" in sentence
        assert name in sentence
        assert secret not in sentence
        # Where another setting counts, nothing is missing.
        named = env | {"NATS_AUTH_USERNAME": "joe", "NATS_AUTH_PASSWORD": "x"}
        assert here(*command, env=named).code == 3


def test_without_the_extra_nkeys_nothing_else_is_missing() -> None:
    """What a plain `pip install dyntop` brings has no part of it."""
    needed = {Requirement(text) for text in metadata.requires("dyntop") or ()}
    plain = {one for one in needed if one.marker is None or "extra" not in str(one.marker)}
    assert not any("nkeys" in (one.name, *one.extras) for one in plain)
    extra = [one for one in needed if one.marker and one.marker.evaluate({"extra": "nkeys"})]
    assert any("nkeys" in one.extras for one in extra)
