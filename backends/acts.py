"""Removing keys by hand, and putting them back: the one place that does either.

What is removed is in the audit first. If that cannot be written, nothing is removed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from backends import keys
from backends.audit import Act, ActKind, Audit, AuditFailed, Item, as_text, new_id
from backends.audit.outcomes import told
from backends.discovery import Discovery
from backends.records import AnyRecord
from backends.store import Entry, Outcome, PutBack, Removal, StoreError, Unreachable

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
class Condemned:
    """A record that a person said yes to."""

    record: AnyRecord
    """In the revision that was shown: in another one it is not removed."""
    verdict: str
    """What dyntop thought of it, e.g. `stale`."""
    evidence: tuple[str, ...]
    """Why it thought so."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of removing."""

    id: str | None
    """Of the act in the audit. None: nothing was written down."""
    outcomes: dict[bytes, Outcome]
    """By key."""
    audit_problem: AuditFailed | None
    """Why these outcomes could not be written down. What was removed is in the audit all the same,
    as an act whose outcome is not recorded."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of putting back."""

    act: Act
    """What was asked for, and what is known of it now."""
    outcomes: dict[bytes, PutBack | StoreError]
    """By key. An item that was never removed (it had changed, or was gone) is not among them."""
    audit_problem: AuditFailed | None
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


