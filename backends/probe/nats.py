"""Whether NATS services list the subjects of endpoints: what `$SRV.INFO` is answered.

Workers of the NATS request plane have one micro service for each component (seen in Dynamo 0.6.1
to 1.6.1). It is the process that answers, in about 120 µs of its time and with no line in its log.
Nothing is ever sent to the subject of an endpoint: that would be a request to its model.

The client library is imported when it is first needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from backends.probe.types import Answer, Finding

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

INFO = "$SRV.INFO"
"""Of the NATS micro protocol: with a service's name after it, asks those of that name only."""

MOST_SERVICES = 64
"""Services that are asked by name, one message for each; if they are more, all there are."""

DENIED = "permissions violation"
"""In what the server says when a user publishes or subscribes where it may not."""

NO_RESPONDERS = "503"
"""The status by which the server says that nobody has subscribed to what was published."""

LISTED = Finding(Answer.ANSWERS, "is listed by its NATS service")
UNLISTED = Finding(Answer.SILENT, "is not listed by any NATS service")
NOT_SET_UP = Finding(Answer.UNTRIED, "cannot be asked: no NATS server is set")


@dataclass(frozen=True, slots=True)
class NatsConfig:
    """How to reach NATS. The names are Dynamo's own, as of `ai-dynamo-runtime` 1.6.1.

    Of several ways to authenticate the first one counts, in the order given here.
    """

    servers: tuple[str, ...] = field(default=("nats://localhost:4222",), repr=False)
    """URLs, which may hold a password (`NATS_SERVER`)."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    nkey: str | None = field(default=None, repr=False)
    """The seed itself."""
    credentials_file: str | None = None
    ca_cert: str | None = None
    """A path (`NATS_TLS_CA_CERT_PATH`), as the next two."""
    client_cert: str | None = None
    client_key: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """As Dynamo reads it; what is set to nothing is not set."""
        servers = [text.strip() for text in environment.get("NATS_SERVER", "").split(",")]
        given = tuple(text for text in servers if text)
        return cls(
            servers=given or ("nats://localhost:4222",),
            username=environment.get("NATS_AUTH_USERNAME") or None,
            password=environment.get("NATS_AUTH_PASSWORD") or None,
            token=environment.get("NATS_AUTH_TOKEN") or None,
            nkey=environment.get("NATS_AUTH_NKEY") or None,
            credentials_file=environment.get("NATS_AUTH_CREDENTIALS_FILE") or None,
            ca_cert=environment.get("NATS_TLS_CA_CERT_PATH") or None,
            client_cert=environment.get("NATS_TLS_CLIENT_CERT_PATH") or None,
            client_key=environment.get("NATS_TLS_CLIENT_KEY_PATH") or None,
        )


class Nats:
    """Asks the services of one NATS. Connects when it is first asked, and again when it has to."""

    def __init__(self, config: NatsConfig | None) -> None:
        self._config = config
        self._client: Client | None = None
        self._denials: list[Exception] = []
        """What the server said it does not allow, since the last question."""
        self._one_at_a_time = asyncio.Lock()

    async def ask(self, subjects: Collection[str], time_limit: float) -> dict[str, Finding]:
        """Gather once what all services list, and say it of each subject.

        Never raises. Takes at most `time_limit` seconds to connect, if it has to, and as many to
        gather; less if all are listed.
        """
        if self._config is None:
            return dict.fromkeys(subjects, NOT_SET_UP)
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(time_limit):
                    client = await self._connected(self._config)
                self._denials.clear()
                listed = await _gathered(client, frozenset(subjects), time_limit)
                if self._denials:
                    # What this user may not ask nobody was asked.
                    raise PermissionError
            # Whatever the library raises on the way: of the workers nothing is known then.
            except Exception as error:
                await self._disconnect()
                untried = Finding(Answer.UNTRIED, f"cannot be asked: {_reason(error)}")
                return dict.fromkeys(subjects, untried)
        return {subject: LISTED if subject in listed else UNLISTED for subject in subjects}

    async def aclose(self) -> None:
        """End the connection."""
        async with self._one_at_a_time:
            await self._disconnect()

    async def _connected(self, config: NatsConfig) -> Client:
        if self._client is not None and self._client.is_connected:
            return self._client
        await self._disconnect()
        make_client, tls = await asyncio.to_thread(_prepared, config)
        failure: Exception = ConnectionError("no server is named")
        for server in config.servers:
            self._client = client = make_client()
            try:
                await _connect(client, server, config, tls, self._denials)
                return client
            except Exception as error:
                failure = error
                await self._disconnect()
        raise failure

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                await client.close()


async def _connect(
    client: Client,
    server: str,
    config: NatsConfig,
    tls: ssl.SSLContext | None,
    denials: list[Exception],
) -> None:
    """Raises whatever the library does, or why it could not connect. What is denied later is added
    to `denials`."""
    from nats.errors import NoServersError

    user = password = token = nkey = credentials = None
    if config.username is not None and config.password is not None:
        user, password = config.username, config.password
    elif config.token is not None:
        token = config.token
    elif config.nkey is not None:
        nkey = config.nkey
    else:
        credentials = config.credentials_file
    errors: list[Exception] = []

    async def note(error: Exception) -> None:
        """In place of the library's own, which logs. Whoever asks is told anyway."""
        errors[:] = [error]
        if DENIED in str(error).lower():
            denials.append(error)

    try:
        await client.connect(
            servers=[server if "://" in server else f"nats://{server}"],
            name="dyntop",
            # The library would go on by itself and for ever; here the next question does. With 1
            # it tries a server that refuses twice, with 0 until the time is over.
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            error_cb=note,
            tls=tls,
            user=user,
            password=password,
            token=token,
            nkeys_seed_str=nkey,
            user_credentials=credentials,
        )
    except NoServersError as error:
        raise errors[0] if errors else error from None


