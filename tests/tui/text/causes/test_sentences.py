"""One line on each cause: what happened, to which process, and why."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.discovery.causes import EventCause
from backends.discovery.history import Event, EventType
from backends.discovery.reasons import Reason, ReasonKind
from backends.dynamo.records import AnyRecord
from tests.support.registered import UNKNOWN, card, channel, instance, record
from tui.text.causes.sentences import cause_name, cause_sentence, cause_subject, cause_why

WORKER = [record(one, lease=0x697A) for one in (instance(0x697A, "prod", "three"), card(0x697A))]
KEY, FRONTEND = WORKER[:1], [record(channel(5, "active_sequences_events"), lease=7)]
LORA = [record(card(0x697A, lora="sql"), lease=0x697A)]
STOPPED = Reason(ReasonKind.STOPPED, left=22.0, granted=30.0)
DRAINED = Reason(ReasonKind.THIS_DYNTOP, act_kind="drain")
GAP = Reason(ReasonKind.GAP, after_gap=True)


def cause(
    what: EventType, records: list[AnyRecord], why: Reason | None = None, *, first: bool = True
) -> EventCause:
    numbered = enumerate(records, 1)
    return EventCause([Event(n, 100.0, what, one, why, is_first=first) for n, one in numbered])


def back() -> EventCause:
    went = Event(1, 50.0, EventType.REMOVED, WORKER[0], DRAINED)
    return EventCause([Event(2, 92.0, EventType.ADDED, WORKER[0], went_before=went)])


CAME, WENT = EventType.ADDED, EventType.REMOVED


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            cause(WENT, WORKER, STOPPED),
            "worker 697a prod/backend, prod/three stopped in order: lease revoked with 22 of 30 s "
            "left, 2 keys",
        ),
        (
            cause(WENT, WORKER, Reason(ReasonKind.RAN_OUT, granted=30.0)),
            "worker 697a prod/backend, prod/three expired: lease ran out: not renewed for 30 s, "
            "2 keys",
        ),
        (cause(WENT, WORKER), "worker 697a prod/backend, prod/three removed, 2 keys"),
        (
            cause(WENT, KEY, DRAINED),
            "instance 697a prod/three/generate drained by this dyntop",
        ),
        (
            cause(WENT, WORKER, replace(STOPPED, after_gap=True)),
            "worker 697a prod/backend, prod/three stopped: in a gap: in order: lease revoked with "
            "22 of 30 s left, 2 keys",
        ),
        (
            cause(CAME, WORKER),
            "worker 697a prod/backend, prod/three started: acme/tiny-llm, 10.0.0.122, 2 keys",
        ),
        (cause(CAME, KEY, GAP), "worker 697a prod/three started: in a gap: 10.0.0.122"),
        (cause(CAME, KEY, first=False), "instance 697a prod/three/generate added"),
        (cause(CAME, LORA), "LoRA 697a prod/backend sql loaded"),
        (
            cause(WENT, LORA, Reason(ReasonKind.LORA_UNLOADED)),
            "LoRA 697a prod/backend sql removed: LoRA unloaded, or its card deleted: its "
            "worker is alive",
        ),
        (
            back(),
            "instance 697a prod/three/generate back 42s after it went: drained by this dyntop",
        ),
        (cause(CAME, FRONTEND), "channel 7 prod/backend/active_sequences_events added"),
        (cause(CAME, [record(UNKNOWN)]), "unknown v1/claims/prod/router/leader added"),
        (
            EventCause(
                [
                    Event(n, 1.0, EventType.LOST, None, Reason(ReasonKind.LOST, error="refused"))
                    for n in (1, 2)
                ]
            ),
            "store lost: 2 attempts: refused",
        ),
        (
            EventCause(
                [Event(1, 1.0, EventType.RESYNCED, None, Reason(ReasonKind.RESYNCED, added=3))]
            ),
            "store resynced: 3 added or changed, 0 removed",
        ),
    ],
)
def test_a_cause_is_one_sentence(found: EventCause, sentence: str) -> None:
    assert cause_sentence(found) == sentence


def test_the_columns_have_the_parts_of_the_sentence() -> None:
    found = cause(WENT, WORKER, STOPPED)
    assert cause_subject(found) == "worker"
    assert cause_name(found) == "prod/backend, prod/three"
    assert cause_why(found) == "in order: lease revoked with 22 of 30 s left"
