"""Parse the answers of one scrape into services. Pure, and bounded.

Any client may answer. A malformed answer is counted, never raised; answers beyond the limits are
dropped and counted. The shapes are those of NATS micro v1
(`io.nats.micro.v1.{ping,info,stats}_response`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec

from backends.dynamo.json_values import from_json
from backends.services.types import EndpointStats, RequestStats, Service, StatsScrape

PING, INFO, STATS = "ping_response", "info_response", "stats_response"

LONGEST_NAME = 1024
"""Characters of ids, names and subjects: as many as fit into a line of NATS."""
LONGEST_TEXT = 4000
"""Characters kept of an error or a description."""
HIGHEST = 2**64 - 1
"""Counters are u64."""


class AnswerLimits(msgspec.Struct, frozen=True):
    """Bounds what is kept of the answers of one scrape."""

    most_services: int = 10_000
    most_endpoints: int = 50_000
    """Of all services together."""
    most_bytes: int = 32 * 1024 * 1024
    """Of all answers together."""
    longest_answer: int = 1024 * 1024
    """Bytes: a NATS server's default limit."""


DEFAULT_LIMITS = AnswerLimits()

NO_FIGURES = "its service listed it without figures"


class _Collected(msgspec.Struct):
    """The answers of one service so far."""

    name: str
    version: str = ""
    description: str = ""
    started: float | None = None
    listed: dict[str, None] = msgspec.field(default_factory=dict)
    """Subjects in its INFO answer, in order."""
    stats: dict[str, EndpointStats] | None = None
    """None: there was no STATS answer yet."""
    moment: float = 0.0
    """The time of its STATS answer."""

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


class ServiceAnswers:
    """Collects the answers of one scrape."""

    def __init__(self, expected: Collection[str], limits: AnswerLimits = DEFAULT_LIMITS) -> None:
        """`expected`: subjects that should answer."""
        self._limits = limits
        self._missing = set(expected)
        self._by_id: dict[str, _Collected] = {}
        self._without_stats: set[str] = set()
        """Services that answered PING or INFO, but not yet STATS."""
        self._room = dict.fromkeys((INFO, STATS), limits.most_endpoints)
        """How many more endpoints fit, by the kind of answer."""
        self._bytes = 0
        self._ignored = 0
        self._left_out = 0

    def take(self, data: bytes, moment: float) -> bool:
        """Take one answer, received at `moment` (seconds of a monotonic clock).

        Return whether all expected subjects and all known services have answered.
        """
        self._bytes += len(data)
        limits = self._limits
        if self._bytes > limits.most_bytes or len(data) > limits.longest_answer:
            self._left_out += 1
        elif not self._take(data, moment):
            self._ignored += 1
        return not self._missing and not self._without_stats

    def scrape(self, at: float, unread: int = 0) -> StatsScrape:
        """Return the services so far, sorted by name and id.

        `at` is in POSIX seconds. `unread` is the number of answers that were dropped before.
        """
        services = sorted(
            (one.service(id) for id, one in self._by_id.items()),
            key=lambda one: (one.name, one.id),
        )
        return StatsScrape(at, tuple(services), self._ignored, self._left_out + unread)

    def _take(self, data: bytes, moment: float) -> bool:
        try:
            answer = from_json(data)
        except ValueError:  # also for JSON that is nested too deeply
            return False
        if not isinstance(answer, dict):
            return False
        kind, id, name = (_name(answer.get(one)) for one in ("type", "id", "name"))
        kind = (kind or "").rpartition(".")[2]
        if not id or name is None or kind not in (PING, INFO, STATS):
            return False
        known = self._by_id.get(id)
        if known is None:
            if len(self._by_id) >= self._limits.most_services:
                self._left_out += 1
                return True
            known = self._by_id[id] = _Collected(name)
            self._without_stats.add(id)
        elif known.name != name:
            return False
        known.version = known.version or _text(answer.get("version"))
        known.description = known.description or _text(answer.get("description"))
        if kind == INFO:
            if known.listed:
                return False
            for endpoint in self._endpoints_of(answer, INFO):
                known.listed[endpoint["subject"]] = None
        elif kind == STATS:
            # The first answer counts: a second one is from another client, or a mistake.
            if known.stats is not None:
                return False
            self._without_stats.discard(id)
            known.moment = moment
            known.started = _time(answer.get("started"))
            known.stats = {one["subject"]: _stats(one) for one in self._endpoints_of(answer, STATS)}
            self._missing -= known.stats.keys()
        return True

    def _endpoints_of(self, answer: dict[str, Any], kind: str) -> list[dict[str, Any]]:
        """Return the endpoints that have a subject, as many as fit."""
        endpoints = answer.get("endpoints")
        if not isinstance(endpoints, list):
            return []
        found = [one for one in endpoints if isinstance(one, dict) and _name(one.get("subject"))]
        self._ignored += len(endpoints) - len(found)
        kept = found[: self._room[kind]]
        self._room[kind] -= len(kept)
        self._left_out += len(found) - len(kept)
        return kept


def _as_text(data: object) -> str:
    # Only what is not of Dynamo has data of its own.
    import pydantic_core

    return pydantic_core.to_json(data, inf_nan_mode="strings").decode()


def _stats(endpoint: dict[str, Any]) -> EndpointStats:
    subject: str = endpoint["subject"]
    data = endpoint.get("data")
    extra = "" if data is None else _as_text(data)
    counts = {}
    for name in ("num_requests", "num_errors", "processing_time"):
        count = _count(endpoint.get(name))
        if count is None:
            return EndpointStats(subject, None, f"its {name} is not a count", extra)
        counts[name] = count
    return EndpointStats(
        subject,
        RequestStats(
            counts["num_requests"],
            counts["num_errors"],
            counts["processing_time"],
            _text(endpoint.get("last_error")),
        ),
        data=extra,
    )


def _count(value: object) -> int | None:
    """Return a counter, also one written as `3.0`. None: it is anything else."""
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
    """Convert an RFC 3339 time, to the nanosecond, to POSIX seconds."""
    try:
        at = datetime.fromisoformat(_text(value))
        # Without a zone it is ambiguous.
        return None if at.tzinfo is None else at.timestamp()
    except (ValueError, OverflowError):
        return None
