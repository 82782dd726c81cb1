"""`dyntop list` to a file, beside `etcdctl get`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar

from bench.figures.figure import Pace, Spent, interleaved, run, spent_lines
from bench.place import Place
from bench.processes import cpu_seconds
from bench.results import Line, Peer, Target, Unit
from tests.support.programs import clean_environment
from tests.support.running import COMMAND

ETCDCTL, AS_JSON = "etcdctl get --prefix", "etcdctl -w json"
MOST = {1_000: 3.5, 10_000: 2.5}
"""As a multiple of etcdctl's CPU time, by the number of instances."""
MOST_OF_MORE, MOST_OF_LESS = 2.0, 6.0
LARGE = 50_000
"""Instances from which on it is not to take longer than etcdctl takes for JSON."""
MOST_OF_ETCD = 1.3
"""As a multiple of the CPU time that etcd itself needs for etcdctl."""
NARROWER = ((("all", "-o", "name"), 2.0), (("endpoints", "-n", "team-0"), 1.5))
"""Other lists, and as what multiple of etcdctl's CPU time."""

LEAST_OF_NARROWER = 10_000
"""Instances below which that is the start of two programs."""

Run = Callable[[], Spent]


class Listing:
    name: ClassVar = "list"
    at_every_size: ClassVar = True

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        with tempfile.TemporaryDirectory() as folder:
            listed = Path(folder, "listed")
            ours = partial(_list, place, listed, "all", "-o", "json")
            got = {
                ETCDCTL: partial(etcdctl_get, place, Path(folder, "got")),
                AS_JSON: partial(etcdctl_get, place, Path(folder, "got"), "-w", "json"),
            }
            yield from self._all(place, pace, {"ours": ours, **got})
            records = len(json.loads(listed.read_bytes()))
            assert records == 2 * place.size, f"list printed {records} of {2 * place.size} records"
            for words, most in NARROWER if place.size >= LEAST_OF_NARROWER else ():
                ours = partial(_list, place, listed, *words)
                spent = interleaved(pace.runs, {"ours": ours, ETCDCTL: got[ETCDCTL]})
                what = f"`list {' '.join(words)}` to a file"
                yield from spent_lines(self.name, what, place.size, spent, (ETCDCTL,), most)

    def _all(self, place: Place, pace: Pace, runs: Mapping[str, Run]) -> Iterator[Line]:
        """Yield what all records as JSON cost, and what they cost etcd."""
        of_etcd: dict[str, list[float]] = {name: [] for name in runs}

        def asked(name: str) -> Spent:
            before = cpu_seconds(place.etcd.process.pid)
            spent = runs[name]()
            of_etcd[name].append(cpu_seconds(place.etcd.process.pid) - before)
            return spent

        spent = interleaved(pace.runs, {name: partial(asked, name) for name in runs})
        what, size = "`list all -o json` to a file", place.size
        most = MOST.get(size, MOST_OF_MORE if size > max(MOST) else MOST_OF_LESS)
        wall = Target(1.0, (AS_JSON,)) if size >= LARGE else None
        yield from spent_lines(self.name, what, size, spent, (ETCDCTL,), most, wall=wall)
        if size >= LARGE:
            yield Line(
                self.name,
                f"{what}: etcd itself",
                size,
                Unit.CPU_SECONDS,
                tuple(of_etcd["ours"]),
                (Peer(ETCDCTL, tuple(of_etcd[ETCDCTL])),),
                Target(MOST_OF_ETCD, (ETCDCTL,)),
            )


def etcdctl_get(place: Place, output: Path, *flags: str) -> Spent:
    """Have etcdctl read all of a place into a file."""
    return run(place.get_command(*flags), clean_environment(ETCDCTL_API="3"), output)


def _list(place: Place, output: Path, *words: str) -> Spent:
    return run([*COMMAND, "list", *words], place.environment, output)
