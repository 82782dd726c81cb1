"""Infer from a process's records which releases of Dynamo may have written them. Pure.

Each release writes all members that it knows, so a member shows that the release that brought it
has come. A member that is missing shows nothing: programs other than Dynamo leave some out. Seen
in records of 0.5.1, 0.6.1, 0.8.1, 1.0.2, 1.2.1, 1.4.2 and 1.6.1, and in the binaries of 1.3.1 and
1.5.1.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import msgspec

from backends.dynamo.keys import Dialect
from backends.dynamo.records import (
    AnyRecord,
    EndpointInstance,
    EventChannel,
    EventSource,
    ModelCard,
)

Release = tuple[int, int]
"""The first two numbers of a release: `(1, 4)`."""


class Releases(msgspec.Struct, frozen=True, gc=False):
    """A range of releases."""

    first: Release | None
    """The oldest that it can be. None: not known."""
    last: Release | None
    """The newest that it can be. None: not known."""

    def __str__(self) -> str:
        """Return `1.4+`, `≤0.5`, `0.9–1.3`, `0.6`."""
        first, last = _text(self.first), _text(self.last)
        if self.first == self.last:
            return first
        if self.last is None:
            return f"{first}+"
        return f"{first}–{last}" if first else f"≤{last}"


_MEMBERS: dict[type[AnyRecord], tuple[tuple[bytes, Release], ...]] = {
    EndpointInstance: ((b'"request_plane_codec":', (1, 4)), (b'"device_type":', (1, 2))),
    ModelCard: ((b'"tool_call_arguments_format":', (1, 5)),),
}
"""Members that a release brought, the newest first."""


def releases_of(records: Iterable[AnyRecord]) -> Releases | None:
    """Return the releases that can have written all of a process's records. None: the records do
    not show it, or contradict each other."""
    first: Release | None = None
    last: Release | None = None
    for record in records:
        if not record.readable or record.unread:
            continue
        oldest, newest = _range_of(record)
        if oldest is not None and (first is None or oldest > first):
            first = oldest
        if newest is not None and (last is None or newest < last):
            last = newest
    if first is None and last is None:
        return None
    contradict = first is not None and last is not None and first > last
    return None if contradict else Releases(first, last)


def of_processes(records: Iterable[AnyRecord]) -> Counter[Releases | None]:
    """Return how many processes write as which releases. None: as `releases_of`.

    A process is a lease, else the object that holds its keys, else an instance id. Channels and
    sources without these name no process, and are left out.
    """
    found: defaultdict[object, list[AnyRecord]] = defaultdict(list)
    for record in records:
        if (process := _process_of(record)) is not None:
            found[process].append(record)
    return Counter(map(releases_of, found.values()))


def _process_of(record: AnyRecord) -> object:
    if record.lease is not None:
        return "lease", record.lease
    if record.entry.owner is not None:
        return "object", record.entry.owner.namespace, record.entry.owner.name
    if isinstance(record, EndpointInstance | ModelCard) and record.id.instance_id is not None:
        return "instance", record.id.instance_id
    return None


class _Tagged(msgspec.Struct):
    type: str | msgspec.UnsetType = msgspec.UNSET


_decode = msgspec.json.Decoder(_Tagged).decode


def _range_of(record: AnyRecord) -> tuple[Release | None, Release | None]:
    if record.dialect is Dialect.OLD:
        return None, (0, 5)
    if record.dialect is Dialect.V1_SCOPED:
        return (1, 4), None
    if isinstance(record, EventChannel | EventSource):
        return (0, 9), (1, 3)
    value = record.entry.value
    for member, release in _MEMBERS.get(type(record), ()):
        if member in value:
            return release, None
    if not isinstance(record, EndpointInstance | ModelCard):
        return None, None
    try:
        is_tagged = _decode(value).type is not msgspec.UNSET
    except (msgspec.DecodeError, RecursionError):
        return None, None
    # To 0.6 bodies have no tag.
    return ((0, 7), None) if is_tagged else ((0, 6), (0, 6))


def _text(release: Release | None) -> str:
    return "" if release is None else f"{release[0]}.{release[1]}"
