"""Parse a value that may be any bytes as JSON."""

from __future__ import annotations

from typing import Any

import msgspec


def from_json(value: bytes | str) -> Any:
    """Return the parsed value. Integers of any size stay integers; NaN and infinity are no JSON.

    Raises ValueError in the words of `pydantic_core`. It parses what `msgspec` refuses, e.g. 1e999
    (infinity), and is imported then: that takes as long as many a command's own work. What
    `msgspec` takes, both parse alike.
    """
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        import pydantic_core

        # Cache keys only: each address is another text, and the cache would keep thousands of old
        # ones.
        return pydantic_core.from_json(value, allow_inf_nan=False, cache_strings="keys")
