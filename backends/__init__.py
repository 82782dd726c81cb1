"""The discovery plane of NVIDIA Dynamo, as a Python library: read, judge, watch, drain, restore.

    async with open_store(EtcdConnection()) as store:
        found = await survey(Discovery(store))
        for record in found.stale():
            print(record, found.assessment(record), sep=": ")

Each name below is imported from its module on first use. So importing this package costs nothing,
and a store's client library is imported only when such a store is opened. Nothing in this package
imports Textual or `tui`.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # type checkers take it as true; importing `typing` would cost time
if TYPE_CHECKING:
    from backends.connections import (
        EtcdConnection,
        FileConnection,
        KubernetesConnection,
        MemoryConnection,
        NatsKvConnection,
        open_store,
    )
    from backends.discovery.cluster import Cluster
    from backends.discovery.discovery import Discovery
    from backends.dynamo.queries import Query
    from backends.dynamo.records import (
        EndpointInstance,
        EventChannel,
        EventSource,
        ModelCard,
        UnknownRecord,
    )
    from backends.liveness.evidence import Assessment, Evidence
    from backends.liveness.evidence_kinds import EvidenceKind
    from backends.liveness.judge import Verdict
    from backends.liveness.survey import Survey, survey
    from backends.probe.prober import Prober
    from backends.removal.audit.audit import Audit
    from backends.removal.lasting_drain import LastingDrain, NoLastingDrain, plan_lasting_drain
    from backends.removal.outcomes import KeyOutcome, OutcomeType
    from backends.removal.removal_targets import RemovalTarget, targets_of
    from backends.removal.removals import RemovalResult, Removals, RestoreResult
    from backends.store import (
        Forbidden,
        KeyNotAllowed,
        Misconfigured,
        NotAuthorised,
        Refused,
        Store,
        StoreError,
        Unreachable,
    )

_MODULES = {
    "backends.connections": (
        "EtcdConnection",
        "FileConnection",
        "KubernetesConnection",
        "MemoryConnection",
        "NatsKvConnection",
        "open_store",
    ),
    "backends.discovery.cluster": ("Cluster",),
    "backends.discovery.discovery": ("Discovery",),
    "backends.dynamo.queries": ("Query",),
    "backends.dynamo.records": (
        "EndpointInstance",
        "EventChannel",
        "EventSource",
        "ModelCard",
        "UnknownRecord",
    ),
    "backends.liveness.evidence": ("Assessment", "Evidence"),
    "backends.liveness.evidence_kinds": ("EvidenceKind",),
    "backends.liveness.judge": ("Verdict",),
    "backends.liveness.survey": ("Survey", "survey"),
    "backends.probe.prober": ("Prober",),
    "backends.removal.audit.audit": ("Audit",),
    "backends.removal.lasting_drain": ("LastingDrain", "NoLastingDrain", "plan_lasting_drain"),
    "backends.removal.outcomes": ("KeyOutcome", "OutcomeType"),
    "backends.removal.removals": ("RemovalResult", "Removals", "RestoreResult"),
    "backends.removal.removal_targets": ("RemovalTarget", "targets_of"),
    "backends.store": (
        "Forbidden",
        "KeyNotAllowed",
        "Misconfigured",
        "NotAuthorised",
        "Refused",
        "Store",
        "StoreError",
        "Unreachable",
    ),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Assessment",
    "Audit",
    "Cluster",
    "Discovery",
    "EndpointInstance",
    "EtcdConnection",
    "EventChannel",
    "EventSource",
    "Evidence",
    "EvidenceKind",
    "FileConnection",
    "Forbidden",
    "KeyNotAllowed",
    "KeyOutcome",
    "KubernetesConnection",
    "LastingDrain",
    "MemoryConnection",
    "Misconfigured",
    "ModelCard",
    "NatsKvConnection",
    "NoLastingDrain",
    "NotAuthorised",
    "OutcomeType",
    "Prober",
    "Query",
    "Refused",
    "RemovalResult",
    "RemovalTarget",
    "Removals",
    "RestoreResult",
    "Store",
    "StoreError",
    "Survey",
    "UnknownRecord",
    "Unreachable",
    "Verdict",
    "open_store",
    "plan_lasting_drain",
    "survey",
    "targets_of",
]


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    if (module := _MODULE_OF.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(module), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
