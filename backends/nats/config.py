"""How to reach NATS, in Dynamo's own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from backends.masking import credentials


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

    @property
    def secrets(self) -> tuple[str | None, ...]:
        """What no text may repeat, whoever says it."""
        return (self.password, self.token, self.nkey, *credentials(self.servers))

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
