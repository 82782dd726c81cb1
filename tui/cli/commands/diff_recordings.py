"""`dyntop diff FILE@TIME FILE@TIME|live`: print what is registered otherwise at another time."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence

from backends.discovery.past_records import RecordChange, compared
from backends.recording.recording_timeline import RecordingTimeline
from backends.store import Misconfigured
from tui.cli.output import described, query_of
from tui.cli.shared.printed_changes import ChangesBetween, first_known, print_changes
from tui.cli.shared.reading import list_with_publishers, place_of
from tui.cli.shared.recorded_places import (
    RecordedPlace,
    at_place,
    changes_between_moments,
)
from tui.config.settings import Settings
from tui.session import open_discovery
from tui.text.errors import Exit


def run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    """Compare, and print. Raises `StoreError`, `OutputFailed`, BrokenPipeError."""
    return print_changes(asyncio.run(_find(settings, arguments)), arguments)


async def _find(settings: Settings, arguments: argparse.Namespace) -> ChangesBetween:
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
    return ChangesBetween(
        f"from {before.label} to {label}{described(settings)}",
        changes,
        first_known(*publishers),
        "; ".join(dict.fromkeys(filter(None, (before.unread, unread)))),
        damage="; ".join(f"{name}: {damage}" for name, damage in damaged.items() if damage),
    )
