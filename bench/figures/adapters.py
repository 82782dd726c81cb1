"""What many LoRA adapters cost: 300 on each of 200 workers."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

from bench.figures.figure import Pace, Spent, interleaved, run, spent_lines
from bench.figures.listing import ETCDCTL, etcdctl_get
from bench.load import Load
from bench.place import LONG, UNSWEPT, Place, filled
from bench.processes import cpu_seconds
from bench.results import Line
from bench.screen import Frames, shows
from bench.writing import Put
from tests.support import registered
from tests.support.running import COMMAND

WORKERS, ADAPTERS = 200, 300
MODEL = "acme/tiny-llm"


class Adapters:
    name: ClassVar = "adapters"
    at_every_size: ClassVar = False

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        with filled(Load(2 * WORKERS)) as there, tempfile.TemporaryDirectory() as folder:
            there.writer.put_all(
                Put(*registered.card(worker, MODEL, f"adapter-{n:03}"), worker)
                for worker in there.leases
                for n in range(ADAPTERS)
            )
            keys = len(there.leases) * (4 + ADAPTERS)
            list_all = [*COMMAND, "list", "all", "-o", "json"]
            listed = partial(run, list_all, there.environment, Path(folder, "listed"))
            get = partial(etcdctl_get, there, Path(folder, "got"))
            for what, ours in (
                ("`list all -o json` to a file", listed),
                ("command line to complete first paint", partial(_paint, there)),
            ):
                spent = interleaved(pace.runs, {"ours": ours, ETCDCTL: get})
                what = f"{ADAPTERS} LoRA adapters on each of {WORKERS} workers: {what}"
                yield from spent_lines(self.name, what, keys, spent, (), None)


def _paint(place: Place) -> Spent:
    start = time.monotonic()
    with place.dashboard(*UNSWEPT) as dashboard:
        counts = shows(f" {place.size:,} instances")
        painted = Frames(dashboard).when(counts, "all counts", LONG)
        return Spent(painted - start, cpu_seconds(dashboard.process.pid))
