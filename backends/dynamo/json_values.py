"""Parse a value that may be any bytes as JSON."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

LEAST_NESTED = 200
"""Levels that `pydantic_core` takes no more."""


def from_json(value: bytes) -> Any:
    """Return the parsed value. Integers of any size stay integers; NaN and infinity are no JSON.

    Raises ValueError in the words of `pydantic_core`. It parses what `msgspec` refuses, e.g. 1e999
    (infinity), and is imported then: that takes as long as many a command's own work. What
    `msgspec` takes, both parse alike. It is given no value that may be nested deeper than
    `pydantic_core` takes: how deep it goes depends on the Python.
    """
    if value.count(b"[") + value.count(b"{") < LEAST_NESTED:
        with suppress(msgspec.DecodeError, RecursionError):
            return msgspec.json.decode(value)
    import pydantic_core

    # Cache keys only: each address is another text, and the cache would keep thousands of old ones.
    return pydantic_core.from_json(value, allow_inf_nan=False, cache_strings="keys")
