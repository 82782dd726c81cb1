"""Review the records of a question: as they were shown, and as they are now.

No Textual in here; untrusted text is not escaped yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard
from backends.liveness.evidence import Evidence
from backends.liveness.evidence_kinds import EvidenceKind
from backends.liveness.judge import STALE, Verdict
from backends.liveness.workers import SEVERITY
from tui.state.cluster_view import ClusterView
from tui.state.column import Cell
from tui.state.record_states import RecordStates
from tui.state.removal_options import Verb
from tui.state.store_state import LinkState
from tui.text.detail import JUST_NOW
from tui.text.format import STATES, count, duration, hex_id
from tui.text.irreversible import cannot_be_undone, why_lost
from tui.text.sanitize import plain_key


class KeyChange(StrEnum):
    """The change of a key since it was shown."""

    CHANGED = "changed"
    """It holds something else: the revision on screen is gone."""
    GONE = "gone"


class RemovalReview:
    """Records in the revisions that a question shows. The set never changes while the question is
    open.

    Records that may be alive, or were thought to be while the question was open, need their name
    typed.
    """

    def __init__(
        self,
        states: RecordStates,
        records: Sequence[AnyRecord],
        verb: Verb | None = None,
        *,
        writes_down: bool = True,
    ) -> None:
        """`verb`: the name of removing live records. None: it follows from the records.
        `writes_down`: whether removals are audited, so that another dyntop can restore them."""
        self.records = tuple(records)
        self._verb = verb
        self._states = states
        self._view = states.view
        self._writes_down = writes_down
        self._verdicts: dict[bytes, Verdict] = {}
        self._key_changes: dict[bytes, KeyChange] = {}
        self._lives_now: set[bytes] = set()
        self._may_live: set[bytes] = set()
        """Those that were thought to live at any look."""
        self._out_of_date: str | None = None
        """Why the view may be outdated, as last shown."""
        self._was_out_of_date = False
        self._for_good: list[str] = []
        """Why a yes could not be undone, as last shown."""
        self.look_again()

    def look_again(self) -> bool:
        """Take in how they stand now. True: something is different from the last time."""
        before = (
            self._verdicts.copy(),
            self._key_changes.copy(),
            self._out_of_date,
            self._for_good,
        )
        for record in self.records:
            self._look_at(record)
        self._out_of_date = out_of_date(self._view)
        self._was_out_of_date |= self._out_of_date is not None
        self._for_good = self.cannot_be_undone()
        now = (self._verdicts, self._key_changes, self._out_of_date, self._for_good)
        return before != now

    def verdict(self, record: AnyRecord) -> Verdict:
        """Return the verdict of a record as it was shown."""
        return self._verdicts[record.key]

    def key_change(self, record: AnyRecord) -> KeyChange | None:
        """Return the change of a record's key. None: unchanged."""
        return self._key_changes.get(record.key)

    def there(self) -> list[AnyRecord]:
        """Return the records that are there as they were shown."""
        return [one for one in self.records if self.key_change(one) is None]

    @property
    def must_be_typed(self) -> bool:
        """Return whether a text must be typed. Once true it stays true."""
        return bool(self._may_live) or self._was_out_of_date

    @property
    def verb(self) -> Verb:
        """Return what a yes does. Only taking a live worker out of routing is a drain."""
        if not self._may_live:
            return "unregister"
        if self._verb is not None:
            return self._verb
        living = (one for one in self.records if one.key in self._may_live)
        return "drain" if any(isinstance(one, EndpointInstance) for one in living) else "unregister"

    def phrase(self) -> str:
        """Return the text to type: the worker's id, or the number of workers."""
        asked = [one for one in self.records if one.key in self._may_live] or self.records
        ids = {self._worker(record) for record in asked}
        if len(ids) > 1:
            return f"{self.verb} {len(ids)}"
        worker = ids.pop() if ids else None
        if worker is None and len(asked) == 1 and asked[0].unread:
            # Nothing is known of it but its key.
            return plain_key(asked[0].key)
        return self.verb if worker is None else hex_id(worker)

    def workers(self) -> set[int]:
        """Return the ids (u64) of the records' workers, if known."""
        return {worker for one in self.records if (worker := self._worker(one)) is not None}

    def is_phrase(self, text: str) -> bool:
        """Return whether a text that was typed names them."""
        return " ".join(text.lower().split()) == " ".join(self.phrase().lower().split())

    def summary(self) -> str:
        """Return how many of several records may be alive, and how many are not. Empty for one."""
        if len(self.records) == 1:
            return ""
        there = self.there()
        if not there:
            return "All of these keys are gone or changed."
        stale = [one for one in there if one.key not in self._lives_now]
        living = [one for one in there if one.key in self._lives_now]
        if not stale and all(self.verdict(one) is Verdict.LIVE for one in living):
            of = "a live worker" if len(set(map(self._worker, living))) == 1 else "live workers"
            if len(living) == 1:
                return f"The one that is left belongs to {of}."
            return f"All {len(living):,} belong to {of}."
        parts = []
        if living:
            parts.append(f"{len(living):,} may be alive ({self._by_verdict(living)})")
        if stale:
            parts.append(f"{len(stale):,} stale ({self._by_verdict(stale)})")
        return ", ".join(parts)

    def warnings(self) -> list[str]:
        """Return the changes since the question was shown, one sentence each."""
        became = Counter(self._key_changes.values())
        sentences = []
        if (why := out_of_date(self._view)) is not None:
            sentences.append(why)
        if number := became[KeyChange.CHANGED]:
            stays = "stays" if number == 1 else "stay"
            sentences.append(f"{count(number, 'key')} changed meanwhile and {stays}.")
        if (number := became[KeyChange.GONE]) == len(self.records):
            sentences.append("All of it went meanwhile: there is nothing left to remove.")
        elif number:
            sentences.append(f"{count(number, 'key')} went meanwhile.")
        return sentences

    def cannot_be_undone(self) -> list[str]:
        """Return why a yes could not be undone, wholly or in part, one sentence each."""
        view = self._view
        there = self.there()
        if not there:
            return []
        sentences = cannot_be_undone(there, view.store.no_puts, self._lease_is_gone)
        if not self._writes_down:
            sentences.append(
                "Nothing is written down (--no-audit): only this dyntop can undo it, while it runs."
            )
        return sentences

    @property
    def can_be_undone(self) -> bool:
        """Return whether anything of it can be put back at all."""
        return any(
            why_lost(record, lease_gone=self._lease_is_gone(record)) is None
            for record in self.there()
        )

    @property
    def puts_are_refused(self) -> bool:
        """Return whether the store would not take some of it back now."""
        no_puts = self._view.store.no_puts
        return any(one.concerns(record.key) for one in no_puts for record in self.there())

    def note(self, record: AnyRecord) -> Cell:
        """Return the line under a key: its verdict with the decisive evidence, or its change."""
        match self.key_change(record):
            case KeyChange.GONE:
                return Cell("† gone meanwhile", "dim")
            case KeyChange.CHANGED:
                return Cell("~ changed meanwhile: it stays", "warn")
        state = STATES[self.verdict(record)]
        # It may have expired since it was shown, or be kept alive again.
        current = self._view.cluster.records.get(record.key, record)
        decisive = self._states.assess(current).evidence[0]
        return Cell(f"{state}  {text_with_age(decisive, self._states.clock())}", state.tone)

    def _look_at(self, record: AnyRecord) -> None:
        key = record.key
        current = self._view.cluster.records.get(key)
        if current is not None and record.entry.is_still(current.entry):
            self._key_changes.pop(key, None)
            self._verdicts[key] = self._view.verdicts.of(key)
        else:
            became = KeyChange.GONE if current is None else KeyChange.CHANGED
            self._key_changes[key] = became
            # The verdict is on what is there now: of what was shown, the last one stands.
            self._verdicts.setdefault(key, Verdict.UNKNOWN)
        if self._verdicts[key] not in STALE or self._is_renewed(record):
            self._lives_now.add(key)
            self._may_live.add(key)
        else:
            self._lives_now.discard(key)

    def _is_renewed(self, record: AnyRecord) -> bool:
        """Return whether a lease may still prove a record alive whose address does not answer."""
        verdicts = self._view.verdicts
        return self.key_change(record) is None and verdicts.may_live(record)

    def _lease_is_gone(self, record: AnyRecord) -> bool:
        lease_ttl = self._view.verdicts.lease_ttl(record)
        return record.lease is not None and lease_ttl is not None and lease_ttl.ttl.granted is None

    def _worker(self, record: AnyRecord) -> int | None:
        """Return the id by which users know a record: for a card and instance, the one in their
        keys."""
        if isinstance(record, EndpointInstance | ModelCard) and record.id.instance_id is not None:
            return record.id.instance_id
        worker = self._view.cluster.worker_of(record)
        return record.id.instance_id if worker is None else worker

    def _by_verdict(self, records: Iterable[AnyRecord]) -> str:
        numbers = Counter(self.verdict(record) for record in records)
        worst_first = sorted(numbers, key=SEVERITY.index, reverse=True)
        return ", ".join(f"{numbers[verdict]:,} {verdict}" for verdict in worst_first)


OF_SECONDS = frozenset(
    {
        EvidenceKind.LEASE_LEFT,
        EvidenceKind.LEASE_LATE,
        EvidenceKind.LEASE_UNPROVED,
        EvidenceKind.FILE_TOUCHED,
        EvidenceKind.FILE_LATE,
        EvidenceKind.BUCKET_KEEPS,
    }
)
"""Evidence that names seconds: a second later they are others."""


def out_of_date(view: ClusterView) -> str | None:
    """Return why records and verdicts on screen may be outdated, as a sentence. None: they are
    not."""
    if view.frozen:
        return "The view is frozen: this is how it was then."
    if view.store.link is LinkState.NOT_UPDATING:
        return "The view does not follow the store: this is how it was last seen."
    if view.store.link is not LinkState.CONNECTED:
        return "The store is not connected: this is how it was last seen."
    return None


def text_with_age(evidence: Evidence, now: float) -> str:
    """Return one piece of evidence as text, with its age unless it is just from now."""
    age = now - evidence.at
    as_now = 1.0 if evidence.kind in OF_SECONDS else JUST_NOW
    return evidence.text if age < as_now else f"{evidence.text} ({duration(age)} ago)"
