"""Translate errors of NATS into `StoreError`s. No other module looks at them.

The client library is not imported here: its errors are recognised by name and text.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from backends.nats.config import NatsConfig
from backends.nats.connection import DENIED
from backends.redact import path_or_mask, without
from backends.store import (
    Cause,
    Forbidden,
    Misconfigured,
    NotAuthorised,
    Refused,
    StoreError,
    Unreachable,
)

SERVERS = "--nats or NATS_SERVER"
CREDENTIALS = "NATS_AUTH_USERNAME and NATS_AUTH_PASSWORD, or another NATS_AUTH_ name"

# JetStream's error numbers, from `errors.json` of nats-server 2.15.
NOT_FOUND = 404
NOT_ENABLED = (10076, 10039)
"""On this server, or for this account."""
WRONG_LAST_SEQUENCE = (10071, 10164)
UNAVAILABLE = (10008, 10009, 10077)
"""The cluster has no leader, no quorum, or too few members answer."""

_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_MADE_UP = re.compile(r'(_inbox|\$js\.fc)\.[^"]*')
"""Beginnings of subjects made up for one use, in the lower case that the library passes on."""

ESCAPES = "NATS_SERVER is not percent-decoded: %XX is taken as written, as Dynamo does"
"""For a password in a URL. `NATS_AUTH_PASSWORD` may hold any text."""

NO_JETSTREAM = "JetStream is not enabled on this server: start it with --jetstream"
NO_JETSTREAM_HERE = "JetStream is not enabled for this account"


class Closed(StoreError):
    """This store was closed."""


@dataclass(slots=True)
class ApiError(Exception):
    """JetStream answered with an error."""

    code: int
    number: int
    description: str

    @property
    def is_absence(self) -> bool:
        """Return whether there is no such stream, consumer or message."""
        return self.code == NOT_FOUND


def refused(address: str, error: ApiError) -> StoreError:
    """Return the error for an answer of JetStream that the caller does not handle itself."""
    if error.number in NOT_ENABLED:
        return Refused(address, NO_JETSTREAM if error.number == 10076 else NO_JETSTREAM_HERE)
    if error.number in UNAVAILABLE or error.code == 503:
        return Unreachable(address, Cause.NO_LEADER, error.description)
    return Refused(address, error.description)


def denied(address: str, text: str, secrets: Sequence[str | None] = ()) -> StoreError:
    """Return the error for a denial to publish or subscribe. It holds none of the `secrets`."""
    # Subjects made up for one use are cut, so that the same denial gives the same text.
    text = _MADE_UP.sub(r"\1.>", text)
    return Forbidden(address, without(text.removeprefix("nats: ").strip("' "), secrets))


def translate(address: str, error: BaseException, secrets: Sequence[str | None] = ()) -> StoreError:
    """Translate an error of the library, most specific first.

    The library's texts are only searched, since a URL in them may hold a password. A text of the
    server is repeated without the `secrets`.
    """
    match error:
        case StoreError():
            return error
        case ModuleNotFoundError():
            return Misconfigured("--backend", f"nats needs the package {error.name}")
        case ssl.SSLCertVerificationError():
            return Unreachable(address, Cause.CERTIFICATE, error.verify_message.lower())
        case ssl.SSLError():
            return _tls(address, error)
        case TimeoutError():
            return Unreachable(address, Cause.TIMEOUT)
        case ConnectionRefusedError():
            return Unreachable(address, Cause.REFUSED)
        case socket.gaierror():
            return Unreachable(address, Cause.NAME)
        case ConnectionError():
            return Unreachable(address, Cause.LOST)
        case OSError():
            return _os(address, error)
    if type(error).__module__.partition(".")[0] == "nkeys":
        return Misconfigured("NATS_AUTH_NKEY or NATS_AUTH_CREDENTIALS_FILE", "holds no seed")
    name, text = type(error).__name__, str(error).lower()
    if DENIED in text:
        return denied(address, text, secrets)
    if "authorization" in name.lower() or "authorization" in text or "authentication" in text:
        return NotAuthorised(address, "authorization violation")
    if "maxpayload" in name.lower() or "maximum payload" in text:
        return Refused(address, "the value is larger than one message may be")
    if "secureconn" in name.lower() or "tls" in text:
        return Unreachable(address, Cause.PLAIN_EXPECTED)
    if "info message" in text or "protocolerror" in name.lower():
        return Unreachable(address, Cause.NOT_THIS_STORE)
    if isinstance(error, ValueError):
        # A seed, a credentials file or a URL that cannot be read; not repeated, it is a secret.
        return Misconfigured("NATS_SERVER", "or its NATS_AUTH_ names cannot be used")
    return Unreachable(address, Cause.LOST)


def is_refusal(error: Exception) -> bool:
    """Return whether NATS denied this user something. The same error for a file has a file name."""
    return isinstance(error, PermissionError) and error.filename is None


def has_escapes(config: NatsConfig) -> bool:
    """Return whether a URL has a percent-encoded character in its user or password, and these
    count.
    """
    named = (config.username and config.password, config.token, config.nkey)
    if any(named) or config.credentials_file:
        return False
    return any(_ESCAPE.search(url.rpartition("@")[0]) for url in config.servers)


def settings_of(error: Exception, config: NatsConfig) -> str:
    """Return the settings to check after an error, as text, with a hint if there is one."""
    match translate("", error):
        case Unreachable(cause=Cause.CERTIFICATE):
            return (
                "NATS_TLS_CA_CERT_PATH, which must have signed the server's (with "
                "NATS_TLS_INSECURE=1 any is taken), and NATS_TLS_CLIENT_CERT_PATH with "
                "NATS_TLS_CLIENT_KEY_PATH"
            )
        case Misconfigured():
            return ""  # it names the setting itself
        case Unreachable(cause=Cause.PLAIN_EXPECTED):
            return f"{SERVERS}, where nats:// is for a server without TLS"
        case NotAuthorised():
            return f"{CREDENTIALS}; {ESCAPES}" if has_escapes(config) else CREDENTIALS
    return CREDENTIALS if is_refusal(error) else SERVERS


def is_away(error: Exception) -> bool:
    """Return whether NATS cannot be reached, by this user or any other."""
    if is_refusal(error) or (isinstance(error, OSError) and error.filename is not None):
        return False
    return isinstance(translate("", error), Unreachable)


def is_refused(error: Exception) -> bool:
    """Return whether nothing listens at NATS's address."""
    match translate("", error):
        case Unreachable(cause=Cause.REFUSED):
            return True
    return False


