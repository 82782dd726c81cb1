"""Own the data on screen: the cluster with its verdicts, its history and tombstones, and the state
of the store; filter and freeze them.

Plain Python, no Textual. Batches of events come in; widgets read. Time is passed in.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

import msgspec
from msgspec.structs import replace

from backends.discovery import record_index
from backends.discovery.causes import Causes, EventCause
from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.discovery import Added, Removed, Resynced, WatchEvent
from backends.discovery.earlier_events import (
    earlier_events,
    events_of_objects,
    events_of_pods,
    in_order,
)
from backends.discovery.history import KEPT, Event, EventType, History
from backends.discovery.model_index import ModelIndex
from backends.discovery.past_records import RecordChange
from backends.discovery.record_index import RecordIndex, Scope, process_of, scopes_of
from backends.discovery.tombstones import Tombstone, Tombstones
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord
from backends.liveness.judge import FINDINGS, Verdict
from backends.liveness.tracker import LivenessTracker
from backends.probe.local import host_name
from backends.store import Lifetime
from backends.store.pods import PodWarning
from tui.state.conditions import Conditions
from tui.state.narrowing import STEP, Narrowing, Texts, Words, in_steps, searchable
from tui.state.store_state import LinkState, StoreState, next_state
from tui.state.watchdog import Trouble

_COUNTS = {EventType.ADDED: 1, EventType.REMOVED: -1}
"""How many keys more a process has after an event."""

RATE_WINDOW = 10.0
"""Seconds over which changes per second are averaged."""


class _Held(msgspec.Struct, frozen=True):
    """The present record of a key that changed while the view was frozen."""

    record: AnyRecord | None
    """As it is now. None: it is gone."""
    went: bool
    """Whether the key was gone in between: then the record is another one."""
    first_seen: FirstSeen
    """When the present record was first seen."""


class Changes(record_index.RecordChanges):
    """Differences on screen: records, verdicts and tombstones."""

    models: set[str] = msgspec.field(default_factory=set)
    """The names of models concerned, also of those that are gone."""
    served: set[str] = msgspec.field(default_factory=set)
    """Of these, the ones of which a card came, changed, went or is routed otherwise. The others
    have another verdict alone."""

    def add(self, later: Changes) -> None:
        """Add the differences that came after these."""
        for name in self.__struct_fields__:
            getattr(self, name).update(getattr(later, name))


class ClusterView:
    """The cluster as the dashboard shows it: filtered, frozen, with its history."""

    def __init__(self, now: float, lifetime: Lifetime, *, step: int = STEP) -> None:
        """`now`: POSIX seconds. `step`: records that are looked at in one go for a filter."""
        self.cluster = Cluster()
        """All registered records."""
        self.verdicts = LivenessTracker(self.cluster, lifetime, host=host_name())
        self.models = ModelIndex(self.cluster)
        """All models, as of the last changes taken."""
        self.tombstones = Tombstones()
        self.shows_internal = False
        """Whether instances of internal endpoints are shown beside those that serve."""
        self.hides_gone = False
        """Whether tombstones are left out of the view."""
        self.shown = RecordIndex()
        """The part of the cluster that matches the filter: the cluster itself while there is no
        filter. Nothing before a whole snapshot was read."""
        self.history = History()
        self._causes = Causes(lifetime)
        """Of its events, as of the last look at them."""
        self.store = StoreState(since=now)
        """The state on screen."""
        self._received = self.store
        """The state by the watch."""
        self._stopped: tuple[Trouble, float, float] | None = None
        """The reason why the view does not follow the watch, since when, and until when."""
        self.complete = False
        """Whether a whole snapshot was read: before that no count is true."""
        self._words = Words("")
        """Of the filter."""
        self.only_findings = False
        """Whether only records that are not live are shown."""
        self._step = step
        self._is_loading = False
        """Whether a first snapshot is being taken in."""
        self._loaded: Resynced | None = None
        """The first snapshot, once it was taken in by `load`."""
        self._shown_by: Narrowing | None = None
        """Keeps what is shown. None: all is."""
        self._narrowing: Narrowing | None = None
        """What will be shown next."""
        self._next_words = self._words
        """The filter's, once all records were looked at."""
        self.frozen = False
        self.waiting = 0
        """Changes that came in while frozen."""
        self._held: dict[bytes, _Held] = {}
        """The changed keys while frozen: no more than there were keys."""
        self._held_of: Counter[Hashable] = Counter()
        """For each process, how many keys more or less it has by the changes while frozen."""
        self._shown_until: int | None = None
        """The number of the last event on screen while frozen."""
        self._rate: deque[tuple[float, int]] = deque()
        self._texts = Texts()
        """Of the records, while there is a filter or will be."""
        self._earlier: Sequence[Event] = ()
        """Events from before the start that came while frozen."""
        self._noted_frozen: deque[Event] = deque(maxlen=KEPT)
        """The events while frozen: their tombstones come when the view resumes."""
        self._stones_changed: set[bytes] = set()
        self._worsened: dict[bytes, Verdict | None] = {}
        """The previous verdict of keys that have a finding now and had none."""

    def load(self, event: Resynced, now: float) -> Iterator[None]:
        """Take in a first snapshot step by step. Nothing of it is shown before `take` takes it.

        A step is some 10 ms. Left before its end, the rest is taken in by `take`.
        """
        self._is_loading = True
        try:
            self.verdicts.set_complete(not event.unread)
            yield from self.cluster.resync(event, now, self._step)
            while self.cluster.find_roles(self._step):
                yield
            keys = list(self.cluster.records)
            for part in in_steps(keys, self._step):
                self.models.amend(part)
                yield
            yield from self.verdicts.update_in_steps(keys, {}, self._step)
            self.cluster.take_changes()
            self._loaded = event
        finally:
            self._is_loading = False

    def take(self, batch: list[WatchEvent], now: float) -> list[Event]:
        """Apply a batch of events. Returns the new events of the history, oldest first."""
        noted: list[Event] = []
        changed = 0
        since = self._received.last_contact
        for event in batch:
            self._received = next_state(self._received, event, now)
            noted += self.history.apply(
                event,
                now,
                since=since,
                reading_of=self.verdicts.lease_ttl,
                is_first=self._is_first,
            )
            if isinstance(event, Resynced):
                self.verdicts.set_complete(not event.unread)
            match event:
                # What comes before the first snapshot is complete changes nothing that is shown.
                case Added() | Removed() if self.frozen and self.complete:
                    self._hold(event, FirstSeen(now, was_there=False))
                case Resynced(removed=removed, added=added) if self.frozen and self.complete:
                    for gone in removed:
                        self._hold(gone, FirstSeen(now, was_there=True))
                    for new in added:
                        self._hold(new, FirstSeen(now, was_there=True))
                case Added() | Removed() | Resynced():
                    if event is not self._loaded:
                        self.cluster.apply(event, now)
                    if isinstance(event, Resynced):
                        self._loaded = None
                        self._complete()
            changed += isinstance(event, Added | Removed)
        self._show_store()
        if changed:
            self._rate.append((now, changed))
        if self.frozen and self.complete:
            self._noted_frozen.extend(noted)
        else:
            self._stones_changed |= self.tombstones.note(noted)
        return noted

    def begin_at(
        self,
        event: Resynced,
        now: float,
        first_seen: Mapping[bytes, FirstSeen],
        *,
        read_only: str,
    ) -> None:
        """Show another moment, with nothing of what led to the one before: no events, tombstones or
        ages but those that are passed in. `event`: the differences in what is registered."""
        self.cluster.apply(event, now)
        self.cluster.date(first_seen, FirstSeen(now, was_there=True))
        self.verdicts.forget_evidence()
        self.verdicts.set_complete(not event.unread)
        self._worsened.clear()
        # No number stands for two events: rows and texts are kept by it.
        self.history = History(is_begun=True, after=self.history.is_after + KEPT)
        self._causes = Causes(self.verdicts.lifetime)
        self._stones_changed |= self.tombstones.clear()
        self._rate.clear()
        warnings = (event.unread,) if event.unread else ()
        self._received = StoreState(
            LinkState.CONNECTED, now, last_contact=now, warnings=warnings, read_only=read_only
        )
        self._show_store()
        self._complete()

    def pass_time(self, now: float) -> None:
        """Take in that what is shown was still so at a later moment."""
        if self._received.link is LinkState.CONNECTED:
            self._received = replace(self._received, last_contact=now)
            self._show_store()

    def earlier_events(
        self,
        changes: Sequence[RecordChange],
        until: float | None = None,
        *,
        has_revisions: bool = False,
    ) -> list[Event]:
        """Return the events of changes from before the first snapshot, oldest first. `until`: POSIX
        seconds, in place of the time of that snapshot. `has_revisions`: as in `earlier_events`."""
        start = self.history.start
        later = Counter[Hashable]()
        for event in self.history:
            if event.record is not None:
                later[process_of(event.record)] += _COUNTS.get(event.type, 0)

        def keys_of(record: AnyRecord) -> int:
            process = process_of(record)
            return self.cluster.count_of(record) + self._held_of[process] - later[process]

        at = until if start is None else start.at
        if at is None:
            return []
        return earlier_events(changes, at, keys_of, has_revisions=has_revisions)

    def events_of_objects(self) -> list[Event]:
        """Return the events that objects tell of, from before the first snapshot (Kubernetes)."""
        start = self.history.start
        return [] if start is None else events_of_objects(self.registered().values(), start.at)

    def events_of_pods(self, warnings: Iterable[PodWarning]) -> list[Event]:
        """Return the events that objects tell of and warnings about their pods, from before the
        first snapshot (Kubernetes)."""
        start = self.history.start
        if start is None:
            return []
        registered = self.registered().values()
        found = events_of_pods(warnings, registered, start.at)
        return in_order([*events_of_objects(registered, start.at), *found])

    def put_before(self, events: Sequence[Event]) -> None:
        """Put events from before the first snapshot into the history. They are no findings and
        leave no tombstones. A frozen view shows them once it goes on."""
        if self.frozen:
            self._earlier = events
        else:
            self.history.put_before(events)

    def stop_following(self, trouble: Trouble, since: float, again_at: float) -> None:
        """Note that the view stopped following the store at `since`, and that everything is read
        again at `again_at`, both in POSIX seconds. It stays so until `follow_again`."""
        self._stopped = (trouble, since, again_at)
        self._show_store()

    def follow_again(self) -> None:
        """Note that the view follows the store again."""
        self._stopped = None
        self._show_store()

    def registered(self) -> dict[bytes, AnyRecord]:
        """Return all records that were taken in, also those that a frozen view holds back."""
        records = dict(self.cluster.records)
        for key, held in self._held.items():
            if held.record is None:
                records.pop(key, None)
            else:
                records[key] = held.record
        return records

    def rate(self, now: float) -> float:
        """Changes per second, over the last ten seconds."""
        while self._rate and self._rate[0][0] <= now - RATE_WINDOW:
            self._rate.popleft()
        return sum(changed for _, changed in self._rate) / RATE_WINDOW

    def freeze(self, frozen: bool) -> None:
        """Stop the view, or let it catch up."""
        self.frozen = frozen
        self._shown_until = self.history.last if frozen else None
        held, self._held, self.waiting = self._held, {}, 0
        self._held_of.clear()
        for key, became in held.items():
            if became.went:
                self.cluster.discard(key)
            if became.record is not None:
                self.cluster.put(became.record, became.first_seen)
        self._stones_changed |= self.tombstones.note(self._noted_frozen)
        self._noted_frozen.clear()
        if not frozen:
            self.history.put_before(self._earlier)
            self._earlier = ()

    def events(self) -> list[Event]:
        """Return the history, newest first; while frozen, up to the freeze."""
        until = self._shown_until
        return [one for one in reversed(self.history) if until is None or one.number <= until]

    def causes(self, limit: int | None = None) -> list[EventCause]:
        """Return the causes of the events, newest first, at most `limit`; while frozen, as they
        were then."""
        return list(islice(self.newest_causes(), limit))

    def newest_causes(self) -> Iterator[EventCause]:
        """Yield the causes as `causes` returns them. Ends with the next event."""
        self._causes.follow(self.history)
        yield from self._causes.newest_first(self._shown_until)

    def cause_of(self, event: int) -> EventCause | None:
        """Return the cause that has the event of a number. None: it is not kept any more."""
        self._causes.follow(self.history)
        return self._causes.of(event)

    def still_shows(self, event: Event) -> bool:
        """Return whether an event is still shown, in the history or at a tombstone."""
        if event.number >= self.history.first:
            return True
        record = event.record
        stone = None if record is None else self.tombstones.get(record.key)
        return stone is not None and stone.event is event

    def prepare_filter(self) -> Iterator[None]:
        """Make the searchable texts step by step, so that the first letter of a filter is quick."""
        records = self.cluster.records
        for some in in_steps(list(records), self._step):
            for key in some:
                if key in records:
                    self._texts.of(records[key])
            yield

    @property
    def filter(self) -> str:
        """The filter of what is shown, in lower case. "": none."""
        return self._words.text

    def narrow(self, text: str | None = None, *, only_findings: bool | None = None) -> None:
        """Show only records that have every word of `text` in their names, ids or addresses; ""
        shows all. `only_findings`: only those that are not live, as far as there is evidence. None:
        as it is."""
        if text is not None:
            self._next_words = Words(text)
        if only_findings is not None:
            self.only_findings = only_findings
        self._narrow()
        self.finish_filter()

    def begin_filter(self, text: str) -> bool:
        """Look for what a filter shows, as by `narrow`. What is shown stays until all records were
        looked at. Returns whether they were."""
        self._next_words = Words(text)
        return self._narrow()

    def go_on_with_filter(self) -> bool:
        """Look at some more records. Returns whether that is done, and the filter is shown."""
        if self._narrowing is not None and self._narrowing.go_on():
            self._show_narrowed(self._narrowing)
        return self._narrowing is None

    @property
    def is_narrowing(self) -> bool:
        """Return whether another filter than that of what is shown is being looked for."""
        return self._narrowing is not None

    def finish_filter(self) -> None:
        """Look at all records that are left, so that the last filter is shown."""
        while not self.go_on_with_filter():
            pass

    @property
    def is_up_to_date(self) -> bool:
        """Return whether the registered records are those of the store by now."""
        return self.complete and not self.store.link.is_outdated

    @property
    def narrowed(self) -> bool:
        """Return whether the view may leave a record out."""
        return self.is_searched or self.only_findings

    @property
    def has_internal(self) -> bool:
        """Return whether instances of internal endpoints are shown: if asked for, or to be found by
        a filter. Else they are part of their worker."""
        return self.shows_internal or self.narrowed

    def gone(self, kinds: Collection[Kind], scope: Scope = ()) -> list[AnyRecord]:
        """Return the tombstones in a scope that are still shown, each with its last record; the
        oldest first."""
        if self.hides_gone or self.only_findings:
            return []
        stones = self.tombstones.of(kinds, scope)
        return [stone.record for stone in stones if self._finds_stone(stone)]

    def is_gone(self, key: bytes, scope: Scope = ()) -> AnyRecord | None:
        """Return the last record of a key, if it is among `gone` of a scope."""
        stone = self.tombstones.get(key)
        if stone is None or self.hides_gone or self.only_findings:
            return None
        here = scope in scopes_of(stone.record) and self._finds_stone(stone)
        return stone.record if here else None

    def prune(self, now: float) -> bool:
        """Time went on: let tombstones go that are old. A frozen view keeps them.

        Returns whether any went.
        """
        old = set() if self.frozen else self.tombstones.prune(now)
        self._stones_changed |= old
        return bool(old)

    @property
    def is_searched(self) -> bool:
        """Return whether the filter may leave a record out."""
        return bool(self._words)

    @property
    def conditions(self) -> Conditions:
        """Those of the filter."""
        return self._words.conditions

    def finds(self, text: str) -> bool:
        """Return whether a text, in lower case, has every word of the filter."""
        return self._words.are_in(text)

    def is_found(self, record: AnyRecord) -> bool:
        """Return whether a registered record has every word of the filter; without one, each
        has."""
        return not self._words or (
            self.conditions.fit(record) and self.finds(self._texts.of(record))
        )

    def take_changes(self) -> Changes:
        """Return the differences since the last call."""
        if self._is_loading:
            return Changes()
        changes = self.cluster.take_changes()
        models = self.models.amend(changes.keys)
        # A frozen view shows the verdicts of then, too; what was frozen before there was anything
        # to see has none yet.
        judged: set[bytes] = set()
        rerouted: set[bytes] = set()
        if changes.keys or not self.frozen:
            judged = self.verdicts.update(changes.keys, self._worsened)
            rerouted = self.verdicts.take_rerouted() & self.cluster.records.keys()
        self._texts.forget(changes.keys)
        for narrowing in (self._shown_by, self._narrowing):
            if narrowing is not None:
                narrowing.amend(changes.keys | judged)
        if self._shown_by is not None:
            changes = self.shown.take_changes()
        else:
            for key in judged - changes.keys:
                changes.scopes.update(scopes_of(self.cluster.records[key]))
        changes.keys |= (judged | rerouted) & self.shown.records.keys()
        changes.keys |= self._stones_changed
        self._stones_changed = set()
        served = models | self.models.of(rerouted)
        return Changes(changes.keys, changes.scopes, models | self.models.of(changes.keys), served)

    def take_worsened(self) -> list[AnyRecord]:
        """Return the records that became a finding since the last call: they were live before, or
        came after the first snapshot."""
        worsened, self._worsened = self._worsened, {}
        there = self.cluster.records
        return [
            there[key]
            for key, before in worsened.items()
            if key in there
            and (before is Verdict.LIVE or not self.cluster.first_seen(key).was_there)
        ]

    def _show_store(self) -> None:
        self.store = self._received
        if self._stopped is not None:
            trouble, since, again_at = self._stopped
            self.store = replace(
                self._received,
                link=LinkState.NOT_UPDATING,
                since=since,
                trouble=trouble,
                again_at=again_at,
            )

    def _narrow(self) -> bool:
        """Begin to look at all records anew. Returns whether that is done."""
        words, only_findings = self._next_words, self.only_findings
        if not words:
            self._texts.clear()
        if not (words or only_findings):
            self._show_narrowed(None)
            return True

        def pick(records: Iterable[AnyRecord]) -> Iterable[AnyRecord]:
            if only_findings:
                records = [one for one in records if self.verdicts.of(one.key) in FINDINGS]
            return words.pick(records, self._texts) if words else records

        # Of what went since the changes were taken last, there may still be a verdict.
        among = self.verdicts.findings if only_findings else self.cluster.records
        self._narrowing = Narrowing(self.cluster, among, pick, self._step)
        return self.go_on_with_filter()

    def _show_narrowed(self, by: Narrowing | None) -> None:
        self._narrowing, self._words = None, self._next_words
        if self.complete:
            self._shown_by = by
            self.shown = self.cluster if by is None else by.selection

    def _complete(self) -> None:
        """Show what was read: all of it, or what matches the filter that was typed already."""
        if not self.complete:
            self.complete = True
            self._narrow()
            self.finish_filter()

    def _finds_stone(self, stone: Tombstone) -> bool:
        return not self._words or (
            self.conditions.fit(stone.record) and self.finds(searchable(stone.record))
        )

    def _is_first(self, record: AnyRecord) -> bool:
        """Return whether nothing of a new record's process is registered yet, as far as known."""
        return self.cluster.count_of(record) + self._held_of[process_of(record)] <= 0

    def _hold(self, event: Added | Removed, first_seen: FirstSeen) -> None:
        self.waiting += 1
        if isinstance(event, Removed):
            self._held_of[process_of(event.record)] -= 1
        else:
            self._held_of[process_of(event.record)] += 1
            if event.previous is not None:
                self._held_of[process_of(event.previous)] -= 1
        key, before = event.record.key, self._held.get(event.record.key)
        if isinstance(event, Removed):
            self._held[key] = _Held(None, went=True, first_seen=first_seen)
        elif before is None or before.record is None:
            self._held[key] = _Held(event.record, before is not None, first_seen)
        else:
            self._held[key] = replace(before, record=event.record)
