"""What a dashboard reports to its screen, and asks of it. No Textual in here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

import msgspec
from msgspec.structs import replace

from backends.dynamo.records import AnyRecord
from tui.state.cluster_view import Changes

Job = Callable[[], Awaitable[None]]
"""Work behind the screen."""


class Update(msgspec.Struct, frozen=True):
    """The differences to draw. With nothing set: the state of the store, the age of its evidence,
    and the modes."""

    everything: bool = False
    """Another filter, another place, or the first snapshot: nothing is as it was."""
    is_first: bool = False
    """All that the store has is there, for the first time."""
    records: Changes | None = None
    """Differences in records, verdicts and tombstones. None: not looked at."""
    history: bool = False
    """Something was added to the history, or a reason was found."""
    requests: bool = False
    """NATS services were asked once more."""
    metrics: bool = False
    """There are new figures."""
    served: Collection[str] = ()
    """Models and adapters of which frontends say something else."""
    link: bool = False
    """The store is followed now, or is not any more."""
    detail: bool = False
    """Details of single records."""
    at_once: bool = False
    """Whether the screen may be stuck: draw at once, without waiting."""


class Observer(Protocol):
    """Shows a dashboard."""

    def changed(self, update: Update) -> None:
        """Show the differences. Raises any error of that."""

    def when_shown(self, answer: Callable[[], None]) -> bool:
        """Call back once every update is worked off. False: that cannot be."""

    def report(self, fault: Exception) -> None:
        """Report a fault of dyntop's own, after which everything is read again."""

    def call_out(self, text: str) -> None:
        """Tell a person who looks elsewhere, as the settings have it."""

    def begin(self, name: str, job: Job) -> None:
        """Start a background job, and report its error."""

    def records_on_screen(self) -> list[AnyRecord]:
        """Return the records that are seen, the selected one first: evidence of them comes
        first."""


class Unseen:
    """Shows nothing: there is no screen yet."""

    def changed(self, update: Update) -> None:
        pass

    def when_shown(self, answer: Callable[[], None]) -> bool:
        return False

    def report(self, fault: Exception) -> None:
        pass

    def call_out(self, text: str) -> None:
        pass

    def begin(self, name: str, job: Job) -> None:
        pass

    def records_on_screen(self) -> list[AnyRecord]:
        return []


class Updates:
    """Passes the differences to the observer, whichever it is by now."""

    def __init__(self) -> None:
        self.observer: Observer = Unseen()
        self._unshown: Update | None = None
        """The differences that the observer failed to show."""

    @property
    def is_behind(self) -> bool:
        """Return whether the observer failed to show differences."""
        return self._unshown is not None

    def send(self, update: Update) -> None:
        """Have differences shown. Those that the observer failed to show come with the next
        update, which then shows everything: nothing else would report them again."""
        if update.at_once:
            self.observer.changed(update)
            return
        if (failed := self._unshown) is not None:
            is_first = update.is_first or failed.is_first
            update = replace(update, everything=True, is_first=is_first, detail=True)
        self._unshown = update
        self.observer.changed(update)
        self._unshown = None
