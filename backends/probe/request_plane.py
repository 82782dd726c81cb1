"""Probe the TCP request plane with an endpoint that cannot exist: the process itself refuses it.

Only on demand, since each probe writes one WARN line to the worker's log.
"""

from __future__ import annotations

import asyncio
import struct

from backends.probe.addresses import Address
from backends.probe.connect import MOST_READ, Attempt, connected, run_attempt
from backends.probe.types import Finding, ProbeAnswer

NO_ENDPOINT = b"dyntop asks: is anybody there?"
"""No real path: a path is `namespace.component.endpoint` or `id/endpoint`, and names in it have
neither spaces nor such signs. The worker's log repeats it, and so shows where it came from.
"""

# Lengths and contents of the path, the headers and the payload; seen in 1.2.1 and 1.6.1, which both
# accept empty headers and payload. By its source, 0.8 had no headers: it reads the same bytes as an
# empty payload and the beginning of a next frame.
FRAME = struct.pack(">H", len(NO_ENDPOINT)) + NO_ENDPOINT + struct.pack(">HL", 0, 0)

HEADER = struct.Struct(">L")
"""The header of an answer: the length of the text that follows."""
TLS_ALERT = b"\x15\x03"
REFUSAL = b"unknown endpoint"
"""`Unknown endpoint: …` in 1.2.1, `Server unavailable: unknown endpoint …` in 1.6.1."""

OTHER = Finding(ProbeAnswer.UNREACHED, "sends something else than Dynamo's TCP plane")
NONE = Finding(ProbeAnswer.UNREACHED, "closes the connection without an answer")


async def ask(address: Address, time_limit: float) -> Finding:
    """Send the frame and read the answer. Never raises. Takes at most `time_limit` seconds."""

    async def refusal(attempt: Attempt) -> Finding:
        async with connected(address, time_limit, attempt) as (reader, writer):
            writer.write(FRAME)
            try:
                header = await reader.readexactly(HEADER.size)
                if header.startswith(TLS_ALERT):
                    return Finding(ProbeAnswer.ANSWERS, "answers, in TLS")
                (length,) = HEADER.unpack(header)
                if length > MOST_READ:
                    return OTHER
                text = await reader.readexactly(length)
            except asyncio.IncompleteReadError as error:
                return OTHER if error.partial else NONE
        # A later release may use another text. A frame alone shows that the plane answered.
        refused = REFUSAL in text.lower()
        return Finding(
            ProbeAnswer.ANSWERS,
            "refuses an unknown endpoint, as expected" if refused else "answers with a frame",
        )

    return await run_attempt(
        refusal, time_limit, "does not answer a request for an unknown endpoint"
    )
