"""What commands say of earlier revisions, and which of their options do not go with them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from backends.discovery.discovery import Discovery
from backends.store import Misconfigured
from tui.runtime.standard_streams import print_message

REVISION = "--revision"


def check_options(arguments: argparse.Namespace, needs_evidence: Iterable[str] = ()) -> None:
    """Raise `Misconfigured` for options of `list` that ask what is now. `needs_evidence`: the
    named columns for which leases are checked."""
    if arguments.revision is None:
        return
    if arguments.watch:
        raise Misconfigured(REVISION, "is of the past, and --watch prints what comes")
    asked = ["--probe"] * (arguments.probe is not None) + ["--liveness"] * arguments.liveness
    asked += map(str.lower, needs_evidence)
    if asked:
        raise Misconfigured(
            REVISION,
            f"is of the past, and {asked[0]} asks leases and addresses as they are now",
        )


async def newest_revision(discovery: Discovery, revision: int | None) -> int | None:
    """Return the newest revision where an earlier one is asked for. Raises `StoreError`."""
    return None if revision is None else await discovery.past.newest()


def print_past(place: str, newest: int | None) -> None:
    """Print that what was listed is the past. `place`: the store with the revision. `newest`: None
    if it is not the past."""
    if newest is not None:
        print_message(
            f"this is the past: {place}; it is at {newest} now, and keeps no time of any revision"
        )
