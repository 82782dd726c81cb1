"""How many leases are asked about in what time, by the clock of whoever asks."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from backends.liveness.lease_schedule import LeaseSchedule


class Turns:
    """Notes how many each turn of a sweep takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._taken: list[tuple[float, int]] = []
        take = LeaseSchedule.take_due

        def noting(sweep: LeaseSchedule[int], now: float, visible: Iterable[int] = ()) -> list[int]:
            chosen = take(sweep, now, visible)
            self._taken.append((now, len(chosen)))
            return chosen

        monkeypatch.setattr(LeaseSchedule, "take_due", noting)

    def keep(self, cap: float) -> bool:
        """Whether no more than `cap` a second were taken, after one second's worth at once."""
        number, began = 0, self._taken[0][0]
        for at, taken in self._taken:
            number += taken
            if number > cap * (1 + at - began) + 1e-6:
                return False
        return number > 0
