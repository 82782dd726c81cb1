"""Verdicts on what NATS carries."""

from __future__ import annotations

from backends.dynamo.records import AnyRecord
from backends.dynamo.registration import EventChannelSpec
from backends.liveness.evidence_kinds import EvidenceKind
from backends.liveness.judge import Verdict
from backends.probe.types import NATS_SERVER, ProbeAnswer, ProbeResult
from tests.liveness.watched import INSTANCE, NOW, Watched, answers_for
from tests.support import registered
from tests.support.registered import record


def over_nats(publisher: int, lease: int) -> AnyRecord:
    spec = EventChannelSpec(
        namespace="prod",
        component="backend",
        topic="kv_metrics",
        transport="Nats",
        config={"subject_prefix": "namespace.prod"},
    )
    return record(spec.entry(publisher), lease=lease)


def of_nats(answer: ProbeAnswer, text: str) -> ProbeResult:
    return ProbeResult(NATS_SERVER, answer, NOW, text)


def test_what_nats_carries_is_not_live_by_its_lease_alone_while_nats_is_away() -> None:
    seen, unseen = over_nats(0x1, 0xA), over_nats(0x2, 0xB)
    watched = Watched(INSTANCE, seen, unseen)
    watched.lives(a=22.0, b=22.0)
    assert {watched.of(one) for one in (INSTANCE, seen, unseen)} == {Verdict.LIVE}
    assert NATS_SERVER in watched.verdicts.targets([seen])
    assert NATS_SERVER not in watched.verdicts.targets([INSTANCE])
    why = "cannot be asked: NATS refuses connections"
    watched.verdicts.observe_readings([of_nats(ProbeAnswer.AWAY, why)])
    # Whether it was on screen, and asked for, or not.
    assert watched.verdicts.update() == {seen.key, unseen.key}
    assert watched.of(INSTANCE) is Verdict.LIVE
    assert watched.of(seen) is watched.of(unseen) is Verdict.UNKNOWN
    assert (NATS_SERVER.address, ProbeAnswer.AWAY) in answers_for(watched, unseen)
    # Also what comes meanwhile.
    later = over_nats(0x3, 0xA)
    watched.put(later)
    assert watched.of(later) is Verdict.UNKNOWN
    watched.verdicts.observe_readings([of_nats(ProbeAnswer.ACCEPTS, "is there")])
    watched.verdicts.update()
    assert {watched.of(one) for one in (seen, unseen, later)} == {Verdict.LIVE}


def test_what_nats_carries_is_late_or_unreachable_as_its_worker_is() -> None:
    one = over_nats(0x1, 0xA)
    watched = Watched(INSTANCE, one)
    watched.lives(a=22.0)
    watched.verdicts.observe_readings([of_nats(ProbeAnswer.ACCEPTS, "is there")])
    # That NATS is there takes nothing back of what the worker's own address says.
    watched.probed(INSTANCE, ProbeAnswer.REFUSED)
    assert watched.of(one) is Verdict.UNREACHABLE
    watched.probed(INSTANCE, ProbeAnswer.ACCEPTS)
    watched.verdicts.observe_readings([of_nats(ProbeAnswer.AWAY, "cannot be asked")])
    watched.lives(a=5.0)
    assert watched.of(one) is Verdict.LATE


def test_without_a_nats_server_the_lease_is_what_there_is_and_that_is_said() -> None:
    one = over_nats(0x1, 0xA)
    watched = Watched(one)
    watched.lives(a=22.0)
    kinds = [piece.kind for piece in watched.verdicts.assessment(one, NOW).evidence]
    assert EvidenceKind.NATS_NOT_ASKED in kinds
    none_set = "cannot be asked: no NATS server is set"
    watched.verdicts.observe_readings([of_nats(ProbeAnswer.UNTRIED, none_set)])
    watched.verdicts.update()
    assert watched.of(one) is Verdict.LIVE
    assert (NATS_SERVER.address, ProbeAnswer.UNTRIED) in answers_for(watched, one)


def test_a_source_of_another_process_than_its_channel_follows_nats() -> None:
    channel = over_nats(0x9, 0xA)
    key, value = registered.source(0x9, 0xB, "kv_metrics")
    source = record((key, value), lease=0xB)
    watched = Watched(channel, source)
    watched.lives(a=22.0, b=22.0)
    watched.verdicts.observe_readings([of_nats(ProbeAnswer.AWAY, "cannot be asked")])
    assert watched.verdicts.update() == {channel.key, source.key}
