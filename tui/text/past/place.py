"""The moment of the past that is shown, and why there is no other, in words."""

from __future__ import annotations

from datetime import datetime

from backends.timeline import CountsAnew, Moment, Timeline, TimeNotKnown
from tui.text.format import duration
from tui.text.host_clock import ShownAt, as_it_is
from tui.text.sanitize import plain
from tui.text.timestamps import time_of_day

PAST = "PAST"
ONE_DAY = 86_400.0


def place_text(
    moment: Moment,
    at: float | None,
    now: float,
    newest: int | None,
    shown_at: ShownAt = as_it_is,
) -> list[str]:
    """Return the parts of a sentence on which moment is shown, the most important first.

    `at`: the time that it is looked at, None if it is not known; `now`: the present, both in POSIX
    seconds. `newest`: the number of the newest moment that was seen, if that is a revision.
    """
    parts = [f"revision {_grouped(moment.revision)}"] if moment.revision else []
    parts.append("time not known" if at is None else _time_of(at, now, shown_at))
    if at is not None:
        parts.append(f"{duration(now - at)} ago")
    if newest is not None and newest > moment.number:
        # What other programs wrote since then is not seen.
        parts.append(f"{newest - moment.number:,}+ revisions ago")
    return parts


def no_earlier(timeline: Timeline, first: Moment) -> str:
    """Return that there is nothing before the first moment."""
    if first.number <= 1:
        return f"Nothing was written before revision {first.number:,}."
    named = f"revision {_grouped(first.revision)}" if first.revision else "this"
    return f"{named[:1].upper()}{named[1:]} is the oldest moment left of {plain(timeline.name)}."


def no_time(timeline: Timeline) -> str:
    """Return why there is no step by time from what is shown."""
    return (
        f"{plain(timeline.store)} keeps no times, and the one of this revision was not seen: "
        "step by change."
    )


def time_not_known(error: TimeNotKnown, shown_at: ShownAt = as_it_is) -> str:
    """Return why nothing can be shown of a time."""
    known = time_of_day(shown_at(error.known_from))
    if error.gap_since is not None:
        since = time_of_day(shown_at(error.gap_since))
        return f"What was between {since} and {known} is not known: nothing was followed then."
    return (
        f"{plain(error.of)} keeps no times: those since {known} are known, when dyntop had read "
        "it. Step by change to go further back."
    )


def counts_anew(error: CountsAnew) -> str:
    """Return why no step leads on from what is shown."""
    return (
        f"{plain(error.of)} counts its revisions anew, as after a restore from a backup: what is "
        "shown is of before that, and no step leads on from here."
    )


def _grouped(revision: str) -> str:
    return f"{int(revision):,}" if revision.isdecimal() and revision.isascii() else plain(revision)


def _time_of(at: float, now: float, shown_at: ShownAt) -> str:
    text = time_of_day(shown_at(at))
    if now - at < ONE_DAY:
        return text
    return f"{datetime.fromtimestamp(shown_at(at)):%Y-%m-%d} {text}"
