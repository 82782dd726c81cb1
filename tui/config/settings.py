"""One typed settings model: from Dynamo's own environment names and the command line.

| name | means |
|---|---|
| `DYN_DISCOVERY_BACKEND` | `etcd` (default), `file`, `kubernetes`; `mem` is not supported |
| `KUBECONFIG`, `POD_NAMESPACE` | of Kubernetes, as `kubectl` and Dynamo read them |
| `ETCD_ENDPOINTS` | comma-separated, default `http://localhost:2379` |
| `ETCD_AUTH_USERNAME`, `ETCD_AUTH_PASSWORD` | |
| `ETCD_AUTH_CA`, `ETCD_AUTH_CLIENT_CERT`, `ETCD_AUTH_CLIENT_KEY` | a path or PEM text each |
| `DYN_FILE_KV` | default `$TMPDIR/dynamo_store_kv` |
| `DYN_NAMESPACE` | filters like `--namespace` |
| `DYN_NAMESPACE_WORKER_SUFFIX` | for workers: the namespace is `{DYN_NAMESPACE}-{suffix}` |
| `DYN_NAMESPACE_PREFIX` | for frontends, overrides both: all namespaces with this prefix |
| `DYNTOP_CONTEXT` | chooses a context, like `--context` (`tui/config/contexts.py`) |
| `DYNTOP_READ_ONLY` | `1`: removing keys is disabled |
| `NATS_SERVER`, `NATS_AUTH_…`, `NATS_TLS_…` | the NATS store, and NATS services next to any store |
| `DYNTOP_METRICS` | URLs of frontends and workers, separated by commas, as `--metrics` |
| `DYNTOP_LOG`, `DYNTOP_LOG_LEVEL` | as `--log` and `--log-level` (`tui/runtime/logs.py`) |
| `XDG_STATE_HOME` | the folder of the audit and crash reports, default `~/.local/state` |
| `XDG_CONFIG_HOME` | the folder of the settings file and of contexts, default `~/.config` |
| `TEXTUAL_THEME` | the theme |

An empty variable counts as not set. Flags override a context, a context overrides the
environment, and that overrides the settings file. Read-only wins: once one of them sets it, none
unsets it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from backends.connections import (
    Connection,
    EtcdConnection,
    FileConnection,
    KubernetesConnection,
    MemoryConnection,
    NatsKvConnection,
)
from backends.dynamo.naming import TO_SUFFIX
from backends.dynamo.queries import ANY_END
from backends.liveness.gathering import DEFAULT_CAP, Probing
from backends.removal.audit.location import default_path
from backends.store import Misconfigured
from tui.config.folder import SETTINGS_FILE
from tui.config.sources import Sources

if TYPE_CHECKING:
    # Most runs need none of these, and each takes time to import.
    from backends.metrics.scrape_targets import ScrapeTarget
    from backends.nats.config import NatsConfig
    from tui.actions import Keys
    from tui.config.context_file import Context
    from tui.config.preferences import NotifyWay, Preferences
    from tui.config.settings_file import SettingsFile

DEFAULT_ETCD_ENDPOINTS = "http://localhost:2379"
FILE_STORE_FOLDER = "dynamo_store_kv"
"""Below the folder for temporary files, as in Dynamo's `storage/kv/file.rs`."""

NAMESPACE_FLAG = "--namespace"
"""The source of a namespace that was named on the command line."""

ALL_KUBERNETES_NAMESPACES = "*"
"""No name of a namespace, which are lowercase letters, digits and `-`."""

THEME = "TEXTUAL_THEME"
"""Textual's own variable, which goes before the settings file."""

YES = ("1", "true", "yes", "on")
NO = ("0", "false", "no", "off")


