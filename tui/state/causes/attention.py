"""Whether a person looks: what came meanwhile is new, and what became wrong calls them."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from backends.dynamo.records import AnyRecord
from backends.liveness.workers import worker as worker_by_id
from tui.state.causes.alarm import FindingAlarm
from tui.state.causes.unseen_causes import UnseenCauses
from tui.state.cluster_view import ClusterView
from tui.state.observer import Update, Updates
from tui.text.detail import kind_and_name
from tui.text.format import hex_id


class Attention:
    """Marks causes that nobody has seen yet, and calls a person out."""

    def __init__(
        self, view: ClusterView, clock: Callable[[], float], updates: Updates, *, calls: bool
    ) -> None:
        """`clock` gives POSIX seconds. `calls`: whether a person is called at all."""
        self.unseen = UnseenCauses(clock())
        """What came while nobody looked."""
        self._view = view
        self._clock = clock
        self._updates = updates
        self._alarm = FindingAlarm() if calls else None

    def start(self) -> None:
        """Take in that the first snapshot is shown: what was there is not new, nor that it was
        read."""
        self.unseen.start(self._view.history.last)
        if self._alarm is not None:
            self._alarm.start(self._clock())

    def look(self, key: str = "", *, in_events: bool = False) -> None:
        """Take in that a person looks. `key`: it was pressed; Esc anywhere, or any in Events, says
        that what is new was seen. `in_events`: that tab is open."""
        self.unseen.look(self._clock(), self._view.history.last)
        says_so = key == "escape" or (key and in_events)
        if says_so and self.unseen.seen():
            self._updates.send(Update(history=True))

    def look_away(self) -> None:
        """Take in that the terminal lost the focus."""
        self.unseen.leave(self._view.history.last)

    def count_unseen(self) -> int:
        """Return how many causes of events came while nobody looked, and were not seen since."""
        return self.unseen.count(self._view.newest_causes()) if self.unseen.has_any else 0

    def tick(self) -> None:
        """Take in that a second passed. Calls a person if something became wrong; the first
        snapshot is as it is."""
        if self.unseen.tick(self._clock()):
            self._updates.send(Update(history=True))
        worsened = self._view.take_worsened()
        if self._alarm is None:
            return
        self._alarm.note(worsened, self._name_of, self._clock())
        if text := self._alarm.due(self._view.verdicts.of, self._clock()):
            self._updates.observer.call_out(text)

    def _name_of(self, record: AnyRecord) -> tuple[Hashable, str]:
        """Return the worker of a record, or its key, and what people call it."""
        cluster = self._view.cluster
        number = cluster.worker_of(record)
        worker = None if number is None else worker_by_id(cluster, number)
        if worker is None:
            return record.key, kind_and_name(record)
        names = (worker.role.value, hex_id(worker.id), ", ".join(worker.components))
        return worker.id, " ".join(filter(None, names))
