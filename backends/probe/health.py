"""`/health` of a worker's system server, judged by the `endpoints` in its body.

Its status alone says little: a worker that serves may answer 503 `notready` all its life. Each such
answer costs it an ERROR line in its log (seen in 1.6.1), so one that answered so is asked in full
rarely. In between, `OPTIONS` finds out whether its process runs; it answers 405, and logs nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import NamedTuple

from backends.probe.addresses import Address
from backends.probe.dialling import MOST_READ, connected, found_by
from backends.probe.types import Answer, Finding

PATH = "/health"
"""Dynamo's own default; where another is set (`DYN_SYSTEM_HEALTH_PATH`), this one answers 404."""

REPEAT = 300.0
"""Seconds until a server whose answer was an error is asked in full again."""

MOST_NAMED = 3
"""Endpoints that a text names."""

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)\b")
_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
"""What is shown of a name that came over the network; of another kind of name, nothing."""

OTHER = Finding(Answer.SILENT, "sends something else than HTTP")


class _Fault(NamedTuple):
    """An answer that cost the server an ERROR line."""

    at: float
    finding: Finding


class Health:
    """Asks system servers, and remembers which of them to spare."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._faults: dict[Address, _Fault] = {}

    async def ask(self, address: Address, time_limit: float, *, fully: bool) -> Finding:
        """Ask in full, or as gently as it is enough. Never raises; at most `time_limit` seconds.

        `address` is the server's `host:port`.
        """
        fault = self._faults.get(address)
        if fault is not None and not fully and self._clock() - fault.at < REPEAT:
            status, found = await _request("OPTIONS", address, time_limit)
            # What it said of its endpoints stays, as long as somebody is there to have said it.
            return fault.finding if found.answer is Answer.ANSWERS else found
        status, found = await _request("GET", address, time_limit)
        now = self._clock()
        self._faults = {
            known: fault for known, fault in self._faults.items() if now - fault.at < REPEAT
        }
        self._faults.pop(address, None)
        if status >= 500:
            self._faults[address] = _Fault(now, found)
        return found


async def _request(method: str, address: Address, time_limit: float) -> tuple[int, Finding]:
    """The status, 0 where there was none, and what the answer means."""
    statuses = [0]

    async def answered() -> Finding:
        async with connected(address, time_limit) as (reader, writer):
            # 1.0: the server ends the connection by itself, and does not send in chunks.
            request = f"{method} {PATH} HTTP/1.0\r\nHost: {address}\r\nUser-Agent: dyntop\r\n\r\n"
            writer.write(request.encode("ascii"))
            answer = b""
            while len(answer) < MOST_READ and (chunk := await reader.read(MOST_READ)):
                answer += chunk
        line = _STATUS.match(answer)
        if line is None:
            return OTHER
        statuses.append(int(line[1]))
        return Finding(Answer.ANSWERS, _judged(statuses[-1], answer.partition(b"\r\n\r\n")[2]))

    found = await found_by(answered, time_limit)
    return statuses[-1], found


def _judged(status: int, body: bytes) -> str:
    """What an answer says of the worker, to follow the address in a sentence."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    endpoints = said.get("endpoints") if isinstance(said, dict) else None
    if not isinstance(endpoints, dict):
        return f"answers with HTTP {status}"
    if not endpoints:
        return "answers; no endpoint of it is served yet"
    late = sorted(name for name, state in endpoints.items() if state != "ready")
    if not late:
        return "answers; its endpoints are ready"
    named = [name if _NAME.fullmatch(name) else "?" for name in late[:MOST_NAMED]]
    more = f" and {len(late) - MOST_NAMED} more" if len(late) > MOST_NAMED else ""
    return f"answers; not ready: {', '.join(named)}{more}"
