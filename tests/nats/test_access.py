"""Every way to say who we are, and what is said where it does not do."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.nats.config import NatsConfig
from backends.nats_kv.sessions import address_of
from backends.store import (
    Cause,
    Entry,
    Forbidden,
    Misconfigured,
    NotAuthorised,
    Refused,
    Revision,
    StoreError,
    Unreachable,
)
from tests.support.nats_places import BUCKET, KEY, Opener, connected, make_bucket
from tests.support.nats_server import NatsServer
from tests.support.ports import LOOPBACK
from tests.support.tls import TlsFiles
from tests.support.watching import V1, watching

PASSWORD = "s3cret"


@contextlib.contextmanager
def serving(folder: Path, configuration: str, scheme: str = "nats") -> Iterator[str]:
    """A server with JetStream and more in its configuration; yields its URL."""
    file = folder / "nats.conf"
    file.write_text(configuration)
    with NatsServer("--config", str(file)) as server:
        yield server.url.replace("nats://", f"{scheme}://")


async def reads_and_writes(open_store: Opener, config: NatsConfig) -> None:
    revision = await open_store(config).put(KEY, b"1")
    (entry,) = (await open_store(config).snapshot(V1)).entries
    assert entry.revision == revision
    async with watching(open_store(config)) as view:
        await view.until(lambda: KEY in view.entries)


async def failure(open_store: Opener, config: NatsConfig) -> StoreError:
    """What a snapshot raises, which names no secret."""
    with pytest.raises(StoreError) as raised:
        await open_store(config).snapshot(V1)
    assert PASSWORD not in f"{raised.value} {raised.value!r} {config!r}"
    return raised.value


async def test_user_and_password_and_a_user_who_may_not(open_store: Opener, tmp_path: Path) -> None:
    users = f"""authorization {{ timeout: 60, users: [
        {{ user: joe, password: {PASSWORD} }},
        {{ user: eve, password: {PASSWORD}, permissions: {{
            publish: {{ deny: "$JS.API.STREAM.>" }} }} }},
        {{ user: deaf, password: {PASSWORD}, permissions: {{ subscribe: {{ deny: "_INBOX.>" }} }} }}
    ] }}"""
    with serving(tmp_path, users) as url:
        named = NatsConfig(servers=(url,), username="joe", password=PASSWORD)
        await reads_and_writes(open_store, named)
        in_url = NatsConfig(servers=(url.replace("//", f"//joe:{PASSWORD}@"),))
        await open_store(in_url).snapshot(V1)
        assert open_store(in_url).address == url
        wrong = NatsConfig(servers=(url,), username="joe", password=PASSWORD + "x")
        assert isinstance(await failure(open_store, wrong), NotAuthorised)
        nobody = await failure(open_store, NatsConfig(servers=(url,)))
        assert isinstance(nobody, NotAuthorised)
        assert "none is set" in nobody.detail
        for user in ("eve", "deaf"):
            may_not = NatsConfig(servers=(url,), username=user, password=PASSWORD)
            denied = await failure(open_store, may_not)
            assert isinstance(denied, Forbidden)
            assert "permissions violation" in denied.detail


async def test_who_may_not_tell_the_server_to_go_on_is_told_so_once_and_reads_when_it_may(
    open_store: Opener, tmp_path: Path
) -> None:
    """Without that a server stops after its first 2 MB of a bucket."""
    users = """authorization {{ timeout: 60, users: [ {{ user: joe, password: x }},
        {{ user: eve, password: x, permissions: {{
            publish: [ "$JS.API.>", "$KV.>" {more} ], subscribe: "_INBOX.>" }} }} ] }}"""
    file = tmp_path / "nats.conf"
    file.write_text(users.format(more=""))
    with NatsServer("--config", str(file)) as server:
        async with connected(server.url, user="joe", password="x") as client:
            await make_bucket(client)
            for number in range(100):
                await client.publish(f"$KV.{BUCKET}.prod/b/e/{number:x}", b"x" * 50_000)
            await client.flush()
        eve = NatsConfig(servers=(server.url,), username="eve", password="x")
        store = open_store(eve, heartbeat=0.2)
        with pytest.raises(NotAuthorised, match=re.escape('publish to "$js.fc.>"')):
            await store.snapshot(V1)
        async with watching(store) as view:
            await view.until(lambda: bool(view.losses))
            file.write_text(users.format(more=', "$JS.FC.>"'))
            # Long enough for another attempt before that.
            asyncio.get_running_loop().call_later(0.5, server.process.send_signal, signal.SIGHUP)
            await view.until(lambda: len(view.entries) == 100)
            denials = [loss for loss in view.losses if isinstance(loss, NotAuthorised)]
            assert len(denials) == 1


async def test_a_token(open_store: Opener, tmp_path: Path) -> None:
    with serving(tmp_path, f"authorization {{ timeout: 60, token: {PASSWORD} }}") as url:
        await reads_and_writes(open_store, NatsConfig(servers=(url,), token=PASSWORD))
        wrong = await failure(open_store, NatsConfig(servers=(url,), token=PASSWORD + "x"))
        assert isinstance(wrong, NotAuthorised)


async def test_tls_with_a_client_s_certificate_and_without(
    open_store: Opener, tmp_path: Path, tls: TlsFiles
) -> None:
    files = f'cert_file: "{tls.server_cert}", key_file: "{tls.server_key}", ca_file: "{tls.ca}"'
    with serving(tmp_path, f"tls {{ {files}, verify: true }}", "tls") as url:
        ours = NatsConfig(
            servers=(url,),
            ca_cert=str(tls.ca),
            client_cert=str(tls.client_cert),
            client_key=str(tls.client_key),
        )
        await reads_and_writes(open_store, ours)
        unknown = await failure(open_store, NatsConfig(servers=(url,)))
        none = await failure(open_store, NatsConfig(servers=(url,), ca_cert=str(tls.ca)))
        for error in (unknown, none):
            assert isinstance(error, Unreachable)
            assert error.cause is Cause.CERTIFICATE
    swapped = NatsConfig(
        servers=("tls://127.0.0.1:1",), client_cert=str(tls.client_cert), client_key=str(tls.ca)
    )
    assert isinstance(await failure(open_store, swapped), Misconfigured)


async def test_plain_text_is_expected(
    server: NatsServer, open_store: Opener, tls: TlsFiles
) -> None:
    url = server.url.replace("nats://", "tls://")
    error = await failure(open_store, NatsConfig(servers=(url,), ca_cert=str(tls.ca)))
    assert isinstance(error, Unreachable)
    assert error.cause is Cause.PLAIN_EXPECTED


class Plain(NatsServer):
    """Without JetStream."""

    def command(self) -> list[str]:
        return [one for one in super().command() if one != "--jetstream"]


async def test_a_server_without_jetstream_is_said_to_have_none(open_store: Opener) -> None:
    with Plain() as server:
        config = NatsConfig(servers=(server.url,))
        error = await failure(open_store, config)
        assert isinstance(error, Refused)
        assert "start it with --jetstream" in error.detail
        (outcome,) = (await open_store(config).delete([Entry(KEY, b"1", Revision("1@x"))])).values()
        assert isinstance(outcome, Refused)


async def test_an_account_without_jetstream_is_said_to_have_none_and_tried_again(
    open_store: Opener, tmp_path: Path
) -> None:
    with serving(tmp_path, "accounts { A { users: [ { user: joe, password: x } ] } }") as url:
        config = NatsConfig(servers=(url,), username="joe", password="x")
        error = await failure(open_store, config)
        assert isinstance(error, Refused)
        assert "JetStream is not enabled" in error.detail
        async with watching(open_store(config)) as view:
            await view.until(lambda: bool(view.losses))
            assert isinstance(view.losses[0], Refused)


async def test_a_name_that_is_none_and_a_url_that_is_none(open_store: Opener) -> None:
    error = await failure(open_store, NatsConfig(servers=("nats://no-such-host.invalid:4222",)))
    assert isinstance(error, Unreachable)
    assert error.cause is Cause.NAME
    for url in ("http://127.0.0.1:4222", "nats://127.0.0.1:x", "nats://:4222"):
        assert isinstance(await failure(open_store, NatsConfig(servers=(url,))), Misconfigured)


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        ("joe:s3cret@n:4222,tls://joe:s3cret@m", "nats://n:4222,tls://m"),
        ("nats://joe:s3c/ret@n:4222", "nats://n:4222"),
        ("nats://s3c/ret@n", "nats://n"),
        ("nats://joe:s3c,ret@n:4222", "…,nats://n:4222"),
        ("nats://joe:x,s3cret://y@n", "…,…"),
        (
            "nats://joe:s3cret@n:4222,m:4223,nats://[::1]:4",
            "nats://n:4222,nats://m:4223,nats://[::1]:4",
        ),
        ("n,m:x", "nats://n,nats://m:x"),
    ],
)
def test_an_address_shows_no_piece_of_a_password(setting: str, shown: str) -> None:
    assert address_of(NatsConfig.from_environment({"NATS_SERVER": setting})) == shown


async def test_the_next_server_is_tried(server: NatsServer, open_store: Opener) -> None:
    config = NatsConfig(servers=(f"nats://{LOOPBACK}:1", server.url))
    await reads_and_writes(open_store, config)
