"""A NATS that goes, forgets, refuses and does not wait: what a person sees of it."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

import pytest
from nats.js.errors import BucketNotFoundError, KeyNotFoundError

from backends.connections import NatsKvConnection
from backends.nats.config import NatsConfig
from tests.support.nats_places import BUCKET, connected, make_bucket
from tests.support.nats_server import NatsServer
from tests.support.operating import Operator
from tests.support.registered import KeyAndValue, instance
from tests.support.running import COMMAND, STATE
from tests.support.seeing import begins, listed, looking, shows, shows_loss
from tests.support.terminal import Terminal
from tests.support.waiting import wait_for

USERS = "authorization {{ timeout: 60, users: [ {{ user: ann, password: x }} {more} ] }}\n"
IMPATIENT = "max_payload: 64KB\nmax_pending: 64KB\nwrite_deadline: 1s\n"
JOE = ", { user: joe, password: y }"
FLAGS = ("--backend", "nats", "--nats")


class Configured(NatsServer):
    """With users in its configuration, and with JetStream unless told otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.has_jetstream = True
        self.configure(JOE)

    def command(self) -> list[str]:
        whole = [*super().command(), "--config", str(self._file)]
        return [one for one in whole if one != "--jetstream" or self.has_jetstream]

    def configure(self, more: str, *, impatient: bool = False) -> None:
        """Who may come in besides Ann; told to one that runs. One that is impatient cuts off
        whoever lets more wait than fits into the buffers of the kernel."""
        self._file.write_text(USERS.format(more=more) + IMPATIENT * impatient)
        if self.running:
            self.process.send_signal(signal.SIGHUP)

    @property
    def _file(self) -> Path:
        return self.directory / "nats.conf"


@pytest.fixture
async def server() -> AsyncIterator[Configured]:
    """With two instances."""
    with Configured() as server:
        await put(server, instance(1), instance(2))
        yield server


async def put(server: NatsServer, *registered: KeyAndValue) -> None:
    async with connected(server.url, user="ann", password="x") as client:
        try:
            bucket = await client.jetstream().key_value(BUCKET)
        except BucketNotFoundError:
            bucket = await make_bucket(client)
        for key, value in registered:
            await bucket.put(relative(key), value)


async def delete(server: NatsServer, key: bytes) -> None:
    async with connected(server.url, user="ann", password="x") as client:
        await (await client.jetstream().key_value(BUCKET)).delete(relative(key))


def relative(key: bytes) -> str:
    return key.decode().removeprefix("v1/instances/")


async def stored(server: NatsServer) -> dict[bytes, bytes]:
    """As a fresh client reads it, which asks the streams for their subjects: what `keys` of nats-py
    gives may lack one on a busy machine."""
    found: dict[bytes, bytes] = {}
    async with connected(server.url, user="ann", password="x") as client:
        streams = client.jetstream()
        for stream in await streams.streams_info():
            name = stream.config.name or ""
            bucket = await streams.key_value(name.removeprefix("KV_"))
            info = await streams.stream_info(name, subjects_filter=">")
            for subject in info.state.subjects or ():
                key = subject.removeprefix(f"$KV.{name.removeprefix('KV_')}.")
                with suppress(KeyNotFoundError):  # it is a delete marker
                    found[f"v1/instances/{key}".encode()] = (await bucket.get(key)).value or b""
    return found


def looking_at(server: NatsServer) -> AbstractAsyncContextManager[Operator]:
    config = NatsConfig(servers=(server.url,), username="joe", password="y")
    return looking(NatsKvConnection(config=config))


ENV = {"NATS_AUTH_USERNAME": "joe", "NATS_AUTH_PASSWORD": "y"}


async def test_killed_and_started_again(server: Configured) -> None:
    flags = (*FLAGS, server.url)
    async with looking_at(server) as operator:
        await begins(operator, await stored(server))
        server.kill()
        await shows_loss(operator, "is nats-server running there?", ENV, *flags)
        assert sorted(operator.rows("id")) == ["1", "2"]
        server.start()
        await put(server, instance(3))
        await delete(server, instance(1)[0])
        await shows(operator, await stored(server), ENV, *flags)


async def test_jetstream_off_and_on_again(server: Configured) -> None:
    flags = (*FLAGS, server.url)
    async with looking_at(server) as operator:
        await begins(operator, await stored(server))
        server.has_jetstream = False
        server.restart()
        await shows_loss(operator, "start it with --jetstream", ENV, *flags, code=1)
        server.has_jetstream = True
        server.restart()
        await put(server, instance(3))
        await shows(operator, await stored(server), ENV, *flags)


