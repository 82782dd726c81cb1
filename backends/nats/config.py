"""Settings for NATS, as Dynamo names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from backends.redact import credentials

TRUTHY = ("1", "true", "on", "yes")
"""Values that switch a setting on in Dynamo 1.6.1, in any case and between blanks. Any other value
does not.
"""


@dataclass(frozen=True, slots=True)
class NatsConfig:
    """Settings for NATS. The names are Dynamo's own, as of `ai-dynamo-runtime` 1.6.1.

    If several ways to authenticate are set, the first counts, in the order of the fields.
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
    tls_insecure: bool = False
    """Accept any certificate of the server (`NATS_TLS_INSECURE`)."""

    def __post_init__(self) -> None:
        # Schemes have no case, but the client library compares them as written.
        object.__setattr__(self, "servers", tuple(map(_lower_scheme, self.servers)))

    @property
    def secrets(self) -> tuple[str | None, ...]:
        """Secrets that no message may repeat."""
        return (self.password, self.token, self.nkey, *credentials(self.servers))

    @property
    def signing_setting(self) -> str | None:
        """The setting that counts, if it takes the package `nkeys`: it signs what the server
        sends. None: no such setting counts."""
        if (self.username is not None and self.password is not None) or self.token is not None:
            return None
        if self.nkey is not None:
            return "NATS_AUTH_NKEY"
        return None if self.credentials_file is None else "NATS_AUTH_CREDENTIALS_FILE"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings as Dynamo does. An empty variable counts as unset."""
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
            tls_insecure=environment.get("NATS_TLS_INSECURE", "").strip().lower() in TRUTHY,
            client_key=environment.get("NATS_TLS_CLIENT_KEY_PATH") or None,
        )


def _lower_scheme(url: str) -> str:
    scheme, colon, rest = url.partition("://")
    return scheme.lower() + colon + rest if colon and scheme.isascii() else url
