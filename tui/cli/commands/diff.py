"""`dyntop diff`: print what is registered otherwise at one revision than at another."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from backends.discovery.past_records import changes_between, compared
from backends.store import Misconfigured, Refused
from tui.cli.output import described, query_of
from tui.cli.shared.past import NO_TIMES, named
from tui.cli.shared.printed_changes import ChangesBetween, first_known, print_changes
from tui.cli.shared.reading import list_with_publishers, place_of
from tui.runtime.standard_streams import end_at_once_on_interrupt
from tui.session import open_discovery
from tui.text.errors import Exit

if TYPE_CHECKING:
    from backends.discovery.discovery import Discovery
    from backends.discovery.past_records import RecordChange
    from backends.dynamo.queries import Query
    from tui.config.settings import Settings

OLDEST, NOW = "oldest", "now"
"""The words for the oldest revision that is left, and for the newest one."""


def run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    """Compare, and print. Raises `StoreError`, `OutputFailed`, BrokenPipeError."""
    end_at_once_on_interrupt()
    if arguments.places:
        from tui.cli.commands import diff_recordings

        return diff_recordings.run(settings, arguments)
    if arguments.after is None:
        raise Misconfigured("--from", "name the earlier revision, or two times of a recording")
    return print_changes(asyncio.run(_find(settings, arguments)), arguments)


async def _find(settings: Settings, arguments: argparse.Namespace) -> ChangesBetween:
    query = query_of(settings, arguments)
    async with open_discovery(settings) as discovery:
        past = discovery.past
        after, until = arguments.after, arguments.until
        if after == OLDEST:
            after = await past.oldest(query.prefixes)
        if until == NOW:
            # The store itself says that a later one is still to come.
            until = max(after, await past.newest())
        if until < after:
            raise Misconfigured("--to", f"{until} is before {after}, which --from names")
        before, then, no_before = await list_with_publishers(discovery, query, after)
        records, now, no_records = await list_with_publishers(discovery, query, until)
        changes: Sequence[RecordChange] = compared(before, records)
        if arguments.events:
            changes = await _steps(discovery, query, after, until, changes)
        unread = "; ".join(dict.fromkeys(filter(None, (no_before, no_records))))
        place = place_of(discovery).name
        worker_of = first_known(now, then)
        until_at = past.time_of(until)
        first, last = named(after, past.time_of(after)), named(until, until_at)
        between = f"from revision {first} to {last} of {place}{described(settings)}"
        note = f"the store {NO_TIMES}" if until_at is None else ""
        return ChangesBetween(between, changes, worker_of, unread, note)


async def _steps(
    discovery: Discovery, query: Query, after: int, until: int, differing: Sequence[RecordChange]
) -> Sequence[RecordChange]:
    """Return every change in between. Raises `Refused` if they do not lead to what differs."""
    steps = await changes_between(discovery, query, after, until)
    missing = {one.latest.key for one in differing} - {one.latest.key for one in steps}
    if missing:
        raise Refused(discovery.store.address, f"not all changes came, {len(missing)} are missing")
    return steps
