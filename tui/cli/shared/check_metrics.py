"""The findings of `dyntop check` as Prometheus metrics, for a textfile collector.

They count what the table and the JSON list. No label is of a lease, an instance or an address: they
would make new series whenever a worker starts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backends.discovery.models import UNNAMED, adapter_name
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.judge import Verdict
from backends.liveness.survey import Survey
from backends.metrics.prometheus_text import prometheus_text
from backends.probe.probe_targets import unusable
from tui.cli.shared.prometheus_label import as_label
from tui.text.serving import is_well_served

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily

PREFIX = "dyntop_check_"
MOST_SERIES = 1_000
"""Series of one metric. Any client of the store may register names, and each makes a series."""
OF_FINDING = ("kind", "namespace", "component", "model", "verdict")

Labels = tuple[str, ...]


def check_metrics(
    seen: Survey,
    found: Sequence[AnyRecord],
    denied: Mapping[str, str],
    *,
    unasked: int,
    model: str | None = None,
) -> str:
    """Return the metrics of a survey as Prometheus text.

    `found`: the records that are findings. `denied`: the models that frontends do not serve, each
    with its word. `unasked`: how many addresses could not be asked. `model`: the one that was asked
    for.
    """
    return prometheus_text(_families(seen, found, denied, unasked, model))


def _families(
    seen: Survey,
    found: Sequence[AnyRecord],
    denied: Mapping[str, str],
    unasked: int,
    model: str | None,
) -> Iterator[GaugeMetricFamily]:
    # Also those that there are none of: an alert then sees a number fall to 0.
    records = dict.fromkeys(((kind.value, one.value) for kind in Kind for one in Verdict), 0)
    for one in seen.records:
        records[one.kind.value, seen.verdict(one).value] += 1
    yield _gauge("records", "Registered records, by verdict", ("kind", "verdict"), records)

    findings = Counter(_labels_of(seen, one) for one in found)
    findings.update(("model", "", "", as_label(name), word) for name, word in denied.items())
    listed, left_out = _most(findings)
    yield _gauge("findings", "Findings, by what they are and where", OF_FINDING, listed)
    yield _gauge(
        "findings_left_out",
        f"Findings that no series has: there are at most {MOST_SERIES} series of findings",
        (),
        {(): left_out},
    )
    yield from _of_models(seen, model)
    yield _gauge(
        "unusable_addresses",
        "Addresses that no client can connect to",
        (),
        {(): sum(len(unusable(one)) for one in seen.records)},
    )
    yield _gauge(
        "unasked_addresses", "Addresses and frontends that could not be asked", (), {(): unasked}
    )
    complete = not (unasked or seen.unread or seen.leases_unknown)
    yield _gauge(
        "complete",
        "Whether all was read, and all was asked that was to be",
        (),
        {(): int(complete)},
    )
    yield _gauge(
        "timestamp_seconds", "When the store was read, in seconds since 1970", (), {(): seen.at}
    )


def _labels_of(seen: Survey, record: AnyRecord) -> Labels:
    names = (record.id.namespace, record.id.component, record.model_name)
    verdict = seen.verdict(record).value
    return (record.kind.value, *(as_label(name or "") for name in names), verdict)


def _of_models(seen: Survey, asked_for: str | None) -> Iterator[GaugeMetricFamily]:
    """Yield how models are served, of all that is registered in the namespace."""
    serving = seen.verdicts.serving
    cards = [one for one in seen.records if isinstance(one, ModelCard)]
    # One that was asked for need not be registered.
    registered = {adapter_name(one) for one in cards} - {UNNAMED}
    names = sorted(registered if asked_for is None else registered | {asked_for})
    served: dict[Labels, float] = {}
    routable: Counter[Labels] = Counter()
    workers: Counter[Labels] = Counter()
    for name in names[:MOST_SERIES]:
        # Names that were cut may have become equal.
        labels = (as_label(name),)
        is_served = is_well_served(name, serving, seen.records)
        served[labels] = min(served.get(labels, 1), int(is_served))
        if (model := serving.model(name)) is not None:
            for role, figures in model.by_role.items():
                routable[*labels, as_label(role)] += figures.least
                workers[*labels, as_label(role)] += figures.total
    yield _gauge(
        "model_served",
        "Whether a model or adapter is served, as check --model has it",
        ("model",),
        served,
    )
    by_role = ("model", "role")
    yield _gauge(
        "routable_workers",
        "Workers of a model that requests reach from each frontend",
        by_role,
        routable,
    )
    yield _gauge("workers", "Registered workers of a model", by_role, workers)
    yield _gauge(
        "models_left_out",
        f"Models and adapters that no series has: there are at most {MOST_SERIES}",
        (),
        {(): max(0, len(names) - MOST_SERIES)},
    )


def _most(counts: Counter[Labels]) -> tuple[dict[Labels, int], int]:
    """Return the counts of the series that are written, the largest, and the sum of the others."""
    kept = dict(sorted(counts.most_common(MOST_SERIES)))
    return kept, counts.total() - sum(kept.values())


def _gauge(
    name: str, text: str, labels: Sequence[str], values: Mapping[Any, float]
) -> GaugeMetricFamily:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(PREFIX + name, text, labels=labels)
    for of, value in values.items():
        family.add_metric(of, value)
    return family
