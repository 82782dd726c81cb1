"""All figures, in the order in which they are measured: what changes the store comes late."""

from __future__ import annotations

from bench.figures.adapters import Adapters
from bench.figures.change import Change
from bench.figures.charts import Charts
from bench.figures.far import Far
from bench.figures.figure import Figure
from bench.figures.files import Files
from bench.figures.first_paint import FirstPaint
from bench.figures.idle import Idle
from bench.figures.keys import Keys
from bench.figures.kubernetes import Kubernetes
from bench.figures.latency import Latency
from bench.figures.listing import Listing
from bench.figures.memory import Memory
from bench.figures.ranks import Ranks
from bench.figures.recorded import Recorded
from bench.figures.restart import Restart
from bench.figures.storm import Storm
from bench.figures.version import Version
from bench.figures.written import Written

FIGURES: tuple[Figure, ...] = (
    Version(),
    Listing(),
    FirstPaint(),
    Far(),
    Adapters(),
    Idle(),
    Files(),
    Charts(),
    Recorded(),
    Ranks(),
    Keys(),
    Written(),
    Latency(),
    Change(),
    Storm(),
    Memory(),
    Restart(),
    Kubernetes(),
)