CONTEXT_OR_FLAG = ("endpoints", "file_store", "kube_context", "kube_namespace")
"""Settings of a store that a flag sets, else a context."""
ETCD_VARIABLES = {
    "username": "ETCD_AUTH_USERNAME",
    "password": "ETCD_AUTH_PASSWORD",
    "ca": "ETCD_AUTH_CA",
    "client_cert": "ETCD_AUTH_CLIENT_CERT",
    "client_key": "ETCD_AUTH_CLIENT_KEY",
}
NATS_VARIABLES = {
    "nats": "NATS_SERVER",
    "nats_username": "NATS_AUTH_USERNAME",
    "nats_password": "NATS_AUTH_PASSWORD",
    "nats_token": "NATS_AUTH_TOKEN",
    "nats_nkey": "NATS_AUTH_NKEY",
    "nats_credentials_file": "NATS_AUTH_CREDENTIALS_FILE",
    "nats_ca_cert": "NATS_TLS_CA_CERT_PATH",
    "nats_client_cert": "NATS_TLS_CLIENT_CERT_PATH",
    "nats_client_key": "NATS_TLS_CLIENT_KEY_PATH",
    "nats_tls_insecure": "NATS_TLS_INSECURE",
}
"""By setting the variable that sets it, if nothing goes before it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a run. Its repr shows no secret."""

    connection: Connection
    """Unused under `demo`."""
    namespace: str | None = None
    """Show only this namespace and those nested in it; with a final `*`, all with this prefix.
    None: all."""
    namespace_source: str | None = None
    """The flag or variable that set the namespace, or `context NAME`."""
    generation_of: str | None = None
    """The namespace without the suffix of a generation. None: no suffix is set."""
    context: str | None = None
    """The context that settings come from, unless a flag overrides them."""
    context_source: str | None = None
    """The flag or variable that chose the context."""
    colour: str | None = None
    """Of the context, as the file has it. None: it has none."""
    read_only: bool = False
    """Removing keys is disabled."""
    demo: bool = False
    """Show a cluster in this process's memory."""
    probing: Probing = Probing.VISIBLE
    """The addresses to probe without a request."""
    lease_rate: float = DEFAULT_CAP
    """Lease queries per second, at most. 0: none."""
    nats: NatsConfig | None = None
    """The NATS server whose services are queried. None: none."""
    metrics: tuple[ScrapeTarget, ...] = ()
    """Processes whose metrics are scraped, besides those named by cards."""
    metrics_always: bool = False
    """Scrape `metrics` also while nothing shows them."""
    audit: Path | None = None
    """The audit file, written before each removal. None: no audit."""
    audit_to_read: Path | None = None
    """The file with this machine's earlier removals. None: there is none."""
    keys: Keys | None = None
    """The dashboard's keys. None: the defaults."""
    preferences: Preferences | None = None
    """How the dashboard looks. None: as by default."""
    notify: NotifyWay = "off"
    """How the terminal is told that something became wrong."""
    remembered_in: Path | None = None
    """The settings file, to which what is chosen by key is written. None: it is not."""
    file_problem: str | None = None
    """A sentence about what is wrong in the settings file. None: nothing is."""
    sources: Mapping[str, str] = msgspec.field(default_factory=dict)
    """By setting, as `tui/config/shown.py` names them, where its value comes from: flags, variables
    or `context NAME`. A setting that is not in here has its default."""

    @property
    def is_namespace_flag(self) -> bool:
        """Whether the namespace was named on the command line, and not by a context or Dynamo."""
        return self.namespace is not None and self.namespace_source == NAMESPACE_FLAG

    @classmethod
    def from_environment(
        cls,
        environ: Mapping[str, str],
        *,
        context: Context | None = None,
        backend: str | None = None,
        endpoints: str | None = None,
        file_store: str | None = None,
        nats: str | None = None,
        kube_context: str | None = None,
        kube_namespace: str | None = None,
        namespace: str | None = None,
        read_only: bool = False,
        demo: bool = False,
        probing: Probing | None = None,
        lease_rate: float | None = None,
        metrics: Sequence[str] | None = None,
        metrics_always: bool = False,
        no_audit: bool = False,
        notify: NotifyWay | None = None,
        file: SettingsFile | None = None,
    ) -> Settings:
        """Return settings from flags, else a context, else an environment. None: a flag that was
        not given.

        `backend`: `auto` (as None), `etcd`, `file`, `kubernetes`, `nats` or `memory`. `endpoints`
        and `nats`: separated by commas. `kube_namespace`: `*` for all of them. Empty `namespace`:
        all namespaces, overriding context and environment. Empty `nats` beside another store: no
        services. `metrics`: one or several URLs in each text; an empty text: none, overriding the
        others. `file`: the settings file. None: it was not read.

        Raises `Misconfigured`.
        """
        sources = Sources(environ)
        connection: Connection = MemoryConnection()
        if not demo:
            flags = StoreFlags(backend, endpoints, file_store, nats, kube_context, kube_namespace)
            connection = _connection(environ, context, flags, sources)
        source, base = NAMESPACE_FLAG, None
        if namespace is None and context is not None:
            namespace, source = context.namespace, _named(context)
        if namespace is None:
            found, source, base = _dynamos_namespace(environ)
            namespace = found or None
        if namespace and ANY_END in namespace[: -len(ANY_END)]:
            raise Misconfigured(
                source, f"has a {ANY_END} before its end: all that begin so are START{ANY_END}"
            )
        of_context = None if context is None else _named(context)
        by_context = context is not None and context.read_only
        by_variable = not read_only and not by_context and _switch(environ, "DYNTOP_READ_ONLY")
        services = _services(environ, context, connection, nats, sources)
        # The demo has processes of its own.
        scraped = () if demo else _metrics(environ, context, metrics, sources)
        sources.note("namespace", source if namespace is not None else None)
        sources.note("read_only", "--read-only" if read_only else None)
        sources.note("read_only", of_context if by_context else None)
        sources.note("read_only", "DYNTOP_READ_ONLY" if by_variable else None)
        sources.note("context", None if context is None else context.source)
        sources.note("colour", of_context if context is not None and context.colour else None)
        sources.note("demo", "--demo" if demo else None)
        preferences = None if file is None else _preferences(environ, file.preferences, sources)
        sources.replace("remember", "--demo" if demo else None)
        sources.replace("notify", "--notify" if notify else None)
        sources.note("probe", None if probing is None else "--probe")
        sources.note("lease_rate", None if lease_rate is None else "--lease-rate")
        sources.note("metrics_always", "--metrics-always" if metrics_always else None)
        sources.note("audit", "--no-audit" if no_audit else "--demo" if demo else None)
        return cls(
            connection=connection,
            namespace=as_name(namespace) if namespace else None,
            namespace_source=source if namespace else None,
            generation_of=as_name(base) if base else None,
            context=None if context is None else context.name,
            context_source=None if context is None else context.source,
            colour=None if context is None else context.colour,
            read_only=read_only or by_context or by_variable,
            demo=demo,
            probing=Probing.VISIBLE if probing is None else probing,
            lease_rate=DEFAULT_CAP if lease_rate is None else lease_rate,
            nats=services,
            metrics=scraped,
            metrics_always=metrics_always,
            audit=None if no_audit or demo else default_path(environ),
            audit_to_read=None if demo else default_path(environ),
            keys=None if file is None else file.keys,
            preferences=preferences,
            notify=notify or (preferences and preferences.notify) or "off",
            remembered_in=None if demo or file is None else file.remembered_in,
            file_problem=None if file is None else file.problem,
            sources=sources.found,
        )


