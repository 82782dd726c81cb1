"""What is wrong with the store itself, or with frontends that were named. No Textual in here."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tui.state.dashboard import Dashboard
from tui.state.empty import why_not_updating
from tui.state.store_state import LinkState
from tui.text.errors import explain
from tui.text.format import State
from tui.text.timestamps import time_of_day

WARNING = State("!", "alarm", "bad")
FAILING = "failing"
"""Of a frontend that cannot be asked."""


class StoreLine(msgspec.Struct, frozen=True):
    """A line that is of no record."""

    state: State
    name: str
    why: str
    words: tuple[str, ...] = ()
    """Shorter forms of `why`."""


def store_lines(dashboard: Dashboard) -> list[StoreLine]:
    """Return what is wrong with the store: that what is shown is outdated, and its alarms."""
    return [*_of_link(dashboard), *_of_warnings(dashboard)]


def frontend_lines(dashboard: Dashboard) -> list[StoreLine]:
    """Return the frontends of `--metrics` that do not answer any more. An address that never
    answered may be a worker's."""
    frontends = dashboard.view.verdicts.serving.frontends
    state = State("✗", FAILING, "warn")
    return [
        StoreLine(
            state,
            one.name.removeprefix("http://"),
            f"frontend: {one.trouble}",
            (one.trouble, "frontend"),
        )
        for one in frontends
        if one.trouble and one.was_seen
    ]


def _of_link(dashboard: Dashboard) -> Iterator[StoreLine]:
    store, shown_at = dashboard.view.store, dashboard.clock.shown_at
    if not store.link.is_outdated:
        return
    since = time_of_day(shown_at(store.since))
    why = f"since {since}: what follows is of then"
    if store.link is LinkState.NOT_UPDATING:
        why = why_not_updating(store, dashboard.store.name, dashboard.clock(), shown_at) or why
    elif store.error is not None:
        why = f"{why}; {explain(store.error, dashboard.store.name).sentence}"
    state = State("✗", store.link.value, "bad")
    name = f"{dashboard.store.name} {dashboard.store.address}"
    yield StoreLine(state, name, why, (f"since {since}", since))


def _of_warnings(dashboard: Dashboard) -> Iterator[StoreLine]:
    for one in dashboard.view.store.warnings:
        yield StoreLine(WARNING, dashboard.store.name, one)
