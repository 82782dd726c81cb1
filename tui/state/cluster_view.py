"""Own the data on screen: the cluster with its verdicts, its history and tombstones, and the state
of the store; filter and freeze them.

Plain Python, no Textual. Batches of events come in; widgets read. Time is passed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from backends.discovery import record_index
from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.discovery import Added, Removed, Resynced, WatchEvent
from backends.discovery.history import KEPT, Event, History
from backends.discovery.model_index import ModelIndex
from backends.discovery.record_index import RecordIndex, Scope, Selection, scopes_of
from backends.discovery.tombstones import Tombstone, Tombstones
from backends.dynamo import keys, lookup
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, EventSource, ModelCard
from backends.liveness.judge import FINDINGS
from backends.liveness.tracker import LivenessTracker
from backends.probe.local import host_name
from backends.store import Lifetime
from tui.state.store_state import LinkState, StoreState, next_state
from tui.state.watchdog import Trouble

RATE_WINDOW = 10.0
"""Seconds over which changes per second are averaged."""


@dataclass(frozen=True, slots=True)
class _Held:
    """The present record of a key that changed while the view was frozen."""

    record: AnyRecord | None
    """As it is now. None: it is gone."""
    went: bool
    """Whether the key was gone in between: then the record is another one."""
    first_seen: FirstSeen
    """When the present record was first seen."""


@dataclass(slots=True)
class Changes(record_index.RecordChanges):
    """Differences on screen: records, verdicts and tombstones."""

    models: set[str] = field(default_factory=set)
    """The names of models concerned, also of those that are gone."""


class ClusterView:
    """The cluster as the dashboard shows it: filtered, frozen, with its history."""

    def __init__(self, now: float, lifetime: Lifetime) -> None:
        self.cluster = Cluster()
        """All registered records."""
        self.verdicts = LivenessTracker(self.cluster, lifetime, host=host_name())
        self.models = ModelIndex(self.cluster)
        """All models, as of the last changes taken."""
        self.tombstones = Tombstones()
        self.hides_gone = False
        """Whether tombstones are left out of the view."""
        self.shown: RecordIndex = self.cluster
        """The part of the cluster that matches the filter: the cluster itself while there is no
        filter."""
        self.history = History()
        self.store = StoreState(since=now)
        """The state on screen."""
        self._received = self.store
        """The state by the watch."""
        self._stopped: tuple[Trouble, float, float] | None = None
        """The reason why the view does not follow the watch, since when, and until when."""
        self.complete = False
        """Whether a whole snapshot was read: before that no count is true."""
        self.filter = ""
        self._words: list[tuple[str, ...]] = []
        """For each word of the filter, the texts of which one must match."""
        self.only_findings = False
        """Whether only records that are not live are shown."""
        self.frozen = False
        self.waiting = 0
        """Changes that came in while frozen."""
        self._held: dict[bytes, _Held] = {}
        """The changed keys while frozen: no more than there were keys."""
        self._shown_until: int | None = None
        """The number of the last event on screen while frozen."""
        self._rate: deque[tuple[float, int]] = deque()
        self._texts: dict[bytes, str] = {}
        """The searchable text of each record, while there is a filter or will be."""
        self._noted_frozen: deque[Event] = deque(maxlen=KEPT)
        """The events while frozen: their tombstones come when the view resumes."""
        self._stones_changed: set[bytes] = set()

    def take(self, batch: list[WatchEvent], now: float) -> list[Event]:
        """Apply a batch of events. Returns the new events of the history, oldest first."""
        noted: list[Event] = []
        changed = 0
        since = self._received.last_contact
        for event in batch:
            self._received = next_state(self._received, event, now)
            noted += self.history.apply(event, now, since=since, reading_of=self.verdicts.lease_ttl)
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
                    self.cluster.apply(event, now)
                    self.complete = self.complete or isinstance(event, Resynced)
            changed += isinstance(event, Added | Removed)
        self._show_store()
        if changed:
            self._rate.append((now, changed))
        if self.frozen and self.complete:
            self._noted_frozen.extend(noted)
        else:
            self._stones_changed |= self.tombstones.note(noted)
        return noted

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
        for key, became in held.items():
            if became.went:
                self.cluster.discard(key)
            if became.record is not None:
                self.cluster.put(became.record, became.first_seen)
        self._stones_changed |= self.tombstones.note(self._noted_frozen)
        self._noted_frozen.clear()

    def events(self) -> list[Event]:
        """Return the history, newest first; while frozen, up to the freeze."""
        until = self._shown_until
        return [one for one in reversed(self.history) if until is None or one.number <= until]

    def still_shows(self, event: Event) -> bool:
        """Return whether an event is still shown, in the history or at a tombstone."""
        if event.number >= self.history.first:
            return True
        record = event.record
        stone = None if record is None else self.tombstones.get(record.key)
        return stone is not None and stone.event is event

    def prepare_filter(self) -> None:
        """Prepare the searchable texts, so that the first letter of a filter is quick."""
        records = self.cluster.records
        for key in records.keys() - self._texts.keys():
            self._texts[key] = searchable(records[key])

    def set_filter(self, text: str) -> None:
        """Show only records that have every word of `text` in their names, ids or addresses; ""
        shows all. Ids are matched as keys have them, and as in `lookup.needles`."""
        self.filter = text.strip().lower()
        self._words = [lookup.needles(word) for word in lookup.words(self.filter)]
        self._narrow()

    def show_only_findings(self, only: bool) -> None:
        """Show only records that are not live, as far as there is evidence; or all again."""
        self.only_findings = only
        self._narrow()

    @property
    def narrowed(self) -> bool:
        """Return whether the view may leave something out."""
        return bool(self.filter) or self.only_findings

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

    def finds(self, text: str) -> bool:
        """Return whether a text, in lower case, has every word of the filter."""
        return lookup.is_in(self._words, text)

    def is_found(self, record: AnyRecord) -> bool:
        """Return whether a registered record has every word of the filter; without one, each
        has."""
        return not self.filter or self.finds(self._text(record))

    def take_changes(self) -> Changes:
        """Return the differences since the last call."""
        changes = self.cluster.take_changes()
        models = self.models.amend(changes.keys)
        # A frozen view shows the verdicts of then, too; what was frozen before there was anything
        # to see has none yet.
        judged: set[bytes] = set()
        rerouted: set[bytes] = set()
        if changes.keys or not self.frozen:
            judged = self.verdicts.update(changes.keys)
            rerouted = self.verdicts.take_rerouted() & self.cluster.records.keys()
        if self._texts:
            for key in changes.keys:
                self._texts.pop(key, None)
        if isinstance(self.shown, Selection):
            for key in changes.keys | judged:
                self._show(self.shown, key)
            changes = self.shown.take_changes()
        else:
            for key in judged - changes.keys:
                changes.scopes.update(scopes_of(self.cluster.records[key]))
        changes.keys |= (judged | rerouted) & self.shown.records.keys()
        changes.keys |= self._stones_changed
        self._stones_changed = set()
        return Changes(changes.keys, changes.scopes, models | self.models.of(changes.keys))

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

    def _narrow(self) -> None:
        if not self.filter:
            self._texts.clear()
        if not self.narrowed:
            self.shown = self.cluster
            return
        records = self.cluster.records
        # Of what went since the changes were taken last, there may still be a verdict or a text.
        among: Collection[bytes] = records
        if self.only_findings:
            among = {key for key in self.verdicts.findings if key in records}
        if self._words:
            among = [key for key in self._found() if key in among]
        self.shown = Selection(self.cluster, among)

    def _found(self) -> list[bytes]:
        """Return the keys whose texts have every word of the filter."""
        self.prepare_filter()
        first, *others = self._words
        # All that there are: by far the longest loop, so it looks no key up.
        if len(first) == 1:
            (needle,) = first
            found = [key for key, text in self._texts.items() if needle in text]
        else:
            found = [key for key, text in self._texts.items() if lookup.is_in((first,), text)]
        return [key for key in found if lookup.is_in(others, self._texts[key])]

    def _finds_stone(self, stone: Tombstone) -> bool:
        return not self.filter or self.finds(searchable(stone.record))

    def _hold(self, event: Added | Removed, first_seen: FirstSeen) -> None:
        self.waiting += 1
        key, before = event.record.key, self._held.get(event.record.key)
        if isinstance(event, Removed):
            self._held[key] = _Held(None, went=True, first_seen=first_seen)
        elif before is None or before.record is None:
            self._held[key] = _Held(event.record, before is not None, first_seen)
        else:
            self._held[key] = replace(before, record=event.record)

    def _show(self, shown: Selection, key: bytes) -> None:
        record = self.cluster.records.get(key)
        if record is None or not self._matches(record):
            shown.discard(key)
        else:
            shown.put(record)

    def _matches(self, record: AnyRecord) -> bool:
        if self.only_findings and self.verdicts.of(record.key) not in FINDINGS:
            return False
        return self.is_found(record)

    def _text(self, record: AnyRecord) -> str:
        key = record.key
        if (text := self._texts.get(key)) is None:
            text = self._texts[key] = searchable(record)
        return text


def searchable(record: AnyRecord) -> str:
    """Return the searchable text of a record, in lower case: names, ids, addresses, key, pod."""
    at, lease, transport = record.id, record.lease, record.transport
    parts = [
        keys.spell(record.key),
        at.path(),
        None if at.instance_id is None else lookup.searchable_id(at.instance_id),
        None if lease is None or lease == at.instance_id else lookup.searchable_id(lease),
        None if (routed := lookup.id_in_body(record)) is None else lookup.searchable_id(routed),
        record.model_name,
        record.malformed,
        record.unread,
        record.conflict,
    ]
    if transport is not None:
        parts += [transport.kind, transport.address]
    if isinstance(record, ModelCard):
        parts += [record.base_model, record.model_type, record.worker_type]
    if isinstance(record, EventSource) and record.worker_id is not None:
        parts.append(lookup.searchable_id(record.worker_id))
    if (owner := record.entry.owner) is not None:
        parts += [owner.path, owner.pod_name, owner.node]
    return "\n".join(["", *filter(None, parts), ""]).lower()
