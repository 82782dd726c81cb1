"""The contract of a timeline: moments in their order, and what led from one to the next.

A timeline is the revisions of a store that keeps them, or a recording. A view of it opens at one
moment and folds step after step, as a dashboard folded them then. To go back, it opens anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from backends.discovery.cluster import FirstSeen
from backends.discovery.lease_ttl import LeaseTtl
from backends.discovery.past_records import RecordChange, StoreChange
from backends.liveness.drain_marks import DrainMark
from backends.liveness.keys_by_lease import LeaseOrKey
from backends.probe.types import ProbeResult
from backends.store import Lifetime, Resync, StoreError, StoreEvent

if TYPE_CHECKING:
    from backends.metrics.hour import FigureRow, SeriesKey
    from backends.metrics.latest import ScrapedProcess

LATEST = 253_401_868_799.0
"""The latest time that is taken for one, in POSIX seconds: five days before the end of the year
9999. Any time zone, and a day more, is within the calendar then."""


class Moment(msgspec.Struct, frozen=True):
    """A point of a timeline: all that was written up to it, and nothing later."""

    number: int
    """Counts up along the timeline: the revision of a store, or the step of a recording."""
    revision: str = ""
    """The store's own revision at that moment, for people. Empty: not known."""
    at: float | None = None
    """POSIX seconds. None: not known, since the store keeps no times."""


class StoreEvents(msgspec.Struct, frozen=True):
    """The store reported changes, or that it is lost, or answers again."""

    events: Sequence[StoreEvent]
    """Those of one moment, in their order. A `Resync` has all entries, as in a watch."""


class LeasesRead(msgspec.Struct, frozen=True):
    """The store was asked for the time to live of leases or keys."""

    ttls: Mapping[LeaseOrKey, LeaseTtl]


class ProbesMade(msgspec.Struct, frozen=True):
    """Addresses were probed."""

    results: Sequence[ProbeResult]


class DrainsRead(msgspec.Struct, frozen=True):
    """The audit told which workers were drained. Replaces what it told before."""

    marks: Mapping[int, DrainMark]


class FiguresRead(msgspec.Struct, frozen=True):
    """Processes were scraped."""

    at: float
    """When that was known, in POSIX seconds."""
    rows: Sequence[FigureRow] = ()
    """What was measured. Rows that are not among them are as they were."""
    silent: Sequence[ScrapedProcess] = ()
    """All processes that did not answer, or have no figures of Dynamo."""
    models_of: Mapping[str, Sequence[str]] = {}
    """The models that silent ones reported on before, by the text of their target."""
    gone: Sequence[SeriesKey] = ()
    """The rows that no process reports any more."""
    is_all: bool = False
    """Whether this replaces all that was known before."""


Step = StoreEvents | LeasesRead | ProbesMade | DrainsRead | FiguresRead
"""What happens at one moment: the store changes, or evidence comes."""


class Stepped(msgspec.Struct, frozen=True):
    """One step of a timeline, with the moment that it leads to."""

    moment: Moment
    step: Step


class Opening(msgspec.Struct, frozen=True):
    """All that a view needs to begin at a moment."""

    base: Moment
    """The moment of `entries`: the one that was asked for, or the nearest before it that is whole
    by itself."""
    entries: Resync
    first_seen: Mapping[bytes, FirstSeen]
    """When keys were first seen, as far as known."""
    evidence: Sequence[Step]
    """What was known beside the entries at `base`."""
    steps: Sequence[Stepped]
    """What leads from `base` to the moment, in its order."""
    earlier: Sequence[RecordChange]
    """The last changes up to `base`, oldest first, as far as known."""
    value_seen: Mapping[bytes, FirstSeen] = {}
    """When the values of keys were first seen, where it is known to be later than the keys."""
    store_changes: Sequence[StoreChange] = ()
    """When the store was lost and read again between `earlier`, or nothing was recorded."""
    figures: Sequence[FiguresRead] = ()
    """What was scraped in the hour before `base`, oldest first, as far as it was kept."""


class TimeNotKnown(StoreError):
    """It is not known what was there at a time. Times are POSIX seconds."""

    def __init__(self, of: str, known_from: float, gap_since: float | None = None) -> None:
        """`of`: the timeline's name. `known_from`: times are known from then on. `gap_since`: and
        before then. None: no earlier ones are."""
        super().__init__(f"{of}: times are known from {known_from:.0f} on")
        self.of = of
        self.known_from = known_from
        self.gap_since = gap_since


class CountsAnew(StoreError):
    """A store counts its revisions anew since a moment was opened, as after a restore from a
    backup: no step leads from that moment to what the store has now."""

    def __init__(self, of: str, address: str) -> None:
        """`of`: the store's name."""
        super().__init__(f"{of}: {address} counts its revisions anew")
        self.of = of
        self.address = address


class Timeline(Protocol):
    """Moments of the past, in their order.

    Every method may raise `StoreError`: `Compacted` for what is not there any more, `NotYet` for
    what is not there yet, `CountsAnew` for steps that begin before a restore."""

    @property
    def name(self) -> str:
        """What it is, for people: `etcd's revisions`, or the path of a recording."""

    @property
    def store(self) -> str:
        """The name of the store that it is of, as `Store.name`."""

    @property
    def address(self) -> str:
        """The address of that store, for people, without credentials."""

    @property
    def lifetime(self) -> Lifetime:
        """What limits the life of a key in that store."""

    @property
    def has_times(self) -> bool:
        """Whether the moments have times."""

    async def first(self) -> Moment:
        """Return the oldest moment that is known."""

    async def last(self) -> Moment:
        """Return the newest moment."""

    async def change_from(self, moment: Moment, by: int) -> Moment:
        """Return the moment of the change that is so many changes of entries later, or earlier if
        `by` is below 0. Where there are fewer, it is the first moment, or that of the last
        change: the same number as before says that there is none."""

    async def at_time(self, at: float) -> Moment:
        """Return the last moment that is not after a time in POSIX seconds: the first if all are.
        Raises `NoPast` if no times are known, `TimeNotKnown` if some are, and not that one."""

    async def at_revision(self, revision: int) -> Moment:
        """Return the moment at which the store had a revision; in a recording the last moment that
        is not after it. Raises `NoPast` if no revisions are known."""

    async def open(self, moment: Moment) -> Opening:
        """Return all that a view needs to begin at a moment."""

    async def between(self, after: Moment, until: Moment) -> Sequence[Stepped] | None:
        """Return the steps after one moment up to and with a later one. None: to open it anew costs
        less."""
