"""What the same records cost in Kubernetes, beside etcd: CPU, and the delay of a change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from http.client import HTTPException
from typing import ClassVar
from urllib.request import ProxyHandler, build_opener

from bench import objects
from bench.api_server import ApiServer, api_server
from bench.figures.figure import Pace, interleaved
from bench.load import Load, in_order
from bench.marks import MOST, mark, marks_in
from bench.place import LONG, UNSWEPT, Place, filled
from bench.processes import cpu_seconds
from bench.results import Line, Peer, Target, Unit, percentile
from bench.screen import Frames, Lines, complete
from bench.writing import paced
from tests.support.dashboard import Dashboard

INSTANCES_OF_OBJECT = 4
"""With a card for each, eight records."""
RATE = 10.0
"""Changes a second."""
ROWS = 20
"""Of those on the screen, how many change, one after the other."""
MARGIN = 10.0
"""Seconds in which the last change must show."""
ETCD = "dyntop on etcd"
WATCH = "plain watch"

Open = Callable[[], AbstractContextManager[Dashboard]]


class Kubernetes:
    name: ClassVar = "kubernetes"
    at_every_size: ClassVar = False

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        load = Load(place.size // 2 * INSTANCES_OF_OBJECT, INSTANCES_OF_OBJECT)
        what = f"Kubernetes, {load.workers:,} objects of 8 records"
        with (
            api_server(load) as server,
            filled(load, leases=objects.ids(load)) as etcd,
        ):
            opens: dict[str, Open] = {
                "ours": partial(server.dashboard, *UNSWEPT),
                ETCD: partial(etcd.dashboard, *UNSWEPT),
            }
            paint = interleaved(
                pace.runs, {name: partial(_paint, load, one) for name, one in opens.items()}
            )
            yield Line(
                self.name,
                f"{what}: CPU to complete first paint",
                load.size,
                Unit.SECONDS,
                paint["ours"],
                (Peer(ETCD, paint[ETCD]),),
                Target(1.5, (ETCD,)),
            )
            idle = _idle(load, opens, pace)
            yield Line(
                self.name,
                f"{what}: CPU when nothing changes, without the lease sweep",
                load.size,
                Unit.PERCENT_OF_CORE,
                idle["ours"],
                (Peer(ETCD, idle[ETCD]),),
                Target(1.0, (ETCD,)),
            )
            shown, watched = _changes(server, pace)
            yield Line(
                self.name,
                f"{what}: watch → text on the terminal, {RATE:.0f} changes/s, p99",
                load.size,
                Unit.MILLISECONDS,
                (percentile([shown[one] - watched[one] for one in shown], 99),),
                (Peer(f"change → {WATCH}", (percentile([*watched.values()], 99),)),),
                Target(100.0),
            )


def _paint(load: Load, opened: Open) -> float:
    """CPU seconds until all counts are right."""
    with _painted(load, opened) as (dashboard, _):
        return cpu_seconds(dashboard.process.pid)


@contextmanager
def _painted(load: Load, opened: Open) -> Iterator[tuple[Dashboard, Frames]]:
    with opened() as dashboard:
        frames = Frames(dashboard)
        frames.when(complete(load), "all counts", LONG)
        yield dashboard, frames
        dashboard.process.kill()


def _idle(load: Load, opens: Mapping[str, Open], pace: Pace) -> dict[str, tuple[float, ...]]:
    """CPU in percent of each, at once, window by window."""
    with (
        _painted(load, opens["ours"]) as (ours, _),
        _painted(load, opens[ETCD]) as (theirs, _),
    ):
        pids = {"ours": ours.process.pid, ETCD: theirs.process.pid}
        time.sleep(pace.settling)
        found: dict[str, list[float]] = {name: [] for name in pids}
        for _ in range(pace.runs):
            start = time.monotonic()
            before = {name: cpu_seconds(pid) for name, pid in pids.items()}
            time.sleep(pace.idling)
            for name, pid in pids.items():
                took = cpu_seconds(pid) - before[name]
                found[name].append(took / (time.monotonic() - start) * 100)
    return {name: tuple(values) for name, values in found.items()}


def _changes(server: ApiServer, pace: Pace) -> tuple[dict[int, float], dict[int, float]]:
    """Milliseconds from each change until it stood on the screen, and until a watch had it."""
    load = server.load
    rows = in_order([one for w in range(load.workers) for one in objects.instances(load, w)])[:ROWS]
    sent: dict[int, float] = {}
    shown: dict[int, float] = {}
    watch = Watch(server.watch_url)
    with _painted(load, partial(server.dashboard, *UNSWEPT)) as (_, frames):

        def look(at: float, lines: Lines) -> None:
            for number in marks_in("\n".join(lines)):
                shown.setdefault(number, at)

        for change in paced(RATE, pace.changes):
            number = change % MOST
            sent[number] = time.monotonic()
            server.move(rows[change % ROWS], mark(number))
        until = time.monotonic() + MARGIN
        while not (sent.keys() <= shown.keys() and sent.keys() <= watch.seen.keys()):
            assert time.monotonic() < until, f"never shown: {sorted(sent.keys() - shown.keys())}"
            frames.each(look)
            time.sleep(0.05)
    return (
        {number: (shown[number] - at) * 1000 for number, at in sent.items()},
        {number: (watch.seen[number] - at) * 1000 for number, at in sent.items()},
    )


class Watch:
    """A plain watch that notes when it read each change, until the server ends."""

    def __init__(self, url: str) -> None:
        self.seen: dict[int, float] = {}
        self._lines = build_opener(ProxyHandler({})).open(url)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(OSError, HTTPException):
            for line in self._lines:
                now = time.monotonic()
                for number in marks_in(line.decode()):
                    self.seen.setdefault(number, now)
