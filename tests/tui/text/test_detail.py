"""The detail says all that is known of a record, and nothing that is not."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.history import Event, EventType
from backends.discovery.reasons import Reason, ReasonKind
from backends.dynamo.records import AnyRecord
from backends.liveness.evidence import Evidence
from backends.liveness.evidence_kinds import AddressProbed, LeaseGone, LeaseLeft, NoLease
from backends.liveness.judge import LeaseTtl, Verdict
from backends.liveness.sentences import sentence
from backends.probe.types import ProbeAnswer, ProbeMethod
from backends.store import TimeToLive
from tests.support import registered
from tests.support.registered import record
from tui.text.detail import Detail, detail_of, keeps, value_text, with_event
from tui.text.format import STATES

NOW = 1000.0
SEEN = FirstSeen(NOW - 90, was_there=False)
ACCEPTS = AddressProbed(
    ProbeMethod.TCP, ProbeAnswer.ACCEPTS, "10.0.0.1:9000", 1, "accepts connections"
)


def detail(
    one: AnyRecord,
    *others: AnyRecord,
    lease_ttl: TimeToLive | None = None,
    evidence: Sequence[Evidence] = (),
    alike: int = 1,
) -> Detail:
    cluster = Cluster()
    for other in (one, *others):
        cluster.put(other, SEEN)
    known = None if lease_ttl is None else LeaseTtl(lease_ttl, NOW)
    live = STATES[Verdict.LIVE]
    return detail_of(one, live, cluster, known, SEEN, NOW, evidence=evidence, alike=alike)


def fields(
    one: AnyRecord, *others: AnyRecord, lease_ttl: TimeToLive | None = None
) -> dict[str, str]:
    return dict(detail(one, *others, lease_ttl=lease_ttl).fields)


def test_an_instance_has_its_key_transport_identity_revision_and_age() -> None:
    found = fields(record(registered.instance(0x1A), lease=0x1A, revision="42"))
    assert found == {
        "key": "v1/instances/prod/backend/generate/1a",
        "state": "live: registered, and kept alive",
        "lease": "1a",
        "transport": "tcp 10.0.0.26:9000",
        "worker": "1a",
        "instance": "1a, in decimal 26",
        "revision": "42",
        "seen": "for 1m",
    }


def test_the_title_has_the_state_and_the_kind() -> None:
    assert detail(record(registered.instance(1), lease=1)).title == (
        "● live  instance prod/backend/generate"
    )
    assert detail(record(registered.card(1), lease=1)).title.endswith("model card acme/tiny-llm")


@pytest.mark.parametrize(
    ("lease_ttl", "text"),
    [
        (None, "1a"),
        (TimeToLive(10.0, 7.4), "1a  7 of 10 s left"),
        (TimeToLive(3600.0, 3493.0), "1a  58 of 60 min left"),
        (TimeToLive(None, -1.0), "1a  gone"),
    ],
)
def test_the_lease_is_told_with_what_is_left_of_it(lease_ttl: TimeToLive | None, text: str) -> None:
    assert (
        fields(record(registered.instance(0x1A), lease=0x1A), lease_ttl=lease_ttl)["lease"] == text
    )


def test_no_lease_and_an_expired_key_are_told() -> None:
    content = registered.instance(1)
    assert fields(record(content))["lease"] == "none"
    assert fields(record(content, expired_at=NOW - 60))["lease"] == "expired 1m ago"


def test_what_is_left_of_a_lease_goes_down_with_time() -> None:
    lease_ttl = LeaseTtl(TimeToLive(30.0, 20.0), NOW)
    assert lease_ttl.remaining(NOW + 4) == 16.0
    assert lease_ttl.remaining(NOW + 60) == 0.0


def test_a_malformed_record_shows_its_bytes() -> None:
    assert detail(record(registered.MALFORMED)).json == registered.MALFORMED[1].decode()


def test_each_piece_of_evidence_has_a_line_with_its_age() -> None:
    pieces = [Evidence(NoLease(), NOW - 5), Evidence(LeaseGone(), NOW)]
    found = detail(record(registered.instance(1)), evidence=pieces).fields
    start = [label for label, _ in found].index("evidence")
    assert found[start : start + 2] == (
        ("evidence", f"{sentence(NoLease())}  (5s ago)"),
        (" ", f"{sentence(LeaseGone())}  (now)"),
    )


def test_what_is_confirmed_every_few_seconds_does_not_grow_old_in_between() -> None:
    found = detail(record(registered.instance(1)), evidence=[Evidence(ACCEPTS, NOW - 4.9)])
    assert ("evidence", "10.0.0.1:9000 accepts connections  (now)") in found.fields


def test_a_worker_is_told_with_all_else_that_it_has() -> None:
    card, lora = record(registered.card(1)), record(registered.card(1, lora="acme/sql"))
    found = fields(record(registered.instance(1)), card, lora)
    assert found["worker"] == "1  also has 2 model cards"


def test_an_adapter_names_its_base_as_the_worker_serves_it_or_as_its_card_says() -> None:
    lora = record(registered.card(1, "/mnt/tiny", "acme/sql"))
    assert fields(lora)["LoRA of"] == "/mnt/tiny"
    assert fields(lora, record(registered.card(1)))["LoRA of"] == "acme/tiny-llm"
    assert "LoRA of" not in fields(record(registered.card(1)))


def test_a_channel_has_its_sources_and_a_source_its_channel() -> None:
    channel, source = record(registered.channel(77)), record(registered.source(77, 26))
    assert fields(channel)["sources"] == "none registered"
    assert fields(channel, source)["sources"] == "1 source"
    assert fields(source)["channel"] == "not registered"
    assert fields(source, channel)["channel"] == "Zmq tcp://10.0.0.1:5557"
    assert fields(source)["about"] == "worker 1a"
    assert fields(channel)["publisher"] == "4d, in decimal 77"


def test_a_row_that_stands_for_many_says_so() -> None:
    found = dict(detail(record(registered.card(1)), alike=1200).fields)
    assert found["of"] == "1,200 cards; showing the first"


def test_json_is_laid_out_and_the_rest_is_text() -> None:
    key, value = registered.instance(1)
    assert json.loads(value_text(record((key, value)))) == json.loads(value)
    assert "\n  " in value_text(record((key, value)))
    assert value_text(record((key, b"caf\xc3\xa9 \xff"))) == "café \\xff"
    assert value_text(record((key, b'"a text"'))) == '"a text"'


def test_what_happened_comes_on_top() -> None:
    one = detail(record(registered.instance(1)))
    event = Event(1, NOW, EventType.REMOVED, None, Reason(ReasonKind.LEASE_ENDED))
    label, text = with_event(one, event).fields[0]
    assert label == "removed"
    assert text.endswith("  lease ended: it ran out, or its process shut down")
    assert with_event(one, event).fields[1:] == one.fields
    assert with_event(None, event).title == "- store removed"


def test_what_a_worker_keeps_is_counted_by_kind() -> None:
    one = [record(registered.instance(number)) for number in (1, 2)]
    assert keeps([*one, record(registered.card(1))]) == "2 instances, 1 model card"


def test_the_reading_of_the_lease_has_its_age_beside_the_time_that_is_left() -> None:
    reading = LeaseTtl(TimeToLive(30.0, 28.0), NOW - 3)
    told = (
        Evidence(LeaseLeft(28.0, 30.0, None), NOW - 3),
        Evidence(ACCEPTS, NOW - 4),
    )
    cluster = Cluster()
    one = record(registered.instance(1), lease=1)
    cluster.put(one, SEEN)
    live = STATES[Verdict.LIVE]
    fields = dict(detail_of(one, live, cluster, reading, SEEN, NOW, evidence=told).fields)
    assert fields["evidence"] == "its lease has 28 of 30 s left  (3s ago)"
    assert fields[" "] == "10.0.0.1:9000 accepts connections  (now)"
    assert fields["lease"] == "1  25 of 30 s left"
