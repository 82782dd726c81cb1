"""Addresses whose hosts tell one change from any other, wherever they are read. Pure."""

from __future__ import annotations

import re

PORT = 7001
"""Of these addresses."""
MOST = 1 << 16
"""How many different ones there are."""

_MARK = re.compile(r"\b10\.77\.(\d{1,3})\.(\d{1,3})(?![\d.])")
"""By the host: of an address a narrow table shows no more."""


def mark(number: int) -> str:
    """The address of one change, as host and port; from `MOST` on they come again."""
    return f"10.77.{number >> 8 & 255}.{number & 255}:{PORT}"


def marks_in(text: str) -> set[int]:
    """The numbers of all changes whose addresses are in a text."""
    return {int(high) << 8 | int(low) for high, low in _MARK.findall(text)}
