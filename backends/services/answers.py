"""From the answers of one scrape to services, whatever they are. Pure, and bounded.

Anybody may answer. What cannot be read is counted, never raised; what is too much is left out and
counted. The shapes are those of NATS micro v1 (`io.nats.micro.v1.{ping,info,stats}_response`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pydantic_core

from backends.services.types import EndpointStats, Figures, Scrape, Service

PING, INFO, STATS = "ping_response", "info_response", "stats_response"

MOST_SERVICES = 10_000
MOST_ENDPOINTS = 50_000
"""Of all services together."""
MOST_BYTES = 32 * 1024 * 1024
"""Of all answers together: what is kept of them is not more."""
LONGEST_ANSWER = 1024 * 1024
"""Bytes: what a NATS server lets through by itself."""
LONGEST_NAME = 1024
"""Characters of ids, names and subjects: as many as NATS takes in a line with room to spare."""
LONGEST_TEXT = 4000
"""Characters that are kept of an error or a description."""
HIGHEST = 2**64 - 1
"""Counters are u64."""

NO_FIGURES = "its service listed it and sent no figures"


@dataclass(slots=True)
class _Heard:
    """What one service said so far."""

    name: str
    version: str = ""
    description: str = ""
    started: float | None = None
    listed: dict[str, None] = field(default_factory=dict)
    """Subjects that its INFO named, in order."""
    stats: dict[str, EndpointStats] | None = None
    """None: there was no STATS answer yet."""
    moment: float = 0.0
    """When it came."""

    def service(self, id: str) -> Service:
        stats = self.stats or {}
        missing = (one for one in self.listed if one not in stats)
        endpoints = [*stats.values(), *(EndpointStats(one, None, NO_FIGURES) for one in missing)]
        return Service(
            id,
            self.name,
            self.version,
            self.description,
            self.started,
            tuple(endpoints),
            self.moment,
        )


class Answers:
    """Collects the answers of one scrape."""

    def __init__(self, expected: Collection[str]) -> None:
        """`expected`: subjects that should answer."""
        self._missing = set(expected)
        self._heard: dict[str, _Heard] = {}
        self._without_stats: set[str] = set()
        """Services that promised an answer: those that answered anything else."""
        self._room = {INFO: MOST_ENDPOINTS, STATS: MOST_ENDPOINTS}
        """For how many more endpoints there is room, by the kind of answer."""
        self._bytes = 0
        self._ignored = 0
        self._left_out = 0

    def take(self, data: bytes, moment: float) -> bool:
        """Take in one answer, which came at `moment`; whether all is there that is expected, or was
        promised. `moment` is in seconds on a clock that only goes on."""
        self._bytes += len(data)
        if self._bytes > MOST_BYTES or len(data) > LONGEST_ANSWER:
            self._left_out += 1
        elif not self._take(data, moment):
            self._ignored += 1
        return not self._missing and not self._without_stats

    def scrape(self, at: float, unread: int = 0) -> Scrape:
        """What there is so far, by the services' names and ids. `at` is in POSIX seconds; `unread`
        is how many answers came and could not be taken in."""
        services = sorted(
            (heard.service(id) for id, heard in self._heard.items()),
            key=lambda one: (one.name, one.id),
        )
        return Scrape(at, tuple(services), self._ignored, self._left_out + unread)

    def _take(self, data: bytes, moment: float) -> bool:
        try:
            answer = pydantic_core.from_json(data, allow_inf_nan=False)
        except ValueError:  # also for what is nested too deeply
            return False
        if not isinstance(answer, dict):
            return False
        kind, id, name = (_name(answer.get(one)) for one in ("type", "id", "name"))
        kind = (kind or "").rpartition(".")[2]
        if not id or name is None or kind not in (PING, INFO, STATS):
            return False
        heard = self._heard.get(id)
        if heard is None:
            if len(self._heard) >= MOST_SERVICES:
                self._left_out += 1
                return True
            heard = self._heard[id] = _Heard(name)
            self._without_stats.add(id)
        elif heard.name != name:
            return False
        heard.version = heard.version or _text(answer.get("version"))
        heard.description = heard.description or _text(answer.get("description"))
        if kind == INFO:
            if heard.listed:
                return False
            for endpoint in self._endpoints_of(answer, INFO):
                heard.listed[endpoint["subject"]] = None
        elif kind == STATS:
            # The first answer counts: a second one is somebody else's, or a mistake.
            if heard.stats is not None:
                return False
            self._without_stats.discard(id)
            heard.moment = moment
            heard.started = _time(answer.get("started"))
            heard.stats = {one["subject"]: _stats(one) for one in self._endpoints_of(answer, STATS)}
            self._missing -= heard.stats.keys()
        return True

    def _endpoints_of(self, answer: dict[str, Any], kind: str) -> list[dict[str, Any]]:
        """The endpoints that have a subject; no more than there is room for."""
        endpoints = answer.get("endpoints")
        if not isinstance(endpoints, list):
            return []
        found = [one for one in endpoints if isinstance(one, dict) and _name(one.get("subject"))]
        self._ignored += len(endpoints) - len(found)
        kept = found[: self._room[kind]]
        self._room[kind] -= len(kept)
        self._left_out += len(found) - len(kept)
        return kept


def _stats(endpoint: dict[str, Any]) -> EndpointStats:
    subject: str = endpoint["subject"]
    data = endpoint.get("data")
    told = "" if data is None else pydantic_core.to_json(data, inf_nan_mode="strings").decode()
    counts = {}
    for name in ("num_requests", "num_errors", "processing_time"):
        count = _count(endpoint.get(name))
        if count is None:
            return EndpointStats(subject, None, f"its {name} is no count", told)
        counts[name] = count
    return EndpointStats(
        subject,
        Figures(
            counts["num_requests"],
            counts["num_errors"],
            counts["processing_time"],
            _text(endpoint.get("last_error")),
        ),
        data=told,
    )


def _count(value: object) -> int | None:
    """A counter, also one written as `3.0`; None for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= HIGHEST else None


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= LONGEST_NAME else None


def _text(value: object) -> str:
    return value[:LONGEST_TEXT] if isinstance(value, str) else ""


def _time(value: object) -> float | None:
    """RFC 3339, to the nanosecond, as POSIX seconds."""
    try:
        at = datetime.fromisoformat(_text(value))
        # Without a zone it could be any.
        return None if at.tzinfo is None else at.timestamp()
    except (ValueError, OverflowError):
        return None