def _named(context: Context) -> str:
    return f"context {context.name}"


def _dynamos_namespace(environ: Mapping[str, str]) -> tuple[str | None, str, str | None]:
    """Return the namespace of a Dynamo process with this environment, the variable that names it,
    and, for a generation, its base namespace.

    A frontend watches all namespaces with its prefix; a worker registers with its suffix appended.
    """
    if prefix := environ.get("DYN_NAMESPACE_PREFIX"):
        return prefix + ANY_END, "DYN_NAMESPACE_PREFIX", None
    namespace = environ.get("DYN_NAMESPACE")
    if namespace and (suffix := environ.get("DYN_NAMESPACE_WORKER_SUFFIX")):
        source = "DYN_NAMESPACE and DYN_NAMESPACE_WORKER_SUFFIX"
        return f"{namespace}{TO_SUFFIX}{suffix}", source, namespace
    return namespace, "DYN_NAMESPACE", None


def as_name(text: str) -> str:
    """Return a name from the command line or environment as ids have it: bytes that are not UTF-8
    (lone surrogates in Python) as `\\xNN`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _preferences(
    environ: Mapping[str, str], preferences: Preferences, sources: Sources
) -> Preferences:
    """Return the preferences of the settings file, but for what a variable sets."""
    from tui.config.preferences import FIELDS

    for name in FIELDS:
        if getattr(preferences, name) is not None:
            sources.note(name, SETTINGS_FILE)
    if sources.variable("theme", THEME):
        return msgspec.structs.replace(preferences, theme=environ[THEME])
    return preferences


class StoreFlags(msgspec.Struct, frozen=True):
    """What the command line, or a context, says of the store. None: nothing."""

    backend: str | None
    endpoints: str | None
    file_store: str | None
    nats: str | None
    kube_context: str | None
    kube_namespace: str | None


def _connection(
    environ: Mapping[str, str], context: Context | None, flags: StoreFlags, sources: Sources
) -> Connection:
    chosen, by = _chosen(flags)
    for name in CONTEXT_OR_FLAG:
        if getattr(flags, name) is not None:
            sources.note(name, f"--{name.replace('_', '-')}")
    if context is not None:
        if chosen is None and context.backend is not None:
            chosen, by = context.backend, _named(context)
        told = {
            name: value
            for name in CONTEXT_OR_FLAG
            if getattr(flags, name) is None and (value := getattr(context, name)) is not None
        }
        for name in told:
            sources.note(name, _named(context))
        flags = msgspec.structs.replace(flags, **told)
    if chosen is None:
        chosen, by = _dynamos(environ)
    sources.note("backend", by)
    match chosen:
        case "etcd":
            return _etcd(environ, flags.endpoints, sources)
        case "file":
            return _file(environ, flags.file_store, sources)
        case "kubernetes":
            return _kubernetes(flags.kube_context, flags.kube_namespace)
        case "nats":
            return NatsKvConnection(config=_nats(environ, context, flags.nats, sources))
        case _:
            return MemoryConnection()


def _chosen(flags: StoreFlags) -> tuple[str | None, str | None]:
    """Return the backend that flags choose, and which flag does. None: no flag does."""
    chosen = flags.backend if flags.backend != "auto" else None
    by = None if chosen is None else "--backend"
    for flag, value, of in (
        ("--endpoints", flags.endpoints, "etcd"),
        ("--file-store", flags.file_store, "file"),
        ("--kube-context", flags.kube_context, "kubernetes"),
        ("--kube-namespace", flags.kube_namespace, "kubernetes"),
    ):
        if value is not None:
            if chosen not in (None, of):
                raise Misconfigured(flag, f"belongs to the {of} store, and {chosen} was chosen")
            chosen, by = of, by or flag
    return chosen, by


def _kubernetes(context: str | None, namespace: str | None) -> KubernetesConnection:
    if namespace == ALL_KUBERNETES_NAMESPACES:
        return KubernetesConnection(context=context or None, all_namespaces=True)
    return KubernetesConnection(context=context or None, namespace=namespace or None)


def _dynamos(environ: Mapping[str, str]) -> tuple[str, str | None]:
    """Return the backend of Dynamo's own setting, and the variable that sets it (None: it is the
    default). In a pod to which nothing names another store: Kubernetes, whose variables every pod
    has."""
    given = _text(environ, "DYN_DISCOVERY_BACKEND")
    if given is None:
        if environ.get("KUBERNETES_SERVICE_HOST") and not environ.get("ETCD_ENDPOINTS"):
            return "kubernetes", "KUBERNETES_SERVICE_HOST"
        return "etcd", None
    match given:
        case "etcd" | "file" | "kubernetes":
            return given, "DYN_DISCOVERY_BACKEND"
        case "mem":
            problem = (
                "mem is each process's own memory, not shared: choose with --backend, or try --demo"
            )
        case other:
            problem = f"{other!r} is not a backend of Dynamo: it is etcd, file, kubernetes or mem"
    raise Misconfigured("DYN_DISCOVERY_BACKEND", problem)


def _etcd(environ: Mapping[str, str], endpoints: str | None, sources: Sources) -> EtcdConnection:
    if endpoints is None:
        given = sources.variable("endpoints", "ETCD_ENDPOINTS")
        endpoints = _text(environ, "ETCD_ENDPOINTS") if given else DEFAULT_ETCD_ENDPOINTS

    def text(setting: str) -> str | None:
        return _text(environ, sources.named(setting, ETCD_VARIABLES[setting]))

    return EtcdConnection(
        endpoints=tuple(
            part.strip() for part in as_name(endpoints or "").split(",") if part.strip()
        ),
        username=text("username"),
        password=text("password"),
        ca=text("ca"),
        client_cert=text("client_cert"),
        client_key=text("client_key"),
    )


def _file(environ: Mapping[str, str], file_store: str | None, sources: Sources) -> FileConnection:
    if file_store == "":
        raise Misconfigured("--file-store", "names no folder")
    # Paths may be any bytes; a Path keeps them.
    if file_store is None and sources.variable("file_store", "DYN_FILE_KV"):
        file_store = environ["DYN_FILE_KV"]
    if file_store is not None:
        return FileConnection(root=Path(file_store))
    sources.variable("file_store", "TMPDIR")
    return FileConnection(root=Path(environ.get("TMPDIR") or "/tmp", FILE_STORE_FOLDER))


def _nats(
    environ: Mapping[str, str], context: Context | None, nats: str | None, sources: Sources
) -> NatsConfig:
    """Return the settings of NATS. Credentials come from the environment only."""
    from backends.nats.config import NatsConfig

    for name in environ:
        if name.startswith("NATS_"):
            _text(environ, name)
    config = NatsConfig.from_environment(environ)
    for field, name in NATS_VARIABLES.items():
        sources.variable(field, name)
    if nats is None and context is not None:
        nats = context.nats
        sources.replace("nats", _named(context) if nats is not None else None)
    else:
        _refuse_credentials("--nats", nats, "NATS_SERVER or NATS_AUTH_USERNAME and the like")
        sources.replace("nats", "--nats" if nats is not None else None)
    if nats is None:
        return config
    servers = tuple(part.strip() for part in as_name(nats).split(",") if part.strip())
    if not servers:
        raise Misconfigured("--nats", "names no server")
    return replace(config, servers=servers)


def _services(
    environ: Mapping[str, str],
    context: Context | None,
    connection: Connection,
    nats: str | None,
    sources: Sources,
) -> NatsConfig | None:
    """Return the NATS server whose services are queried. None: none."""
    if isinstance(connection, NatsKvConnection):
        return connection.config
    if nats == "":
        sources.note("nats", "--nats")
        return None
    named = nats is not None or (context is not None and context.nats is not None)
    # Its default would be this machine, which mostly has no NATS server.
    if not named and not environ.get("NATS_SERVER"):
        return None
    return _nats(environ, context, nats, sources)


def _metrics(
    environ: Mapping[str, str],
    context: Context | None,
    flags: Sequence[str] | None,
    sources: Sources,
) -> tuple[ScrapeTarget, ...]:
    if flags is not None:
        sources.note("metrics", "--metrics")
        for urls in flags:
            _refuse_credentials("--metrics", urls, "DYNTOP_METRICS")
        return _targets("--metrics", *map(as_name, flags))
    if context is not None and context.metrics is not None:
        sources.note("metrics", _named(context))
        return _targets(f"metrics of context {context.name}", context.metrics)
    sources.variable("metrics", "DYNTOP_METRICS")
    return _targets("DYNTOP_METRICS", _text(environ, "DYNTOP_METRICS") or "")


def _targets(setting: str, *texts: str) -> tuple[ScrapeTarget, ...]:
    if not any(texts):
        return ()
    from backends.metrics.scrape_targets import given

    return given(setting, texts)


def _refuse_credentials(flag: str, urls: str | None, where: str) -> None:
    """Raise for credentials in URLs, without repeating them: they may be a password."""
    if urls is not None and "@" in urls:
        problem = f"user and password belong in {where}: everybody here can read a command line"
        raise Misconfigured(flag, problem)


def _switch(environ: Mapping[str, str], name: str) -> bool:
    text = (_text(environ, name) or "0").lower()
    if text not in YES + NO:
        raise Misconfigured(name, f"{text!r} is neither 1 nor 0")
    return text in YES


def _text(environ: Mapping[str, str], name: str) -> str | None:
    """Return a variable's value. None: unset or empty."""
    text = environ.get(name) or None
    if text is not None:
        try:
            text.encode()
        except UnicodeEncodeError:
            # The text is not repeated: it may be a secret.
            raise Misconfigured(name, "is not UTF-8") from None
    return text