def _prepared(config: NatsConfig) -> tuple[type[Client], ssl.SSLContext | None]:
    """The library and what it needs. Blocks: the import alone takes 0.2 s. Raises as `_tls`."""
    from nats.aio.client import Client

    return Client, _tls(config)


def _tls(config: NatsConfig) -> ssl.SSLContext | None:
    """Blocks. Raises `OSError` for files that cannot be read, `ssl.SSLError` for what is in them.

    None: as the server wants it, and with the authorities that this machine trusts.
    """
    if config.ca_cert is None and config.client_cert is None:
        return None
    context = ssl.create_default_context(cafile=config.ca_cert)
    if config.client_cert is not None:
        context.load_cert_chain(config.client_cert, config.client_key)
    return context


def _reason(error: Exception) -> str:
    """Without the library's own text, which may repeat a URL and the password in it."""
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is not installed"
    if isinstance(error, TimeoutError):
        return "NATS does not answer in time"
    if isinstance(error, PermissionError):
        return f"NATS does not let this user ask {INFO}"
    if isinstance(error, ConnectionRefusedError):
        return "NATS refuses connections"
    return f"NATS cannot be used ({type(error).__name__})"


async def _gathered(client: Client, wanted: frozenset[str], time_limit: float) -> set[str]:
    """Those of the wanted subjects that services list within the time limit."""
    listed: set[str] = set()
    # By the name of its service begins the subject of an endpoint. Asking those keeps it from all
    # who have nothing to do with it.
    services = {subject.partition(".")[0] for subject in wanted}
    asked = [f"{INFO}.{name}" for name in services] if len(services) <= MOST_SERVICES else [INFO]
    unheard = len(asked)
    enough = asyncio.Event()

    async def take(message: Msg) -> None:
        nonlocal unheard
        if (message.headers or {}).get("Status") == NO_RESPONDERS:
            unheard -= 1
        else:
            listed.update(wanted & _subjects(message.data))
        if len(listed) == len(wanted) or not unheard:
            enough.set()

    inbox = client.new_inbox()
    deadline = asyncio.get_running_loop().time() + time_limit
    answers = await client.subscribe(inbox, cb=take)
    try:
        async with asyncio.timeout_at(deadline):
            for subject in asked:
                await client.publish(subject, reply=inbox)
            # Until here a silence is NATS's own.
            await client.flush()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await enough.wait()
    finally:
        # What it raises on a connection that broke off would take the place of a cancellation.
        with contextlib.suppress(Exception):
            await answers.unsubscribe()
    # A connection that broke off meanwhile says nothing of the services.
    if not client.is_connected:
        raise ConnectionResetError
    return listed


def _subjects(data: bytes) -> set[str]:
    """The endpoints' subjects in an INFO answer; of anything else, none."""
    try:
        endpoints = json.loads(data).get("endpoints", ())
        return {endpoint["subject"] for endpoint in endpoints}
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError):
        return set()
