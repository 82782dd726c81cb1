"""The names in records that arguments take: each as the command that takes it reads it back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator

from backends.dynamo import lookup
from backends.dynamo.queries import ANY_END
from backends.dynamo.records import AnyRecord, EndpointInstance
from backends.probe.hosts import bare_host, hosts_of
from tui.cli.completion.quoting import is_plain
from tui.text.sanitize import plain_key

Names = Callable[[Iterable[AnyRecord]], Iterator[str]]


def models(records: Iterable[AnyRecord]) -> Iterator[str]:
    """Models and LoRA adapters."""
    return (one.model_name for one in records if one.model_name is not None)


def namespaces(records: Iterable[AnyRecord]) -> Iterator[str]:
    return _filters(one.id.namespace for one in records)


def components(records: Iterable[AnyRecord]) -> Iterator[str]:
    return _filters(one.id.component for one in records)


def endpoints(records: Iterable[AnyRecord]) -> Iterator[str]:
    return _filters(one.id.endpoint for one in records)


def topics(records: Iterable[AnyRecord]) -> Iterator[str]:
    return _filters(one.id.topic for one in records)


def _filters(names: Iterable[str | None]) -> Iterator[str]:
    """Leave out what a filter takes for the beginning of names."""
    return (name for name in names if name and ANY_END not in name)


def paths(records: Iterable[AnyRecord]) -> Iterator[str]:
    """`NAMESPACE/COMPONENT/ENDPOINT`, of channels with their topic."""
    return (one.id.path() for one in records)


def ids(records: Iterable[AnyRecord]) -> Iterator[str]:
    """In hex, as `dyntop list workers` prints them."""
    return (f"{one.id.instance_id:x}" for one in records if one.id.instance_id is not None)


def instance_ids(records: Iterable[AnyRecord]) -> Iterator[str]:
    return ids(one for one in records if isinstance(one, EndpointInstance))


def keys(records: Iterable[AnyRecord]) -> Iterator[str]:
    """As `dyntop list -o name` prints them."""
    return (plain_key(one.key) for one in records)


def hosts(records: Iterable[AnyRecord]) -> Iterator[str]:
    """Hosts, and on Kubernetes nodes and pods."""
    return (host for one in records for host in hosts_of(one) if bare_host(host) == host)


def pods_taken_out(records: Iterable[AnyRecord]) -> Iterator[str]:
    """Pods whose label a lasting drain took off. Of a name that two Kubernetes namespaces have:
    `NAMESPACE/POD`."""
    owners = (one.entry.owner for one in records)
    labels = {owner.taken_out_by for owner in owners if owner is not None} - {None}
    found = [(label.pod, label.pod_path) for label in labels if label is not None]
    times = Counter(pod for pod, _ in {*found})
    return (path if times[pod] > 1 else pod for pod, path in found)


def looked_up(names: Names, records: Collection[AnyRecord], prefix: str) -> set[str]:
    """Return some names that begin so, without those by which `lookup` does not find the record: it
    takes quotes, brackets and blanks off the ends of an address or a key."""
    found = {name for name in names(records) if name.startswith(prefix)}
    if all(map(is_plain, found)):
        return found
    return {
        name
        for record in records
        for name in names((record,))
        if name in found and (is_plain(name) or lookup.parse(name).meanings(record, None))
    }
