"""The TCP request plane's refusal of an endpoint that cannot exist: its process answers itself.

Only on demand, since each costs the worker one WARN line in its log.
"""

from __future__ import annotations

import asyncio
import struct

from backends.probe.addresses import Address
from backends.probe.dialling import MOST_READ, connected, found_by
from backends.probe.types import Answer, Finding

NO_ENDPOINT = b"dyntop asks: is anybody there?"
"""A path is `namespace.component.endpoint` or `id/endpoint`, and a name in it has neither spaces
nor such signs. The worker's log repeats it, and so says who asked."""

# The length of the path and the path, the length of the headers and the headers, the length of the
# payload and the payload; seen in 1.2.1 and 1.6.1, which both take none and none. By its source,
# 0.8 had no headers: it reads the same bytes as an empty payload and the beginning of a next frame.
FRAME = struct.pack(">H", len(NO_ENDPOINT)) + NO_ENDPOINT + struct.pack(">HL", 0, 0)

HEADER = struct.Struct(">L")
"""Of an answer: the length of the text that follows."""
TLS_ALERT = b"\x15\x03"
REFUSAL = b"unknown endpoint"
"""`Unknown endpoint: …` in 1.2.1, `Server unavailable: unknown endpoint …` in 1.6.1."""

OTHER = Finding(Answer.SILENT, "sends something else than Dynamo's TCP plane")
NONE = Finding(Answer.SILENT, "closes the connection without an answer")


async def ask(address: Address, time_limit: float) -> Finding:
    """Send the frame, and read the answer. Never raises; takes at most `time_limit` seconds."""

    async def refusal() -> Finding:
        async with connected(address, time_limit) as (reader, writer):
            writer.write(FRAME)
            try:
                header = await reader.readexactly(HEADER.size)
                if header.startswith(TLS_ALERT):
                    return Finding(Answer.ANSWERS, "answers, in TLS")
                (length,) = HEADER.unpack(header)
                if length > MOST_READ:
                    return OTHER
                text = await reader.readexactly(length)
            except asyncio.IncompleteReadError as error:
                return OTHER if error.partial else NONE
        # Whatever the text is in releases to come: something answered as the plane does.
        refused = REFUSAL in text.lower()
        return Finding(
            Answer.ANSWERS,
            "refuses an unknown endpoint, as it should" if refused else "answers with a frame",
        )

    return await found_by(refusal, time_limit)
