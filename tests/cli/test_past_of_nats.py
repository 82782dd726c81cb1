"""`dyntop list --revision` and `dyntop diff` on a real NATS, where a revision is a time."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator

import pytest

from tests.support.nats_places import connected, make_as_dynamo
from tests.support.nats_server import NatsServer
from tests.support.registered import card, instance
from tests.support.running import Ended, dyntop

A, B = 0xA1, 0xB2


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    with NatsServer() as server:
        yield server


async def register(url: str, history: int) -> None:
    """Two workers that come, of which one goes, in buckets with a history."""
    async with connected(url) as client:
        for info in await client.jetstream().streams_info():
            await client.jetstream().delete_stream(str(info.config.name))
        buckets = {
            kind: await make_as_dynamo(client, f"prod_v1_{kind}", history)
            for kind in ("instances", "mdc")
        }
        registered = [one for worker in (A, B) for one in (instance(worker), card(worker))]
        for key, value in registered:
            _, kind, name = key.decode().split("/", 2)
            await buckets[kind].create(name, value)
        key, _ = instance(A)
        await buckets["instances"].delete(key.decode().split("/", 2)[2])


def run(server: NatsServer, *args: str) -> Ended:
    return dyntop("--backend", "nats", "--nats", server.url, *args)


def test_with_a_history_everything_is_told_with_its_time(server: NatsServer) -> None:
    asyncio.run(register(server.url, 5))
    every = run(server, "diff", "--from", "oldest", "--events", "-o", "json")
    assert every.code == 1
    ids = [(one["record"] or one["previous"])["instance_id"] for one in every.records]
    kinds = [one["change"] for one in every.records]
    assert list(zip(kinds, ids, strict=True)) == [
        *(("added", f"{worker:x}") for worker in (A, A, B, B)),
        ("removed", f"{A:x}"),
    ]
    for one in every.records:
        whole, milliseconds = divmod(one["revision"] // 1000, 1000)
        assert one["time"].endswith(f".{milliseconds:03}Z"), whole
    table = run(server, "diff", "--from", "oldest", "--events")
    header, first, *_ = table.out.decode().splitlines()
    assert header.split()[:3] == ["REVISION", "TIME", "CHANGE"]
    assert re.search(r"^\d{16}  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  added", first)
    assert "no time" not in table.err
    assert re.search(
        r"from revision \d+ \(\d{4}-.*\) to \d+ \(\d{4}-.*4 added, 1 removed", table.err
    )

    then = every.records[2]["revision"]
    past = run(server, "list", "endpoints", "--revision", str(then))
    assert [line.split()[4] for line in past.out.decode().splitlines()[1:]] == [f"{A:x}", f"{B:x}"]
    newest = every.records[-1]["revision"]
    assert f"at revision {then}, which was at 2" in past.err
    assert f"; the last change was at {newest}" in past.err
    between = run(server, "diff", "--from", str(then), "--to", str(newest), "-o", "json")
    assert [(one["change"], one["time"]) for one in between.records] == [
        ("removed", None),
        ("added", None),
    ]
    late = run(server, "list", "--revision", str(2**62))
    assert (late.code, late.out) == (2, b"")
    assert "is still to come" in late.one_sentence()


def test_what_dynamos_own_buckets_dropped_is_said_in_one_sentence_with_what_would_keep_it(
    server: NatsServer,
) -> None:
    asyncio.run(register(server.url, 1))
    before = run(server, "list", "--revision", "17")
    assert (before.code, before.out) == (2, b"")
    said = before.one_sentence()
    assert "of revision 17 not all is known any more: the oldest of which nats" in said
    assert "nats stream edit KV_prod_v1_instances --max-msgs-per-subject 64" in said
    oldest = int(re.findall(r"has everything is (\d+)", said)[0])
    there = run(server, "list", "all", "--revision", str(oldest), "-o", "json")
    now = run(server, "list", "all", "-o", "json")
    assert json.loads(there.out) == json.loads(now.out)
    assert (run(server, "diff", "--from", "oldest").code, oldest > 10**15) == (0, True)
