"""What a store far away costs: commands and the first paint over 50 ms of round trip."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar

from bench.figures.figure import Pace, interleaved, run, spent_lines
from bench.figures.first_paint import first_paint
from bench.figures.listing import ETCDCTL
from bench.load import Load
from bench.place import QUIET, Place, filled
from bench.results import Line, Target
from tests.support.forwarders import SlowForwarder
from tests.support.programs import clean_environment
from tests.support.running import COMMAND

ROUND_TRIP = 0.05
"""Seconds by which each answer comes later."""
LOAD = Load(100)
NAMESPACE = "team-*"
"""As `-n`: all of the load, in ranges of their own for each kind of key."""
MOST_OF_CHECK, MOST_OF_PAINT = 0.6, 1.0
"""Seconds."""


class Far:
    name: ClassVar = "far"
    at_every_size: ClassVar = False

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        with (
            filled(LOAD) as near,
            _far(near) as url,
            tempfile.TemporaryDirectory() as folder,
        ):
            output = Path(folder, "output")
            there = ("--endpoints", url, "-n", NAMESPACE)
            check = partial(run, [*COMMAND, "check", *there], near.environment, output)
            get = near.get_command(url=url)
            etcdctl = partial(run, get, clean_environment(ETCDCTL_API="3"), output)
            paint = partial(first_paint, near, *there, *QUIET)
            for what, ours, most in (
                (f"`check -n {NAMESPACE}`", check, MOST_OF_CHECK),
                (f"`-n {NAMESPACE}` to complete first paint", paint, MOST_OF_PAINT),
            ):
                spent = interleaved(pace.runs, {"ours": ours, ETCDCTL: etcdctl})
                what = f"over {ROUND_TRIP * 1000:.0f} ms of round trip: {what}"
                yield from spent_lines(
                    self.name, what, LOAD.size, spent, (), None, wall=Target(most)
                )


@contextmanager
def _far(place: Place) -> Iterator[str]:
    """The address of a place, with answers that come late."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    way = SlowForwarder(int(place.etcd.endpoint.rpartition(":")[2]), ROUND_TRIP)
    try:
        asyncio.run_coroutine_threadsafe(way.open(), loop).result()
        yield f"http://127.0.0.1:{way.port}"
    finally:
        asyncio.run_coroutine_threadsafe(way.cut(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
