"""Mask credentials in URLs within registered values."""

from __future__ import annotations

import re

from msgspec.structs import replace

from backends.redact import MASK
from backends.store import Entry

# Up to the last `@` before the host ends. A slash may be escaped in JSON.
_CREDENTIALS = re.compile(rb"""(?<=:)(\\?/\\?/)[^\s/\\?#'"]+@""")
_MASKED = rb"\1" + MASK.encode() + b"@"


def masked(entry: Entry) -> tuple[Entry, bool]:
    """Return an entry without credentials in the URLs of its value, and whether there were any."""
    value = entry.value
    if b"@" not in value or b"//" not in value.replace(b"\\/", b"/"):
        return entry, False
    hidden = _CREDENTIALS.sub(_MASKED, value)
    return (entry, False) if hidden == value else (replace(entry, head=hidden, tail=b""), True)
