"""How the words of a command line become values."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tui.text.past.typed_time import TypedTime

ANY_END = "*"
"""Equal to `backends.dynamo.queries.ANY_END`, whose module is slow to import."""

_N = TypeVar("_N", int, float)


def name_or_start(text: str) -> str:
    """Return a name, or `START*`, as given."""
    if ANY_END in text[: -len(ANY_END)]:
        raise argparse.ArgumentTypeError(
            f"{text!r} has a {ANY_END} before its end: write START{ANY_END} for all with a prefix"
        )
    return text


def rate(text: str) -> float:
    rate = _finite(text)
    if rate <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not more than 0")
    return rate


def cap(text: str) -> float:
    """Return a rate, or 0: never."""
    rate = _finite(text)
    if rate < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is less than 0")
    return rate


def count(text: str) -> int:
    number = _number(int, text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is less than 1")
    return number


def revision_or(word: str) -> Callable[[str], int | str]:
    """Return what reads a revision, or a word that stands for one."""

    def read(text: str) -> int | str:
        if text == word:
            return word
        try:
            return count(text)
        except argparse.ArgumentTypeError:
            problem = f"{text!r} is no revision: it is a number from 1 on, or {word}"
            raise argparse.ArgumentTypeError(problem) from None

    return read


def file_name(text: str) -> str:
    """Return the name of a file as it was typed: any but none."""
    if not text:
        raise argparse.ArgumentTypeError("'' is no name of a file")
    return text


def filled(text: str) -> str:
    """Return a name as it was typed: any but none, as of a variable that is not set."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is empty: nothing has that name")
    return text


def past_time(text: str) -> TypedTime:
    """Return a time of the past, as `read_time`."""
    # Imported here: most commands need no times.
    from tui.text.past.typed_time import read_time

    try:
        return read_time(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _finite(text: str) -> float:
    number = _number(float, text)
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number")
    return number


def _number(kind: Callable[[str], _N], text: str) -> _N:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid number") from None
