"""Settings of the etcd store, checked as far as possible without I/O."""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from backends.redact import path_or_mask
from backends.store import Misconfigured

ENDPOINTS = "ETCD_ENDPOINTS"
USERNAME = "ETCD_AUTH_USERNAME"
PASSWORD = "ETCD_AUTH_PASSWORD"
CA = "ETCD_AUTH_CA"
CERT = "ETCD_AUTH_CLIENT_CERT"
KEY = "ETCD_AUTH_CLIENT_KEY"
"""Dynamo's own names, as of `ai-dynamo-runtime` 1.6.1."""

DEFAULT_PORTS = {"http": 80, "https": 443}
PEM_BEGIN = "-----BEGIN "


class Endpoint(msgspec.Struct, frozen=True):
    """The client address of one etcd member."""

    host: str
    """A name or an address. IPv6 has no brackets."""
    port: int
    tls: bool

    @property
    def target(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.target}"


@dataclass(frozen=True, slots=True)
class EtcdConfig:
    """Settings for reaching an etcd cluster. Raises `Misconfigured` for settings that cannot
    work.
    """

    endpoints: Sequence[str] = ("http://localhost:2379",)
    """`http://host:port`, `https://…`. Without a scheme: https if `ca` or `cert` is set, else
    http.
    """
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = field(default=None, repr=False)
    """The authority that signed the servers' certificates: a path, or the PEM text itself. None:
    the authorities that gRPC includes.
    """
    cert: str | None = field(default=None, repr=False)
    """The client certificate, a path or PEM text. Requires `key`."""
    key: str | None = field(default=None, repr=False)
    dial_timeout: float = 2.0
    """Seconds to connect to an endpoint before the next one is tried."""
    last_dial_timeout: float = 5.0
    """Seconds to connect to the last or only endpoint, which may be slow."""
    request_timeout: float = 5.0
    """Seconds to wait for an answer, once connected."""
    page_size: int = 2000
    """Keys in one page of a snapshot at most. Fewer if the values are large."""
    look_again: float = 30.0
    """Seconds between checks whether a user with partial permissions may read more now."""
    lease_ttl: int = 30
    """Seconds for which this process's keys outlive it. Dynamo 1.6.1's default."""

    def __post_init__(self) -> None:
        self.parsed_endpoints()
        if self.username and not self.password:
            raise Misconfigured(PASSWORD, f"is not set, though {USERNAME} is")
        if self.cert and not self.key:
            raise Misconfigured(KEY, f"is not set, though {CERT} is")
        if self.key and not self.cert:
            raise Misconfigured(CERT, f"is not set, though {KEY} is")

    def parsed_endpoints(self) -> tuple[Endpoint, ...]:
        """Return each endpoint once, in the given order."""
        tls = bool(self.ca or self.cert)
        texts = [text.strip() for text in self.endpoints]
        parsed = dict.fromkeys(parse_endpoint(text, tls) for text in texts if text)
        if not parsed:
            raise Misconfigured(ENDPOINTS, "names no endpoint")
        return tuple(parsed)


_HARMLESS_ADDRESS = re.compile(r"([a-z]+://)?[^\s:/?#%]*(:\d*)?/?")


def quoted(text: str) -> str:
    """Quote an endpoint for a message. One that may hold a secret is not repeated."""
    return repr(text) if _HARMLESS_ADDRESS.fullmatch(text) else "an endpoint"


def parse_endpoint(text: str, tls: bool) -> Endpoint:
    """Parse one endpoint. `tls` is the default for a text without a scheme."""
    if "@" in text:
        # Not repeated in the message: it may hold a password.
        problem = f"user and password belong in {USERNAME} and {PASSWORD}, not in the address"
        raise Misconfigured(ENDPOINTS, problem)
    url = text if "://" in text else f"{'https' if tls else 'http'}://{text}"
    which = quoted(text)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        # Python's message repeats the text at the port's position, which may be half a password.
        raise Misconfigured(ENDPOINTS, f"{which} is not an address") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise Misconfigured(ENDPOINTS, f"{which} must begin with http:// or https://")
    if not host or any(character.isspace() for character in host):
        raise Misconfigured(ENDPOINTS, f"{which} names no host")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise Misconfigured(ENDPOINTS, f"{which} must end after the port")
    port = DEFAULT_PORTS[parts.scheme] if port is None else port
    return Endpoint(host, port, parts.scheme == "https")


@dataclass(frozen=True, slots=True, repr=False)
class TlsMaterial:
    """PEM texts, in the form that gRPC takes."""

    ca: bytes | None
    cert: bytes | None
    key: bytes | None


def read_tls(config: EtcdConfig) -> TlsMaterial:
    """Read the PEM files named in the configuration. Blocks. Raises `Misconfigured`."""
    ca = _pem(CA, config.ca)
    if ca is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=ca)
        except ssl.SSLError as error:
            raise Misconfigured(CA, "holds no certificate that can be read") from error
    cert, key = _pem(CERT, config.cert), _pem(KEY, config.key)
    if key is not None and "ENCRYPTED" in key:
        raise Misconfigured(KEY, "is protected by a passphrase, which gRPC cannot take")
    return TlsMaterial(*(text.encode() if text is not None else None for text in (ca, cert, key)))


def _pem(setting: str, given: str | None) -> str | None:
    """Return the PEM text that a setting holds or names. No message repeats its content."""
    if not given:
        return None
    if PEM_BEGIN in given:
        return given
    named = path_or_mask(given)
    try:
        text = Path(given).read_text(encoding="ascii")
    except UnicodeDecodeError as error:
        raise Misconfigured(setting, f"{named} is not a PEM file") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise Misconfigured(setting, f"cannot read {named}: {reason}") from error
    if PEM_BEGIN not in text:
        raise Misconfigured(setting, f"{named} is not a PEM file")
    return text
