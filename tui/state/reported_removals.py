"""Remove and restore keys that the user confirmed, and find out why records went. No Textual in
here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import msgspec

from backends.aio.common_moments import until_next
from backends.discovery.history import Event, EventType
from backends.discovery.lease_ttl import LeaseStanding
from backends.discovery.reasons import Reason, ReasonKind
from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord, EndpointInstance
from backends.liveness.drain_marks import DrainMark
from backends.liveness.evidence_kinds import Drained
from backends.liveness.judge import Verdict
from backends.liveness.tracker import LivenessTracker
from backends.liveness.workers import SEVERITY
from backends.removal.audit.disk import AuditFailed
from backends.removal.audit.operation import Operation, OperationKind
from backends.removal.audit_drains import AuditDrains
from backends.removal.errors import RestoreRefused
from backends.removal.explainer import Explainer, by_another
from backends.removal.lasting_drain import LastingDrain, NoLastingDrain, plan_lasting_drain
from backends.removal.outcomes import KeyOutcome, OutcomeType
from backends.removal.removal_targets import RemovalTarget, removal_targets
from backends.removal.removals import RemovalResult, Removals, RestoreResult
from backends.store import Entry, PodLabel
from tui.actions import DEFAULT_KEYS, Keys
from tui.state.cluster_view import ClusterView
from tui.state.record_states import RecordStates
from tui.text.detail import keeps
from tui.text.errors import cannot_write_down, explain
from tui.text.format import count
from tui.text.outcomes import DONE_AS, Doing, OutcomeText, audit_text, outcome_text
from tui.text.sanitize import clip, plain, plain_key

_BY_THIS = {
    OutcomeType.REMOVED: ReasonKind.THIS_DYNTOP,
    OutcomeType.LEFT_OPEN: ReasonKind.PERHAPS_THIS_DYNTOP,
}
"""The reason of a removal by this dyntop, by its outcome."""

BY_THIS_ONE = Drained(user=None, host=None, act=None)
AUDIT_INTERVAL = 2.0
"""Seconds between two looks at whether another process wrote to the audit."""
KEY_CELLS = 200
"""Of a key in a message; the row has it in full."""
JUDGED_AT_A_TIME = 200
"""Records between two chances for the screen to be drawn: some 5 ms."""

Severity = Literal["information", "warning", "error"]


class KeyReport(msgspec.Struct, frozen=True):
    """The outcome of one key, in words."""

    key: bytes
    text: OutcomeText


class Report(msgspec.Struct, frozen=True):
    """The outcomes of all keys of an operation."""

    title: str
    outcomes: tuple[KeyReport, ...]
    """Failures come first."""


class Notice(msgspec.Struct, frozen=True):
    """A sentence for the user; escaped text."""

    text: str
    severity: Severity
    report: Report | None = None
    """The outcomes of several keys, if not all went well."""


def proposals(view: ClusterView) -> list[AnyRecord]:
    """Return all stale records, whatever the filter: the worst first, then by key."""
    verdicts = view.verdicts
    found = (view.cluster.records.get(key) for key in verdicts.findings)
    stale = [one for one in found if one is not None and verdicts.is_stale(one)]
    return _worst_first(stale, verdicts)


def undecided(view: ClusterView) -> list[AnyRecord]:
    """Return the records that clean up proposes only if the next renewal of their lease does not
    come, whatever the filter: the worst first, then by key."""
    verdicts = view.verdicts
    found = (view.cluster.records.get(key) for key in verdicts.failed)
    open_yet = [one for one in found if one is not None and is_undecided(verdicts, one)]
    return _worst_first(open_yet, verdicts)


def is_undecided(verdicts: LivenessTracker, record: AnyRecord) -> bool:
    """Return whether a record whose address fails is stale only if its next renewal does not come,
    or if the address fails once more after that was missed. A failure of the network does not
    count: such a record is at most unreachable from here while its lease is alive."""
    if verdicts.of(record.key) is not Verdict.UNREACHABLE or verdicts.is_stale(record):
        return False
    lease_ttl = verdicts.lease_ttl(record)
    is_late = lease_ttl is not None and lease_ttl.standing is LeaseStanding.LATE
    return is_late or record.key in verdicts.awaited


def _worst_first(records: Iterable[AnyRecord], verdicts: LivenessTracker) -> list[AnyRecord]:
    return sorted(records, key=lambda one: (-SEVERITY.index(verdicts.of(one.key)), one.key))


class ReportedRemovals:
    """Removes and restores keys, and words the outcomes.

    Remembers its own removals, so that they need no other reason in the history.
    """

    def __init__(self, removals: Removals, states: RecordStates, keys: Keys = DEFAULT_KEYS) -> None:
        """`keys`: the keys that sentences name."""
        self._removals = removals
        self._states = states
        self._view = states.view
        self._keys = keys
        self._discovery = removals.discovery
        self._explainer = Explainer(
            removals.discovery,
            states.view.cluster,
            clock=states.clock,
            find_operations=removals.in_audit,
        )
        self._asked: dict[bytes, Entry] = {}
        """Removals that the store has not answered yet."""
        self._gone_meanwhile: dict[bytes, Event] = {}
        """Those of them that the watch reported as gone already: the answer decides who removed
        them."""
        self._removed: dict[bytes, tuple[Entry, Reason]] = {}
        """Keys, removed or perhaps removed, that the watch has not reported yet, each with its
        reason. A later removal of the same key has a reason of its own."""
        self._by_another: list[Event] = []
        """Keys that were gone before their removal, removed by others."""
        self._by_others: Mapping[int, DrainMark] = {}
        """By worker, the drain in the audit."""
        self._workers: dict[bytes, int] = {}
        """By key, the worker of each removed instance that may have been alive."""

    # --- removing and putting back ------------------------------------------------------------

    def refusal(self) -> Notice | None:
        """Return why nothing can be removed now. None: no reason is known. Blocks."""
        if (problem := self._removals.cannot_write_down()) is None:
            return None
        return Notice(f"{_capital(cannot_write_down(problem))}.", "error")

    async def judge(self, records: Iterable[AnyRecord], into: dict[bytes, RemovalTarget]) -> None:
        """Note the verdicts of the records of a question, by key: once the records are gone, they
        are unknown."""
        async for target in self._targets(filter(self._is_there, records)):
            into[target.record.key] = target

    async def remove(
        self,
        asked_as: OperationKind,
        records: Sequence[AnyRecord],
        shown: Mapping[bytes, RemovalTarget] = MappingProxyType({}),
    ) -> list[Notice]:
        """Remove records in the revisions that were shown. Returns the notices.

        Records that went or changed meanwhile are audited as in `shown`, by key, from `judge`.
        """
        targets = await self._as_shown(records, shown)
        self._remember_workers(target.record for target in targets if target.may_live)
        asked = {record.key: record.entry for record in records}
        self._asked |= asked
        only_instances = all(isinstance(one, EndpointInstance) for one in records)
        outcomes: Mapping[bytes, KeyOutcome] = {}
        kind, act = asked_as, ""
        try:
            result = await self._removals.remove(asked_as, targets)
            outcomes, act = result.outcomes, result.id or ""
            kind = result.kind if only_instances else asked_as
        finally:
            self._answered(asked, outcomes, kind, act)
        self._update_verdicts()
        if result.id is None and (nothing := audit_text(result)) is not None:
            return [Notice(_capital(nothing), "error")]
        done_as = _capital(DONE_AS[kind])
        gone = set(result.keys_of(OutcomeType.REMOVED))
        removed = [one for one in records if one.key in gone]
        notices = []
        if removed:
            notices = [Notice(f"{done_as} {keeps(removed)}. {self._back(removed)}", "information")]
        title = f"{done_as} {len(removed):,} of {count(len(asked), 'key')}"
        return [*notices, *self._notices_of(title, outcomes, "removed"), *_audit_notices(result)]

    async def plan_lasting_drain(
        self, records: Sequence[AnyRecord]
    ) -> LastingDrain | NoLastingDrain:
        """Return the lasting drain of the pod of some records. Changes nothing."""
        return await plan_lasting_drain(self._discovery.store, self._view.cluster, records)

    async def take_out(self, drain: LastingDrain) -> list[Notice]:
        """Take a pod out of discovery. Returns the notices."""
        target = await self._target(drain.record)
        result = await self._removals.take_out(target, drain.label)
        if result.id is None and (nothing := audit_text(result)) is not None:
            return [Notice(_capital(nothing), "error")]
        notices = []
        if result.keys_of(OutcomeType.LABEL_OFF):
            back = f"{self._keys.shown('undo')} puts it back."
            text = f"Pod {plain(drain.label.pod)} is taken out of discovery. {back}"
            notices = [Notice(text, "information")]
        failed = self._notices_of("", result.outcomes, "taken out")
        return [*notices, *failed, *_audit_notices(result)]

    async def put_label_back(self, record: AnyRecord, label: PodLabel) -> list[Notice]:
        """Put the label of a record's pod back. Returns the notices."""
        try:
            restored = await self._removals.put_label_back(await self._target(record), label)
        except (RestoreRefused, AuditFailed) as error:
            return [self._nothing_put_back(error)]
        notices = []
        if any(one.type is OutcomeType.PUT_BACK for one in restored.outcomes.values()):
            notices = [
                Notice(
                    f"Put label {plain(label.text)} back on pod {plain(label.pod)}.", "information"
                )
            ]
        failed = self._notices_of("", restored.outcomes, "put back")
        return [*notices, *failed, *_audit_notices(restored)]

    async def _target(self, record: AnyRecord) -> RemovalTarget:
        (target,) = [one async for one in self._targets([record])]
        return target

    def last(self) -> Operation | None:
        """Return the operation that `u` would undo. None: there is none."""
        return self._removals.last()

    async def undo(self, act: Operation) -> list[Notice]:
        """Restore the keys of an operation from `last`. Returns the notices."""
        try:
            restored = await self._removals.restore(act)
        except (RestoreRefused, AuditFailed) as error:
            return [self._nothing_put_back(error)]
        self._update_verdicts()
        records = [read(item.entry) for item in act.items]
        outcomes = restored.outcomes
        done = {key for key, one in outcomes.items() if one.type is OutcomeType.PUT_BACK}
        back = [one for one in records if one.key in done]
        notices = []
        if back:
            notices = [Notice(f"Put back {keeps(back)}.", "information")]
        title = f"Put back {len(back):,} of {count(len(outcomes), 'key')}"
        return [*notices, *self._notices_of(title, outcomes, "put back"), *_audit_notices(restored)]

    def _nothing_put_back(self, error: RestoreRefused | AuditFailed) -> Notice:
        sentence = explain(error, self._discovery.store.name).sentence
        return Notice(f"Nothing was put back: {sentence}.", "error")

    async def _as_shown(
        self, records: Sequence[AnyRecord], shown: Mapping[bytes, RemovalTarget]
    ) -> list[RemovalTarget]:
        """Return the records with their present verdicts and evidence. Records that are not there
        as shown keep those they were shown with."""
        then = {
            one.key: shown[one.key].after_it_went()
            for one in records
            if one.key in shown and not self._is_there(one)
        }
        rest = (one for one in records if one.key not in then)
        now = {target.record.key: target async for target in self._targets(rest)}
        return [then.get(one.key) or now[one.key] for one in records]

    async def _targets(self, records: Iterable[AnyRecord]) -> AsyncIterator[RemovalTarget]:
        """Judge records one by one; the screen is drawn in between."""
        view = self._view
        targets = removal_targets(
            records,
            view.cluster,
            assess=self._states.assess,
            may_live=view.verdicts.may_live,
        )
        for number, target in enumerate(targets, 1):
            yield target
            if not number % JUDGED_AT_A_TIME:
                await asyncio.sleep(0)

    def _is_there(self, record: AnyRecord) -> bool:
        """Return whether a record is there as it was shown, by the watch."""
        current = self._view.cluster.records.get(record.key)
        return current is not None and record.entry.is_still(current.entry)

    def _remember_workers(self, living: Iterable[AnyRecord]) -> None:
        for record in living:
            worker = self._view.cluster.worker_of(record)
            if isinstance(record, EndpointInstance) and worker is not None:
                self._workers[record.key] = worker

    def _update_verdicts(self) -> None:
        """Return the drains of workers: by this dyntop, and by others in the audit."""
        drained = self._removals.drained
        self._workers = {key: one for key, one in self._workers.items() if key in drained}
        own = {
            worker: DrainMark(drained[key], BY_THIS_ONE) for key, worker in self._workers.items()
        }
        self._view.verdicts.drained({**self._by_others, **own})

    async def follow_audit(self, notify: Callable[[], None]) -> None:
        """Follow drains and restores by other processes on this machine, for ever. `notify` is
        called after news."""
        if self._removals.audit is None:
            return
        store = self._discovery.store
        marks = AuditDrains(self._removals.audit, store.name, store.address)
        while True:
            if (found := await marks.changed()) is not None:
                self._by_others = found
                self._update_verdicts()
                notify()
            now = asyncio.get_running_loop().time()
            await asyncio.sleep(until_next(AUDIT_INTERVAL, now))

    def _back(self, removed: Sequence[AnyRecord]) -> str:
        """Return the sentence on how to undo a removal."""
        known = [record for record in removed if not record.unread]
        if not known:
            return "Values that were not read cannot be put back."
        back = "it" if len(known) == 1 else "them"
        no_puts = self._view.store.no_puts
        waits = any(one.concerns(record.key) for one in no_puts for record in known)
        when = ", once the store takes puts again" if waits else ""
        return f"{self._keys.shown('undo')} puts {back} back{when}."

    def _notices_of(
        self, title: str, outcomes: Mapping[bytes, KeyOutcome], doing: Doing
    ) -> list[Notice]:
        """Return one sentence on the failures: of one key with the key, of several with a number
        for each outcome and the report of every key. Empty: all went well."""
        store = self._discovery.store.name
        reports = [
            KeyReport(key, outcome_text(outcome, doing, store)) for key, outcome in outcomes.items()
        ]
        failed = [one for one in reports if one.text.tone != "good"]
        if not failed:
            return []
        is_bad = any(one.text.tone == "bad" for one in failed)
        severity: Severity = "error" if is_bad else "warning"
        if len(reports) == 1:
            (one,) = failed
            key = clip(plain_key(one.key), KEY_CELLS)
            return [Notice(f"{_capital(one.text.sentence)}: {key}", severity)]
        well = [one for one in reports if one.text.tone == "good"]
        why: dict[str, list[str]] = {}
        for one in failed:
            why.setdefault(one.text.what, []).append(one.text.reason)
        which = "; ".join(f"{len(some):,} {what}{_shared(some)}" for what, some in why.items())
        return [Notice(f"{title}: {which}.", severity, Report(title, (*failed, *well)))]

    # --- why records went ---------------------------------------------------------------------

    def without_reason(self, noted: Iterable[Event]) -> list[Event]:
        """Return the removals among new events, and among keys that were gone before their removal,
        that have no reason yet."""
        unknown, self._by_another = self._by_another, []
        for event in noted:
            if event.type is not EventType.REMOVED or event.record is None:
                continue
            self._explainer.note(event)
            key, entry = event.record.key, event.record.entry
            if _is(self._asked, entry):
                # The same key may be removed by others at the same moment.
                self._gone_meanwhile[key] = event
            elif key in self._removed and entry.is_still(self._removed[key][0]):
                _, event.why = self._removed.pop(key)
            elif event.why is None:
                unknown.append(event)
        return unknown

    async def explain_earlier(self, events: Sequence[Event]) -> None:
        """Set the reasons of removals from before the start, as far as this machine's audit has
        them, and their times where the store keeps none."""
        # Of several removals of one key the last one.
        gone = {
            one.record.key: one
            for one in events
            if one.type is EventType.REMOVED and one.record is not None
        }
        entries = [one.record.entry for one in gone.values() if one.record is not None]
        for key, act in (await self._removals.in_audit(entries)).items() if entries else ():
            event = gone[key]
            event.why = by_another(act)
            if event.is_untimed:
                event.at, event.is_untimed = act.at, False

    async def find_reasons(self, events: Sequence[Event]) -> list[Event]:
        """Set the reasons of removals, by the store and the audit. Returns those to ask about once
        more by `confirm_reasons`, in a few seconds."""
        return await self._explainer.explain(events)

    async def confirm_reasons(self, events: Sequence[Event]) -> None:
        """Ask again about removals whose worker may just have been stopping."""
        await self._explainer.explain(events, again=True)

    def _answered(
        self,
        asked: Mapping[bytes, Entry],
        outcomes: Mapping[bytes, KeyOutcome],
        kind: OperationKind,
        act: str,
    ) -> None:
        """Take the store's answer: the outcome of each key decides the reason of its removal.
        `act`: its id in the audit."""
        for key, entry in asked.items():
            self._asked.pop(key, None)
            event = self._gone_meanwhile.pop(key, None)
            outcome = outcomes.get(key)
            if outcome is not None and outcome.type in _BY_THIS:
                why = Reason(_BY_THIS[outcome.type], act=act, act_kind=kind)
                if event is None:
                    self._removed[key] = (entry, why)
                else:
                    event.why = why
            elif event is not None and event.why is None:
                self._by_another.append(event)


def _is(entries: Mapping[bytes, Entry], entry: Entry) -> bool:
    """Return whether an entry is among these, as it is."""
    return entry.is_still(entries.get(entry.key))


def _shared(reasons: Sequence[str]) -> str:
    """Return the one reason of several keys in brackets. Empty: they have none, or several."""
    return f" ({reasons[0]})" if reasons[0] and len(set(reasons)) == 1 else ""


def _audit_notices(result: RemovalResult | RestoreResult) -> list[Notice]:
    text = audit_text(result)
    return [] if text is None else [Notice(f"{_capital(text)}.", "warning")]


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
