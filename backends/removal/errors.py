"""Why nothing was put back."""

from __future__ import annotations


# RestoreRefused
# ├── NotFound      there is no such act or item
# └── WrongStore    it was removed from another store than this one
class RestoreRefused(Exception):
    """Base of the reasons to put nothing back."""


class NotFound(RestoreRefused):
    """There is no act or item `wanted`."""

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self.wanted = wanted


class WrongStore(RestoreRefused):
    """The act was done on the store `recorded`, and this is `here`: name and address each."""

    def __init__(self, recorded: tuple[str, str], here: tuple[str, str]) -> None:
        super().__init__(f"removed from {' '.join(recorded)}, this is {' '.join(here)}")
        self.recorded = recorded
        self.here = here
