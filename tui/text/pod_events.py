"""What Kubernetes wrote down about a pod, as text and as JSON. No Textual in here. Untrusted text
is not escaped yet."""

from __future__ import annotations

from typing import Any

from backends.store import Forbidden, PodEvent, PodEvents, StoreError
from tui.text.errors import explain
from tui.text.format import duration
from tui.text.timestamps import utc_stamp

MOST_POD_EVENTS = 8
"""Events that are shown of a pod: what Kubernetes writes down in an hour about one in trouble."""


def pod_event_fields(found: PodEvents | None, now: float) -> list[tuple[str, str]]:
    """Return a line for each event, the first with the label. None: not read yet.

    `now`: POSIX seconds by the host's clock, which Kubernetes' times are compared with.
    """
    match found:
        case None:
            return []
        case Forbidden():
            return [("pod events", "this user may not list events")]
        case StoreError():
            return [("pod events", f"could not be read: {explain(found, 'kubernetes').sentence}")]
    lines = [_sentence(one, now) for one in found[:MOST_POD_EVENTS]]
    if len(found) > MOST_POD_EVENTS:
        lines.append(f"… {len(found):,} in all")
    if not lines:
        lines = ["none: Kubernetes keeps them for an hour by default"]
    return [("pod events" if n == 0 else " ", line) for n, line in enumerate(lines)]


def exported_pod_events(found: PodEvents | None) -> list[dict[str, Any]] | None:
    """Return events as JSON, the latest first. Times are UTC. None: they could not be read."""
    if found is None or isinstance(found, StoreError):
        return None
    return [
        {
            "type": "Warning" if one.is_warning else "Normal",
            "reason": one.reason,
            "message": one.message,
            "count": one.count,
            "first_at": _utc(one.first_at),
            "last_at": _utc(one.last_at),
            "container": one.container or None,
            "reporter": one.reporter or None,
        }
        for one in found
    ]


def _sentence(event: PodEvent, now: float) -> str:
    """Return `Unhealthy ×12, 20 s ago, engine: Readiness probe failed`."""
    sign = "! " if event.is_warning else ""
    times = f" ×{event.count:,}" if event.count > 1 else ""
    ago = "" if event.last_at is None else f", {duration(max(0.0, now - event.last_at))} ago"
    where = f", container {event.container}" if event.container else ""
    return f"{sign}{event.reason or 'no reason'}{times}{ago}{where}: {event.message}"


def _utc(at: float | None) -> str | None:
    return None if at is None else utc_stamp(at, "seconds")
