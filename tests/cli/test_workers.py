"""Whose a record is, and all that one worker registered: in `list`, `list workers` and `watch`."""

from __future__ import annotations

from pathlib import Path

from tests.support.etcd_server import EtcdServer
from tests.support.registered import card, channel, instance, record, source
from tests.support.registering import grant, put, put_old_file, put_worker
from tests.support.running import Watching, dyntop, put_file

WORKER, PUBLISHER = 0xA907, 0x51

FIELDS = [
    *("worker", "role", "left_behind", "instance_ids", "leases", "ranks"),
    *("components", "models", "endpoints", "cards", "adapters", "channels", "sources"),
    *("others", "ttl_granted", "ttl_remaining", "verdict", "evidence", "evidence_data", "keys"),
]


def test_a_worker_is_all_that_is_on_its_lease(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    worker, keys = put_worker(etcd)
    other = grant(etcd)
    put(etcd, instance(other, component="router"), other)
    ended = dyntop("list", "workers", "-o", "json", env=in_etcd)
    assert (ended.code, ended.err) == (0, "")
    first, second = ended.records
    assert list(first) == FIELDS
    assert first == {
        "worker": f"{worker:x}",
        "role": "worker",
        "left_behind": False,
        "instance_ids": [f"{worker:x}"],
        "leases": [f"{worker:x}"],
        "ranks": 1,
        "components": ["prod/backend"],
        "models": ["acme/tiny-llm"],
        "endpoints": 2,
        "cards": 1,
        "adapters": 1,
        "channels": 1,
        "sources": 1,
        "others": 0,
        "ttl_granted": None,
        "ttl_remaining": None,
        "verdict": None,
        "evidence": None,
        "evidence_data": None,
        "keys": keys,
    }
    assert (second["worker"], second["components"]) == (f"{other:x}", ["prod/router"])

    # A filter chooses workers; each is shown with all that it has.
    (chosen,) = dyntop("list", "workers", "-c", "backend", "-o", "json", env=in_etcd).records
    assert chosen == first
    names = dyntop("list", "workers", "-o", "name", env=in_etcd).lines
    assert names == [f"{worker:x}", f"{other:x}"]
    assert dyntop("list", "workers", "-n", "none", "-o", "name", env=in_etcd).one_sentence()


def test_with_liveness_a_worker_has_its_worst_verdict_and_its_lease(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    worker, _ = put_worker(etcd)
    put(etcd, card(WORKER))
    ended = dyntop("list", "workers", "--liveness", "-o", "json", env=in_etcd)
    left, well = ended.records
    assert (well["worker"], well["verdict"], well["ttl_granted"]) == (f"{worker:x}", "live", 600)
    assert 0 < well["ttl_remaining"] <= 600
    assert (left["worker"], left["verdict"]) == (f"{WORKER:x}", "orphaned")
    assert (left["left_behind"], well["left_behind"]) == (True, False)
    assert left["ttl_remaining"] is None
    shown = {one["evidence_kind"]: one for one in left["evidence_data"]}
    assert shown["worker gone"]["worker"] == f"{WORKER:x}"

    header, *rows = dyntop("list", "workers", "--liveness", env=in_etcd).lines
    assert header.split()[:2] == ["WORKER", "ROLE"]
    assert rows[0].split()[:3] == [f"{WORKER:x}", "left", "behind"]
    assert rows[0].split()[-2:] == ["none", "orphaned"]
    assert rows[1].split()[-1] == "live"
    # What is registered shows it: no lease need be asked for.
    found = dyntop("list", "workers", "-o", "json", env=in_etcd).records
    assert [one["left_behind"] for one in found] == [True, False]
    text = dyntop("show", f"{WORKER:x}", env=in_etcd).out.decode()
    assert text.startswith("⊘ orphaned  left behind prod/backend")
    assert "none: only what a worker left behind is registered" in text


def test_verdicts_are_right_whatever_the_filter(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    """An unleased card is left behind only if its worker has nothing: also nothing filtered out."""
    put(etcd, card(WORKER))
    put(etcd, card(WORKER + 1))
    put(etcd, instance(WORKER + 1))
    records = dyntop("list", "models", "--liveness", "-o", "json", env=in_etcd).records
    assert [one["verdict"] for one in records] == ["orphaned", "unleased"]
    assert all(one["evidence"] for one in records)
    assert [one["worker"] for one in records] == [f"{WORKER:x}", f"{WORKER + 1:x}"]
    table = dyntop("list", "models", "--liveness", env=in_etcd).lines
    assert "orphaned: its worker a907 has no instance" in table[1]
    # Without being asked nothing is judged.
    for one in dyntop("list", "models", "-o", "json", env=in_etcd).records:
        assert (one["verdict"], one["evidence"]) == (None, None)


def test_in_a_file_store_sources_say_whose_a_channel_is(
    tmp_path: Path, state: dict[str, str]
) -> None:
    put_file(tmp_path, *channel(PUBLISHER))
    put_file(tmp_path, *source(PUBLISHER, WORKER))
    put_file(tmp_path, *channel(PUBLISHER + 1))
    where = ("--file-store", str(tmp_path))
    # Though a filter leaves the sources out.
    for what in ("channels", "all"):
        records = dyntop("list", what, *where, "-o", "json").records
        told = {one["instance_id"]: one["worker"] for one in records if "channel" in one["kind"]}
        assert told == {f"{PUBLISHER:x}": f"{WORKER:x}", f"{PUBLISHER + 1:x}": None}
        with Watching(what, *where) as watching:
            *added, _ = watching.until_resync()
            of = [one["record"] for one in added if one["record"]["kind"] == "event_channel"]
            assert {one["instance_id"]: one["worker"] for one in of} == told
            assert len(added) == (2 if what == "channels" else 3)
    (worker,) = dyntop("list", "workers", *where, "-o", "json").records
    assert (worker["worker"], worker["channels"], worker["sources"]) == (f"{WORKER:x}", 1, 1)


def test_in_a_file_store_a_worker_lives_as_long_as_its_first_key(tmp_path: Path) -> None:
    put_file(tmp_path, *instance(WORKER))
    put_old_file(tmp_path, card(WORKER))
    where = ("--file-store", str(tmp_path))
    (worker,) = dyntop("list", "workers", "--liveness", "-o", "json", *where).records
    assert worker["verdict"] == "expired"
    assert worker["ttl_remaining"] < 0
    assert worker["evidence_data"][0]["evidence_kind"] == "time ran out"


def test_watching_channels_tells_nothing_of_sources(tmp_path: Path) -> None:
    with Watching("channels", "--file-store", str(tmp_path)) as watching:
        watching.until_resync()
        # The first is waited for: a watch may see both at once, and in any order.
        put_file(tmp_path, *channel(1))
        assert watching.event()["record"]["worker"] is None
        path = put_file(tmp_path, *source(PUBLISHER, WORKER))
        put_file(tmp_path, *channel(PUBLISHER))
        assert watching.event()["record"]["key"] == record(channel(PUBLISHER)).key.decode()
        path.unlink()
        put_file(tmp_path, *channel(2))
        assert watching.event()["record"]["instance_id"] == "2"
