"""The time of the moment that is shown. No Textual in here."""

from __future__ import annotations

from tui.text.host_clock import HostClock


class MomentClock(HostClock):
    """A clock that stands still, until it is set."""

    def __init__(self, present: HostClock) -> None:
        """`present`: gives the time now, and what the host's clock showed at any time."""
        super().__init__(present, present)
        self.present = present
        self._at = present()

    def __call__(self) -> float:
        return self._at

    def set(self, at: float, *, is_known: bool) -> None:
        """Set the time of the moment. `is_known` False: it was at some time before `at`."""
        self._at = at
        self.is_known = is_known

    def was_set_by(self) -> float:
        return 0.0

    def shown_at(self, at: float) -> float:
        return self.present.shown_at(at)

    def when_shown(self, shown: float) -> float:
        return self.present.when_shown(shown)
