"""What went and is still worth seeing for a while, and how often things restart.

Pure: whoever tells it of a going or a coming passes the time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from backends.history import BY_THIS_DYNTOP, Happening, What
from backends.ids import Kind
from backends.places import Scope, scopes_of
from backends.records import AnyRecord, EndpointInstance

KEPT_SECONDS = 600.0
"""For so long a tombstone stays, and so far back restarts are counted."""
KEPT = 2000
"""Tombstones at most, the oldest go first: a cluster that restarts leaves more than can be read."""


@dataclass(slots=True)
class Tombstone:
    """A record that is not registered any more, as it last was."""

    record: AnyRecord
    happening: Happening
    """When it went, and why as far as it is known; the reason may come later."""
    replaced_by: AnyRecord | None = None
    """What came in its place: the same endpoint, on the same host."""

    @property
    def at(self) -> float:
        """When it went, in POSIX seconds."""
        return self.happening.at


_Spot = tuple[str | None, ...]
"""Where an instance stands: namespace, component, endpoint, host."""


class Tombstones:
    """The last goings, by key: at most one for each, and none for a key that is there."""

    def __init__(self) -> None:
        self._stones: dict[bytes, Tombstone] = {}
        """Oldest first."""
        self._restarts: dict[_Spot, list[float]] = defaultdict(list)
        self._vacant: dict[_Spot, list[bytes]] = {}
        """Keys of instances that went and were not replaced yet, oldest first."""

    def note(self, happenings: Iterable[Happening]) -> set[bytes]:
        """Follow the history; returns the keys whose tombstone came, changed or went, and of what
        came in the place of one."""
        touched = set()
        for happening in happenings:
            record = happening.record
            if record is None:
                continue
            if happening.what is What.REMOVED:
                self._bury(Tombstone(record, happening))
                touched.add(record.key)
                continue
            if happening.what is What.ADDED:
                touched |= self._replace(record, happening.at)
            if record.key in self._stones:
                self._remove(record.key)
                touched.add(record.key)
        while len(self._stones) > KEPT:
            oldest = next(iter(self._stones))
            self._remove(oldest)
            touched.add(oldest)
        return touched

    def prune(self, now: float) -> set[bytes]:
        """Drop what is too old; returns the keys of what was dropped. So is what went in a time to
        come: the clock was set back, and how long ago that was is not known any more."""
        first = now - KEPT_SECONDS
        old = [key for key, stone in self._stones.items() if not first < stone.at <= now]
        for key in old:
            self._remove(key)
        for spot, times in list(self._restarts.items()):
            times[:] = [at for at in times if first < at <= now]
            if not times:
                del self._restarts[spot]
        return set(old)

    def get(self, key: bytes) -> Tombstone | None:
        return self._stones.get(key)

    def __len__(self) -> int:
        return len(self._stones)

    def of(self, kinds: Collection[Kind], scope: Scope = ()) -> list[Tombstone]:
        """Those of some kinds in a place, oldest first."""
        return [
            stone
            for stone in self._stones.values()
            if stone.record.kind in kinds and scope in scopes_of(stone.record)
        ]

    def restarts(self, record: AnyRecord, now: float) -> int:
        """How often an instance was replaced at this endpoint on this host, of late."""
        if not isinstance(record, EndpointInstance):
            return 0
        times = self._restarts.get(_spot(record), ())
        return sum(at > now - KEPT_SECONDS for at in times)

    def _bury(self, stone: Tombstone) -> None:
        self._remove(stone.record.key)
        self._stones[stone.record.key] = stone
        if isinstance(stone.record, EndpointInstance):
            self._vacant.setdefault(_spot(stone.record), []).append(stone.record.key)

    def _replace(self, record: AnyRecord, at: float) -> set[bytes]:
        """An instance came: it stands for the one that went first from its place, if any did."""
        if not isinstance(record, EndpointInstance):
            return set()
        spot = _spot(record)
        if not (vacant := self._vacant.get(spot)):
            return set()
        if record.key in vacant and self._stones[record.key].happening.why == BY_THIS_DYNTOP:
            # It was drained, and put back.
            return set()
        key = vacant[0]
        self._fill(spot, key)
        self._stones[key].replaced_by = record
        self._restarts[spot].append(at)
        return {key, record.key}

    def _remove(self, key: bytes) -> None:
        if (stone := self._stones.pop(key, None)) is not None:
            self._fill(_spot(stone.record), key)

    def _fill(self, spot: _Spot, key: bytes) -> None:
        vacant = self._vacant.get(spot, [])
        if key in vacant:
            vacant.remove(key)
            if not vacant:
                del self._vacant[spot]


def _spot(record: AnyRecord) -> _Spot:
    transport = record.transport
    host = None
    if transport is not None and transport.kind == "tcp" and transport.address is not None:
        host = transport.address.partition("/")[0].rpartition(":")[0]
    return (record.id.namespace, record.id.component, record.id.endpoint, host)