async def test_a_bucket_that_is_deleted_and_made_again_and_then_purged(server: Configured) -> None:
    flags = (*FLAGS, server.url)
    async with looking_at(server) as operator:
        await begins(operator, await stored(server))
        async with connected(server.url, user="ann", password="x") as client:
            await client.jetstream().delete_key_value(BUCKET)
            await operator.until_shown("0 instances")
            await put(server, instance(2), instance(3))
            await shows(operator, await stored(server), ENV, *flags)
            await client.jetstream().purge_stream(f"KV_{BUCKET}")
            assert await stored(server) == {}
            await shows(operator, {}, ENV, *flags)


async def test_credentials_that_are_revoked_and_given_again(server: Configured) -> None:
    flags = (*FLAGS, server.url)
    async with looking_at(server) as operator:
        await begins(operator, await stored(server))
        server.configure("")
        await shows_loss(operator, "does not accept this user", ENV, *flags, code=4)
        await put(server, instance(3))
        # Read before: while a server takes its configuration in, it may let nobody in.
        there = await stored(server)
        server.configure(JOE)
        await shows(operator, there, ENV, *flags)


async def test_a_dashboard_that_reads_nothing_for_a_while_shows_then_what_is_true(
    server: Configured,
) -> None:
    """A server cuts slow readers off, but waits for one that says how much it takes at a time."""
    flags = (*FLAGS, server.url)
    with Terminal([*COMMAND, *flags], env=ENV | {"XDG_STATE_HOME": STATE.name}) as terminal:
        terminal.wait_for("● connected")
        terminal.wait_for("2 instances")
        terminal.press("1")
        terminal.signal(signal.SIGSTOP)
        try:
            # More than a server sends without an answer (2 MB).
            key, body = instance(3)
            await put(server, *[(key, body[:-1] + b',"more":"' + b"x" * 50_000 + b'"}')] * 100)
            await put(server, instance(4))
            await delete(server, instance(1)[0])
        finally:
            terminal.signal(signal.SIGCONT)
        terminal.wait_for(lambda text: "● connected" in text and "† gone" in text)
        terminal.wait_for("3 instances")
        assert (await listed(ENV, *flags)).keys() == (await stored(server)).keys()


async def test_a_dashboard_that_the_server_cuts_off_as_too_slow_shows_then_what_is_true(
    tmp_path: Path,
) -> None:
    """Of each bucket a server sends 2 MB without an answer: of several that is too much."""
    log, namespaces = tmp_path / "log", [f"n{number}" for number in range(8)]
    with Configured() as server:
        server.configure(JOE, impatient=True)
        server.restart()
        await put(server, instance(1), instance(2))
        async with connected(server.url, user="ann", password="x") as client:
            for namespace in namespaces:
                await make_bucket(client, f"{namespace}_v1_instances")
        flags = (*FLAGS, server.url)
        command = [*COMMAND, *flags, "--log", str(log)]
        with Terminal(command, env=ENV | {"XDG_STATE_HOME": STATE.name}) as terminal:
            terminal.wait_for("● connected")
            terminal.wait_for("2 instances")
            terminal.signal(signal.SIGSTOP)
            try:
                await flood(server, namespaces)
                wait_for(lambda: "Slow Consumer Detected" in server.recent_log(), "being cut off")
                await put(server, instance(4))
                await delete(server, instance(1)[0])
            finally:
                terminal.signal(signal.SIGCONT)
            terminal.wait_for(lambda text: "● connected" in text and "10 instances" in text)
            wait_for(lambda: f"lost nats at {server.url}: " in log.read_text(), "the log of it")
            there = await stored(server)
            assert await listed(ENV, *flags) == {key: json.loads(there[key]) for key in there}
            assert len(there) == 10


async def flood(server: NatsServer, namespaces: Sequence[str]) -> None:
    """Put one instance into each namespace's bucket again and again, 3 MB in all of each, and what
    a worker really registers in the end."""
    async with connected(server.url, user="ann", password="x") as client:
        for filler in (*[b"x" * 50_000] * 60, b""):
            for namespace in namespaces:
                key, body = instance(7, namespace=namespace)
                subject = f"$KV.{namespace}_v1_instances.{relative(key)}"
                await client.publish(subject, body[:-1] + b',"more":"' + filler + b'"}')
            await client.flush()
