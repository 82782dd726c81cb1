"""Removing keys by hand, and putting them back: the one place that does either.

What is removed is in the audit first. If that cannot be written, nothing is removed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

from backends.discovery.discovery import Discovery
from backends.dynamo import keys
from backends.dynamo.records import AnyRecord
from backends.removal.audit import ActKind, Audit, AuditFailed, Item, Operation, as_text, new_id
from backends.removal.audit.act import spell_outcome
from backends.removal.outcomes import FAILED, KeyOutcome, OutcomeType, not_tried, outcome_of
from backends.removal.targets import RemovalTarget, kind_of
from backends.store import Entry, PutBack, Refused, StoreError, Unreachable

_log = logging.getLogger(__name__)

KEPT_ITEMS = 10_000
"""Keys remembered for undoing, some 50 MB of model cards; the newest act is, whatever its size."""

AT_A_TIME = 16
"""Keys put back at a time: as many calls as the etcd store has under way."""

GRACE = 2.0
"""Seconds that a store gets to answer after whoever waits for it was cancelled: a person who quits
meanwhile still has what came of it in the audit."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RemovalResult:
    """What came of removing."""

    kind: ActKind
    """What it was: removing what is live is a drain, whatever it was asked as."""
    id: str | None
    """Of the act in the audit. None: nothing was written down."""
    outcomes: dict[bytes, KeyOutcome]
    """By key, in the order of the targets."""
    audit_problem: AuditFailed | None = None
    """Why it could not be written down. Where that was before, all outcomes are
    `NOT_WRITTEN_DOWN`. Else these outcomes are missing in the audit, and the act is in it all the
    same, as one whose outcome is not recorded."""
    can_be_undone: bool = False
    """Whether anything was removed, or may have been, whose value is known."""

    def keys_of(self, kind: OutcomeType) -> list[bytes]:
        """Return the keys with an outcome of this type."""
        return [key for key, outcome in self.outcomes.items() if outcome.type is kind]


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What came of putting back."""

    act: Operation
    """What was asked for, and what is known of it now."""
    outcomes: dict[bytes, KeyOutcome]
    """By key. An item that was never removed (it had changed, or was gone) is not among them."""
    audit_problem: AuditFailed | None = None
    """Why these outcomes could not be written down."""


# RestoreRefused
# ├── NotFound      there is no such act or item
# └── WrongStore    it was removed from another store than this one
class RestoreRefused(Exception):
    """Base of why nothing is put back."""


class NotFound(RestoreRefused):
    """There is no act or item `wanted`."""

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self.wanted = wanted


class WrongStore(RestoreRefused):
    """The act was done on the store `recorded`, and this is `here`: name and address each."""

    def __init__(self, recorded: tuple[str, str], here: tuple[str, str]) -> None:
        super().__init__(f"removed from {' '.join(recorded)}, this is {' '.join(here)}")
        self.recorded = recorded
        self.here = here


class Removals:
    """Removes and puts back in one store. `audit` None: nothing is written down.

    `clock` gives POSIX seconds and is read only without an audit, which has its own; `grace` is in
    seconds; `kept_items` keys are remembered for undoing; `at_a_time` keys are put back at once.
    """

    def __init__(
        self,
        discovery: Discovery,
        audit: Audit | None,
        *,
        clock: Callable[[], float] = time.time,
        grace: float = GRACE,
        kept_items: int = KEPT_ITEMS,
        at_a_time: int = AT_A_TIME,
    ) -> None:
        self._discovery = discovery
        self._audit = audit
        self._clock = clock if audit is None else audit.clock
        self._grace = grace
        self._kept_items = kept_items
        self._at_a_time = at_a_time
        self._acts: dict[str, Operation] = {}
        """This process's own, oldest first, with what is known of them now."""
        self._drained: dict[bytes, float] = {}

    @property
    def discovery(self) -> Discovery:
        """Of the store that it acts on."""
        return self._discovery

    @property
    def audit(self) -> Audit | None:
        """Where it writes down what it removes. None: nowhere."""
        return self._audit

    def cannot_write_down(self) -> AuditFailed | None:
        """Return why a removal could not be written down. None: it can, or need not be. Blocks."""
        return None if self._audit is None else self._audit.problem()

    @property
    def drained(self) -> Mapping[bytes, float]:
        """The keys that this process drained and did not put back, and when (POSIX seconds).

        Their workers may have ended since, or registered again: the records tell.
        """
        return MappingProxyType(self._drained)

    async def remove(self, asked_as: ActKind, targets: Sequence[RemovalTarget]) -> RemovalResult:
        """Write down, then remove each record in the revision it was shown in.

        Each key has its outcome, also where nothing could be written down: then nothing is removed.
        Being cancelled while it writes, it removes nothing; while the store is at work, it waits a
        moment for the answer.
        """
        chosen = {target.record.key: target for target in targets}
        kind = kind_of(asked_as, chosen.values())
        if not chosen:
            return RemovalResult(kind, None, {})
        items = [
            Item(number, target.record.entry, target.verdict, target.evidence)
            for number, target in enumerate(chosen.values(), 1)
        ]
        try:
            act = await self._begin(kind, items)
        except AuditFailed as problem:
            _log.error("nothing is removed, since it cannot be written down: %s", problem)
            not_begun = dict.fromkeys(chosen, KeyOutcome(OutcomeType.NOT_WRITTEN_DOWN))
            return RemovalResult(kind, None, not_begun, problem)
        records = [target.record for target in chosen.values()]
        return await self._to_its_end(self._remove(act, records))

    async def restore(self, wanted: str | Operation) -> RestoreResult:
        """Put back what an act removed, or may have: by its id, one item by `ID.N`, or as `last`
        or the audit gave it, whole or in part.

        What had been put back before is tried again, since it may have gone again; nothing that is
        there is ever replaced. Being cancelled, it waits a moment for the store's answers.

        Raises `NotFound`, `WrongStore`, and `AuditFailed` where the audit cannot be read.
        """
        return await self._to_its_end(self._restore(await self._find_here(wanted)))

    async def foresee(self, wanted: str | Operation) -> RestoreResult:
        """Return what would come of `restore` now. Changes nothing.

        Raises what `restore` raises, and `StoreError` where the store cannot be asked.
        """
        act = await self._find_here(wanted)
        store = self._discovery.store
        entries = [item.entry for item in act.items if item.may_be_removed]
        there = await store.get([entry.key for entry in entries])
        no_puts = await self._discovery.no_puts()
        leased = [entry for entry in entries if entry.lease is not None and entry.key not in there]
        lives = await store.time_to_live(leased)
        outcomes: dict[bytes, KeyOutcome] = {}
        for entry in entries:
            life = lives.get(entry.key)
            refusal = next((one for one in no_puts if one.concerns(entry.key)), None)
            answer: PutBack | StoreError = PutBack.DONE
            if entry.unread:
                answer = PutBack.UNREAD
            elif entry.key in there:
                answer = PutBack.THERE
            elif life is not None and life.granted is None:
                answer = PutBack.LEASE_GONE
            elif refusal is not None:
                answer = Refused(store.address, refusal.reason)
            outcomes[entry.key] = outcome_of(answer, unread=entry.unread)
        return RestoreResult(act, outcomes)

    async def in_audit(self, entries: Collection[Entry]) -> dict[bytes, Operation]:
        """Return the newest act of the audit that removed, or may have removed, each entry as it
        was, by key; also acts of other processes. Empty where there is no audit, or none that can
        be read."""
        if self._audit is None:
            return {}
        try:
            acts = await asyncio.to_thread(self._audit.latest_acts)
        except AuditFailed:
            return {}
        wanted = {entry.key: entry for entry in entries}
        found: dict[bytes, Operation] = {}
        for act in acts:
            if act.store != self._discovery.store.name:
                continue
            for item in act.items:
                entry = wanted.get(item.entry.key)
                if entry is not None and item.may_be_removed and item.entry.is_still(entry):
                    found[entry.key] = act
        return found

    def last(self) -> Operation | None:
        """What `undo` would put back: this process's newest act with only those items that it may
        have removed and that the store was not heard of since. None: there is nothing to undo."""
        parts = (act.left_to_undo() for act in reversed(self._acts.values()))
        return next((part for part in parts if part is not None), None)

    async def undo(self) -> RestoreResult | None:
        """Put `last` back; what came of it, or None if there is nothing to undo.

        After a question, pass what the question showed to `restore`: it may not be the last any
        more. Items that the store did not answer to stay for the next time.
        """
        act = self.last()
        return None if act is None else await self.restore(act)

    async def _begin(self, kind: ActKind, items: Sequence[Item]) -> Operation:
        store = self._discovery.store
        if self._audit is not None:
            return await asyncio.to_thread(
                self._audit.begin, kind, store.name, store.address, items
            )
        at = self._clock()
        act_id = new_id(at, self._acts)
        return Operation(act_id, at, kind, store.name, as_text(store.address), "", "", tuple(items))

    async def _remove(self, act: Operation, records: Sequence[AnyRecord]) -> RemovalResult:
        outcomes: dict[bytes, KeyOutcome] = {}
        try:
            answers = await self._discovery.unregister_all(records)
            outcomes = {record.key: outcome_of(answers[record.key]) for record in records}
        finally:
            # Not before: what is being removed cannot be undone yet.
            act = act.with_outcomes(outcomes)
            self._keep(act)
        act_id = None if self._audit is None else act.id
        can_be_undone = act.left_to_undo() is not None
        result = RemovalResult(act.kind, act_id, outcomes, can_be_undone=can_be_undone)
        if act.kind == "drain":
            self._drained |= dict.fromkeys(result.keys_of(OutcomeType.REMOVED), act.at)
        _log_outcomes(act, act.kind, outcomes)
        problem = await self._write_down(lambda audit: audit.finish(act, outcomes))
        return replace(result, audit_problem=problem)

    async def _restore(self, act: Operation) -> RestoreResult:
        entries = [item.entry for item in act.items if item.may_be_removed]
        outcomes: dict[bytes, KeyOutcome] = {}
        problem: AuditFailed | None = None
        try:
            await self._put_back(entries, outcomes)
        finally:
            # When it is cancelled, too: for what the store answered to until then.
            at = self._clock()
            if (kept := self._acts.get(act.id)) is not None:
                self._acts[act.id] = kept.with_restored(outcomes, at)
            for key, outcome in outcomes.items():
                if outcome.type in (OutcomeType.PUT_BACK, OutcomeType.THERE):
                    self._drained.pop(key, None)
            _log_outcomes(act, "put back", outcomes)
            if outcomes:
                problem = await self._write_down(lambda audit: audit.put_back(act, outcomes))
        return RestoreResult(act.with_restored(outcomes, at), outcomes, problem)

    async def _put_back(self, entries: Sequence[Entry], outcomes: dict[bytes, KeyOutcome]) -> None:
        """Put entries back, a few at a time; add what came of each as soon as it is known."""

        async def one(entry: Entry) -> None:
            answer: PutBack | StoreError
            try:
                answer = await self._discovery.store.put_back(entry)
            except StoreError as error:
                answer = error
            outcomes[entry.key] = outcome_of(answer, unread=entry.unread)

        for start in range(0, len(entries), self._at_a_time):
            end = start + self._at_a_time
            await asyncio.gather(*map(one, entries[start:end]))
            errors = (outcome.error for outcome in outcomes.values())
            lost = next((error for error in errors if isinstance(error, Unreachable)), None)
            if lost is not None:
                # The others would only wait for the same.
                outcomes |= {entry.key: not_tried(lost) for entry in entries[end:]}
                return

    async def _find_here(self, wanted: str | Operation) -> Operation:
        """Return what is to be put back. Raises `NotFound`, `WrongStore`, `AuditFailed`."""
        act = wanted if isinstance(wanted, Operation) else await self._find(wanted)
        store = self._discovery.store
        recorded, here = (act.store, act.address), (store.name, as_text(store.address))
        if recorded != here:
            raise WrongStore(recorded, here)
        return act

    async def _find(self, wanted: str) -> Operation:
        """What this process remembers goes first: it knows outcomes that could not be written."""
        parts = (act.part(wanted) for act in self._acts.values())
        found = next((part for part in parts if part is not None), None)
        if found is None and self._audit is not None:
            found = await asyncio.to_thread(self._audit.find, wanted)
        if found is None:
            raise NotFound(wanted)
        return found

    async def _write_down(self, write: Callable[[Audit], None]) -> AuditFailed | None:
        """Why it could not be written down, if so: what is done is done."""
        if self._audit is None:
            return None
        try:
            await asyncio.to_thread(write, self._audit)
        except AuditFailed as problem:
            _log.error("%s", problem)
            return problem
        return None

    def _keep(self, act: Operation) -> None:
        self._acts[act.id] = act
        number = sum(len(kept.items) for kept in self._acts.values())
        while number > self._kept_items and len(self._acts) > 1:
            oldest = self._acts.pop(next(iter(self._acts)))
            number -= len(oldest.items)

    async def _to_its_end(self, work: Coroutine[None, None, T]) -> T:
        """Does the work; where whoever waits for it is cancelled, it has `grace` seconds left."""
        task = asyncio.create_task(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            try:
                await asyncio.wait([task], timeout=self._grace)
            finally:
                task.cancel()
            # It may have answers to write down.
            await asyncio.wait([task], timeout=self._grace)
            raise


def _log_outcomes(act: Operation, what: str, outcomes: Mapping[bytes, KeyOutcome]) -> None:
    for key, outcome in outcomes.items():
        level = logging.WARNING if outcome.type in FAILED else logging.INFO
        spelled = " ".join(spell_outcome(outcome))
        _log.log(level, "%s %s of %s: %s", what, act.id, keys.spell(key), spelled)
