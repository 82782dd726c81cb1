"""Expose components' totals as Prometheus text, as Dynamo's own workers did.

Names, labels, types and help are those of `ComponentNatsServerPrometheusMetrics` in Dynamo 0.6.1,
whose workers expose them at `/metrics` if NATS is on; 1.2.1 has them no more. Two things differ. A
component without an answering service has no totals here, where Dynamo sets them to 0: a counter
that falls to 0 and comes back would look like a burst of requests. And a process counts as an
active service only if it has endpoints: clients of 1.x have a service without any.

As in Dynamo, the totals cover the services that answered. If one of several misses a deadline they
fall, and rise again when it is back: `rate()` takes that for a burst. `active_endpoints` falls,
too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from backends.dynamo import naming
from backends.metrics.prometheus_text import prometheus_text
from backends.services.overview import Answering, Usage, total
from backends.services.types import NANOSECONDS_IN_A_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import GaugeMetricFamily

PREFIX = "dynamo_component_nats_service_"
LABELS = ("dynamo_component", "dynamo_namespace", "service_name")

HELP = {
    "active_endpoints": "Number of active endpoints across all services",
    "active_services": "Number of active services in this component",
    "errors_total": "Total number of errors across all component endpoints",
    "processing_ms_avg": "Average processing time across all component endpoints in milliseconds",
    "processing_ms_total": "Total processing time across all component endpoints in milliseconds",
    "requests_total": "Total number of requests across all component endpoints",
}


def exposition(usages: Iterable[Usage], label: Callable[[str], str] = str) -> str:
    """Return Prometheus text for all components with known names, sorted.

    `label` makes a name safe for the output; names that become equal are merged.
    """
    return prometheus_text(_families(usages, label))


def _families(usages: Iterable[Usage], label: Callable[[str], str]) -> Iterator[GaugeMetricFamily]:
    from prometheus_client.core import GaugeMetricFamily

    components: dict[tuple[str, str], list[Usage]] = {}
    for usage in usages:
        # Without a namespace the service's name is not a component's.
        if usage.namespace:
            names = (label(usage.namespace), label(usage.component))
            components.setdefault(names, []).append(usage)
    figures = {names: _figures(components[names]) for names in sorted(components)}
    for name, text in HELP.items():
        family = GaugeMetricFamily(PREFIX + name, text, labels=LABELS)
        for (namespace, component), values in figures.items():
            if (value := values[name]) is not None:
                labels = (component, namespace, naming.service_name(namespace, component))
                family.add_metric(labels, value)
        yield family


def _figures(usages: list[Usage]) -> dict[str, float | None]:
    whole = total(usages)
    asked = whole.requests is not None
    return {
        "active_endpoints": len(usages)
        - whole.numbers[Answering.SILENT]
        - whole.numbers[Answering.NOT_ASKED],
        "active_services": whole.services,
        "errors_total": whole.errors,
        "processing_ms_avg": (whole.mean_ms or 0.0) if asked else None,
        # Whole milliseconds, as in Dynamo.
        "processing_ms_total": (whole.processing_ns or 0) // NANOSECONDS_IN_A_MS if asked else None,
        "requests_total": whole.requests,
    }
