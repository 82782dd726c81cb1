"""Write metrics as Prometheus text: `prometheus-client` escapes names and values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily


def prometheus_text(families: Iterable[GaugeMetricFamily]) -> str:
    """Return families as the text format has them, each under its HELP and TYPE."""
    from prometheus_client import CollectorRegistry, generate_latest

    found = list(families)

    class Collector:
        def collect(self) -> Iterable[GaugeMetricFamily]:
            return found

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector())
    return generate_latest(registry).decode()
