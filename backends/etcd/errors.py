"""gRPC's and etcd's errors as `StoreError`s. Nowhere else in the package are they told apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from backends.etcd.config import CERT, USERNAME, Endpoint
from backends.etcd.probe import Speaks, what_answers
from backends.etcd.rpc import grpc
from backends.followed import LostPlace
from backends.masking import without
from backends.store import (
    Cause,
    Forbidden,
    Misconfigured,
    NotAuthorised,
    Refused,
    StoreError,
    Unreachable,
)


class LeaseNotFound(Refused):
    """The lease that a key was to hang on does not exist."""


class Unauthenticated(NotAuthorised):
    """The server does not take us for the user, whatever we ask for."""


class TokenRejected(Unauthenticated):
    """The token ran out or is none at all: authenticate again, and once only."""


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
    return TokenRejected(address, f"the server asks for a user: set {USERNAME}")


def _bad_certificate(address: str, text: str) -> StoreError:
    return Misconfigured(CERT, "certificate and key do not fit each other, or are not PEM")


def _as_said(kind: type[NotAuthorised] | type[Refused]) -> Make:
    return lambda address, text: kind(address, text.removeprefix("etcdserver: "))


# The first fragment found in the text decides, so the more specific ones come first.
# etcd's texts: api/v3rpc/rpctypes/error.go of etcd 3.5. gRPC's: as seen with grpcio 1.85.
BY_TEXT: tuple[tuple[str, Make], ...] = (
    ("required revision has been compacted", lambda address, text: LostPlace(text)),
    ("required revision is a future revision", lambda address, text: LostPlace(text)),
    ("invalid auth token", _as_said(TokenRejected)),
    ("revision of auth store is old", _as_said(TokenRejected)),
    ("user name is empty", _user_wanted),
    ("invalid user ID or password", _as_said(Unauthenticated)),
    ("permission denied", _as_said(Forbidden)),
    ("etcdserver: no leader", _unreachable(Cause.NO_LEADER)),
    ("etcdserver: leader changed", _unreachable(Cause.NO_LEADER, "it is being elected")),
    # Not as a cluster without a leader, which takes no request: this one may yet be carried out.
    ("etcdserver: request timed out", _unreachable(Cause.TIMEOUT, "the cluster did not agree")),
    ("rpc not supported for learner", _unreachable(Cause.NO_LEADER, "the member is a learner")),
    ("etcdserver: server stopped", _unreachable(Cause.LOST, "the server is stopping")),
    ("requested lease not found", _as_said(LeaseNotFound)),
    ("etcdserver: ", _as_said(Refused)),
    ("Connection refused", _unreachable(Cause.REFUSED)),
    ("errors resolving", _unreachable(Cause.NAME)),
    ("DNS resolution failed", _unreachable(Cause.NAME)),
    ("CERTIFICATE_VERIFY_FAILED", _certificate),
    ("Hostname Verification Check failed", _unreachable(Cause.CERTIFICATE, "is for another name")),
    ("is not in peer certificate", _unreachable(Cause.CERTIFICATE, "is for another name")),
    ("_CERTIFICATE", _unreachable(Cause.CERTIFICATE, "the server does not accept ours, or none")),
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
    # Without a text of etcd's: a stream that was reset, or whatever a proxy in between says.
    grpc.StatusCode.INTERNAL: _lost,
    grpc.StatusCode.UNKNOWN: _lost,
    grpc.StatusCode.CANCELLED: _lost,
    grpc.StatusCode.UNIMPLEMENTED: _unreachable(
        Cause.NOT_THIS_STORE, "it does not know etcd's calls"
    ),
    grpc.StatusCode.UNAUTHENTICATED: _as_said(Unauthenticated),
    grpc.StatusCode.PERMISSION_DENIED: _as_said(NotAuthorised),
}

# What the probe found, for an endpoint that was spoken to in plain text and in TLS.
# What is not here leaves gRPC's own finding.
BY_PROBE_OF_PLAIN: dict[Speaks, Make] = {
    Speaks.TLS: _unreachable(Cause.TLS_EXPECTED),
    Speaks.HTTP1: _unreachable(Cause.NOT_THIS_STORE, "an HTTP server answers"),
    Speaks.NATS: _unreachable(Cause.NOT_THIS_STORE, "a NATS server answers"),
    Speaks.OTHER: _unreachable(Cause.NOT_THIS_STORE, "something else answers"),
    Speaks.NOTHING: _unreachable(Cause.TIMEOUT),
    Speaks.REFUSED: _unreachable(Cause.REFUSED),
}
BY_PROBE_OF_TLS: dict[Speaks, Make] = BY_PROBE_OF_PLAIN | {
    Speaks.HTTP2: _unreachable(Cause.PLAIN_EXPECTED)
}
del BY_PROBE_OF_TLS[Speaks.TLS]


def translate(
    address: str, code: object, text: str, secrets: Sequence[str | None] = ()
) -> StoreError:
    """The error that a failed call with this status means, as far as its text can tell.

    None of the `secrets` is in it, whatever the server said.
    """
    found = BY_CODE.get(code, _as_said(Refused))
    # By the text as it is: a password may be a word that etcd says.
    make = next((make for fragment, make in BY_TEXT if fragment in text), found)
    return make(address, without(text, secrets))


async def explain(
    endpoint: Endpoint, error: grpc.aio.AioRpcError, secrets: Sequence[str | None] = ()
) -> StoreError:
    """As `translate`; asks the port itself where gRPC cannot tell."""
    found = translate(str(endpoint), error.code(), error.details() or "", secrets)
    if not isinstance(found, Unreachable) or found.cause is not Cause.LOST:
        return found
    by_probe = BY_PROBE_OF_TLS if endpoint.tls else BY_PROBE_OF_PLAIN
    make = by_probe.get(await what_answers(endpoint.host, endpoint.port))
    return make(str(endpoint), "") if make is not None else found