def why_not(error: Exception) -> str:
    """Return why NATS could not be used, as a clause: `NATS refuses connections`. Holds no
    secret.
    """
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is not installed"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{path_or_mask(str(error.filename))} cannot be read"
    match translate("", error):
        case Unreachable(cause=Cause.CERTIFICATE, detail=detail) if detail:
            return f"{_CLAUSES[Cause.CERTIFICATE]} ({detail.rstrip('.')})"
        case Unreachable(cause=cause):
            return _CLAUSES[cause]
        case NotAuthorised():
            return "NATS does not accept this user"
        case Misconfigured() as wrong:
            return f"{wrong.setting}: {wrong.problem}"
        case _:
            return "NATS cannot be used"


_CLAUSES = dict.fromkeys(Cause, "the connection to NATS broke off") | {
    Cause.REFUSED: "NATS refuses connections",
    Cause.NAME: "the name of the NATS server cannot be resolved",
    Cause.TIMEOUT: "NATS does not answer in time",
    Cause.PLAIN_EXPECTED: "NATS speaks no TLS",
    Cause.CERTIFICATE: "a certificate was not accepted",
    Cause.NOT_THIS_STORE: "the server there is not NATS",
}


def _tls(address: str, error: ssl.SSLError) -> StoreError:
    reason = (error.reason or str(error)).upper()
    if "WRONG_VERSION" in reason or "RECORD_LAYER" in reason or "HTTP_REQUEST" in reason:
        return Unreachable(address, Cause.PLAIN_EXPECTED)
    if "CERTIFICATE" in reason or "UNKNOWN_CA" in reason:
        return Unreachable(address, Cause.CERTIFICATE, "the server rejected ours, or requires one")
    return Unreachable(address, Cause.LOST, "the TLS handshake failed")


def _os(address: str, error: OSError) -> StoreError:
    # For several addresses of one name asyncio raises one error, without a number.
    text = str(error)
    if "Connect call failed" in text and "111" in text:
        return Unreachable(address, Cause.REFUSED)
    if "unreachable" in text or "No route" in text:
        return Unreachable(address, Cause.REFUSED, (error.strerror or "no route").lower())
    return Unreachable(address, Cause.LOST)
