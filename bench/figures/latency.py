"""From a put in etcd to its text on the terminal, while little happens."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from typing import IO, ClassVar, Self

from bench.figures.figure import Pace
from bench.marks import mark, marks_in
from bench.place import UNSWEPT, Place, opened
from bench.results import Line, Peer, Target, Unit, percentile
from bench.screen import Lines
from bench.writing import Put, paced
from tests.support.dynamo import DynamoClient
from tests.support.programs import clean_environment

RATE = 20.0
"""Changes a second."""
ROWS = 20
"""Of those on the screen, how many change, one after the other."""
MARGIN = 5.0
"""Seconds in which the last change must show."""

WATCH = "etcdctl watch"
CLIENT = "Dynamo client"


class Latency:
    name: ClassVar = "latency"
    at_every_size: ClassVar = False

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        ours: list[list[float]] = []
        watch: list[list[float]] = []
        client: list[list[float]] = []
        for _ in range(pace.runs):
            seen, watched = _changes(place, pace.changes)
            ours.append(seen)
            watch.append(watched)
            client.append(_registrations(place, pace.changes // 4))
        for percent, most in ((50, 30.0), (99, 80.0)):
            yield Line(
                self.name,
                f"put → text on the terminal, {RATE:.0f} changes/s, p{percent}",
                place.size,
                Unit.MILLISECONDS,
                _percentiles(ours, percent),
                (
                    Peer(WATCH, _percentiles(watch, percent)),
                    Peer(CLIENT, _percentiles(client, percent)),
                ),
                Target(most),
            )


class Watch:
    """An `etcdctl watch` that notes when it printed each change."""

    def __init__(self, place: Place) -> None:
        self.seen: dict[int, float] = {}
        self._process = subprocess.Popen(
            place.etcdctl_command("watch", "--prefix", "v1/"),
            env=clean_environment(ETCDCTL_API="3"),
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._reader.start()

    def _read(self, lines: IO[bytes]) -> None:
        for line in lines:
            now = time.monotonic()
            for number in marks_in(line.decode()):
                self.seen.setdefault(number, now)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


def _changes(place: Place, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds until each of so many changes stood on the screen, and until it was printed."""
    rows = place.instances()[:ROWS]
    sent: dict[int, float] = {}
    shown: dict[int, float] = {}
    with opened(place, *UNSWEPT) as (_, frames), Watch(place) as watch:

        def look(at: float, lines: Lines) -> None:
            for number in marks_in("\n".join(lines)):
                shown.setdefault(number, at)

        # First one that is not counted, until etcdctl is known to watch.
        first = place.number_of_change()
        while first not in watch.seen:
            place.writer.put(place.move(rows[0], mark(first)))
            time.sleep(0.1)
        for change in paced(RATE, count):
            number = place.number_of_change()
            sent[number] = time.monotonic()
            place.writer.put(place.move(rows[change % ROWS], mark(number)))
        until = time.monotonic() + MARGIN
        while not (sent.keys() <= shown.keys() and sent.keys() <= watch.seen.keys()):
            assert time.monotonic() < until, f"never shown: {sorted(sent.keys() - shown.keys())}"
            frames.each(look)
            time.sleep(0.05)
    return (
        [(shown[number] - at) * 1000 for number, at in sent.items()],
        [(watch.seen[number] - at) * 1000 for number, at in sent.items()],
    )


def _registrations(place: Place, count: int) -> list[float]:
    """Milliseconds until a real client would route to each of so many new instances."""
    some = place.instances()[0]
    took: list[float] = []
    new = [
        instance
        for lease in place.writer.grant(count)
        for instance in place.load.instances_of(some.worker, lease)
        if instance.endpoint == some.endpoint
    ]
    endpoint = f"{some.namespace}.{some.component}.{some.endpoint}"
    with DynamoClient(place.etcd, endpoint) as client:
        client.instance_ids()
        for number in paced(RATE, count):
            instance = new[number]
            start = time.monotonic()
            place.writer.put(Put(instance.key, instance.value(), instance.lease))
            while instance.id not in client.instance_ids():
                assert time.monotonic() < start + MARGIN, f"the client never saw {instance.id}"
                time.sleep(0.001)
            took.append((time.monotonic() - start) * 1000)
    place.writer.revoke(instance.lease for instance in new)
    return took


def _percentiles(runs: list[list[float]], percent: float) -> tuple[float, ...]:
    return tuple(percentile(run, percent) for run in runs)
