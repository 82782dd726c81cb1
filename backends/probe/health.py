"""Probe `/health` of a worker's system server, and judge the `endpoints` in its body.

The status alone proves little: a worker may serve requests and answer 503 `notready` all its life.
Each such answer writes an ERROR line to its log (seen in 1.6.1), so after one the full question is
asked rarely. In between, `OPTIONS` shows whether the process runs: it answers 405 and logs nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import NamedTuple

from backends.probe.addresses import Address
from backends.probe.connect import MOST_READ, Attempt, connected, run_attempt
from backends.probe.types import Finding, ProbeAnswer

PATH = "/health"
"""Dynamo's default. With another path (`DYN_SYSTEM_HEALTH_PATH`) this one answers 404."""

REPEAT = 300.0
"""Seconds until a server that answered with an error gets the full question again."""

MOST_NAMED = 3
"""Endpoints named in a text."""

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)\b")
_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
"""Names from the network that are shown. Any other name is replaced."""

OTHER = Finding(ProbeAnswer.UNREACHED, "sends something else than HTTP")


class _Fault(NamedTuple):
    """An answer that wrote an ERROR line to the server's log."""

    at: float
    finding: Finding


class Health:
    """Probes system servers, and remembers those to be spared."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._faults: dict[Address, _Fault] = {}

    async def ask(self, address: Address, time_limit: float, *, fully: bool) -> Finding:
        """Ask in full, or as gently as suffices. Never raises. Takes at most `time_limit` seconds.

        `address` is the server's `host:port`.
        """
        fault = self._faults.get(address)
        if fault is not None and not fully and self._clock() - fault.at < REPEAT:
            status, found = await _request("OPTIONS", address, time_limit)
            # Its last report on its endpoints holds while the process answers.
            return fault.finding if found.answer is ProbeAnswer.ANSWERS else found
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
    """Return the status, 0 if there is none, and the finding."""
    statuses = [0]

    async def answered(attempt: Attempt) -> Finding:
        async with connected(address, time_limit, attempt) as (reader, writer):
            # HTTP 1.0: the server closes the connection itself, and sends no chunks.
            request = f"{method} {PATH} HTTP/1.0\r\nHost: {address}\r\nUser-Agent: dyntop\r\n\r\n"
            writer.write(request.encode("ascii"))
            answer = b""
            while len(answer) < MOST_READ and (chunk := await reader.read(MOST_READ)):
                answer += chunk
        line = _STATUS.match(answer)
        if line is None:
            return OTHER
        statuses.append(int(line[1]))
        return Finding(ProbeAnswer.ANSWERS, _judged(statuses[-1], answer.partition(b"\r\n\r\n")[2]))

    found = await run_attempt(answered, time_limit, f"does not answer {method} {PATH}")
    return statuses[-1], found


def _judged(status: int, body: bytes) -> str:
    """Return what an answer shows about the worker, as a clause that follows the address."""
    try:
        report = json.loads(body)
    except (ValueError, RecursionError):
        report = None
    endpoints = report.get("endpoints") if isinstance(report, dict) else None
    if not isinstance(endpoints, dict):
        return f"answers with HTTP {status}"
    if not endpoints:
        return "answers; it serves no endpoint yet"
    late = sorted(name for name, state in endpoints.items() if state != "ready")
    if not late:
        return "answers; its endpoints are ready"
    named = [name if _NAME.fullmatch(name) else "?" for name in late[:MOST_NAMED]]
    more = f" and {len(late) - MOST_NAMED} more" if len(late) > MOST_NAMED else ""
    return f"answers; not ready: {', '.join(named)}{more}"
