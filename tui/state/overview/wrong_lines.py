"""The findings, one line a cause: those of one process, or of one model, taken together. Pure.

A dead worker with eight keys is one line, and so is a model that lacks a role, however many workers
wait for it. Kept up to date at a cost in proportion to the changes.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Hashable, Iterable, Sequence
from enum import StrEnum

import msgspec

from backends.discovery.record_index import Scope, scopes_of
from backends.dynamo import keys as record_keys
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord
from backends.liveness.judge import Verdict
from backends.liveness.routing import ServingReason
from backends.liveness.workers import SEVERITY
from backends.liveness.workers import worker as worker_by_id
from backends.probe.hosts import host_of
from backends.store import Lifetime
from tui.state.record_states import NO_REASON, RecordStates
from tui.text.format import LEFT_BEHIND, NOTHING, STATES, State, worker_ids
from tui.text.serving import (
    NOT_SERVED,
    state_of_adapter,
    state_of_model,
    why_not_served,
    with_denial,
    words_why_not_served,
)


class WrongKind(StrEnum):
    """What a line of findings is about."""

    MODEL = "model"
    ADAPTER = "adapter"
    WORKER = "worker"
    KEY = "key"
    """A record of which no process is known."""


class WrongId(msgspec.Struct, frozen=True, order=True):
    """Identifies a cause while its findings come and go."""

    kind: WrongKind
    of: Hashable
    """A name, a worker's id, or a key."""


class WrongLine(msgspec.Struct, frozen=True):
    """One line of what is wrong."""

    id: WrongId
    state: State
    name: str
    """As it came from the store."""
    worker: int | None
    worker_text: str
    """Its id as Workers shows it. Empty: it is of no worker."""
    host: str
    records: tuple[AnyRecord, ...]
    """Those with the findings, in the order of their keys. Of a model without findings of its own
    all of its cards."""
    findings: int
    """How many records have a finding by this cause."""
    why: str
    words: tuple[str, ...]
    """Shorter forms of `why`."""


MANY = 1_000
"""Causes from which the worst are not looked for more than once a second."""
SPARE = 50
"""Causes that take the place of those that went meanwhile."""

_UNSERVED = len(SEVERITY)
"""A model that is not served is worse than any record."""
_PARTLY = _UNSERVED - 1


