"""Remove keys and labels of pods by hand, and put them back: the only place that does either.

Removals are in the audit first. If it cannot be written, nothing is removed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec
from msgspec.structs import replace

from backends.discovery.discovery import Discovery
from backends.dynamo import keys
from backends.removal.audit.disk import AuditFailed
from backends.removal.audit.operation import (
    Item,
    Operation,
    OperationKind,
    as_text,
    new_id,
    spell_outcome,
)
from backends.removal.errors import NotFound, WrongStore
from backends.removal.outcomes import FAILED, KeyOutcome, OutcomeType, not_tried, outcome_of
from backends.removal.removal_targets import RemovalTarget, kind_of
from backends.store import (
    Entry,
    Forbidden,
    Owner,
    PodExistence,
    PodLabel,
    PutBack,
    Refused,
    StoreError,
    Unreachable,
)

if TYPE_CHECKING:
    from backends.removal.audit.audit import Audit

_log = logging.getLogger(__name__)

KEPT_ITEMS = 10_000
"""Keys remembered for undoing, some 50 MB of model cards. The newest act is kept whatever its
size."""

AT_A_TIME = 16
"""Keys put back at a time: as many calls as the etcd store runs at once."""

GRACE = 2.0
"""Seconds for the store to answer after the caller was cancelled: if the user quits, the outcome is
still in the audit."""

T = TypeVar("T")


class RemovalResult(msgspec.Struct, frozen=True):
    """The outcome of a removal."""

    kind: OperationKind
    """Its kind: removing a live worker's instance is a drain, whatever was asked for."""
    id: str | None
    """The act's id in the audit. None: no audit was written."""
    outcomes: dict[bytes, KeyOutcome]
    """By key, in the order of the targets."""
    audit_problem: AuditFailed | None = None
    """Why the audit could not be written. If that was before the removal, all outcomes are
    `NOT_WRITTEN_DOWN`. Otherwise the audit has the act, without these outcomes."""
    can_be_undone: bool = False
    """Whether some key with a known value was removed, or may have been."""

    def keys_of(self, kind: OutcomeType) -> list[bytes]:
        """Return the keys with an outcome of this type."""
        return [key for key, outcome in self.outcomes.items() if outcome.type is kind]


class RestoreResult(msgspec.Struct, frozen=True):
    """The outcome of putting keys back."""

    act: Operation
    """The act that was asked for, with its present state."""
    outcomes: dict[bytes, KeyOutcome]
    """By key. Items that were never removed (changed, or gone already) are left out."""
    audit_problem: AuditFailed | None = None
    """Why these outcomes could not be written to the audit."""


