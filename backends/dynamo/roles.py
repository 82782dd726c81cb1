"""Infer a process's role from its records: a worker, or a program that serves workers.

Seen in Dynamo 1.0 to 1.6: a frontend that routes by KV cache registers `router-discovery` endpoints
(to 1.4) or only event channels (1.6, with replica sync). Standalone routers, indexers, relays and
agents register endpoints of their own. None of them serves requests for a model as a worker does.
Only the global router has a model card, which stands for all workers below it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from backends.dynamo.records import (
    AnyRecord,
    EndpointInstance,
    EventChannel,
    ModelCard,
    UnknownRecord,
)


class Role(StrEnum):
    """The role of a process."""

    WORKER = "worker"
    FRONTEND = "frontend"
    ROUTER = "router"
    INDEXER = "indexer"
    AGENT = "agent"
    RELAY = "relay"
    OTHER = "other"
    """Its keys do not show a role."""


_COMPONENTS = {
    "global_router": Role.ROUTER,
    "thunderagent_router": Role.ROUTER,
    "kv_state_agent": Role.AGENT,
}
"""Components that programs of Dynamo 1.6 name themselves."""

_RELAY = "kv_dc_relay_"
"""The beginning of a relay's component name."""

ROUTER_DISCOVERY = "router-discovery"
"""The endpoint through which frontends of releases 1.0 to 1.4 find each other."""
INDEXER_QUERY = "kv_indexer_query"
"""The endpoint of a standalone KV indexer."""

_OF_ROUTERS = frozenset({"best_worker_id", "find_best_worker", "get_overlap_scores"})
"""Endpoints of a standalone router, in any component."""

_INTERNAL = (ROUTER_DISCOVERY, INDEXER_QUERY)
_INTERNAL_STARTS = ("worker_kv_query_", "worker_kv_indexer_query_dp")
"""Beginnings of a worker's endpoints for its ranks: from 1.3 on, and to 1.2."""

_OF_WORKERS = frozenset({"kv-events", "forward-pass-metrics"})
"""Topics that only workers publish."""


def is_internal(endpoint: str | None) -> bool:
    """Return whether an endpoint is for Dynamo's own processes: it serves no requests, and is
    registered and removed with its process.
    """
    if endpoint is None:
        return False
    return endpoint in _INTERNAL or endpoint.startswith(_INTERNAL_STARTS)


def is_of_a_rank(endpoint: str | None) -> bool:
    """Return whether an endpoint belongs to one data-parallel rank of a worker."""
    return endpoint is not None and endpoint.startswith(_INTERNAL_STARTS)


def is_internal_instance(record: AnyRecord) -> bool:
    """Return whether a record is an instance of an internal endpoint (`is_internal`)."""
    return isinstance(record, EndpointInstance) and is_internal(record.id.endpoint)


def role_of(records: Iterable[AnyRecord]) -> Role:
    """Return the role of a process that registered exactly these records."""
    return min(map(role_by, records), key=_RANKS.__getitem__, default=Role.OTHER)


def role_with(role: Role, more: Role) -> Role:
    """Return the role of a process that had a role, and has another record that shows one."""
    return more if _RANKS[more] < _RANKS[role] else role


def role_of_card(card: ModelCard) -> str | None:
    """Return the role of a worker that its card shows, in lower case: its worker type (from 1.4
    on), or that it is for prefill (to 1.3). None: the card does not show it."""
    if card.worker_type:
        return card.worker_type.lower()
    return "prefill" if (card.model_type or "").strip().lower() == "prefill" else None


_PRECEDENCE = (
    Role.ROUTER,
    Role.AGENT,
    Role.RELAY,
    Role.WORKER,
    Role.INDEXER,
    Role.FRONTEND,
)
"""The first of these that any record shows is the role of the process."""
_RANKS = {role: rank for rank, role in enumerate((*_PRECEDENCE, Role.OTHER))}


def role_by(record: AnyRecord) -> Role:
    """Return the role that one record shows."""
    component = record.id.component or ""
    named = Role.RELAY if component.startswith(_RELAY) else _COMPONENTS.get(component)
    match record:
        case EndpointInstance():
            return _by_endpoint(record.id.endpoint) or named or Role.WORKER
        case ModelCard():
            return named or Role.WORKER
        case EventChannel() if record.id.topic not in _OF_WORKERS:
            # Workers have such channels too, but always among other keys.
            return Role.FRONTEND
        case UnknownRecord():
            return Role.OTHER
    return named or Role.WORKER


def _by_endpoint(endpoint: str | None) -> Role | None:
    if endpoint == ROUTER_DISCOVERY:
        return Role.FRONTEND
    if endpoint in _OF_ROUTERS:
        return Role.ROUTER
    return Role.INDEXER if endpoint == INDEXER_QUERY else None
