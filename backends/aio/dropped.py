"""Close connections without a wait for the other side."""

from __future__ import annotations

import asyncio
from contextlib import suppress


async def drop(writer: asyncio.StreamWriter) -> None:
    """Close a connection at once. A regular close could wait for a peer that does not answer."""
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()