class Acts:
    """Removes and puts back in one store. `audit` None: nothing is written down.

    `clock` gives POSIX seconds and is read only without an audit, which has its own; `grace` is in
    seconds.
    """

    def __init__(
        self,
        discovery: Discovery,
        audit: Audit | None,
        *,
        clock: Callable[[], float] = time.time,
        grace: float = GRACE,
    ) -> None:
        self._discovery = discovery
        self._audit = audit
        self._clock = clock if audit is None else audit.clock
        self._grace = grace
        self._acts: dict[str, Act] = {}
        """This process's own, oldest first, with what is known of them now."""
        self._drained: dict[bytes, float] = {}

    @property
    def discovery(self) -> Discovery:
        """Of the store that it acts on."""
        return self._discovery

    @property
    def drained(self) -> Mapping[bytes, float]:
        """The keys that this process drained and did not put back, and when (POSIX seconds).

        Their workers may have ended since, or registered again: the records tell.
        """
        return MappingProxyType(self._drained)

    async def remove(self, kind: ActKind, targets: Sequence[Condemned]) -> Done:
        """Write down, then remove each record in the revision it was shown in.

        Raises `AuditFailed` before anything is removed. Being cancelled while it writes, it removes
        nothing; while the store is at work, it waits a moment for the answer.
        """
        condemned = {target.record.key: target for target in targets}
        if not condemned:
            return Done(None, {}, None)
        items = [
            Item(number, target.record.entry, target.verdict, target.evidence)
            for number, target in enumerate(condemned.values(), 1)
        ]
        act = await self._begin(kind, items)
        records = [target.record for target in condemned.values()]
        return await self._to_its_end(self._remove(act, records))

    async def restore(self, wanted: str | Act) -> Restored:
        """Put back what an act removed, or may have: by its id, one item by `ID.N`, or as `last`
        or the audit gave it, whole or in part.

        What had been put back before is tried again, since it may have gone again; nothing that is
        there is ever replaced. Being cancelled, it waits a moment for the store's answers.

        Raises `NotFound`, `WrongStore`, and `AuditFailed` where the audit cannot be read.
        """
        act = wanted if isinstance(wanted, Act) else await self._find(wanted)
        store = self._discovery.store
        recorded, here = (act.store, act.address), (store.name, as_text(store.address))
        if recorded != here:
            raise WrongStore(recorded, here)
        return await self._to_its_end(self._restore(act))

    def last(self) -> Act | None:
        """What `undo` would put back: this process's newest act with only those items that it may
        have removed and that the store was not heard of since. None: there is nothing to undo."""
        parts = (act.left_to_undo() for act in reversed(self._acts.values()))
        return next((part for part in parts if part is not None), None)

    async def undo(self) -> Restored | None:
        """Put `last` back; what came of it, or None if there is nothing to undo.

        After a question, pass what the question showed to `restore`: it may not be the last any
        more. Items that the store did not answer to stay for the next time.
        """
        act = self.last()
        return None if act is None else await self.restore(act)

    async def _begin(self, kind: ActKind, items: Sequence[Item]) -> Act:
        store = self._discovery.store
        if self._audit is not None:
            try:
                return await asyncio.to_thread(
                    self._audit.begin, kind, store.name, store.address, items
                )
            except AuditFailed as problem:
                _log.error("nothing is removed, since it cannot be written down: %s", problem)
                raise
        at = self._clock()
        act_id = new_id(at, self._acts)
        return Act(act_id, at, kind, store.name, as_text(store.address), "", "", tuple(items))

    async def _remove(self, act: Act, records: Sequence[AnyRecord]) -> Done:
        outcomes: dict[bytes, Outcome] = {}
        try:
            outcomes = await self._discovery.unregister_all(records)
        finally:
            # Not before: what is being removed cannot be undone yet.
            self._keep(act.with_outcomes(outcomes))
        if act.kind == "drain":
            removed = [key for key, outcome in outcomes.items() if outcome is Removal.REMOVED]
            self._drained |= dict.fromkeys(removed, act.at)
        _log_outcomes(act, act.kind, outcomes)
        problem = await self._write_down(lambda audit: audit.finish(act, outcomes))
        return Done(None if self._audit is None else act.id, outcomes, problem)

    async def _restore(self, act: Act) -> Restored:
        entries = [item.entry for item in act.items if item.may_be_removed]
        outcomes: dict[bytes, PutBack | StoreError] = {}
        problem: AuditFailed | None = None
        try:
            await self._put_back(entries, outcomes)
        finally:
            # When it is cancelled, too: for what the store answered to until then.
            at = self._clock()
            if (kept := self._acts.get(act.id)) is not None:
                self._acts[act.id] = kept.with_restored(outcomes, at)
            for key, outcome in outcomes.items():
                if outcome in (PutBack.DONE, PutBack.THERE):
                    self._drained.pop(key, None)
            _log_outcomes(act, "put back", outcomes)
            if outcomes:
                problem = await self._write_down(lambda audit: audit.put_back(act, outcomes))
        return Restored(act.with_restored(outcomes, at), outcomes, problem)

    async def _put_back(
        self, entries: Sequence[Entry], outcomes: dict[bytes, PutBack | StoreError]
    ) -> None:
        """Puts entries back, a few at a time; adds what came of each as soon as it is known."""

        async def one(entry: Entry) -> None:
            try:
                outcomes[entry.key] = await self._discovery.store.put_back(entry)
            except StoreError as error:
                outcomes[entry.key] = error

        for start in range(0, len(entries), AT_A_TIME):
            await asyncio.gather(*map(one, entries[start : start + AT_A_TIME]))
            failures = (error for error in outcomes.values() if isinstance(error, Unreachable))
            if (failure := next(failures, None)) is not None:
                # The others would only wait for the same.
                for entry in entries[start + AT_A_TIME :]:
                    outcomes[entry.key] = failure
                return

    async def _find(self, wanted: str) -> Act:
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

    def _keep(self, act: Act) -> None:
        self._acts[act.id] = act
        number = sum(len(kept.items) for kept in self._acts.values())
        while number > KEPT_ITEMS and len(self._acts) > 1:
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


def _log_outcomes(
    act: Act, what: str, outcomes: Mapping[bytes, Outcome] | Mapping[bytes, PutBack | StoreError]
) -> None:
    for key, outcome in outcomes.items():
        failed = isinstance(outcome, StoreError)
        level = logging.WARNING if failed else logging.INFO
        _log.log(level, "%s %s of %s: %s", what, act.id, keys.spell(key), " ".join(told(outcome)))
