"""From settings to a store. Imports the library of the chosen store only, and only then."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from backends.nats.config import NatsConfig
from backends.store import Store


class _Connection(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class EtcdConnection(_Connection):
    """An etcd cluster. What may be a path or the PEM text itself is kept out of every text."""

    backend: Literal["etcd"] = "etcd"
    endpoints: tuple[str, ...] = ("http://localhost:2379",)
    """`http://host:port`, `https://…`."""
    username: str | None = None
    password: SecretStr | None = None
    ca: SecretStr | None = None
    """Who signed the servers' certificates: a path, or PEM text. So are the next two."""
    client_cert: SecretStr | None = None
    client_key: SecretStr | None = None


class FileConnection(_Connection):
    """A folder in the layout of Dynamo's file store."""

    backend: Literal["file"] = "file"
    root: Path


class NatsKvConnection(_Connection):
    """JetStream's KV buckets of one NATS account. Not the micro services there: those have no
    place in a store, and are asked next to any."""

    backend: Literal["nats"] = "nats"
    config: NatsConfig


class MemoryConnection(_Connection):
    """A new store in this process, empty."""

    backend: Literal["memory"] = "memory"


Connection = Annotated[
    EtcdConnection | FileConnection | NatsKvConnection | MemoryConnection,
    Field(discriminator="backend"),
]
"""Which store, and how to reach it."""


def open_store(connection: Connection) -> Store:
    """A store, not yet connected: its first call connects. Call it in a running event loop.

    Raises `Misconfigured`, and no other `StoreError`.
    """
    match connection:
        case EtcdConnection():
            from backends.etcd import EtcdConfig, EtcdStore

            return EtcdStore(
                EtcdConfig(
                    endpoints=connection.endpoints,
                    username=connection.username,
                    password=_revealed(connection.password),
                    ca=_revealed(connection.ca),
                    cert=_revealed(connection.client_cert),
                    key=_revealed(connection.client_key),
                )
            )
        case FileConnection():
            from backends.file import FileStore

            return FileStore(connection.root)
        case NatsKvConnection():
            from backends.nats.store import NatsStore

            return NatsStore(connection.config)
        case MemoryConnection():
            from backends.memory import MemoryStore

            return MemoryStore()


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
