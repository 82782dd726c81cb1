"""Derive verdicts, findings and ages of records at a time. No Textual in here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from msgspec.structs import replace

from backends.discovery.cluster import FirstSeen
from backends.discovery.record_index import Scope
from backends.discovery.tombstones import Tombstone
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord
from backends.liveness.evidence import Assessment
from backends.liveness.evidence_kinds import NothingAsked
from backends.liveness.judge import FINDINGS, LeaseTtl, Verdict
from backends.liveness.routing import RoutableCount
from backends.liveness.workers import worst
from backends.probe.probe_targets import targets_of
from tui.state.cluster_view import ClusterView
from tui.state.column import Cell
from tui.text.brief_evidence import brief_evidence
from tui.text.format import GONE, NOTHING, STATES, State, hex_id
from tui.text.host_clock import HostClock
from tui.text.reasons import reason_text
from tui.text.short.evidence_words import evidence_words
from tui.text.short.reason_words import reason_words

NO_REASON = Cell("")
STALE_AFTER = 5.0
"""Seconds of silence after which the age of the data is shown: twice a store's usual beat."""


class RecordStates:
    """Combines the cluster, its verdicts and the clock."""

    def __init__(self, view: ClusterView, clock: HostClock) -> None:
        """`clock` gives the even time that ages are of, and the host's for times of day."""
        self.view = view
        self.clock = clock
        self.is_past = False
        """Whether an earlier moment is shown: of what is not known no more comes."""
        self._reasons: dict[bytes, tuple[AnyRecord, Cell]] = {}
        """The reasons that were shown since anything was judged last."""
        self._reasons_of = 0
        """`LivenessTracker.updates` of then."""

    def as_of(self) -> float | None:
        """Return when the store was last in contact, if that is not now: ages and remaining times
        are as of then. None: they are as of now."""
        last_contact, link = self.view.store.last_contact, self.view.store.link
        if last_contact is None:
            return None
        is_old = self.clock() - last_contact > STALE_AFTER
        return last_contact if link.is_outdated or is_old else None

    def of(self, record: AnyRecord) -> State:
        """Return the state of a record: its verdict, or gone if it is no longer registered."""
        if record.key not in self.view.cluster.records:
            return GONE
        return STATES[self.view.verdicts.of(record.key)]

    def reason(self, record: AnyRecord) -> str:
        """Return why a record is not live, in few words: the piece of evidence that decides its
        state, or why it went. Empty: it is live."""
        return self.why(record).text

    def why(self, record: AnyRecord) -> Cell:
        """Return `reason` for a column, with its shorter forms."""
        if record.key not in self.view.cluster.records:
            stone = self.view.tombstones.get(record.key)
            return NO_REASON if stone is None else Cell(why_gone(stone), shorter=_gone_words(stone))
        verdict = self.view.verdicts.of(record.key)
        if verdict is Verdict.LIVE or (self.is_past and verdict is Verdict.UNKNOWN):
            return NO_REASON
        if self._reasons_of != self.view.verdicts.updates:
            self._reasons.clear()
            self._reasons_of = self.view.verdicts.updates
        known, reason = self._reasons.get(record.key, (None, NO_REASON))
        if known is not record:
            judged = self.assess(record)
            # What came since is still to be judged: it is no reason for the state that is shown.
            if judged.verdict is verdict and judged.evidence:
                # A card stands for its instance.
                at = self.view.cluster.instance_of(record) if record.kind is Kind.MODEL else None
                own = {target.address for target in targets_of(at or record)}
                values = judged.evidence[0].values
                reason = Cell(brief_evidence(values, own), shorter=evidence_words(values))
            self._reasons[record.key] = (record, reason)
        return reason

    def worst_of(self, records: Sequence[AnyRecord]) -> AnyRecord | None:
        """Return the worst of a row's records, the first by its key: what the state of the row
        rests on. Of a row that is gone it is its first. None: there is none."""
        there = self.registered(records)
        if not there:
            return records[0] if records else None
        of, verdict = self.view.verdicts.of, self.worst(there)
        return min((one for one in there if of(one.key) is verdict), key=lambda one: one.key)

    def worst(self, records: Iterable[AnyRecord]) -> Verdict:
        """Return the worst state of the registered ones."""
        return worst(self.view.verdicts.of(one.key) for one in self.registered(records))

    def registered(self, records: Iterable[AnyRecord]) -> list[AnyRecord]:
        """Return the records that are not gone."""
        return [one for one in records if one.key in self.view.cluster.records]

    def of_many(self, records: Sequence[AnyRecord]) -> Cell:
        """Return the worst state of a row's records, and how many share it if not all do."""
        if not records:
            return Cell(NOTHING, "dim")
        records = self.registered(records)
        if len(records) <= 1:
            state = self.of(records[0]) if records else GONE
            return Cell(state.in_column, state.tone)
        verdict = self.worst(records)
        state = STATES[verdict]
        if verdict not in FINDINGS:
            return Cell(state.in_column, state.tone)
        number = sum(self.view.verdicts.of(one.key) is verdict for one in records)
        if number == len(records):
            return Cell(state.in_column, state.tone)
        return Cell(f"{state.glyph} {number:,} {state.brief or state.word}", state.tone)

    def as_far_as_known(self, figures: RoutableCount, cards: Iterable[AnyRecord]) -> RoutableCount:
        """Return the figures of some cards' workers as far as they are known. Of an earlier moment
        a worker without evidence was registered, and that is all; in the present it is coming."""
        verdicts = self.view.verdicts
        if not self.is_past or not verdicts.unknown:
            return figures
        keys = [one.key for one in cards if verdicts.of(one.key) is Verdict.UNKNOWN]
        return figures.without(verdicts.serving.figures(keys)[0].most) if keys else figures

    def lease_ttl(self, records: Iterable[AnyRecord]) -> LeaseTtl | None:
        """Return the first known TTL of some records. None: none is known."""
        ttls = map(self.view.verdicts.lease_ttl, records)
        return next((lease_ttl for lease_ttl in ttls if lease_ttl is not None), None)

    def assess(self, record: AnyRecord) -> Assessment:
        """Return the verdict of a record with its evidence."""
        store = self.view.store
        judged = self.view.verdicts.assessment(record, store.last_contact or store.since)
        if self.is_past:
            known = (one for one in judged.evidence if not isinstance(one.values, NothingAsked))
            judged = replace(judged, evidence=tuple(known))
        if record.expired_at is None:
            return judged
        # A file's times are the host's.
        at = self.clock.when_shown(record.expired_at)
        evidence = (replace(e, at=at) if e.at == record.expired_at else e for e in judged.evidence)
        return replace(judged, evidence=tuple(evidence))

    def workers(self, scope: Scope = ()) -> tuple[int, int]:
        """Return how many workers in a scope have only live instances there, and how many there
        are."""
        verdicts = self.view.verdicts
        number = verdicts.count_workers(scope)
        return number - verdicts.count_workers_not_live(scope), number

    def findings(self, scope: Scope = ()) -> int:
        """Return the number of shown records in a scope with a finding, of every kind."""
        return self._shown_of(self.view.verdicts.wrong(scope))

    def first_seen(self, record: AnyRecord) -> FirstSeen | None:
        """Since when a record is known. None: it went since its row was drawn, or the time now is
        not known."""
        cluster = self.view.cluster
        is_dated = self.clock.is_known and record.key in cluster.records
        return cluster.first_seen(record.key) if is_dated else None

    def value_seen(self, record: AnyRecord) -> FirstSeen | None:
        """Since when the value of a record's key is known. None: the key went since its row was
        drawn, or the time now is not known."""
        cluster = self.view.cluster
        is_dated = self.clock.is_known and record.key in cluster.records
        return cluster.value_seen(record.key) if is_dated else None

    def restarts(self, record: AnyRecord) -> int:
        """Return how often an instance was replaced recently, as far as times are known."""
        if not self.clock.is_known:
            return 0
        return self.view.tombstones.restarts(record, self.as_of() or self.clock())

    def _shown_of(self, found: Collection[bytes]) -> int:
        if not self.view.narrowed:
            return len(found)
        return sum(key in self.view.shown.records for key in found)


def why_gone(stone: Tombstone) -> str:
    """Return why a record went, and by what it was replaced. Empty: it is not known."""
    by = "" if stone.replaced_by is None else hex_id(stone.replaced_by.id.instance_id)
    parts = (reason_text(stone.event.why), by and f"replaced by {by}")
    return "; ".join(filter(None, parts))


def _gone_words(stone: Tombstone) -> tuple[str, ...]:
    """Return shorter and shorter forms of why a record went."""
    return reason_words(stone.event.why) or (() if stone.replaced_by is None else ("replaced",))
