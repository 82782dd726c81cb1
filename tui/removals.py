"""Removing what a person said yes to, putting it back, and finding out why records went.

No Textual in here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from backends.acts import Acts, Condemned, RestoreRefused
from backends.audit import Act, ActKind, AuditFailed
from backends.history import BY_THIS_DYNTOP, Happening, What
from backends.liveness import STALE
from backends.reading import read
from backends.records import AnyRecord, EndpointInstance
from backends.store import Cause, Outcome, PutBack, Removal, Revision, StoreError, Unreachable
from backends.workers import SEVERITY
from tui.complaints import explain, not_written_down
from tui.detail import keeps
from tui.plain import clip, plain, plain_key
from tui.view import View
from tui.words import count

PERHAPS_BY_THIS_DYNTOP = "perhaps unregistered by this dyntop, which got no answer for it"

KEY_CELLS = 200
"""Of a key in a message; the row has it in full."""
MOST_TOLD = 4
"""Keys that get a sentence of their own; the report has all."""
JUDGED_AT_A_TIME = 200
"""Records between two chances for the screen to be drawn: some 5 ms."""

_DONE: dict[ActKind, str] = {
    "unregister": "Unregistered",
    "drain": "Drained",
    "clean up": "Cleaned up",
}


@dataclass(frozen=True, slots=True)
class KeyOutcome:
    """What came of one key."""

    key: bytes
    text: str
    """Harmless text, in lower case and without a full stop."""
    tone: str
    """`good`, `warn` or `bad`."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of every key of an act."""

    title: str
    outcomes: tuple[KeyOutcome, ...]
    """What did not go well comes first."""


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence for the person; harmless text."""

    text: str
    severity: Literal["information", "warning", "error"]
    report: Report | None = None
    """Of several keys, where not all went well: to be shown, since no sentence holds it."""


def proposals(view: View) -> list[AnyRecord]:
    """All that is proposed for cleaning up, whatever the filter: the worst first, then by key."""
    monitor, verdicts = view.monitor, view.monitor.verdicts
    found = (monitor.cluster.records.get(key) for key in verdicts.findings)
    stale = [one for one in found if one is not None and verdicts.is_stale(one)]
    return sorted(stale, key=lambda one: (-SEVERITY.index(verdicts.of(one.key)), one.key))


class Removals:
    """Removes and puts back, and says what came of it.

    Remembers what this dyntop asked to be removed, so that its going needs no other reason.
    """

    def __init__(self, acts: Acts, view: View) -> None:
        self._acts = acts
        self._view = view
        self._discovery = acts.discovery
        self._asked: dict[bytes, Revision] = {}
        """Which revision of which key: another one that goes later has a reason of its own."""
        self._unanswered: dict[bytes, Revision] = {}
        """Likewise, where the store did not say what came of it."""
        self._workers: dict[bytes, int] = {}
        """Whose an instance was that may have lived when it was removed."""

    # --- removing and putting back ------------------------------------------------------------

    async def remove(self, kind: ActKind, records: Sequence[AnyRecord]) -> list[Told]:
        """Remove records in the revisions they were shown in; what to tell of it.

        What is asked to be unregistered and may live by now is a drain.
        """
        targets = await self._condemned(records)
        living = [target.record for target in targets if target.verdict not in STALE]
        if kind == "unregister" and living:
            kind = "drain"
        self._remember_workers(living)
        asked = {record.key: record.revision for record in records}
        self._asked |= asked
        try:
            done = await self._acts.remove(kind, targets)
        except AuditFailed as problem:
            for key in asked:
                self._asked.pop(key, None)
            return [Told(_capital(not_written_down(problem)), "error")]
        self._remember(asked, done.outcomes)
        self._tell_verdicts()
        removed = [one for one in records if done.outcomes[one.key] is Removal.REMOVED]
        told = []
        if removed:
            back = "it" if len(removed) == 1 else "them"
            told = [Told(f"{_DONE[kind]} {keeps(removed)}. u puts {back} back.", "information")]
        outcomes = [self._removed(key, outcome) for key, outcome in done.outcomes.items()]
        told += _told_of(f"{_DONE[kind]} {len(removed):,} of {count(len(asked), 'key')}", outcomes)
        return told + _told_of_audit(done.audit_problem)

    def last(self) -> Act | None:
        """What `u` would put back. None: there is nothing."""
        return self._acts.last()

    async def undo(self, act: Act) -> list[Told]:
        """Put back what an act removed, as `last` gave it; what to tell of it."""
        try:
            restored = await self._acts.restore(act)
        except (RestoreRefused, AuditFailed) as error:
            sentence = explain(error, self._discovery.store.name).sentence
            return [Told(f"Nothing was put back: {sentence}.", "error")]
        self._tell_verdicts()
        records = [read(item.entry) for item in act.items]
        back = [one for one in records if restored.outcomes.get(one.key) is PutBack.DONE]
        told = []
        if back:
            told = [Told(f"Put back {keeps(back)}.", "information")]
        outcomes = [self._put_back(key, outcome) for key, outcome in restored.outcomes.items()]
        title = f"Put back {len(back):,} of {count(len(outcomes), 'key')}"
        return [*told, *_told_of(title, outcomes), *_told_of_audit(restored.audit_problem)]

    async def _condemned(self, records: Sequence[AnyRecord]) -> list[Condemned]:
        """Records with the verdicts of now and what they rest on."""
        targets = []
        for number, record in enumerate(records, 1):
            judgement = self._view.judgement(record)
            evidence = tuple(one.text for one in judgement.evidence)
            targets.append(Condemned(record, judgement.verdict.value, evidence))
            if not number % JUDGED_AT_A_TIME:
                await asyncio.sleep(0)
        return targets

    def _remember_workers(self, living: Iterable[AnyRecord]) -> None:
        for record in living:
            worker = self._view.monitor.cluster.worker_of(record)
            if isinstance(record, EndpointInstance) and worker is not None:
                self._workers[record.key] = worker

    def _tell_verdicts(self) -> None:
        """Whose cards and channels are there without an instance by this dyntop's doing."""
        drained = self._acts.drained
        self._workers = {key: one for key, one in self._workers.items() if key in drained}
        self._view.monitor.verdicts.drained(
            {worker: drained[key] for key, worker in self._workers.items()}
        )

    def _removed(self, key: bytes, outcome: Outcome) -> KeyOutcome:
        match outcome:
            case Removal.REMOVED:
                return KeyOutcome(key, "removed", "good")
            case Removal.CHANGED:
                return KeyOutcome(key, "changed meanwhile, so it was not removed", "warn")
            case Removal.GONE:
                return KeyOutcome(key, "gone already", "warn")
        return self._failed(key, outcome, "removed")

    def _put_back(self, key: bytes, outcome: PutBack | StoreError) -> KeyOutcome:
        match outcome:
            case PutBack.DONE:
                return KeyOutcome(key, "put back", "good")
            case PutBack.THERE:
                text = "not put back: such a key is there, and nothing is ever overwritten"
                return KeyOutcome(key, text, "warn")
            case PutBack.LEASE_GONE:
                text = "cannot be put back: its lease has ended, so its worker is gone"
                return KeyOutcome(key, text, "warn")
        return self._failed(key, outcome, "put back")

    def _failed(self, key: bytes, error: StoreError, what: str) -> KeyOutcome:
        sentence = explain(error, self._discovery.store.name).sentence
        if _is_unanswered(error):
            return KeyOutcome(key, f"whether it was {what} is not known: {sentence}", "bad")
        return KeyOutcome(key, f"not {what}: {sentence}", "bad")

    # --- why records went ---------------------------------------------------------------------

    def without_reason(self, noted: Iterable[Happening]) -> list[Happening]:
        """Of what was noted, the removals whose reason has to be asked for."""
        unknown = []
        for happening in noted:
            if happening.what is not What.REMOVED or happening.record is None:
                continue
            record = happening.record
            if self._asked.get(record.key) == record.revision:
                del self._asked[record.key]
                happening.why = BY_THIS_DYNTOP
            elif self._unanswered.get(record.key) == record.revision:
                del self._unanswered[record.key]
                happening.why = PERHAPS_BY_THIS_DYNTOP
            elif not happening.why:
                unknown.append(happening)
        return unknown

    async def find_reasons(self, happenings: Sequence[Happening]) -> None:
        """Write down why records went, as far as the store can tell."""
        records = [happening.record for happening in happenings if happening.record is not None]
        try:
            reasons = await self._discovery.why_removed(records)
        except StoreError:
            return
        for happening in happenings:
            if happening.record is not None and not happening.why:
                happening.why = reasons.get(happening.record.key, "")

    def _remember(self, asked: Mapping[bytes, Revision], outcomes: Mapping[bytes, Outcome]) -> None:
        """Of what was asked for, only what was removed, or may have been, is to be expected."""
        for key, outcome in outcomes.items():
            if outcome is Removal.REMOVED:
                continue
            # The watch may have told of it already.
            still_there = self._asked.pop(key, None) is not None
            if still_there and isinstance(outcome, StoreError) and _is_unanswered(outcome):
                self._unanswered[key] = asked[key]


def _told_of(title: str, outcomes: Sequence[KeyOutcome]) -> list[Told]:
    """A sentence for each of the first keys that did not go well; the last has the report."""
    failed = [one for one in outcomes if one.tone != "good"]
    if not failed:
        return []
    told = [
        Told(
            f"{_capital(one.text)}: {clip(plain_key(one.key), KEY_CELLS)}",
            "error" if one.tone == "bad" else "warning",
        )
        for one in failed[:MOST_TOLD]
    ]
    if len(outcomes) == 1:
        return told
    well = [one for one in outcomes if one.tone == "good"]
    numbers = Counter(one.text.partition(":")[0] for one in failed)
    which = ", ".join(f"{number:,} {text}" for text, number in numbers.items())
    report = Report(title, (*failed, *well))
    return [*told, Told(f"{title}: {which}.", "warning", report)]


def _told_of_audit(problem: AuditFailed | None) -> list[Told]:
    if problem is None:
        return []
    text = f"What came of it could not be written down ({problem.path}: {problem.reason})."
    return [Told(plain(text), "warning")]


def _is_unanswered(error: StoreError) -> bool:
    return isinstance(error, Unreachable) and error.cause in (Cause.TIMEOUT, Cause.LOST)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
