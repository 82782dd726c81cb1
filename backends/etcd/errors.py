"""Translate errors of gRPC and etcd into `StoreError`s. No other module looks at them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from backends.etcd.config import CERT, USERNAME, Endpoint
from backends.etcd.port_check import PortAnswer, check_port
from backends.etcd.rpc import grpc
from backends.redact import without
from backends.store import (
    Cause,
    Forbidden,
    Misconfigured,
    NotAuthorised,
    Refused,
    StoreError,
    Unreachable,
)
from backends.store.resync_loop import PositionLost


class LeaseNotFound(Refused):
    """The lease to bind a key to does not exist."""


class TooLarge(Refused):
    """The request has more bytes than the server accepts."""


class Unauthenticated(NotAuthorised):
    """The server does not accept the user's credentials, whatever the request."""


class TokenRejected(Unauthenticated):
    """The token expired or is invalid: authenticate again, once."""


Make = Callable[[str, str], StoreError]
"""Makes an error from the endpoint's address and the foreign text."""


def _unreachable(cause: Cause, detail: str = "") -> Make:
    return lambda address, text: Unreachable(address, cause, detail)


def _lost(address: str, text: str) -> StoreError:
    return Unreachable(address, Cause.LOST, text)


def _certificate(address: str, text: str) -> StoreError:
    reason = re.search(r"CERTIFICATE_VERIFY_FAILED: (.*?)(?:: OK)?$", text)
    return Unreachable(address, Cause.CERTIFICATE, reason[1] if reason else text)


def _user_wanted(address: str, text: str) -> StoreError:
    return TokenRejected(address, f"the server requires a user: set {USERNAME}")


def _bad_certificate(address: str, text: str) -> StoreError:
    return Misconfigured(CERT, "certificate and key do not match, or are not PEM")


def _with_its_text(kind: type[NotAuthorised] | type[Refused]) -> Make:
    return lambda address, text: kind(address, text.removeprefix("etcdserver: "))


# The first fragment found in the text decides, so specific ones come first. etcd's texts:
# api/v3rpc/rpctypes/error.go of etcd 3.5. gRPC's: as seen with grpcio 1.85.
BY_TEXT: tuple[tuple[str, Make], ...] = (
    ("required revision has been compacted", lambda address, text: PositionLost(text)),
    ("required revision is a future revision", lambda address, text: PositionLost(text)),
    ("invalid auth token", _with_its_text(TokenRejected)),
    ("revision of auth store is old", _with_its_text(TokenRejected)),
    ("user name is empty", _user_wanted),
    ("invalid user ID or password", _with_its_text(Unauthenticated)),
    ("permission denied", _with_its_text(Forbidden)),
    ("etcdserver: no leader", _unreachable(Cause.NO_LEADER)),
    ("etcdserver: leader changed", _unreachable(Cause.NO_LEADER, "a new leader is being elected")),
    # Unlike a cluster without a leader, which takes no request: this one may yet be carried out.
    ("etcdserver: request timed out", _unreachable(Cause.TIMEOUT, "the cluster did not agree")),
    ("rpc not supported for learner", _unreachable(Cause.NO_LEADER, "the member is a learner")),
    ("etcdserver: server stopped", _unreachable(Cause.LOST, "the server is stopping")),
    ("requested lease not found", _with_its_text(LeaseNotFound)),
    ("etcdserver: request is too large", _with_its_text(TooLarge)),
    # From the server's gRPC, for requests about 0.5 MB above etcd's own limit.
    ("received message larger than max", _with_its_text(TooLarge)),
    ("etcdserver: ", _with_its_text(Refused)),
    ("Connection refused", _unreachable(Cause.REFUSED)),
    ("errors resolving", _unreachable(Cause.NAME)),
    ("DNS resolution failed", _unreachable(Cause.NAME)),
    ("CERTIFICATE_VERIFY_FAILED", _certificate),
    ("Hostname Verification Check failed", _unreachable(Cause.CERTIFICATE, "is for another name")),
    ("is not in peer certificate", _unreachable(Cause.CERTIFICATE, "is for another name")),
    (
        "_CERTIFICATE",
        _unreachable(Cause.CERTIFICATE, "the server rejected ours, or requires one"),
    ),
    ("ALERT_UNKNOWN_CA", _unreachable(Cause.CERTIFICATE, "the server does not accept ours")),
    ("Failed to create security handshaker", _bad_certificate),
    ("missing selected ALPN", _unreachable(Cause.NOT_THIS_STORE, "an HTTPS server answers")),
    ("No route to host", _unreachable(Cause.REFUSED, "no route to host")),
    ("Network is unreachable", _unreachable(Cause.REFUSED, "the network is unreachable")),
    ("connect() timed out", _unreachable(Cause.TIMEOUT)),
    ("timed out before receiving SETTINGS", _unreachable(Cause.TIMEOUT)),
    ("Handshake read failed (Endpoint closing)", _unreachable(Cause.TIMEOUT)),
)

