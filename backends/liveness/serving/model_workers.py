"""The workers of a model: where each runs, and whether a request reaches it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from backends.discovery.cluster import Cluster
from backends.dynamo.card_checksum import worker_set_of
from backends.dynamo.records import ModelCard
from backends.dynamo.roles import role_of_card
from backends.liveness.judge import Verdict
from backends.liveness.routing import Routing
from backends.liveness.workers import ProcessHosts


class ModelWorker(msgspec.Struct, frozen=True):
    """One worker of a model, or of an adapter, in one role."""

    card: ModelCard
    """Its card; of several, one that a request reaches, else the first by its key."""
    role: str
    """`aggregated`, `prefill`, `decode`, …. Empty: a card of up to 0.5 does not show it."""
    host: str
    """The host of its address; in Kubernetes its node. Empty: its records name none."""
    verdict: Verdict
    """Of its card."""
    routing: Routing | None
    """None: not known, as of a card that cannot be read."""


def workers_of(
    cards: Iterable[ModelCard],
    cluster: Cluster,
    routing_of: Callable[[bytes], Routing | None],
    verdict_of: Callable[[bytes], Verdict],
) -> list[ModelWorker]:
    """Return the workers of some cards, sorted by role, host and key.

    A worker that serves a model on several endpoints is there once in each role. A card without an
    id, as up to 0.5, stands for a worker of its own. The cost grows with the number of cards.
    """
    found: dict[tuple[str, object], ModelWorker] = {}
    hosts = ProcessHosts(cluster)
    for card in sorted(cards, key=lambda one: one.key):
        role, routing = _role(card), routing_of(card.key)
        number = card.id.instance_id
        at = (role, card.key if number is None else number)
        known = found.get(at)
        if known is not None and (_is_routable(known.routing) or not _is_routable(routing)):
            continue
        found[at] = ModelWorker(card, role, hosts.of(card), verdict_of(card.key), routing)
    return sorted(found.values(), key=lambda one: (one.role, one.host, one.card.key))


def _is_routable(routing: Routing | None) -> bool:
    return routing is not None and routing.routable


def _role(card: ModelCard) -> str:
    worker_set = worker_set_of(card)
    return worker_set.role if worker_set is not None else role_of_card(card) or ""
