"""`dyntop list all -o json` to a file, beside `etcdctl get`."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

from bench.figures.figure import Pace, interleaved, peers, wall
from bench.place import Place
from bench.results import Line, Target, Unit
from tests.support.running import COMMAND

ETCDCTL = "etcdctl get --prefix"


class Listing:
    name: ClassVar = "list"
    at_every_size: ClassVar = True

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        with tempfile.TemporaryDirectory() as folder:
            listed, got = Path(folder, "listed.json"), Path(folder, "got")
            runs = interleaved(
                pace.runs,
                {
                    "ours": partial(wall, partial(_list_all, place, listed)),
                    ETCDCTL: partial(wall, partial(place.etcdctl_get, got)),
                },
            )
            records = len(json.loads(listed.read_bytes()))
        assert records == 2 * place.size, f"list printed {records} of {2 * place.size} records"
        yield Line(
            self.name,
            "`list all -o json` to a file",
            place.size,
            Unit.SECONDS,
            runs["ours"],
            peers(runs, ETCDCTL),
            Target(6.0, (ETCDCTL,)),
        )


def _list_all(place: Place, output: Path) -> None:
    with output.open("wb") as out:
        command = [*COMMAND, "list", "all", "-o", "json"]
        subprocess.run(command, env=place.environment, stdout=out, check=True)
