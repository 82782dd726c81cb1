"""A play: a living cluster in this process's memory, and all that can be asked of it."""

from backends.demo.cluster import Demo
from backends.demo.metrics import DemoScrapes
from backends.demo.probes import DemoProbes
from backends.demo.services import DemoServices
from backends.demo.taps import DemoTaps

__all__ = ["Demo", "DemoProbes", "DemoScrapes", "DemoServices", "DemoTaps"]
