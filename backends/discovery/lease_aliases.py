"""Workers whose lease is not their instance id.

Dynamo's own programs use one number for both. Another program may grant a lease with any id, and a
new lease after each failed renewal; its keys, values and routers know only the instance id. Leases
and ids that occur together belong to one process.

In Kubernetes the id that follows from an object's name takes the place of the lease: an object that
was copied under another name keeps the ids of the first.

Pure, and updated as records are added and removed. Empty where every lease is an instance id.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from backends.discovery.record_index import holder_of
from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard


class LeaseAliases:
    """Maps leases to the instance ids of the same process, where they differ."""

    def __init__(self) -> None:
        self._ids: defaultdict[int, Counter[int]] = defaultdict(Counter)
        """For each lease, the other ids on it, with their number of records."""
        self._leases: defaultdict[int, Counter[int]] = defaultdict(Counter)
        """For each id, the other leases it occurs with."""

    def __bool__(self) -> bool:
        """Return whether any lease differs from its instance id."""
        return bool(self._ids)

    def add(self, record: AnyRecord) -> None:
        """Count a record that was added."""
        if (pair := _alias(record)) is not None:
            lease, number = pair
            self._ids[lease][number] += 1
            self._leases[number][lease] += 1

    def discard(self, record: AnyRecord) -> None:
        """Count a record that was removed."""
        if (pair := _alias(record)) is not None:
            lease, number = pair
            _less(self._ids, lease, number)
            _less(self._leases, number, lease)

    def worker(self, one: int) -> int:
        """Return the id that a process is listed under, given any of its leases and ids.

        It is the lowest id that differs from its lease, so a new lease does not change it.
        """
        if not self._ids:
            return one
        return min((name for name in self.names_of(one) if name in self._leases), default=one)

    def names_of(self, one: int) -> set[int]:
        """Return all leases and ids of a process, given any one of them."""
        found, new = {one}, [one]
        while new:
            name = new.pop()
            for others in (self._ids.get(name, ()), self._leases.get(name, ())):
                new += [other for other in others if other not in found]
                found.update(others)
        return found


def _alias(record: AnyRecord) -> tuple[int, int] | None:
    """Return the lease (or the id of its object's name) and the id of a record if they differ.
    None: they are equal, or one is missing.
    """
    holder, number = holder_of(record), record.id.instance_id
    if holder is None or number is None or holder == number:
        return None
    return (holder, number) if isinstance(record, EndpointInstance | ModelCard) else None


def _less(index: defaultdict[int, Counter[int]], one: int, other: int) -> None:
    index[one][other] -= 1
    if not index[one][other]:
        del index[one][other]
    if not index[one]:
        del index[one]
