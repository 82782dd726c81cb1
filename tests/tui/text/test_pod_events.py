"""What Kubernetes wrote down about a pod, in words."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.store import Cause, Forbidden, PodEvent, PodEvents, Unreachable
from tui.text.pod_events import MOST_POD_EVENTS, exported_pod_events, pod_event_fields

NOW = 1_000.0
FAILED = PodEvent("Unhealthy", "Readiness probe failed", True, 12, 100.0, 980.0, "engine")


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        (None, []),
        ((), ["none: Kubernetes keeps them for an hour by default"]),
        (
            (
                FAILED,
                PodEvent("Pulled", "image is there", False, 1, None, 400.0),
                PodEvent("", "", False, 1, None, None),
                replace(FAILED, last_at=NOW + 2),
            ),
            [
                "! Unhealthy ×12, 20s ago, container engine: Readiness probe failed",
                "Pulled, 10m ago: image is there",
                "no reason: ",
                "! Unhealthy ×12, 0s ago, container engine: Readiness probe failed",
            ],
        ),
        (Forbidden("kube", "events is forbidden"), ["this user may not list events"]),
        (
            Unreachable("https://kube", Cause.TIMEOUT),
            [
                "could not be read: the API server at https://kube did not answer in time: check "
                "the way there, e.g. a VPN, with `kubectl version`"
            ],
        ),
        (
            (FAILED,) * 20,
            [
                *["! Unhealthy ×12, 20s ago, container engine: Readiness probe failed"]
                * MOST_POD_EVENTS,
                "… 20 in all",
            ],
        ),
    ],
    ids=["not read", "none", "some", "no right", "no answer", "many"],
)
def test_each_event_is_a_line_with_what_happened_how_often_and_when(
    found: PodEvents | None, lines: list[str]
) -> None:
    fields = pod_event_fields(found, NOW)
    assert [text for _, text in fields] == lines
    assert [label for label, _ in fields] == ["pod events", *[" "] * len(lines)][: len(lines)]


def test_events_are_exported_whole_and_null_where_they_could_not_be_read() -> None:
    assert (
        exported_pod_events((FAILED,) * 20)
        == [
            {
                "type": "Warning",
                "reason": "Unhealthy",
                "message": "Readiness probe failed",
                "count": 12,
                "first_at": "1970-01-01T00:01:40Z",
                "last_at": "1970-01-01T00:16:20Z",
                "container": "engine",
                "reporter": None,
            }
        ]
        * 20
    )
    assert exported_pod_events(None) is None
    assert exported_pod_events(Forbidden("kube", "no")) is None
