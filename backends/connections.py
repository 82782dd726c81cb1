"""Open a store from its settings. Only the library of the chosen store is imported."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import msgspec

from backends.store import Store

if TYPE_CHECKING:
    from backends.etcd import EtcdConfig
    from backends.nats.config import NatsConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class EtcdConnection:
    """An etcd cluster. Its repr has no field that may hold a secret or PEM text."""

    backend: ClassVar[Literal["etcd"]] = "etcd"
    endpoints: tuple[str, ...] = ("http://localhost:2379",)
    """`http://host:port`, `https://…`."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = field(default=None, repr=False)
    """The authority that signed the servers' certificates: a path, or PEM text, as the next two."""
    client_cert: str | None = field(default=None, repr=False)
    client_key: str | None = field(default=None, repr=False)
    look_again: float = 30.0
    """Seconds between checks whether a user with partial permissions may read more now."""


class FileConnection(msgspec.Struct, frozen=True, kw_only=True):
    """A folder in the layout of Dynamo's file store."""

    backend: ClassVar[Literal["file"]] = "file"
    root: Path


class NatsKvConnection(msgspec.Struct, frozen=True, kw_only=True):
    """JetStream's KV buckets of one NATS account.

    Not NATS micro services: those are no store, and are asked next to any store.
    """

    backend: ClassVar[Literal["nats"]] = "nats"
    config: NatsConfig


class KubernetesConnection(msgspec.Struct, frozen=True, kw_only=True):
    """The objects that Dynamo's processes write to Kubernetes (`DynamoWorkerMetadata`)."""

    backend: ClassVar[Literal["kubernetes"]] = "kubernetes"
    context: str | None = None
    """A context of the kubeconfig. None: its current one; without a kubeconfig the service account
    of the pod that this process runs in."""
    namespace: str | None = None
    """The Kubernetes namespace. None: `POD_NAMESPACE`, else the context's, else `default`."""
    all_namespaces: bool = False
    """All namespaces, in place of one."""


class MemoryConnection(msgspec.Struct, frozen=True, kw_only=True):
    """A new, empty store in this process."""

    backend: ClassVar[Literal["memory"]] = "memory"


Connection = (
    EtcdConnection | FileConnection | KubernetesConnection | NatsKvConnection | MemoryConnection
)
"""The kind of store, and its settings."""


def etcd_config(connection: EtcdConnection) -> EtcdConfig:
    """Return the settings of an etcd as its package takes them. Raises `Misconfigured`."""
    from backends.etcd import EtcdConfig

    return EtcdConfig(
        endpoints=connection.endpoints,
        username=connection.username,
        password=connection.password,
        ca=connection.ca,
        cert=connection.client_cert,
        key=connection.client_key,
        look_again=connection.look_again,
    )


def open_store(connection: Connection) -> Store:
    """Open a store without connecting: its first call connects. Needs a running event loop.

    Raises `Misconfigured`, and no other `StoreError`.
    """
    match connection:
        case EtcdConnection():
            from backends.etcd import EtcdStore

            return EtcdStore(etcd_config(connection))
        case FileConnection():
            from backends.file import FileStore

            return FileStore(connection.root)
        case KubernetesConnection():
            from backends.kubernetes import KubernetesConfig, KubernetesStore

            return KubernetesStore(
                KubernetesConfig(
                    context=connection.context,
                    namespace=connection.namespace,
                    all_namespaces=connection.all_namespaces,
                )
            )
        case NatsKvConnection():
            from backends.nats_kv.store import NatsStore

            return NatsStore(connection.config)
        case MemoryConnection():
            from backends.memory import MemoryStore

            return MemoryStore()


async def open_and_locate(connection: Connection) -> Store:
    """Open a store whose address is final: Kubernetes' names a context and a namespace, which stand
    in files.

    Connects to no server, but runs the kubeconfig's exec plugin, if it has one. Raises
    `Misconfigured`.
    """
    store = open_store(connection)
    if isinstance(connection, KubernetesConnection):
        from backends.kubernetes import KubernetesStore

        assert isinstance(store, KubernetesStore)
        try:
            await store.locate()
        except BaseException:
            await store.aclose()
            raise
    return store
