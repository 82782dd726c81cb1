"""Runs the benchmark, or parts of it: `python -m bench --help`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench import report
from bench.figures import FIGURES
from bench.figures.figure import SMOKE, Figure, Pace
from bench.figures.growth import growth
from bench.machine import machine
from bench.place import place
from bench.results import Line

SIZES = (100, 1_000, 10_000, 50_000)
TARGET_SIZE = 10_000
"""For which the targets are."""
SMOKE_SIZE = 200
SMOKE_FACTOR = 10.0
"""By how much a target may be missed on a machine that others share."""


def main() -> int:
    """Measure, and say how it is. 1: with `--smoke`, something is out by more than ten times."""
    options = _parser().parse_args()
    chosen = [figure for figure in FIGURES if figure.name in options.figures]
    pace = replace(SMOKE if options.smoke else Pace(), **_given(options, "runs"))
    sizes: list[int] = options.sizes or ([SMOKE_SIZE] if options.smoke else list(SIZES))
    about = machine()
    lines: list[Line] = []
    for size in sizes:
        at_target = size == _target_size(sizes)
        figures = [figure for figure in chosen if at_target or figure.at_every_size]
        lines += _measured(figures, size, pace)
        if options.output is not None:
            options.output.write_text(report.as_json(lines, about) + "\n")
    lines += growth(lines)
    if options.output is not None:
        options.output.write_text(report.as_json(lines, about) + "\n")
    print(f"\n{report.as_text(lines)}")
    if options.readme is not None:
        table = report.as_markdown(lines, about)
        options.readme.write_text(report.with_table(options.readme.read_text(), table))
    out = [line for line in lines if options.smoke and line.within(SMOKE_FACTOR) is False]
    for line in out:
        print(f"out by more than {SMOKE_FACTOR:.0f} times: {line.what}", file=sys.stderr)
    return 1 if out else 0


def _measured(figures: Sequence[Figure], size: int, pace: Pace) -> list[Line]:
    lines: list[Line] = []
    if figures:
        print(f"registering {size:,} instances", file=sys.stderr)
        with place(size) as filled:
            for figure in figures:
                print(f"measuring {figure.name}", file=sys.stderr)
                start = time.monotonic()
                for line in figure.measure(filled, pace):
                    lines.append(line)
                    print(report.as_text([line]).splitlines()[-1], file=sys.stderr)
                filled.tidy()
                print(f"took {time.monotonic() - start:.0f} s", file=sys.stderr)
    return lines


def _target_size(sizes: Sequence[int]) -> int:
    """The size at which what is not measured at each one is."""
    return TARGET_SIZE if TARGET_SIZE in sizes else max(sizes)


def _parser() -> argparse.ArgumentParser:
    names = [figure.name for figure in FIGURES]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--figures",
        type=lambda text: text.split(","),
        default=names,
        help=f"which of {', '.join(names)}; all without",
    )
    parser.add_argument(
        "--sizes",
        type=lambda text: [int(size) for size in text.split(",")],
        help="numbers of endpoint instances",
    )
    parser.add_argument("--runs", type=int, help="how often each is measured")
    parser.add_argument("--output", type=Path, help="the JSON to write")
    parser.add_argument("--readme", type=Path, help="the README whose table to replace")
    parser.add_argument(
        "--smoke", action="store_true", help="small and short; fails for what is out by ten times"
    )
    return parser


def _given(options: argparse.Namespace, *names: str) -> dict[str, int]:
    """Those options that were given."""
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


if __name__ == "__main__":
    sys.exit(main())
