"""Runs the benchmark, or parts of it: `python -m bench --help`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench import report
from bench.figures import FIGURES
from bench.figures.figure import SMOKE, Figure, Pace
from bench.figures.growth import growth
from bench.load import Load
from bench.machine import machine
from bench.place import filled
from bench.results import Line

SIZES = (100, 1_000, 10_000, 50_000)
TARGET_SIZE = 10_000
"""For which the targets are."""
SMOKE_SIZE = 100
SMOKE_LEAVES_OUT = ("change", "bytes", "kubernetes")
"""Take long for what they tell at a small size."""
SMOKE_FACTOR = 10.0
"""By how much a target may be missed on a machine that others share."""


def main() -> int:
    """Measure, and say how it is. 1: something is broken, or with `--smoke` out by ten times."""
    options = _parser().parse_args()
    left_out = SMOKE_LEAVES_OUT if options.smoke else ()
    names = options.figures or [f.name for f in FIGURES if f.name not in left_out]
    chosen = [figure for figure in FIGURES if figure.name in names]
    pace = SMOKE if options.smoke else Pace()
    if options.runs is not None:
        pace = replace(pace, runs=options.runs)
    sizes: list[int] = options.sizes or ([SMOKE_SIZE] if options.smoke else list(SIZES))
    about = machine()
    lines: list[Line] = []
    problems: list[str] = []
    for size in sizes:
        at_target = size == _target_size(sizes)
        figures = [figure for figure in chosen if at_target or figure.at_every_size]
        _measure(figures, size, pace, lines, problems)
        _save(options.output, lines, about)
    lines += growth(lines)
    _save(options.output, lines, about)
    print(f"\n{report.as_text(lines)}")
    if options.table is not None:
        table = report.as_markdown(lines, about)
        options.table.write_text(report.with_table(options.table.read_text(), table))
    if options.smoke:
        out = (line.what for line in lines if line.within(SMOKE_FACTOR) is False)
        problems += (f"out by more than {SMOKE_FACTOR:.0f} times: {what}" for what in out)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _measure(
    figures: Sequence[Figure], size: int, pace: Pace, lines: list[Line], problems: list[str]
) -> None:
    """Adds to `lines`, and to `problems` what is broken; the other figures are measured still."""
    if not figures:
        return
    _tell(f"registering {size:,} instances")
    with filled(Load(size)) as place:
        for figure in figures:
            start = time.monotonic()
            try:
                for line in figure.measure(place, pace):
                    lines.append(line)
                    _tell(report.as_text([line]).splitlines()[-1])
            except AssertionError as error:
                problems.append(f"{figure.name} at {size:,}: {error}")
                _tell(problems[-1])
            place.tidy()
            _tell(f"{figure.name} took {time.monotonic() - start:.0f} s")


def _save(output: Path | None, lines: Sequence[Line], about: Mapping[str, str]) -> None:
    if output is not None:
        output.write_text(report.as_json(lines, about) + "\n")


def _tell(what: str) -> None:
    """How far it is."""
    print(what, file=sys.stderr, flush=True)


def _target_size(sizes: Sequence[int]) -> int:
    """The size at which what is not measured at each one is."""
    return TARGET_SIZE if TARGET_SIZE in sizes else max(sizes)


def _parser() -> argparse.ArgumentParser:
    names = [figure.name for figure in FIGURES]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--figures",
        type=lambda text: text.split(","),
        help=f"which of {', '.join(names)}; all without",
    )
    parser.add_argument(
        "--sizes",
        type=lambda text: [int(size) for size in text.split(",")],
        help="numbers of endpoint instances",
    )
    parser.add_argument("--runs", type=int, help="how often each is measured")
    parser.add_argument("--output", type=Path, help="the JSON to write")
    parser.add_argument("--table", type=Path, help="the document whose table to replace")
    parser.add_argument(
        "--smoke", action="store_true", help="small and short; fails for what is out by ten times"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
