"""Unregistering what a person said yes to, and finding out why records went. No Textual in here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from backends.discovery import Discovery
from backends.history import Happening, What
from backends.records import AnyRecord
from backends.store import Cause, Removal, Revision, StoreError, Unreachable
from tui.complaints import explain
from tui.detail import keeps
from tui.plain import clip, plain_key
from tui.words import count

BY_THIS_DYNTOP = "unregistered by this dyntop"
PERHAPS_BY_THIS_DYNTOP = "perhaps unregistered by this dyntop, which got no answer for it"

KEY_CELLS = 200
"""Of a key in a message; the row has it in full."""

_KEPT = {
    Removal.CHANGED: "It changed meanwhile, so it was not removed",
    Removal.GONE: "It was gone already",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence for the person; harmless text."""

    text: str
    severity: Literal["information", "warning", "error"]


class Removals:
    """Remembers what this dyntop asked to be removed, so that its going needs no other reason."""

    def __init__(self, discovery: Discovery) -> None:
        self._discovery = discovery
        self._asked: dict[bytes, Revision] = {}
        """Which revision of which key: another one that goes later has a reason of its own."""
        self._unanswered: dict[bytes, Revision] = {}
        """Likewise, where the store did not say what came of it."""

    async def unregister(self, records: Sequence[AnyRecord]) -> list[Told]:
        """Remove records in the revisions they were shown in; what to tell of it."""
        self._asked |= {record.key: record.revision for record in records}
        try:
            outcomes = await self._discovery.unregister_all(records)
        except StoreError as error:
            for record in records:
                self._unanswered[record.key] = self._asked.pop(record.key)
            return [Told(self._failure(error, len(records)), "error")]
        kept = {key for key, outcome in outcomes.items() if outcome is not Removal.REMOVED}
        for key in kept:
            self._asked.pop(key, None)
        removed = [record for record in records if record.key not in kept]
        told = [Told(f"Unregistered {keeps(removed)}.", "information")] if removed else []
        told += [
            Told(f"{_KEPT[outcomes[key]]}: {clip(plain_key(key), KEY_CELLS)}", "warning")
            for key in sorted(kept)
        ]
        return told

    def _failure(self, error: StoreError, number: int) -> str:
        sentence = explain(error, self._discovery.store.name).sentence
        if isinstance(error, Unreachable) and error.cause in (Cause.TIMEOUT, Cause.LOST):
            return f"Whether it was removed is not known: {sentence}."
        if number == 1:
            return f"Not removed: {sentence}."
        return f"Not all of {count(number, 'key')} were removed: {sentence}."

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
