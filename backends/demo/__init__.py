"""A demo: a living cluster in this process's memory, with answers to all that can be asked of it.

`Demo` is the cluster; `DemoProbes`, `DemoScrapes`, `DemoServices` and `DemoTaps` answer for its
workers. Internal: `records` (what its workers register).
"""

from backends.demo.cluster import Demo
from backends.demo.metrics import DemoScrapes
from backends.demo.probes import DemoProbes
from backends.demo.services import DemoServices
from backends.demo.taps import DemoTaps

__all__ = ["Demo", "DemoProbes", "DemoScrapes", "DemoServices", "DemoTaps"]
