"""Sizes and ages of what is kept, as words of the command line: `500M`, `7d`."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping

UNBOUNDED = "none"
LEAST_SIZE = 1024 * 1024
LEAST_AGE = 60.0

_SIZES = {"K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_AGES = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def size(text: str) -> int | None:
    """Return a number of bytes. None: no bound."""
    if text == UNBOUNDED:
        return None
    found = _number(text, _SIZES, text[-1:].upper())
    if found is None:
        problem = f"{text!r} is no size: write 500M, 2G, or {UNBOUNDED} for no bound"
        raise argparse.ArgumentTypeError(problem)
    if found < LEAST_SIZE:
        raise argparse.ArgumentTypeError(f"{text!r} is less than 1M")
    return int(found)


def age(text: str) -> float | None:
    """Return a number of seconds. None: no bound."""
    if text == UNBOUNDED:
        return None
    found = _number(text, _AGES, text[-1:])
    if found is None:
        problem = f"{text!r} is no age: write 12h, 7d, or {UNBOUNDED} for no bound"
        raise argparse.ArgumentTypeError(problem)
    if found < LEAST_AGE:
        raise argparse.ArgumentTypeError(f"{text!r} is less than 1m")
    return found


def size_text(size: int) -> str:
    """Return a size as it may be written."""
    return _text(size, _SIZES)


def age_text(age: float) -> str:
    """Return an age as it may be written."""
    return _text(age, {unit: of for unit, of in _AGES.items() if unit != "w"})


def _number(text: str, units: Mapping[str, int], unit: str) -> float | None:
    if unit not in units:
        return None
    try:
        number = float(text[:-1])
    except ValueError:
        return None
    found = number * units[unit]
    # No disk is larger, and no calendar longer.
    return found if math.isfinite(found) and 0 <= found < 2**60 else None


def _text(number: float, units: Mapping[str, int]) -> str:
    """Return a number in the largest unit that it is a whole number of, or one of more than ten."""
    found = ""
    for unit, of in units.items():
        if number >= of and (number % of == 0 or number >= 10 * of):
            found = f"{number / of:.0f}{unit}"
    return found or f"{number:.0f}"
