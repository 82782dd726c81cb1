"""All figures, in the order in which they are measured: what changes the store comes late."""

from __future__ import annotations

from bench.figures.figure import Figure
from bench.figures.first_paint import FirstPaint
from bench.figures.idle import Idle
from bench.figures.latency import Latency
from bench.figures.listing import Listing
from bench.figures.memory import Memory

FIGURES: tuple[Figure, ...] = (Listing(), FirstPaint(), Idle(), Latency(), Memory())
