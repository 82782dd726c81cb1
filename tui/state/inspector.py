"""Show one record as it is known now. No Textual in here."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from backends.discovery.history import Event
from backends.discovery.tombstones import Tombstone
from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard
from backends.liveness.judge import Verdict
from backends.liveness.workers import SEVERITY, Worker
from backends.liveness.workers import worker as worker_by_id
from backends.metrics.in_flight import InFlight
from tui.state.record_states import RecordStates
from tui.text.causes.sentences import time_text
from tui.text.detail import Detail, EventsOf, detail_of, with_event, worker_detail
from tui.text.format import (
    GONE,
    MEANINGS,
    STATES,
    hex_id,
    in_flight_words,
    time_left,
    unknown_requests,
)
from tui.text.host_clock import ShownAt, as_it_is
from tui.text.reasons import reason_text
from tui.text.serving import model_of_card, of_worker
from tui.text.timestamps import time_of_day

MOST_EVIDENCE = 6
"""Pieces of it that are shown of a worker: each of its records has its own in full."""


NOT_KNOWN_THEN = "no evidence of then is known, for or against"
"""What `unknown` means in the past."""


class Inspector:
    """Makes the contents of the detail."""

    def __init__(
        self,
        states: RecordStates,
        in_flight: Callable[[int], InFlight | None] = lambda _: None,
        pod_events: EventsOf = lambda _: None,
        undo_key: Callable[[], str] = lambda: "",
        can_be_asked: Callable[[Worker], bool] | None = None,
    ) -> None:
        """`in_flight`: returns the known requests of a drained worker, by its id. `pod_events`:
        returns those of an object's pod. `undo_key`: returns the key that undoes what was done;
        empty if nothing may be changed. `can_be_asked`: returns whether any process may have
        metrics of a worker; None: that is not looked for."""
        self._states = states
        self._view = states.view
        self._in_flight = in_flight
        self._pod_events = pod_events
        self._undo_key = undo_key
        self._can_be_asked = can_be_asked

    def detail(self, record: AnyRecord | None, event: Event | None, alike: int) -> Detail | None:
        """Return the detail of a row's record and of its event. None: there is neither. `alike`:
        the number of records that the row stands for."""
        detail = None if record is None else self._detail_of(record, alike)
        if detail is not None:
            detail = self._as_of_then(detail)
        if event is None:
            return detail
        return with_event(detail, event, self._states.clock.shown_at)

    def worker(self, worker: Worker) -> Detail:
        """Return the detail of a worker: its state, the TTL of its lease, and each of its records
        in a line."""
        states, view, now = self._states, self._view, self._states.clock()
        records = worker.records
        there = [one for one in records if one.key in view.cluster.records]
        state = GONE if not there else STATES[states.worst(there)]
        lease_ttl = states.lease_ttl(there)
        left = ""
        as_of, shown_at = states.as_of(), states.clock.shown_at
        at = now if as_of is None else as_of
        if lease_ttl is not None and lease_ttl.ttl.granted is not None:
            left = time_left(lease_ttl, at, shown_at)
            if as_of is not None and lease_ttl.is_current(at):
                left += f" as of {time_of_day(shown_at(as_of))}"
        # What bears on one of them mostly bears on all.
        few = sorted(there, key=lambda one: -SEVERITY.index(view.verdicts.of(one.key)))
        pieces = [piece for one in few[:MOST_EVIDENCE] for piece in states.assess(one).evidence]
        evidence = list({piece.text: piece for piece in pieces}.values())[:MOST_EVIDENCE]
        gone = "" if there else self._gone(records)
        found = worker_detail(
            worker,
            state,
            states.of,
            now,
            evidence=evidence,
            gone=gone,
            requests=self._requests(worker.id, self.drained(worker, None)),
            serving=of_worker(worker, view.verdicts.serving) if there else "",
            lease_ttl=lease_ttl,
            left=left,
            shown_at=shown_at,
            pod_events=self._pod_events,
        )
        return self._as_of_then(self._with_undo(found, there))

    def _as_of_then(self, detail: Detail) -> Detail:
        """Return the detail; in the past without the promise that more will be known."""
        if not self._states.is_past:
            return detail
        yet = MEANINGS[STATES[Verdict.UNKNOWN]]
        fields = []
        for label, text in detail.fields:
            text = text.replace(yet, NOT_KNOWN_THEN)
            fields.append((label, re.sub(r"\(now\)$", "(then)", text)))
        return replace(detail, fields=tuple(fields))

    def drained(self, worker: Worker | None, record: AnyRecord | None) -> Worker | None:
        """Return the worker of the record in the detail, if it is drained."""
        view = self._view
        if worker is None and record is not None and record.key in view.cluster.records:
            number = view.cluster.worker_of(record)
            worker = None if number is None else worker_by_id(view.cluster, number)
        if worker is None:
            return None
        verdicts = {view.verdicts.of(one.key) for one in worker.records}
        return worker if Verdict.DRAINED in verdicts else None

    def _requests(self, worker: int | None, drained: Worker | None) -> str:
        """Return the worker's unfinished requests, by its metrics; of a drained one that they are
        not known, if so: then nothing says that it can be stopped. Nothing of the past."""
        if self._states.is_past:
            return ""
        found = None if worker is None else self._in_flight(worker)
        if found is not None:
            return in_flight_words(found)
        if drained is None or self._can_be_asked is None or self._view.frozen:
            return ""
        return unknown_requests(is_asked=self._can_be_asked(drained))

    def _gone(self, records: Sequence[AnyRecord]) -> str:
        """Return when the last of a worker's records went, and why."""
        tombstones = self._view.tombstones
        stones = [stone for one in records if (stone := tombstones.get(one.key)) is not None]
        if not stones:
            return ""
        return gone_in_words(max(stones, key=lambda stone: stone.at), self._states.clock.shown_at)

    def _detail_of(self, record: AnyRecord, alike: int) -> Detail:
        states, view = self._states, self._view
        now, as_of, shown_at = states.clock(), states.as_of(), states.clock.shown_at
        there = record.key in view.cluster.records
        stone = view.tombstones.get(record.key)
        worker = view.cluster.worker_of(record) if there else None
        # What Dynamo cannot read is no part of what was drained, and events are no requests.
        gets_requests = isinstance(record, EndpointInstance | ModelCard) and not record.malformed
        drained = self.drained(None, record) if gets_requests else None
        found = detail_of(
            record,
            states.of(record),
            view.cluster,
            view.verdicts.lease_ttl(record) if there else None,
            states.first_seen(record),
            now,
            evidence=states.assess(record).evidence if there else (),
            gone="" if stone is None else gone_in_words(stone, shown_at),
            restarts=states.restarts(record),
            requests=self._requests(worker, drained),
            alike=alike,
            as_of=as_of,
            shown_at=shown_at,
            serving=(model_of_card(record, view.cluster, view.verdicts.serving) if there else ""),
            pod_events=self._pod_events,
        )
        return self._with_undo(found, [record] if there else [])

    def _with_undo(self, detail: Detail, records: Sequence[AnyRecord]) -> Detail:
        """Return the detail with the key that puts the label back that is off the pod of these
        records, if one is."""
        owners = (one.entry.owner for one in records)
        is_out = any(one is not None and one.taken_out_by is not None for one in owners)
        key = self._undo_key()
        if not (is_out and key):
            return detail
        fields = list(detail.fields)
        after = next((n for n, (label, _) in enumerate(fields, 1) if label == "ready"), len(fields))
        fields.insert(after, ("undo", f"{key} puts the label of its pod back"))
        return replace(detail, fields=tuple(fields))


def gone_in_words(stone: Tombstone, shown_at: ShownAt = as_it_is) -> str:
    """Return when a record went, why if known, and what replaced it."""
    at = time_text(stone.at, shown_at, is_untimed=stone.event.is_untimed)
    parts = [at, reason_text(stone.event.why)]
    if stone.replaced_by is not None:
        parts.append(f"replaced by {hex_id(stone.replaced_by.id.instance_id)}")
    return "  ".join(part for part in parts if part)
