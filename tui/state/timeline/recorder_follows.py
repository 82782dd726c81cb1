"""Whether the recorder followed the store at a moment, by the times of its lines. Pure."""

from __future__ import annotations

from backends.store import Delete, Heartbeat, Put, Resync
from backends.timeline import Step, StoreEvents

LONGEST_SILENCE = 65.0
"""Seconds between two lines, at most: the recorder writes one a minute if nothing changes, and a
watch that was silent for as long is begun anew. Longer, and it was held up itself."""


class RecorderFollows:
    """Tells whether what is shown was still so. A recorder that was suspended writes again before
    it has heard of the store."""

    def __init__(self) -> None:
        self._last: float | None = None
        """When the last line was written, in POSIX seconds. None: there was none."""
        self._resumed_at: float | None = None
        """When it wrote again after it was held up. None: it was not, or has heard since."""
        self._before = 0.0
        """When it wrote last before that."""

    def begin(self, at: float | None) -> None:
        """Begin with a moment that is whole by itself. None: its time is not known."""
        self._last, self._resumed_at = at, None

    def heard(self, step: Step, at: float) -> bool:
        """Take in a step. Returns whether the store was followed up to it."""
        if self._last is not None and at - self._last > LONGEST_SILENCE:
            if self._resumed_at is None:
                self._before = self._last
            self._resumed_at = at
        self._last = at
        since = self._resumed_at
        if since is not None and (_is_of_store(step) or at - since > LONGEST_SILENCE):
            self._resumed_at = None
        return self._resumed_at is None

    def followed_until(self, at: float) -> float:
        """Return until when the store was followed, as far as that is known at a time after the
        last step."""
        if self._resumed_at is not None:
            return self._before
        if self._last is None or at - self._last <= LONGEST_SILENCE:
            return at
        return self._last


def is_sign_of_life(step: Step) -> bool:
    """Return whether a step says only that the recorder ran."""
    return isinstance(step, StoreEvents) and all(isinstance(one, Heartbeat) for one in step.events)


def _is_of_store(step: Step) -> bool:
    """Return whether a step is what the store reported: not that it was lost, nor evidence."""
    return isinstance(step, StoreEvents) and any(
        isinstance(one, Put | Delete | Resync) for one in step.events
    )
