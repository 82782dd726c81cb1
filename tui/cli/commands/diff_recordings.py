"""`dyntop diff FILE@TIME FILE@TIME|live`: print what is registered otherwise at another time."""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from backends.discovery.past_records import RecordChange, compared
from backends.dynamo.records import AnyRecord
from backends.recording.recording_timeline import RecordingTimeline
from backends.store import Misconfigured
from tui.cli.commands.diff import change_json, first_known, table_of_changes
from tui.cli.output import STRUCTURED, described, query_of, write_objects
from tui.cli.shared.reading import list_with_publishers, place_of
from tui.cli.shared.recorded_places import (
    RecordedPlace,
    at_place,
    changes_between_moments,
)
from tui.cli.tables import write_table
from tui.config.settings import Settings
from tui.runtime.standard_streams import print_message
from tui.session import open_discovery
from tui.text.errors import Exit
from tui.text.past.record_changes import KINDS, kind_of_change


class _Difference(msgspec.Struct, frozen=True):
    """What is different, and between what."""

    after: str
    until: str
    changes: Sequence[RecordChange]
    worker_of: Callable[[AnyRecord], int | None]
    unread: str
    damage: str
    """What is wrong with the recordings, as a sentence. Empty: nothing."""


def run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    """Compare, and print. Raises `StoreError`, `OutputFailed`, BrokenPipeError."""
    found = asyncio.run(_find(settings, arguments))
    if arguments.output in STRUCTURED:
        objects = (change_json(change, found.worker_of) for change in found.changes)
        write_objects(arguments.output, objects)
    else:
        header, rows = table_of_changes(found.changes, steps=arguments.events)
        write_table(header, rows)
        counted = Counter(map(kind_of_change, found.changes))
        numbers = ", ".join(f"{counted[kind]:,} {kind}" for kind in KINDS if counted[kind])
        between = f"from {found.after} to {found.until}{described(settings)}"
        print_message(f"{between}: {numbers or 'nothing changed'}")
    if found.damage:
        print_message(found.damage)
    if found.unread:
        print_message(f"not all is compared: {found.unread}")
        return Exit.NOT_AUTHORISED
    return Exit.DIFFERS if found.changes else Exit.DONE


async def _find(settings: Settings, arguments: argparse.Namespace) -> _Difference:
    places: Sequence[RecordedPlace | None] = arguments.places
    first, second = places
    assert first is not None
    query = query_of(settings, arguments)
    timeline = await RecordingTimeline.load(first.path)
    before = await at_place(timeline, first.time, query)
    damaged = {timeline.name: timeline.damage}
    changes: Sequence[RecordChange]
    if second is None:
        if arguments.events:
            raise Misconfigured("--events", "a recording has no changes up to now")
        async with open_discovery(settings) as discovery:
            records, now, no_records = await list_with_publishers(discovery, query)
            label = f"{place_of(discovery).name} now"
        changes = compared(before.records, records)
        publishers, unread = (now, before.publishers), no_records
    else:
        other = timeline
        if second.path != first.path:
            if arguments.events:
                raise Misconfigured("--events", "it needs two times of one recording")
            other = await RecordingTimeline.load(second.path)
            damaged[other.name] = other.damage
        after = await at_place(other, second.time, query)
        changes = compared(before.records, after.records)
        if arguments.events:
            if after.moment.number < before.moment.number:
                raise Misconfigured("--events", f"{after.label} is before {before.label}")
            changes = await changes_between_moments(timeline, before.moment, after.moment, query)
        label, unread = after.label, after.unread
        publishers = (after.publishers, before.publishers)
    return _Difference(
        before.label,
        label,
        changes,
        first_known(*publishers),
        "; ".join(dict.fromkeys(filter(None, (before.unread, unread)))),
        "; ".join(f"{name}: {damage}" for name, damage in damaged.items() if damage),
    )
