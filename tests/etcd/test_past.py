"""What etcd still knows of earlier revisions is read as it was, and what it does not is said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import Any

import pytest

from backends.discovery.discovery import Discovery
from backends.discovery.past_records import last_changes
from backends.dynamo.queries import EVERYTHING
from backends.etcd import rpc
from backends.etcd.client import Client
from backends.etcd.past import COMPACTED, NOT_ALL, EtcdPast, _change
from backends.etcd.rpc import Message
from backends.store import Compacted, Entry, NotAuthorised, NotYet, Refused, Revision
from backends.store.past import PastChange
from tests.support.etcd_places import Opener, switch_auth_on
from tests.support.etcd_server import EtcdServer
from tests.support.programs import ServerError

ALL = (b"v1/", b"instances/", b"models/", b"mdc/")
A, B, CARD = b"v1/instances/prod/a", b"v1/instances/prod/b", b"v1/mdc/prod/a"


def put(server: EtcdServer, key: bytes, value: bytes = b"1", lease: str = "") -> int:
    under = [f"--lease={lease}"] if lease else []
    answer = server.etcdctl("put", key.decode(), value.decode(), *under, "-w", "json")
    revision: int = json.loads(answer)["header"]["revision"]
    return revision


def delete(server: EtcdServer, key: bytes) -> int:
    answer = server.etcdctl("del", key.decode(), "-w", "json")
    revision: int = json.loads(answer)["header"]["revision"]
    return revision


def in_short(changes: tuple[PastChange, ...]) -> list[tuple[int, bytes, bytes, bytes]]:
    """Each change's revision, key, and values before and after it. Empty: there is none."""
    return [
        (
            change.revision,
            change.key,
            b"" if change.previous is None else change.previous.value,
            b"" if change.entry is None else change.entry.value,
        )
        for change in changes
    ]