class Removals:
    """Removes and puts back keys of one store. `audit` None: no audit is written.

    `clock`: POSIX seconds, read only without an audit, which has its own. `grace`: in seconds.
    `kept_items`: keys remembered for undoing. `at_a_time`: keys put back at once.
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
        """This process's own acts, oldest first, with their present state."""
        self._drained: dict[bytes, float] = {}

    @property
    def discovery(self) -> Discovery:
        """The view of the store that it acts on."""
        return self._discovery

    @property
    def audit(self) -> Audit | None:
        """The audit that removals are written to. None: no audit."""
        return self._audit

    def cannot_write_down(self) -> AuditFailed | None:
        """Return why removals cannot be written to the audit. None: they can, or need not be.
        Blocks."""
        return None if self._audit is None else self._audit.problem()

    @property
    def drained(self) -> Mapping[bytes, float]:
        """The keys that this process drained and has not put back, with times (POSIX seconds).

        Their workers may have ended since, or registered again: the records show it.
        """
        return MappingProxyType(self._drained)

    async def remove(
        self, asked_as: OperationKind, targets: Sequence[RemovalTarget]
    ) -> RemovalResult:
        """Write the audit, then remove each record at the revision shown.

        Each key has an outcome. If the audit cannot be written, nothing is removed. Cancelled
        during that write, it removes nothing; cancelled while the store works, it waits a moment
        for the answer.
        """
        chosen = {target.record.key: target for target in targets}
        kind = kind_of(asked_as, chosen.values())
        if not chosen:
            return RemovalResult(kind, None, {})
        items = [_item(number, target) for number, target in enumerate(chosen.values(), 1)]

        async def remove() -> dict[bytes, KeyOutcome]:
            records = [target.record for target in chosen.values()]
            answers = await self._discovery.unregister_all(records)
            return {record.key: outcome_of(answers[record.key]) for record in records}

        return await self._act(kind, items, remove)

    async def take_out(self, target: RemovalTarget, label: PodLabel) -> RemovalResult:
        """Write the audit, then take a label off a pod, so that clients discover none of its
        processes until it is back.

        `target`: a record of a process in the pod, by whose key the outcome is returned. Cancelled,
        it behaves as `remove`.
        """

        async def take_off() -> dict[bytes, KeyOutcome]:
            return {target.record.key: await self._of_label(label, "take_off")}

        return await self._act("lasting drain", [_item(1, target, label)], take_off)

    async def put_label_back(self, target: RemovalTarget, label: PodLabel) -> RestoreResult:
        """Put the label of a pod back that any dyntop, on any machine, took off.

        If an act in this audit took it off, that act is restored. Otherwise an act of its own is
        written. Raises `AuditFailed`: nothing was done.
        """
        if (act := await self.act_of(label)) is not None:
            return await self.restore(act)
        act = await self._begin("put back", [_item(1, target, label)])
        return await self._to_its_end(self._finish_label(act, label))

    async def find(self, wanted: str) -> Operation:
        """Return an act of this store, or one item of it, as `restore` takes it.

        Raises `NotFound`, `WrongStore`, and `AuditFailed` if the audit cannot be read.
        """
        return await self._find_here(wanted)

    async def restore(self, wanted: str | Operation) -> RestoreResult:
        """Put back the keys that an act removed, or may have: by its id, one item by `ID.N`, or an
        act from `last` or the audit, whole or in part.

        Keys put back before are tried again, since they may have gone again; an existing key is
        never replaced. Cancelled, it waits a moment for the store's answers.

        Raises `NotFound`, `WrongStore`, and `AuditFailed` if the audit cannot be read.
        """
        return await self._to_its_end(self._restore(await self._find_here(wanted)))

    async def preview(self, wanted: str | Operation) -> RestoreResult:
        """Return the outcome that `restore` would have now. Changes nothing.

        Raises what `restore` raises, and `StoreError` if the store does not answer.
        """
        act = await self._find_here(wanted)
        store = self._discovery.store
        removed = [item for item in act.items if item.may_be_removed]
        entries = [item.entry for item in removed if item.label is None]
        there = await store.get([entry.key for entry in entries])
        no_puts = await self._discovery.no_puts()
        read_only = await self._discovery.read_only()
        leased = [entry for entry in entries if entry.lease is not None and entry.key not in there]
        ttls = await store.time_to_live(leased)
        existence = await self._existence(entries)
        outcomes = {
            item.entry.key: await self._of_label(item.label, "put_back", dry_run=True)
            for item in removed
            if item.label is not None
        }
        for entry in entries:
            lease_ttl = ttls.get(entry.key)
            refusal = next((one for one in no_puts if one.concerns(entry.key)), None)
            answer: PutBack | StoreError = PutBack.DONE
            if entry.unread:
                answer = PutBack.UNREAD
            elif read_only:
                answer = Forbidden(store.address, read_only)
            elif _is_held(entry, there.get(entry.key)):
                answer = PutBack.THERE
            elif lease_ttl is not None and lease_ttl.granted is None:
                answer = PutBack.LEASE_GONE
            elif existence.get(entry.owner) in (PodExistence.GONE, PodExistence.REPLACED):
                answer = PutBack.POD_GONE
            elif refusal is not None:
                answer = Refused(store.address, refusal.reason)
            outcomes[entry.key] = outcome_of(answer, unread=entry.unread)
        return RestoreResult(act, outcomes)

    async def _existence(self, entries: Sequence[Entry]) -> dict[Owner | None, PodExistence]:
        """Return whether the pods exist that owned the objects of entries."""
        pods = self._discovery.store.pods
        owners = {one.owner for one in entries if one.owner is not None}
        return {} if pods is None else {one: await pods.existence(one) for one in owners}

    async def in_audit(self, entries: Collection[Entry]) -> dict[bytes, Operation]:
        """Return the newest act of the audit that removed, or may have removed, each entry
        unchanged, by key. Acts of other processes are included. Empty: no audit, or it cannot be
        read."""
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
                is_its_removal = item.label is None and item.may_be_removed
                if entry is not None and is_its_removal and item.entry.is_still(entry):
                    found[entry.key] = act
        return found

    def last(self) -> Operation | None:
        """Return the operation that `undo` would put back: this process's newest, with only the
        items that may be removed and that the store has not answered for since. None: nothing to
        undo."""
        parts = (act.left_to_undo() for act in reversed(self._acts.values()))
        return next((part for part in parts if part is not None), None)

    async def undo(self) -> RestoreResult | None:
        """Put `last` back, and return the outcome. None: nothing to undo.

        After a question, pass the act that it showed to `restore`: `last` may have changed. Items
        without the store's answer stay for the next time.
        """
        act = self.last()
        return None if act is None else await self.restore(act)

    async def preview_label(self, label: PodLabel) -> KeyOutcome:
        """Return the outcome that `put_label_back` would have now. Changes nothing."""
        return await self._of_label(label, "put_back", dry_run=True)

    async def _begin(self, kind: OperationKind, items: Sequence[Item]) -> Operation:
        store = self._discovery.store
        if self._audit is not None:
            return await asyncio.to_thread(
                self._audit.begin, kind, store.name, store.address, items
            )
        at = self._clock()
        act_id = new_id(at, self._acts)
        return Operation(act_id, at, kind, store.name, as_text(store.address), "", "", tuple(items))

    async def _act(
        self,
        kind: OperationKind,
        items: Sequence[Item],
        carry_out: Callable[[], Awaitable[dict[bytes, KeyOutcome]]],
    ) -> RemovalResult:
        """Write the audit, then carry a removal out."""
        try:
            act = await self._begin(kind, items)
        except AuditFailed as problem:
            _log.error("nothing is removed, since it cannot be written down: %s", problem)
            nothing = KeyOutcome(OutcomeType.NOT_WRITTEN_DOWN)
            not_begun = {item.entry.key: nothing for item in items}
            return RemovalResult(kind, None, not_begun, problem)
        return await self._to_its_end(self._carry_out(act, carry_out))

    async def _carry_out(
        self, act: Operation, carry_out: Callable[[], Awaitable[dict[bytes, KeyOutcome]]]
    ) -> RemovalResult:
        outcomes: dict[bytes, KeyOutcome] = {}
        try:
            outcomes = await carry_out()
        finally:
            # Not earlier: keys that are being removed cannot be undone yet.
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

    async def _finish_label(self, act: Operation, label: PodLabel) -> RestoreResult:
        """Put a label back in an act of its own."""
        (item,) = act.items
        outcomes = {item.entry.key: await self._of_label(label, "put_back")}
        _log_outcomes(act, act.kind, outcomes)
        problem = await self._write_down(lambda audit: audit.finish(act, outcomes))
        return RestoreResult(act.with_outcomes(outcomes), outcomes, problem)

    async def act_of(self, label: PodLabel) -> Operation | None:
        """Return the newest act that took a label off, with that item alone. None: no act of this
        process or in its audit did. Raises `AuditFailed`."""
        acts = list(self._acts.values())
        if self._audit is not None:
            acts = [*await asyncio.to_thread(self._audit.acts), *acts]
        store = self._discovery.store
        for act in sorted(acts, key=lambda one: one.at, reverse=True):
            if (act.store, act.address) != (store.name, as_text(store.address)):
                continue
            items = tuple(one for one in act.items if one.label == label and one.may_be_removed)
            if act.kind == "lasting drain" and items:
                return replace(act, items=items)
        return None

    async def _of_label(
        self, label: PodLabel, what: Literal["take_off", "put_back"], *, dry_run: bool = False
    ) -> KeyOutcome:
        """Take a label off or put it back. Return the outcome."""
        store = self._discovery.store
        if store.pod_labels is None:
            return outcome_of(Refused(store.address, "it has no pods"))
        try:
            if what == "take_off":
                return outcome_of(await store.pod_labels.take_off(label))
            return outcome_of(await store.pod_labels.put_back(label, dry_run=dry_run))
        except StoreError as error:
            return outcome_of(error)

    async def _restore(self, act: Operation) -> RestoreResult:
        items = [item for item in act.items if item.may_be_removed]
        entries = {item.entry.key for item in items if item.label is None}
        outcomes: dict[bytes, KeyOutcome] = {}
        problem: AuditFailed | None = None
        try:
            await self._put_back(items, outcomes)
        finally:
            # Also when cancelled, for the store's answers until then.
            at = self._clock()
            if (kept := self._acts.get(act.id)) is not None:
                self._acts[act.id] = kept.with_restored(outcomes, at)
            for key, outcome in outcomes.items():
                if key in entries and outcome.type in (OutcomeType.PUT_BACK, OutcomeType.THERE):
                    self._drained.pop(key, None)
            _log_outcomes(act, "put back", outcomes)
            if outcomes:
                problem = await self._write_down(lambda audit: audit.put_back(act, outcomes))
        return RestoreResult(act.with_restored(outcomes, at), outcomes, problem)

    async def _put_back(self, items: Sequence[Item], outcomes: dict[bytes, KeyOutcome]) -> None:
        """Put entries and labels back, a few at a time. Add each outcome as soon as it is known."""

        async def one(item: Item) -> None:
            entry = item.entry
            if item.label is not None:
                outcomes[entry.key] = await self._of_label(item.label, "put_back")
                return
            answer: PutBack | StoreError
            try:
                answer = await self._discovery.store.put_back(entry)
            except StoreError as error:
                answer = error
            outcomes[entry.key] = outcome_of(answer, unread=entry.unread)

        for start in range(0, len(items), self._at_a_time):
            end = start + self._at_a_time
            await asyncio.gather(*map(one, items[start:end]))
            errors = (outcome.error for outcome in outcomes.values())
            lost = next((error for error in errors if isinstance(error, Unreachable)), None)
            if lost is not None:
                # The other keys would only wait for the same timeout.
                outcomes |= {item.entry.key: not_tried(lost) for item in items[end:]}
                return

    async def _find_here(self, wanted: str | Operation) -> Operation:
        """Return the act to put back. Raises `NotFound`, `WrongStore`, `AuditFailed`."""
        act = wanted if isinstance(wanted, Operation) else await self._find(wanted)
        store = self._discovery.store
        recorded, here = (act.store, act.address), (store.name, as_text(store.address))
        if recorded != here:
            raise WrongStore(recorded, here)
        return act

    async def _find(self, wanted: str) -> Operation:
        """Return an act. This process's memory comes first: it has outcomes that could not be
        written."""
        parts = (act.part(wanted) for act in self._acts.values())
        found = next((part for part in parts if part is not None), None)
        if found is None and self._audit is not None:
            found = await asyncio.to_thread(self._audit.find, wanted)
        if found is None:
            raise NotFound(wanted)
        return found

    async def _write_down(self, write: Callable[[Audit], None]) -> AuditFailed | None:
        """Write to the audit. Return why it failed; the removal itself stands. None: written."""
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
        """Run the work. If the caller is cancelled, the work has `grace` seconds left."""
        task = asyncio.create_task(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            try:
                await asyncio.wait([task], timeout=self._grace)
            finally:
                task.cancel()
            # It may have answers to write to the audit.
            await asyncio.wait([task], timeout=self._grace)
            raise


def _item(number: int, target: RemovalTarget, label: PodLabel | None = None) -> Item:
    return Item(number, target.record.entry, target.verdict, target.evidence, label=label)


def _is_held(entry: Entry, now: Entry | None) -> bool:
    """Return whether the key exists, held by the same object where objects hold entries."""
    if now is None or entry.owner is None or now.owner is None:
        return now is not None
    return entry.owner.path == now.owner.path


def _log_outcomes(act: Operation, what: str, outcomes: Mapping[bytes, KeyOutcome]) -> None:
    for key, outcome in outcomes.items():
        level = logging.WARNING if outcome.type in FAILED else logging.INFO
        spelled = " ".join(spell_outcome(outcome))
        _log.log(level, "%s %s of %s: %s", what, act.id, keys.spell(key), spelled)
