"""Records that share names, workers, publishers and keys, and what a watch tells of them."""

from __future__ import annotations

from hypothesis import strategies as st

from backends.discovery.discovery import Added, Removed, Resynced
from backends.dynamo.records import AnyRecord
from tests.support import registered
from tests.support import strategies as some

Event = Added | Removed | Resynced

_workers = st.integers(0, 2)
_few = st.sampled_from(["a", "b"])
_OTHERS_ENDPOINTS = ("router-discovery", "best_worker_id", "kv_indexer_query")
_contents = st.one_of(
    st.builds(registered.instance, _workers, _few, _few, _few),
    st.builds(registered.card, _workers, _few, st.none() | _few, _few, _few),
    st.builds(registered.channel, _workers, _few, st.integers(1, 2)),
    st.builds(registered.source, _workers, _workers, _few),
    # Of a frontend, a router and an indexer.
    st.builds(registered.instance, _workers, endpoint=st.sampled_from(_OTHERS_ENDPOINTS)),
    st.just(registered.UNKNOWN),
    st.tuples(some.raw_keys, some.raw_values),
    # Well-formed keys with another's value: malformed records and conflicts.
    st.builds(
        lambda one, other: (one[0], other[1]),
        st.builds(registered.instance, _workers, _few),
        st.builds(registered.card, _workers, _few) | st.just((b"", b"{")),
    ),
)
records = st.builds(
    registered.record, _contents, lease=st.none() | _workers, revision=st.sampled_from("12")
)

_steps = st.lists(
    st.one_of(
        records,
        st.integers(0, 20),
        st.tuples(st.lists(st.integers(0, 20), max_size=3), st.lists(records, max_size=4)),
    ),
    max_size=25,
)


def _told(steps: list[AnyRecord | int | tuple[list[int], list[AnyRecord]]]) -> list[Event]:
    """A watch's events: a record comes or changes, a known one goes, a gap does both."""
    known: dict[bytes, AnyRecord] = {}

    def come(record: AnyRecord) -> Added:
        previous, known[record.key] = known.get(record.key), record
        return Added(record, previous)

    def go(number: int) -> list[Removed]:
        return [Removed(known.pop(list(known)[number % len(known)]))] if known else []

    told: list[Event] = []
    for step in steps:
        if isinstance(step, int):
            told += go(step)
        elif isinstance(step, tuple):
            gone = tuple(removed for number in step[0] for removed in go(number))
            left = {removed.record.key for removed in gone}
            come_once = {record.key: record for record in step[1] if record.key not in left}
            told.append(Resynced(gone, tuple(map(come, come_once.values())), "7"))
        else:
            told.append(come(step))
    return told


events = st.builds(_told, _steps)
"""What one watch may tell, in order."""


def contents(told: list[Event]) -> dict[bytes, AnyRecord]:
    """What is there after these events."""
    known: dict[bytes, AnyRecord] = {}
    for event in told:
        match event:
            case Added(record=record):
                known[record.key] = record
            case Removed(record=record):
                del known[record.key]
            case Resynced(removed=removed, added=added):
                for gone in removed:
                    del known[gone.record.key]
                known |= {new.record.key: new.record for new in added}
    return known