async def test_each_revision_is_read_as_it_was_in_however_many_pages(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store = open_store(etcd, page_size=1)
    seen: dict[int, dict[bytes, Entry]] = {1: {}}
    for key, value in ((A, b"1"), (B, b"1"), (CARD, b"x"), (A, b"2"), (B, b"")):
        revision = put(etcd, key, value) if value else delete(etcd, key)
        seen[revision] = {one.key: one for one in (await store.snapshot(ALL)).entries}
    assert len(seen) == 6
    for revision, entries in seen.items():
        found = await store.past.at(ALL, revision)
        assert {one.key: one for one in found.entries} == entries
        assert found.revision == str(revision)
    assert [one.key for one in (await store.past.at([A], 5)).entries] == [A]


async def test_every_change_between_two_revisions_comes_in_order_with_what_was_before(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store = open_store(etcd)
    first = put(etcd, A, b"1")
    second = put(etcd, CARD, b"x")
    third = put(etcd, A, b"2")
    gone = delete(etcd, A)
    again = put(etcd, A, b"3")
    put(etcd, b"of/another/program")
    newest = await store.past.newest()
    assert newest == again + 1
    assert in_short(await store.past.changes(ALL, 1, newest)) == [
        (first, A, b"", b"1"),
        (second, CARD, b"", b"x"),
        (third, A, b"1", b"2"),
        (gone, A, b"2", b""),
        (again, A, b"", b"3"),
    ]
    # The first is excluded, the last one is not.
    between = await store.past.changes([A], second, gone)
    assert in_short(between) == [(third, A, b"1", b"2"), (gone, A, b"2", b"")]
    assert {change.at for change in between} == {None}
    assert await store.past.changes(ALL, newest, newest) == ()


async def test_changes_that_the_server_looks_for_after_its_answers_come_all(
    open_store: Opener, etcd: EtcdServer
) -> None:
    # As on a busy host: the server answers many times before it looks for what is past.
    past = EtcdPast(open_store(etcd)._client, page_size=1000, limit=60.0, pause=0.001)
    first = put(etcd, A)
    for number in range(5):
        put(etcd, B, b"%d" % number)
        put(etcd, CARD, b"x")
        last = delete(etcd, CARD)
    changes = await past.changes(ALL, first, last)
    assert [one.revision for one in changes] == list(range(first + 1, last + 1))
    assert await past.changes(ALL, last - 1, last) == changes[-1:]


async def test_changes_that_do_not_come_are_an_error_and_not_left_out(
    open_store: Opener, etcd: EtcdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = EtcdPast(open_store(etcd)._client, page_size=1000, limit=60.0, pause=0.01)
    first = put(etcd, A)
    put(etcd, B)
    last = delete(etcd, A)
    next_answer, kept_back, created = past._next, list[rpc.Event](), 0

    async def without_the_removal(*place: Any) -> rpc.WatchResponse:
        """Keep the removal back, and answer from then on as a server that has no more to tell."""
        nonlocal created
        while not kept_back or created < len(ALL):
            answer: rpc.WatchResponse = await next_answer(*place)
            created += answer.created
            kept_back.extend(one for one in answer.events if one.type == rpc.EVENT_DELETE)
            came = [one for one in answer.events if one.type != rpc.EVENT_DELETE]
            # Any other answer is one without a change, and does not count before the removal came.
            if came or answer.created or answer.canceled:
                del answer.events[:]
                answer.events.extend(came)
                return answer
        await asyncio.sleep(0)
        return rpc.WatchResponse(header=rpc.ResponseHeader(revision=last))

    monkeypatch.setattr(past, "_next", without_the_removal)
    with pytest.raises(Refused, match=NOT_ALL):
        await past.changes(ALL, first, last)
    assert len(kept_back) == 1


async def test_the_end_of_a_lease_is_one_step_and_is_not_told_from_removals(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store = open_store(etcd)
    lease = etcd.etcdctl("lease", "grant", "600").split()[1].decode()
    before = [put(etcd, key, b"1", lease) for key in (CARD, A, B)][-1]
    etcd.etcdctl("lease", "revoke", lease)
    newest = await store.past.newest()
    gone = await store.past.changes(ALL, before, newest)
    assert {change.revision for change in gone} == {newest}
    assert {change.key for change in gone} == {A, B, CARD}
    assert all(change.entry is None for change in gone)
    assert {change.previous and change.previous.lease for change in gone} == {int(lease, 16)}


async def test_what_is_compacted_is_said_with_the_oldest_revision_that_is_left(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store = open_store(etcd)
    put(etcd, A, b"1")
    gone = delete(etcd, A)
    last = put(etcd, A, b"2")
    assert await store.past.oldest(ALL) == 1
    etcd.etcdctl("compact", str(gone))
    assert await store.past.oldest(ALL) == gone
    with pytest.raises(Compacted) as told:
        await store.past.at(ALL, gone - 1)
    assert (told.value.revision, told.value.oldest) == (gone - 1, gone)
    assert (await store.past.at(ALL, gone)).entries == ()
    # A watch from `gone` on is accepted, and the removal at `gone` would be missing in it.
    with pytest.raises(Compacted) as told:
        await store.past.changes(ALL, gone - 1, last)
    assert (told.value.revision, told.value.oldest) == (gone - 1, gone)
    assert in_short(await store.past.changes(ALL, gone, last)) == [(last, A, b"", b"2")]


async def test_what_is_compacted_while_it_is_read_is_no_mixture_of_two_revisions(
    open_store: Opener, etcd: EtcdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(etcd, page_size=1)
    revisions = [put(etcd, b"v1/instances/%d" % number) for number in range(4)]
    delete(etcd, b"v1/instances/3")
    call_all, asked = Client.call_all, 0

    def compacting(
        client: Client, method: Any, requests: Sequence[rpc.RangeRequest]
    ) -> AsyncGenerator[Message, None]:
        nonlocal asked
        if requests and requests[0].revision == revisions[-1]:
            asked += 1
            if asked == 2:
                etcd.etcdctl("compact", str(revisions[-1] + 1))
        return call_all(client, method, requests)

    monkeypatch.setattr(Client, "call_all", compacting)
    with pytest.raises(Compacted) as told:
        await store.past.at([b"v1/"], revisions[-1])
    assert told.value.oldest == revisions[-1] + 1
    assert asked > 1


async def test_what_is_still_to_come_is_said(open_store: Opener, etcd: EtcdServer) -> None:
    store = open_store(etcd)
    newest = put(etcd, A)
    with pytest.raises(NotYet) as told:
        await store.past.at(ALL, newest + 1)
    assert (told.value.revision, told.value.newest) == (newest + 1, newest)
    with pytest.raises(NotYet):
        await store.past.changes(ALL, 1, newest + 1)
    # More than a request can name.
    with pytest.raises(NotYet):
        await store.past.at(ALL, 2**63)
    # etcd takes 0 for the newest one.
    with pytest.raises(ValueError, match="no revision is 0"):
        await store.past.at(ALL, 0)


async def test_a_user_reads_as_much_of_the_past_as_of_now(
    open_store: Opener, etcd: EtcdServer
) -> None:
    for key in (A, CARD, B):
        last = put(etcd, key)
    etcd.etcdctl("compact", str(last - 1))
    switch_auth_on(etcd)
    past = open_store(etcd, username="joe", password="secret").past
    found = await past.at(ALL, last - 1)
    assert [entry.key for entry in found.entries] == [A]
    assert "model cards (v1/mdc/)" in found.unread
    assert await past.oldest(ALL) == last - 1
    assert in_short(await past.changes(ALL, last - 1, last)) == [(last, B, b"", b"1")]
    with pytest.raises(NotAuthorised):
        await past.changes([b"v1/mdc/"], last - 1, last)
    with pytest.raises(NotAuthorised):
        await past.oldest([b"v1/mdc/"])


async def test_an_etcd_out_of_space_still_tells_its_past(open_store: Opener) -> None:
    with EtcdServer("--quota-backend-bytes=200000", "--heartbeat-interval=20") as full:
        store = open_store(full)
        with suppress(ServerError):
            for number in range(200):
                last = put(full, b"v1/instances/%d" % number, b"x" * 20_000)
        assert "NOSPACE" in full.etcdctl("alarm", "list").decode()
        assert len((await store.past.at(ALL, last)).entries) == last - 1
        assert len(await store.past.changes(ALL, 1, last)) == last - 1


@pytest.mark.parametrize(("created", "kind"), [(2, "PUT"), (0, "DELETE")])
def test_a_change_whose_former_value_did_not_come_does_not_pass_for_the_first(
    created: int, kind: str
) -> None:
    kv = {"key": A, "create_revision": created, "mod_revision": 3}
    previous = _change(rpc.Event(type=kind, kv=kv)).previous
    assert previous is not None
    assert (previous.unread, previous.revision) == (COMPACTED, Revision(""))


async def test_the_last_revisions_are_those_that_are_left(
    open_store: Opener, etcd: EtcdServer
) -> None:
    discovery = Discovery(open_store(etcd))
    revisions = [put(etcd, b"v1/claims/%d" % number) for number in range(6)]
    last = revisions[-1]

    async def found(most: int) -> list[int | None]:
        changes = await last_changes(discovery, EVERYTHING, last, most)
        return [change.revision for change in changes]

    assert await found(500) == revisions
    assert await found(2) == revisions[-2:]
    etcd.etcdctl("compact", str(revisions[2]))
    assert await found(500) == revisions[3:]
    etcd.etcdctl("compact", str(last))
    assert await found(500) == []
