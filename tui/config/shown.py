"""All settings of a run as texts, each with where it comes from. No secret is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from backends.connections import (
    EtcdConnection,
    FileConnection,
    KubernetesConnection,
    NatsKvConnection,
)
from backends.redact import MASK, path_or_mask
from tui.config.folder import SETTINGS_FILE
from tui.config.preferences import DEFAULT_TAB, DEFAULT_THEME
from tui.config.settings import (
    ALL_KUBERNETES_NAMESPACES,
    ETCD_VARIABLES,
    NATS_VARIABLES,
    THEME,
    Settings,
)

DEFAULT = "default"
"""The source of a setting that nothing sets."""

VARIABLES = (
    "DYN_DISCOVERY_BACKEND",
    "ETCD_ENDPOINTS",
    *ETCD_VARIABLES.values(),
    "DYN_FILE_KV",
    "DYN_NAMESPACE",
    "DYN_NAMESPACE_WORKER_SUFFIX",
    "DYN_NAMESPACE_PREFIX",
    *NATS_VARIABLES.values(),
    "DYNTOP_CONTEXT",
    "DYNTOP_READ_ONLY",
    "DYNTOP_METRICS",
    "DYNTOP_LOG",
    "DYNTOP_LOG_LEVEL",
    THEME,
)
"""Variables that set something."""

_NAME = re.compile(r"[A-Z][A-Z_]+")


class Shown(msgspec.Struct, frozen=True):
    """One setting. Its texts may hold anything but a secret."""

    name: str
    value: str | None
    """None: it is not set, and has no default."""
    source: str


def shown(settings: Settings) -> Iterator[Shown]:
    """Yield the settings that are in effect for the chosen store, in the order of their groups."""
    for name, value in _values(settings):
        source = settings.sources.get(name)
        if source is None and name == "nats_password" and value is not None:
            # It is in the URL.
            source = settings.sources.get("nats")
        yield Shown(name, value, source or DEFAULT)
    for name, value in _of_file(settings):
        yield Shown(name, value, SETTINGS_FILE)


def unused(environ: Mapping[str, str], sources: Mapping[str, str]) -> list[str]:
    """Return the variables that are set and set nothing: another source goes before them, or the
    chosen store does not read them."""
    used = {name for source in sources.values() for name in _NAME.findall(source)}
    return [name for name in VARIABLES if environ.get(name) and name not in used]


def _of_file(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the settings of columns and keys that the settings file has."""
    preferences = settings.preferences
    for tab, chosen in preferences.columns.items() if preferences is not None else ():
        if chosen.shown is not None:
            yield f"columns.{tab}.shown", ", ".join(chosen.shown)
        if chosen.sort is not None:
            yield f"columns.{tab}.sort", chosen.sort
        if chosen.reverse is not None:
            yield f"columns.{tab}.reverse", _switch(chosen.reverse)
    if settings.keys is not None:
        for action, keys in settings.keys.chosen.items():
            yield f"keys.{action}", ", ".join(keys)


def _values(settings: Settings) -> Iterator[tuple[str, str | None]]:
    yield "context", settings.context
    if settings.colour is not None:
        yield "colour", settings.colour
    yield "demo", _switch(settings.demo)
    yield "backend", "memory" if settings.demo else settings.connection.backend
    match settings.connection:
        case EtcdConnection() as etcd if not settings.demo:
            # Credentials belong elsewhere, and a comma in a password splits its URL.
            wrong = any("@" in one for one in etcd.endpoints)
            yield "endpoints", MASK if wrong else ",".join(etcd.endpoints)
            yield "username", etcd.username
            yield "password", _secret(etcd.password)
            yield "ca", _path(etcd.ca)
            yield "client_cert", _path(etcd.client_cert)
            yield "client_key", _path(etcd.client_key)
        case FileConnection(root=root):
            yield "file_store", str(root)
        case KubernetesConnection() as cluster:
            yield "kube_context", cluster.context
            everywhere = ALL_KUBERNETES_NAMESPACES if cluster.all_namespaces else None
            yield "kube_namespace", everywhere or cluster.namespace
        case NatsKvConnection():
            pass  # below, as of each store
    yield from _nats(settings)
    yield "namespace", settings.namespace
    yield "read_only", _switch(settings.read_only)
    yield "metrics", ",".join(map(str, settings.metrics)) or None
    yield "metrics_always", _switch(settings.metrics_always)
    yield "probe", settings.probing.value
    yield "lease_rate", f"{settings.lease_rate:g}"
    yield "audit", None if settings.audit is None else str(settings.audit)
    preferences = settings.preferences
    if preferences is not None:
        yield "first_tab", preferences.first_tab or DEFAULT_TAB
        yield "theme", preferences.theme or DEFAULT_THEME
        width = preferences.tree_width
        yield "tree_width", None if width is None else str(width)
        yield "notify", settings.notify
        yield "remember", _switch(preferences.remember is not False and not settings.demo)


def _nats(settings: Settings) -> Iterator[tuple[str, str | None]]:
    nats = settings.nats
    if nats is None:
        yield "nats", None
        return
    from backends.nats_kv.sessions import address_of

    yield "nats", address_of(nats)
    yield "nats_username", nats.username
    in_url = any("@" in server for server in nats.servers)
    yield "nats_password", MASK if in_url else _secret(nats.password)
    yield "nats_token", _secret(nats.token)
    yield "nats_nkey", _secret(nats.nkey)
    yield "nats_credentials_file", _path(nats.credentials_file)
    yield "nats_ca_cert", _path(nats.ca_cert)
    yield "nats_client_cert", _path(nats.client_cert)
    yield "nats_client_key", _path(nats.client_key)
    yield "nats_tls_insecure", _switch(nats.tls_insecure)


def _switch(on: bool) -> str:
    return "true" if on else "false"


def _secret(text: str | None) -> str | None:
    return None if text is None else MASK


def _path(text: str | None) -> str | None:
    return None if text is None else path_or_mask(text)
