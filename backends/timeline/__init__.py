"""Show what was registered at an earlier moment, as far as a store or a recording knows of it.

`moments` has the contract: `Moment`, `Step`, `Opening`, `Timeline`, `TimeNotKnown` and
`CountsAnew`, and which times there are. `kept_figures` joins what was scraped then to what was
registered.
"""

from __future__ import annotations

from backends.timeline.moments import (
    LATEST,
    CountsAnew,
    DrainsRead,
    FiguresRead,
    LeasesRead,
    Moment,
    Opening,
    ProbesMade,
    Step,
    Stepped,
    StoreEvents,
    Timeline,
    TimeNotKnown,
)

__all__ = [
    "LATEST",
    "CountsAnew",
    "DrainsRead",
    "FiguresRead",
    "LeasesRead",
    "Moment",
    "Opening",
    "ProbesMade",
    "Step",
    "Stepped",
    "StoreEvents",
    "TimeNotKnown",
    "Timeline",
]
