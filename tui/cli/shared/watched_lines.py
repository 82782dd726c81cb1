"""What a command prints of a watch, line by line: which changes, and as JSON."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence

from backends.discovery.discovery import Added, Removed, Resynced
from backends.discovery.history import Event
from backends.discovery.owner_changes import holds_the_same
from backends.dynamo import lookup
from backends.dynamo.queries import Query
from backends.dynamo.records import AnyRecord
from tui.cli.shared.reading import Clock, Publishers
from tui.text.json_export import as_json, exported_id, exported_reason, record_json
from tui.text.reasons import reason_text
from tui.text.sanitize import plain
from tui.text.timestamps import utc_stamp


class WatchedLines(ABC):
    """Makes lines of events that match the filters, and the names of the command line. The watch
    has more: sources, to find the workers of channels."""

    def __init__(self, wanted: Query, names: Iterable[str] = ()) -> None:
        self._wanted = wanted
        self._names = list(map(lookup.parse, names))
        self._named: set[bytes] = set()
        """Keys that a name meant once: their removal is printed, whatever is known by then."""
        self._publishers = Publishers()

    def resync(self, event: Resynced, gone: Sequence[Event]) -> Iterator[str]:
        """Make the lines of all that was read, or of what changed in a gap. `gone`: the removals in
        it, with their reasons."""
        for one in event.removed:
            self._publishers.remove(one.record)
        for new in event.added:
            self._publishers.add(new.record)
        return self._read(event, filter(self._was_wanted, gone), filter(self._is_new, event.added))

    def added(self, event: Added) -> Iterator[str]:
        """Make the lines of a new or changed record."""
        self._publishers.add(event.record)
        if self._is_new(event):
            yield from self._new(event)

    def removed(self, event: Removed, gone: Sequence[Event]) -> Iterator[str]:
        """Make the lines of a removed record."""
        self._publishers.remove(event.record)
        for one in filter(self._was_wanted, gone):
            yield from self._gone(one, "removed")

    def explained(self, gone: Sequence[Event]) -> Iterator[str]:
        """Make the lines of removals with another reason than was printed."""
        for one in filter(self._was_wanted, gone):
            yield from self._gone(one, "explained")

    @abstractmethod
    def _read(self, event: Resynced, gone: Iterable[Event], new: Iterable[Added]) -> Iterator[str]:
        """Make the lines of a resync."""

    @abstractmethod
    def _new(self, event: Added) -> Iterator[str]:
        """Make the lines of a new or changed record."""

    @abstractmethod
    def _gone(self, gone: Event, event: str) -> Iterator[str]:
        """Make the lines of a record that went, or whose reason is known now."""

    def _is_new(self, event: Added) -> bool:
        # With each entry of an object all the others get a new revision.
        return not holds_the_same(event.record, event.previous) and self._is_wanted(event.record)

    def _is_wanted(self, record: AnyRecord) -> bool:
        if not self._wanted.matches(record):
            return False
        if not self._names or record.key in self._named:
            return True
        worker = self._publishers.worker_of(record)
        if any(name.meanings(record, worker) for name in self._names):
            self._named.add(record.key)
            return True
        return False

    def _was_wanted(self, gone: Event) -> bool:
        if gone.record is None or not self._wanted.matches(gone.record):
            return False
        return not self._names or gone.record.key in self._named


class JsonLines(WatchedLines):
    """One JSON object a line."""

    def __init__(self, wanted: Query, clock: Clock, names: Iterable[str] = ()) -> None:
        super().__init__(wanted, names)
        self._clock = clock

    def _read(self, event: Resynced, gone: Iterable[Event], new: Iterable[Added]) -> Iterator[str]:
        for one in gone:
            yield from self._gone(one, "removed")
        for added in new:
            yield from self._new(added)
        yield as_json({"event": "resync", "time": self._time(), "revision": event.revision})

    def _new(self, event: Added) -> Iterator[str]:
        whole = record_json(event.record, self._publishers.worker_of(event.record))
        # It is a line of JSON already: a number that Python has no name for may be in it.
        yield f'{{"event":"added","time":"{self._time()}","record":{whole}}}'

    def _gone(self, gone: Event, event: str) -> Iterator[str]:
        assert gone.record is not None
        yield as_json(
            {
                "event": event,
                "time": self._time(),
                "id": exported_id(gone.record),
                "why": why(gone),
                "reason": exported_reason(gone.why),
            }
        )

    def _time(self) -> str:
        return utc_stamp(self._clock())


def why(gone: Event) -> str | None:
    """Return why a record went, as a harmless sentence. None: it is not known."""
    return plain(reason_text(gone.why)) or None
