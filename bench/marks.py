"""Addresses that tell one change from any other, wherever they are read. Pure."""

from __future__ import annotations

import re

PORT = 7001
"""Of these addresses, and of no others in the load."""
MOST = 1 << 16
"""How many different ones there are."""

_MARK = re.compile(rf"\b10\.77\.(\d+)\.(\d+):{PORT}\b")


def mark(number: int) -> str:
    """The address of one change, as host and port; from `MOST` on they come again."""
    return f"10.77.{number >> 8 & 255}.{number & 255}:{PORT}"


def marks_in(text: str) -> set[int]:
    """The numbers of all changes whose addresses are in a text."""
    return {int(high) << 8 | int(low) for high, low in _MARK.findall(text)}
