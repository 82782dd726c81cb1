"""What a question is about: records as they were shown, and how they stand by now. No Textual in
here; nothing is made plain yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

from backends.liveness import STALE, Evidence, Verdict
from backends.records import AnyRecord, EndpointInstance, ModelCard
from backends.workers import SEVERITY
from tui.columns import Cell
from tui.monitor import Link
from tui.view import View
from tui.words import STATES, count, duration, hex_id


class Meanwhile(StrEnum):
    """What became of a key since it was shown."""

    CHANGED = "changed"
    """It has another revision: what was shown is not there any more."""
    GONE = "gone"


class Targets:
    """Records in the revisions that a question shows; which ones never changes while it is asked.

    What may live, or was thought to while the question stood, has to be named by typing.
    """

    def __init__(self, view: View, records: Sequence[AnyRecord]) -> None:
        self.records = tuple(records)
        self._view = view
        self._verdicts: dict[bytes, Verdict] = {}
        self._meanwhile: dict[bytes, Meanwhile] = {}
        self._may_live: set[bytes] = set()
        self._out_of_date: str | None = None
        """Why what is shown may not be so any more, as it was told last."""
        self._was_out_of_date = False
        self.look_again()

    def look_again(self) -> bool:
        """Take in how they stand now. True: something is different from the last time."""
        before = (self._verdicts.copy(), self._meanwhile.copy(), self._out_of_date)
        for record in self.records:
            self._look_at(record)
        self._out_of_date = out_of_date(self._view)
        self._was_out_of_date |= self._out_of_date is not None
        return before != (self._verdicts, self._meanwhile, self._out_of_date)

    def verdict(self, record: AnyRecord) -> Verdict:
        """Of a record as it was shown."""
        return self._verdicts[record.key]

    def meanwhile(self, record: AnyRecord) -> Meanwhile | None:
        """What became of its key. None: it is there, as shown."""
        return self._meanwhile.get(record.key)

    @property
    def must_be_typed(self) -> bool:
        """Whether a yes is not enough. Once it is so it stays so."""
        return bool(self._may_live) or self._was_out_of_date

    def phrase(self) -> str:
        """What has to be typed: the one worker's id, or how many of them there are."""
        asked = [one for one in self.records if one.key in self._may_live] or self.records
        ids = {self._worker(record) for record in asked}
        if len(ids) > 1:
            return f"drain {len(ids)}"
        worker = ids.pop() if ids else None
        return "drain" if worker is None else hex_id(worker)

    def is_phrase(self, text: str) -> bool:
        """Whether a text that was typed names them."""
        return " ".join(text.lower().split()) == self.phrase()

    def summary(self) -> str:
        """How many of several may live, and how many do not; of one, nothing."""
        if len(self.records) == 1:
            return ""
        stale = [one for one in self.records if one.key not in self._may_live]
        living = [one for one in self.records if one.key in self._may_live]
        parts = []
        if living:
            parts.append(f"{len(living):,} may live ({self._by_verdict(living)})")
        if stale:
            parts.append(f"{len(stale):,} stale ({self._by_verdict(stale)})")
        return ", ".join(parts)

    def warnings(self) -> list[str]:
        """What is different from how it was shown, a sentence each."""
        became = Counter(self._meanwhile.values())
        sentences = []
        if (why := out_of_date(self._view)) is not None:
            sentences.append(why)
        if number := became[Meanwhile.CHANGED]:
            stays = "stays" if number == 1 else "stay"
            sentences.append(f"{count(number, 'key')} changed meanwhile and {stays}.")
        if number := became[Meanwhile.GONE]:
            sentences.append(f"{count(number, 'key')} went meanwhile.")
        return sentences

    def note(self, record: AnyRecord) -> Cell:
        """A line under a key: its verdict and what decided it, or what became of it."""
        match self.meanwhile(record):
            case Meanwhile.GONE:
                return Cell("† gone meanwhile", "dim")
            case Meanwhile.CHANGED:
                return Cell("~ changed meanwhile: it stays", "warn")
        state = STATES[self.verdict(record)]
        decisive = self._view.judgement(record).evidence[0]
        return Cell(f"{state}  {dated(decisive, self._view.clock())}", state.tone)

    def _look_at(self, record: AnyRecord) -> None:
        key = record.key
        current = self._view.monitor.cluster.records.get(key)
        if current is not None and current.revision == record.revision:
            self._meanwhile.pop(key, None)
            self._verdicts[key] = self._view.monitor.verdicts.of(key)
        else:
            became = Meanwhile.GONE if current is None else Meanwhile.CHANGED
            self._meanwhile[key] = became
            # The verdict is on what is there now: of what was shown, the last one stands.
            self._verdicts.setdefault(key, Verdict.UNKNOWN)
        if self._verdicts[key] not in STALE:
            self._may_live.add(key)

    def _worker(self, record: AnyRecord) -> int | None:
        """The id that a person knows it by: of a card and instance, the one in their keys."""
        if isinstance(record, EndpointInstance | ModelCard) and record.id.instance_id is not None:
            return record.id.instance_id
        worker = self._view.monitor.cluster.worker_of(record)
        return record.id.instance_id if worker is None else worker

    def _by_verdict(self, records: Iterable[AnyRecord]) -> str:
        numbers = Counter(self.verdict(record) for record in records)
        worst_first = sorted(numbers, key=SEVERITY.index, reverse=True)
        return ", ".join(f"{numbers[verdict]:,} {verdict}" for verdict in worst_first)


def out_of_date(view: View) -> str | None:
    """Why what is shown, verdicts too, may not be so any more, as a sentence. None: it is so."""
    monitor = view.monitor
    if monitor.frozen:
        return "The view is frozen: this is how it was then."
    if monitor.store.link is not Link.CONNECTED:
        return "The store is not connected: this is how it was last seen."
    return None


def dated(evidence: Evidence, now: float) -> str:
    """One piece of evidence, with how long ago it was so."""
    age = now - evidence.at
    return evidence.text if age < 1 else f"{evidence.text} ({duration(age)} ago)"
