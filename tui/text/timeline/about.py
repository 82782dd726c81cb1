"""What a recording is of, and by whom, as a detail. No Textual in here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from backends.recording.recording_timeline import RecordingTimeline
from backends.timeline import Moment
from tui.text.detail import Detail
from tui.text.format import count, duration
from tui.text.timeline.times import range_text

RECORDING = "RECORDING"
REPORT = "REPORT"
"""What is shown, in the header."""
WITH_SERVER = ("etcd", "nats", "kubernetes")
"""Stores that have a server."""


def is_report(recording: RecordingTimeline) -> bool:
    """Return whether it is a report, which has versions and settings."""
    return recording.recording.header.report is not None


def about(recording: RecordingTimeline, first: Moment, last: Moment) -> Detail:
    """Return what is known of a recording as a whole. Untrusted text is not escaped yet."""
    report = recording.recording.header.report
    title = "report" if report is not None else "recording"
    text = "" if report is None else json.dumps(report, indent=2, ensure_ascii=False)
    return Detail(title, "", tuple(_fields(recording, first, last)), text)


def _fields(recording: RecordingTimeline, first: Moment, last: Moment) -> Iterator[tuple[str, str]]:
    header, heads = recording.recording.header, recording.recording.heads
    yield "file", recording.name
    files = dict.fromkeys(head.file.path for head in heads)
    if len(files) > 1:
        yield "parts", ", ".join(files)
    if recording.damage:
        yield "not whole", recording.damage
    if first.at is not None and last.at is not None:
        yield "from, to", f"{range_text(first.at, last.at)} ({duration(last.at - first.at)})"
    else:
        yield "from, to", f"no times are known of {recording.store}"
    if first.revision:
        yield "revisions", " to ".join(filter(None, (first.revision, last.revision)))
    yield "store", f"{recording.store} {recording.address}"
    if servers := dict.fromkeys(head.header.server for head in heads if head.header.server):
        yield "server", ", ".join(f"{recording.store} {one}" for one in servers)
    elif recording.store in WITH_SERVER:
        yield "server", "its release is not recorded"
    yield "namespace", recording.namespace or "all"
    yield "recorded on", header.host
    versions = dict.fromkeys(head.header.version for head in heads)
    yield "by dyntop", ", ".join(versions)
    starts = dict.fromkeys(head.header.started for head in heads)
    if len(starts) > 1:
        yield "joined of", count(len(starts), "recording")
    if header.report is not None:
        yield "of the report", ", ".join(sorted(_names(header.report))) + ": below"


def _names(report: dict[str, Any]) -> Iterator[str]:
    yield from (str(name) for name in report)