class WrongLines:
    """The causes of all findings in a place, up to date after `rebuild` or `amend`."""

    def __init__(self, states: RecordStates) -> None:
        self._states = states
        self._view = states.view
        self._scope: Scope = ()
        self._keys: dict[WrongId, set[bytes]] = {}
        self._cause_of: dict[bytes, WrongId] = {}
        self._urgency: dict[WrongId, int] = {}
        """As far as it was asked for, and nothing changed since."""
        self._worst: list[WrongId] = []
        """The worst causes when they were looked for last, in order, and some to spare."""
        self._is_due = True

    def rebuild(self, scope: Scope) -> None:
        """Take all findings in a place that are shown."""
        self._scope = scope
        self._is_due = True
        self._keys.clear()
        self._cause_of.clear()
        self._urgency.clear()
        for key in self._view.verdicts.wrong(scope):
            self._put(key)

    def amend(self, keys: Iterable[bytes]) -> None:
        """Take what changed: these records came, went, or are served or judged otherwise."""
        wrong = self._view.verdicts.wrong(self._scope)
        for key in keys:
            self._discard(key)
            if key in wrong:
                self._put(key)

    @property
    def findings(self) -> Collection[bytes]:
        """The keys of all records that are in a line. Do not change it."""
        return self._cause_of.keys()

    def worst(self, most: int) -> tuple[list[WrongLine], int]:
        """Return the worst causes, in order, and how many there are in all."""
        ids = self._ids()
        found = [one for one in self._worst if one in ids][:most]
        if self._is_due or len(ids) <= MANY or len(found) < min(most, len(ids)):
            self._is_due = False
            self._worst = heapq.nsmallest(most + SPARE, ids, key=self._order)
            found = self._worst[:most]
        return [self._cause(one) for one in found], len(ids)

    def catch_up(self) -> None:
        """Have the worst of very many causes looked for anew."""
        self._is_due = True

    # --- what belongs together ----------------------------------------------------------------

    def _put(self, key: bytes) -> None:
        view = self._view
        record = view.cluster.records.get(key)
        if record is None or (view.narrowed and key not in view.shown.records):
            return
        cause = self._cause_id(record)
        self._cause_of[key] = cause
        self._keys.setdefault(cause, set()).add(key)
        self._urgency.pop(cause, None)

    def _discard(self, key: bytes) -> None:
        if (cause := self._cause_of.pop(key, None)) is None:
            return
        keys = self._keys[cause]
        keys.discard(key)
        self._urgency.pop(cause, None)
        if not keys:
            del self._keys[cause]

    def _cause_id(self, record: AnyRecord) -> WrongId:
        """Return what the finding of a record is due to. Cards that wait for another role, and
        those that differ, are their model's matter."""
        verdict = self._view.verdicts.of(record.key)
        if verdict in (Verdict.UNROUTABLE, Verdict.CONFLICT) and record.kind is Kind.MODEL:
            routing = self._view.verdicts.serving.routing(record.key)
            reason = None if routing is None else routing.reason
            if reason in (ServingReason.NEEDS, ServingReason.CONFLICT):
                for name in self._view.models.of([record.key]):
                    return WrongId(WrongKind.MODEL, name)
        worker = self._view.cluster.worker_of(record)
        if worker is None:
            return WrongId(WrongKind.KEY, record.key)
        return WrongId(WrongKind.WORKER, worker)

    def _ids(self) -> set[WrongId]:
        """Return all causes: those of findings, and the models and adapters that are not served."""
        serving, ids = self._view.verdicts.serving, set(self._keys)
        bases = serving.unserved | serving.denied
        models = bases | serving.partly_denied
        ids |= {WrongId(WrongKind.MODEL, name) for name in models if self._has_model(name)}
        adapters = serving.unserved_adapters | serving.denied_adapters
        for name in adapters | serving.partly_denied_adapters:
            cards = self._cards_of_adapter(name)
            # Where its base model is not served, that is the reason.
            if cards and not bases & self._view.models.of(card.key for card in cards):
                ids.add(WrongId(WrongKind.ADAPTER, name))
        return ids

    def _has_model(self, name: str) -> bool:
        """Return whether a model has a card in this place that is shown."""
        if not self._scope and not self._view.narrowed:
            return True
        return bool(self._cards_of_model(name))

    def _cards_of_model(self, name: str) -> list[AnyRecord]:
        cards = self._view.models.cards(name)
        return self._here(one for one in cards if not one.is_lora)

    def _cards_of_adapter(self, name: str) -> list[AnyRecord]:
        records = self._view.cluster.records
        keys = self._view.verdicts.serving.keys_of_adapter(name)
        return self._here(records[key] for key in keys if key in records)

    def _here(self, records: Iterable[AnyRecord]) -> list[AnyRecord]:
        view, scope = self._view, self._scope
        return [
            one
            for one in records
            if (not scope or scope in scopes_of(one))
            # What is denied is a finding, whatever the verdicts of its cards.
            and (not view.filter or view.is_found(one))
        ]

    # --- how bad it is ------------------------------------------------------------------------

    def _order(self, cause: WrongId) -> tuple[int, int, WrongKind, str]:
        """Sort the worst first; of equal ones that with most keys."""
        if cause not in self._urgency:
            self._urgency[cause] = self._urgency_of(cause)
        number = len(self._keys.get(cause, ()))
        return (-self._urgency[cause], -number, cause.kind, str(cause.of))

    def _urgency_of(self, cause: WrongId) -> int:
        served = self._served(cause)
        if served is not None:
            return _UNSERVED if served is NOT_SERVED else _PARTLY
        return max(map(SEVERITY.index, self._verdicts(cause)), default=0)

    def _verdicts(self, cause: WrongId) -> set[Verdict]:
        return {self._view.verdicts.of(key) for key in self._keys.get(cause, ())}

    def _served(self, cause: WrongId) -> State | None:
        """Return whether a model or adapter is served nowhere, or in part only. None: neither."""
        serving = self._view.verdicts.serving
        match cause.kind:
            case WrongKind.MODEL:
                return state_of_model(serving, str(cause.of))
            case WrongKind.ADAPTER:
                return state_of_adapter(serving, str(cause.of))
        return None

    # --- in words -----------------------------------------------------------------------------

    def _cause(self, cause: WrongId) -> WrongLine:
        records = self._view.cluster.records
        keys = sorted(self._keys.get(cause, ()))
        found = [records[key] for key in keys if key in records]
        match cause.kind:
            case WrongKind.MODEL | WrongKind.ADAPTER:
                return self._of_model(cause, str(cause.of), found)
            case WrongKind.WORKER:
                assert isinstance(cause.of, int)
                return self._of_worker(cause, cause.of, found)
        (record,) = found
        names = record.id.path()
        name = names if record.id.namespace is not None and names else record_keys.spell(record.key)
        return self._of_records(cause, found, name, None, self._host(found))

    def _of_model(self, cause: WrongId, name: str, found: Sequence[AnyRecord]) -> WrongLine:
        serving = self._view.verdicts.serving
        is_model = cause.kind is WrongKind.MODEL
        cards = found or (self._cards_of_model if is_model else self._cards_of_adapter)(name)
        state = self._served(cause) or STATES[self._states.worst(found)]
        served = serving.model(name, self._scope) if is_model else None
        why = "" if served is None else why_not_served(served)
        words = () if served is None else words_why_not_served(served)
        worst = self._states.worst_of(found)
        is_differing = worst is not None and self._view.verdicts.of(worst.key) is Verdict.CONFLICT
        if not why or is_differing:
            # In what they differ.
            shown = worst or next(iter(cards), None)
            reason = NO_REASON if shown is None else self._states.why(shown)
            if reason.text:
                why, words = reason.text, reason.shorter
        unserved = serving.unserved if is_model else serving.unserved_adapters
        why, words = with_denial(
            why, words, serving.at_frontends(name), is_unserved=name in unserved
        )
        return WrongLine(
            cause,
            state,
            name if is_model else f"LoRA {name}",
            None,
            "",
            "",
            tuple(sorted(cards, key=lambda one: one.key)),
            len(found),
            why,
            words,
        )

    def _of_worker(self, cause: WrongId, number: int, found: Sequence[AnyRecord]) -> WrongLine:
        worker = worker_by_id(self._view.cluster, number)
        components = worker.components if worker is not None else []
        role = "" if worker is None or worker.cards or not worker.roles else worker.roles[0]
        name = ", ".join(components) or role or NOTHING
        hosts = ", ".join(worker.hosts) if worker is not None else ""
        host = (hosts or self._host(found)) if self._has_addresses else self._host(found)
        ids = worker.instance_ids if worker is not None else ()
        return self._of_records(cause, found, name, number, host, ids)

    def _of_records(
        self,
        cause: WrongId,
        found: Sequence[AnyRecord],
        name: str,
        worker: int | None,
        host: str,
        ids: Sequence[int] = (),
    ) -> WrongLine:
        worst = self._states.worst_of(found)
        state = STATES[self._states.worst(found)]
        if worker in self._view.verdicts.left_behind:
            orphaned = STATES[Verdict.ORPHANED]
            state = State(orphaned.glyph, LEFT_BEHIND, orphaned.tone)
        why = NO_REASON if worst is None else self._states.why(worst)
        text = "" if worker is None else worker_ids(worker, ids)
        return WrongLine(
            cause,
            state,
            name,
            worker,
            text,
            host,
            tuple(found),
            len(found),
            why.text,
            why.shorter,
        )

    @property
    def _has_addresses(self) -> bool:
        return self._view.verdicts.lifetime is not Lifetime.OWNED

    def _host(self, found: Sequence[AnyRecord]) -> str:
        """Return the host that records name; in Kubernetes the node of their pod."""
        if not self._has_addresses:
            nodes = (one.entry.owner.node for one in found if one.entry.owner is not None)
            return next(filter(None, nodes), "")
        return next(filter(None, map(host_of, found)), "")
