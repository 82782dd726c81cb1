"""What is known of one record right now. No Textual in here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from backends.history import Happening
from backends.records import AnyRecord
from backends.tombstones import Tombstone
from backends.workers import SEVERITY, Worker
from tui.detail import Detail, detail_of, evidence_fields, kind_and_name, with_happening
from tui.monitor import Link
from tui.view import View
from tui.words import GONE, MEANINGS, STATES, hex_id, time_left

MOST_RECORDS = 100
"""Records that are listed of a worker: many times what any registers."""
MOST_EVIDENCE = 6
"""Pieces of it that are shown of a worker: each of its records has its own in full."""


class Inspector:
    """Puts together what the detail shows."""

    def __init__(self, view: View) -> None:
        self._view = view

    def detail(
        self, record: AnyRecord | None, happening: Happening | None, alike: int
    ) -> Detail | None:
        """Of a row's record and of what happened to it; None where there is neither.

        `alike`: how many records the row stands for.
        """
        detail = None if record is None else self._detail_of(record, alike)
        return detail if happening is None else with_happening(detail, happening)

    def worker(self, worker: Worker) -> Detail:
        """Of a worker: its state, how long its lease has, and each of its records in a line."""
        view, now = self._view, self._view.clock()
        records = worker.records
        there = [one for one in records if one.key in view.monitor.cluster.records]
        state = GONE if not there else STATES[view.worst(there)]
        life = view.life(there)
        left = ""
        if life is not None and life.ttl.granted is not None:
            left = time_left(life, now)
        # What bears on one of them mostly bears on all.
        few = sorted(there, key=lambda one: -SEVERITY.index(view.monitor.verdicts.of(one.key)))
        told = [piece for one in few[:MOST_EVIDENCE] for piece in view.judgement(one).evidence]
        evidence = list({piece.text: piece for piece in told}.values())[:MOST_EVIDENCE]
        fields = [
            ("worker", f"{worker.id:x}, in decimal {worker.id}"),
            ("state", f"{state.word}: {MEANINGS[state]}"),
            ("gone", "" if there else self._gone(records)),
            *evidence_fields(evidence, now),
            ("lease", left),
            ("models", ", ".join(worker.models)),
            *(
                ("registered" if number == 0 else " ", f"{view.state(one)}  {kind_and_name(one)}")
                for number, one in enumerate(records[:MOST_RECORDS])
            ),
            ("", "") if len(records) <= MOST_RECORDS else (" ", f"… {len(records):,} in all"),
        ]
        shown = tuple((label, text) for label, text in fields if text)
        title = f"{state}  worker {', '.join(worker.components)}"
        return Detail(title, state.tone, shown, "")

    def _gone(self, records: Sequence[AnyRecord]) -> str:
        """When the last of a worker's records went, and why."""
        tombstones = self._view.monitor.tombstones
        stones = [stone for one in records if (stone := tombstones.get(one.key)) is not None]
        return gone_in_words(max(stones, key=lambda stone: stone.at)) if stones else ""

    def _detail_of(self, record: AnyRecord, alike: int) -> Detail:
        view, monitor = self._view, self._view.monitor
        now = view.clock()
        there = record.key in monitor.cluster.records
        # A remaining time is as old as the last answer: without a connection it is no news.
        connected = monitor.store.link is Link.CONNECTED
        stone = monitor.tombstones.get(record.key)
        return detail_of(
            record,
            view.state(record),
            monitor.cluster,
            monitor.verdicts.life(record) if there and connected else None,
            view.first_seen(record),
            now,
            evidence=view.judgement(record).evidence if there else (),
            gone="" if stone is None else gone_in_words(stone),
            restarts=monitor.tombstones.restarts(record, now),
            alike=alike,
        )


def gone_in_words(stone: Tombstone) -> str:
    """When it went, why as far as it is known, and what came in its place."""
    parts = [f"{datetime.fromtimestamp(stone.at):%H:%M:%S}", stone.happening.why]
    if stone.replaced_by is not None:
        parts.append(f"replaced by {hex_id(stone.replaced_by.id.instance_id)}")
    return "  ".join(part for part in parts if part)