BY_CODE: dict[object, Make] = {
    grpc.StatusCode.DEADLINE_EXCEEDED: _unreachable(Cause.TIMEOUT),
    grpc.StatusCode.UNAVAILABLE: _lost,
    # Without a text of etcd's: a stream that was reset, or a proxy's own error.
    grpc.StatusCode.INTERNAL: _lost,
    grpc.StatusCode.UNKNOWN: _lost,
    grpc.StatusCode.CANCELLED: _lost,
    grpc.StatusCode.UNIMPLEMENTED: _unreachable(
        Cause.NOT_THIS_STORE, "it does not know etcd's calls"
    ),
    grpc.StatusCode.UNAUTHENTICATED: _with_its_text(Unauthenticated),
    grpc.StatusCode.PERMISSION_DENIED: _with_its_text(NotAuthorised),
}

# The error for what the port speaks, for an endpoint used without and with TLS. Anything not listed
# here keeps gRPC's own error.
BY_PROBE_OF_PLAIN: dict[PortAnswer, Make] = {
    PortAnswer.TLS: _unreachable(Cause.TLS_EXPECTED),
    PortAnswer.HTTP1: _unreachable(Cause.NOT_THIS_STORE, "an HTTP server answers"),
    PortAnswer.NATS: _unreachable(Cause.NOT_THIS_STORE, "a NATS server answers"),
    PortAnswer.OTHER: _unreachable(Cause.NOT_THIS_STORE, "something else answers"),
    PortAnswer.NOTHING: _unreachable(Cause.TIMEOUT),
    PortAnswer.REFUSED: _unreachable(Cause.REFUSED),
}
BY_PROBE_OF_TLS: dict[PortAnswer, Make] = BY_PROBE_OF_PLAIN | {
    PortAnswer.HTTP2: _unreachable(Cause.PLAIN_EXPECTED)
}
del BY_PROBE_OF_TLS[PortAnswer.TLS]


def translate(
    address: str, code: object, text: str, secrets: Sequence[str | None] = ()
) -> StoreError:
    """Return the error for a failed call with this status and text.

    No message contains one of the `secrets`, whatever the server sent.
    """
    found = BY_CODE.get(code, _with_its_text(Refused))
    # Search the text as it is: a password may be a word that etcd uses.
    make = next((make for fragment, make in BY_TEXT if fragment in text), found)
    return make(address, without(text, secrets))


async def explain(
    endpoint: Endpoint, error: grpc.aio.AioRpcError, secrets: Sequence[str | None] = ()
) -> StoreError:
    """Translate as `translate` does, and check the port itself if gRPC's error leaves the cause
    open.
    """
    found = translate(str(endpoint), error.code(), error.details() or "", secrets)
    if not isinstance(found, Unreachable) or found.cause is not Cause.LOST:
        return found
    by_probe = BY_PROBE_OF_TLS if endpoint.tls else BY_PROBE_OF_PLAIN
    make = by_probe.get(await check_port(endpoint.host, endpoint.port))
    return make(str(endpoint), "") if make is not None else found
