"""How soon the command line answers at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

from bench.figures.figure import Pace, interleaved, peers, run
from bench.place import Place
from bench.results import Line, Target, Unit
from tests.support.running import COMMAND

PYTHON = "bare Python"
MOST = 150.0
"""Milliseconds over bare Python."""


class Version:
    name: ClassVar = "version"
    at_every_size: ClassVar = False

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        commands = {"ours": [*COMMAND, "--version"], PYTHON: [sys.executable, "-c", "pass"]}
        runs = interleaved(
            pace.runs,
            {name: partial(_milliseconds, place, command) for name, command in commands.items()},
        )
        over = zip(runs["ours"], runs[PYTHON], strict=True)
        yield Line(
            self.name,
            "`--version`, over bare Python",
            place.size,
            Unit.MILLISECONDS,
            tuple(ours - bare for ours, bare in over),
            peers(runs, PYTHON),
            Target(MOST),
        )


def _milliseconds(place: Place, command: list[str]) -> float:
    return run(command, place.environment, Path(os.devnull)).wall * 1000
