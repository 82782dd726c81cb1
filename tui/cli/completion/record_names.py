"""The names in records that arguments take. None of them is cleaned here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from backends.dynamo.keys import spell
from backends.dynamo.records import AnyRecord, EndpointInstance
from backends.probe.hosts import hosts_of


def models(records: Iterable[AnyRecord]) -> Iterator[str]:
    """Models and LoRA adapters."""
    return (one.model_name for one in records if one.model_name is not None)


def namespaces(records: Iterable[AnyRecord]) -> Iterator[str]:
    return (one.id.namespace for one in records if one.id.namespace)


def components(records: Iterable[AnyRecord]) -> Iterator[str]:
    return (one.id.component for one in records if one.id.component)


def endpoints(records: Iterable[AnyRecord]) -> Iterator[str]:
    return (one.id.endpoint for one in records if one.id.endpoint)


def topics(records: Iterable[AnyRecord]) -> Iterator[str]:
    return (one.id.topic for one in records if one.id.topic)


def paths(records: Iterable[AnyRecord]) -> Iterator[str]:
    """`NAMESPACE/COMPONENT/ENDPOINT`, of channels with their topic."""
    return (one.id.path() for one in records)


def ids(records: Iterable[AnyRecord]) -> Iterator[str]:
    """In hex, as `dyntop list workers` prints them."""
    return (f"{one.id.instance_id:x}" for one in records if one.id.instance_id is not None)


def instance_ids(records: Iterable[AnyRecord]) -> Iterator[str]:
    return ids(one for one in records if isinstance(one, EndpointInstance))


def keys(records: Iterable[AnyRecord]) -> Iterator[str]:
    return (spell(one.key) for one in records)


def hosts(records: Iterable[AnyRecord]) -> Iterator[str]:
    """Hosts, and on Kubernetes nodes and pods."""
    return (host for one in records for host in hosts_of(one))


def pods_taken_out(records: Iterable[AnyRecord]) -> Iterator[str]:
    """Pods whose label a lasting drain took off. Of a name that two Kubernetes namespaces have:
    `NAMESPACE/POD`."""
    owners = (one.entry.owner for one in records)
    labels = {owner.taken_out_by for owner in owners if owner is not None} - {None}
    found = [(label.pod, label.pod_path) for label in labels if label is not None]
    times = Counter(pod for pod, _ in {*found})
    return (path if times[pod] > 1 else pod for pod, path in found)
