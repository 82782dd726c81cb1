"""Workers whose lease is not their instance id.

Dynamo's own programs use one number for both. Another program may grant a lease with any id, and a
new lease after each failed renewal; its keys, values and routers know only the instance id. Leases
and ids that occur together belong to one process.

In Kubernetes the id that follows from an object's name takes the place of the lease: an object that
was copied under another name keeps the ids of the first.

Pure, and updated as records are added and removed, at a cost that does not grow with the number of
ids on a lease: a program may register thousands. Empty where every lease is an instance id.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Set

from sortedcontainers import SortedList

from backends.discovery.record_index import holder_of
from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard


class _Process:
    """The leases and ids that belong to one process."""

    __slots__ = ("ids", "is_perhaps_split", "names")

    def __init__(self, names: Set[int] = frozenset(), ids: Set[int] = frozenset()) -> None:
        self.names = {*names}
        """Its leases and ids."""
        self.ids: SortedList[int] = SortedList(ids)
        """Of these, the ids that differ from their lease. Never empty once it is complete."""
        self.is_perhaps_split = False
        """Whether two of its names occurred together and do no more: they may be two processes."""


class LeaseAliases:
    """Maps leases to the instance ids of the same process, where they differ."""

    def __init__(self) -> None:
        self._ids: defaultdict[int, Counter[int]] = defaultdict(Counter)
        """For each lease, the other ids on it, with their number of records."""
        self._leases: defaultdict[int, Counter[int]] = defaultdict(Counter)
        """For each id, the other leases it occurs with."""
        self._processes: dict[int, _Process] = {}
        """By each of their names."""
        self._relisted: set[int] = set()
        """See `take_relisted`."""

    def __bool__(self) -> bool:
        """Return whether any lease differs from its instance id."""
        return bool(self._ids)

    def __contains__(self, one: int) -> bool:
        """Return whether a lease or id occurs with another."""
        return one in self._processes

    def add(self, record: AnyRecord) -> None:
        """Count a record that was added."""
        if (pair := _alias(record)) is not None:
            lease, number = pair
            is_new = not self._ids[lease][number]
            self._ids[lease][number] += 1
            self._leases[number][lease] += 1
            if is_new:
                self._join(lease, number)

    def discard(self, record: AnyRecord) -> None:
        """Count a record that was removed."""
        if (pair := _alias(record)) is not None:
            lease, number = pair
            _less(self._ids, lease, number)
            _less(self._leases, number, lease)
            if number not in self._ids.get(lease, ()):
                self._part(lease, number)

    def worker(self, one: int) -> int:
        """Return the id that a process is listed under, given any of its leases and ids.

        It is the lowest id that differs from its lease, so a new lease does not change it.
        """
        process = self._process(one)
        return one if process is None else process.ids[0]

    def names_of(self, one: int) -> Set[int]:
        """Return all leases and ids of a process, given any one of them. Do not change it, nor keep
        it."""
        process = self._process(one)
        return {one} if process is None else process.names

    def take_relisted(self) -> set[int]:
        """Return the leases and ids that processes were listed under, or are now, where that
        changed since the last call."""
        relisted, self._relisted = self._relisted, set()
        return relisted

    def _process(self, one: int) -> _Process | None:
        process = self._processes.get(one)
        if process is not None and process.is_perhaps_split:
            self._split(process)
            process = self._processes[one]
        return process

    def _join(self, lease: int, number: int) -> None:
        """Note that a lease and an id belong to one process."""
        known = {self._processes[one] for one in (lease, number) if one in self._processes}
        into = max(known, key=lambda one: len(one.names), default=None) or _Process()
        # The smaller one is moved, so that no name is moved often.
        for other in known - {into}:
            self._relisted.update((into.ids[0], other.ids[0]))
            into.names |= other.names
            into.ids.update(other.ids)
            into.is_perhaps_split |= other.is_perhaps_split
            self._processes.update(dict.fromkeys(other.names, into))
        for one in (lease, number):
            if one not in into.names:
                self._relisted.add(one)
                into.names.add(one)
                self._processes[one] = into
        if number not in into.ids:
            self._relisted.update(into.ids[:1])
            into.ids.add(number)
            self._relisted.add(into.ids[0])

    def _part(self, lease: int, number: int) -> None:
        """Note that a lease and an id do not occur together any more."""
        process = self._processes[number]
        self._relisted.update((lease, number, process.ids[0]))
        if number not in self._leases:
            process.ids.remove(number)
        gone = [one for one in (lease, number) if one not in self._ids and one not in self._leases]
        for one in gone:
            process.names.discard(one)
            del self._processes[one]
        if not gone:
            process.is_perhaps_split = True
        elif process.ids:
            self._relisted.add(process.ids[0])

    def _split(self, process: _Process) -> None:
        """Find which names of a process still belong together."""
        left = {*process.names}
        while left:
            names: set[int] = set()
            new = {left.pop()}
            while new:
                names |= new
                others = (
                    (self._ids.get(one, ()) for one in new),
                    (self._leases.get(one, ()) for one in new),
                )
                new = {one for kind in others for found in kind for one in found} - names
            left -= names
            part = _Process(names, {one for one in names if one in self._leases})
            self._processes.update(dict.fromkeys(names, part))
            self._relisted.add(part.ids[0])


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
