"""What commands say of earlier revisions, and which of their options do not go with them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from backends.discovery.discovery import Discovery
from backends.store import Misconfigured
from tui.runtime.standard_streams import print_message
from tui.text.timestamps import day_and_time

REVISION = "--revision"
NO_TIMES = "keeps no time of any revision"
"""That of a store without times."""


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


async def past_note(discovery: Discovery, revision: int | None) -> str:
    """Return when a revision was, and at which one the store is now. Empty: what is now is asked
    for. Raises `StoreError`."""
    if revision is None:
        return ""
    past = discovery.past
    newest = await past.newest()
    if (at := past.time_of(revision)) is None:
        return f"; it is at {newest} now, and {NO_TIMES}"
    then = _day_and_time(at)
    return f", which was at {then}" * bool(then) + f"; the last change was at {newest}"


def named(revision: int, at: float | None) -> str:
    """Return a revision with its time. `at`: as of `Past.time_of`."""
    then = "" if at is None else _day_and_time(at)
    return f"{revision} ({then})" if then else str(revision)


def _day_and_time(at: float) -> str:
    """Return a time in words. Empty: no calendar has it."""
    try:
        return day_and_time(at)
    except (OverflowError, ValueError, OSError):
        return ""


def print_past(place: str, note: str) -> None:
    """Print that what was listed is the past. `place`: the store with the revision. `note`: as of
    `past_note`."""
    if note:
        print_message(f"this is the past: {place}{note}")
