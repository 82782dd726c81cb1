"""Verdicts follow what probes find at addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.dynamo.records import AnyRecord
from backends.liveness import address_readings
from backends.liveness.evidence import Assessment
from backends.liveness.evidence_kinds import EvidenceKind
from backends.liveness.judge import LeaseTtl, Verdict
from backends.probe.types import ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget
from backends.store import TimeToLive
from tests.liveness.watched import CARD, CHANNEL, INSTANCE, NOW, OTHER, Watched, answers_for
from tests.support import registered
from tests.support.registered import record


def test_a_worker_whose_address_refuses_is_unreachable_with_all_it_registered() -> None:
    watched = Watched(INSTANCE, CARD, OTHER)
    watched.lives(a=22.0, b=22.0)
    assert watched.probed(INSTANCE, ProbeAnswer.REFUSED) == {INSTANCE.key, CARD.key}
    assert watched.of(CARD) is Verdict.UNREACHABLE
    assert watched.of(OTHER) is Verdict.LIVE
    assert watched.probed(INSTANCE, ProbeAnswer.ACCEPTS) == {INSTANCE.key, CARD.key}
    assert watched.of(CARD) is Verdict.LIVE


def test_that_a_connection_is_accepted_says_nothing_against_deep_silence() -> None:
    watched = Watched(INSTANCE)
    watched.lives(a=22.0)
    watched.probed(INSTANCE, ProbeAnswer.SILENT, deep=True)
    watched.probed(INSTANCE, ProbeAnswer.ACCEPTS)
    assert watched.of(INSTANCE) is Verdict.UNREACHABLE
    watched.probed(INSTANCE, ProbeAnswer.ANSWERS, deep=True)
    assert watched.of(INSTANCE) is Verdict.LIVE


def test_a_brokers_silence_is_evidence_against_its_channel_alone() -> None:
    config = b'{"xsub_endpoints":["tcp://10.0.0.9:5555"],"xpub_endpoints":["tcp://10.0.0.9:5556"]}'
    key, value = registered.channel(0xA)
    start = value.index(b'"transport":')
    # The transport is the last field.
    value = value[:start] + b'"transport":{"kind":"ZmqBroker","config":' + config + b"}}"
    channel = record((key, value), lease=0xA)
    assert channel.transport is not None
    assert channel.transport.kind == "ZmqBroker"
    watched = Watched(INSTANCE, channel)
    watched.lives(a=22.0)
    broker = ProbeTarget(ProbeMethod.ZMTP, "10.0.0.9:5556")
    assert broker in watched.verdicts.targets([channel])
    assert broker not in watched.verdicts.targets([INSTANCE])
    watched.verdicts.observe_readings([ProbeResult(broker, ProbeAnswer.SILENT, NOW, "is silent")])
    assert watched.verdicts.update() == {channel.key}
    assert watched.of(channel) is Verdict.UNREACHABLE
    assert watched.of(INSTANCE) is Verdict.LIVE


def test_one_failed_probe_is_not_enough_to_propose_a_removal() -> None:
    unleased = record(registered.instance(0xA))
    watched = Watched(unleased)
    (target,) = watched.verdicts.targets([unleased])

    def probed(answer: ProbeAnswer, at: float) -> bool:
        watched.verdicts.observe_readings([ProbeResult(target, answer, at, answer.value)])
        watched.verdicts.update()
        return watched.verdicts.is_stale(unleased)

    assert not probed(ProbeAnswer.REFUSED, NOW)
    assert watched.of(unleased) is Verdict.UNREACHABLE
    assert not probed(ProbeAnswer.ACCEPTS, NOW + 1)
    assert not probed(ProbeAnswer.REFUSED, NOW + 3)
    assert probed(ProbeAnswer.REFUSED, NOW + 5)


def test_the_evidence_names_what_decides_first() -> None:
    watched = Watched(INSTANCE, CARD)
    watched.lives(a=11.0)
    watched.probed(INSTANCE, ProbeAnswer.REFUSED)
    assessment = watched.verdicts.assessment(CARD, NOW)
    assert assessment.verdict is Verdict.UNREACHABLE
    assert [piece.kind for piece in assessment.evidence] == [
        EvidenceKind.PROBED,
        EvidenceKind.LEASE_LATE,
    ]


def sixteen_ranks(worker: int, address: str = "10.0.0.1") -> list[AnyRecord]:
    """A worker with as many data-parallel ranks: an endpoint and a channel with its source each."""
    made = [record(registered.instance(worker, address=f"{address}:9000"), lease=worker)]
    for rank in range(16):
        publisher = worker * 0x100 + rank
        of_rank = registered.instance(
            worker, endpoint=f"worker_kv_query_{rank}", address=f"{address}:9000"
        )
        of_channel = registered.channel(publisher, port=5000 + rank)
        key, value = of_channel[0], of_channel[1].replace(b"10.0.0.1", address.encode())
        source = registered.source(publisher, worker)
        made += [record(one, lease=worker) for one in (of_rank, (key, value), source)]
    return made


def greeting(rank: int) -> ProbeTarget:
    return ProbeTarget(ProbeMethod.ZMTP, f"10.0.0.1:{5000 + rank}")


PLANE = ProbeTarget(ProbeMethod.TCP, "10.0.0.1:9000")


def test_of_one_process_one_greeting_and_the_held_connection_are_watched() -> None:
    one, other = sixteen_ranks(0x1), sixteen_ranks(0x2, "10.0.0.2")
    watched = Watched(*one, *other)
    assert watched.verdicts.watched(one) == {PLANE, greeting(0)}
    of_both = watched.verdicts.watched([*one, *other])
    assert len(of_both) == 4
    # What a person asks for is asked of all.
    assert len(watched.verdicts.targets([one[0]])) == 17
    # However many of its records are on screen.
    assert watched.verdicts.watched(one[:1]) == watched.verdicts.watched(one[5:6])


def test_a_publisher_that_failed_is_watched_on_with_others_that_may_answer() -> None:
    one = sixteen_ranks(0x1)
    watched = Watched(*one)
    watched.lives(**{"1": 22.0})
    assert watched.verdicts.watched(one) == {PLANE, greeting(0)}
    for failed in range(3):
        silent = ProbeResult(greeting(failed), ProbeAnswer.SILENT, NOW + failed, "is silent")
        watched.verdicts.observe_readings([silent])
        watched.verdicts.update()
        asked = {greeting(rank) for rank in range(min(failed + 2, 3))}
        assert watched.verdicts.watched(one) == {PLANE, *asked}
    # One that answers is enough, and those that failed are no longer asked once they answer.
    watched.verdicts.observe_readings(
        [ProbeResult(greeting(rank), ProbeAnswer.ANSWERS, NOW + 5, "greets") for rank in range(3)]
    )
    assert watched.verdicts.watched(one) == {PLANE, greeting(0)}


def test_a_source_goes_with_its_channel() -> None:
    one = sixteen_ranks(0x1)
    watched = Watched(*one)
    watched.lives(**{"1": 22.0})
    channel, source = one[2], one[3]
    watched.verdicts.targets([one[0]])
    watched.verdicts.observe_readings(
        [
            ProbeResult(PLANE, ProbeAnswer.ACCEPTS, NOW, "accepts connections"),
            ProbeResult(greeting(0), ProbeAnswer.REFUSED, NOW, "refuses connections"),
            ProbeResult(greeting(1), ProbeAnswer.ANSWERS, NOW, "greets"),
        ]
    )
    watched.verdicts.update()
    assert watched.of(channel) is watched.of(source) is Verdict.UNREACHABLE
    assert {watched.of(other) for other in one if other not in (channel, source)} == {Verdict.LIVE}


def test_a_lease_that_goes_on_being_renewed_takes_back_what_a_refusal_said() -> None:
    watched = Watched(INSTANCE, CARD)
    watched.lives(a=22.0)
    watched.probed(INSTANCE, ProbeAnswer.REFUSED)
    assert watched.of(CARD) is Verdict.UNREACHABLE
    assert watched.verdicts.may_live(CARD)
    assert set(watched.verdicts.refused) == {INSTANCE.key, CARD.key}
    renewed = LeaseTtl(TimeToLive(30.0, 29.0), NOW + 10)
    watched.verdicts.observe_ttls({0xA: renewed})
    assert watched.verdicts.update() == {INSTANCE.key, CARD.key}
    assert watched.of(CARD) is Verdict.UNREACHABLE_FROM_HERE
    assert watched.verdicts.may_live(CARD)
    assert not watched.verdicts.refused
    assert set(watched.verdicts.failed) == {INSTANCE.key, CARD.key}
    # Then it stops.
    watched.verdicts.observe_ttls({0xA: LeaseTtl(TimeToLive(30.0, 12.0), NOW + 27)})
    watched.verdicts.observe_readings(
        [
            ProbeResult(one, ProbeAnswer.REFUSED, NOW + 27, "x")
            for one in watched.verdicts.targets([CARD])
        ]
    )
    watched.verdicts.update()
    assert watched.of(CARD) is Verdict.UNREACHABLE
    assert watched.verdicts.is_stale(CARD)
    assert not watched.verdicts.may_live(CARD)
    watched.discard(INSTANCE, CARD)
    assert not watched.verdicts.failed
    assert not watched.verdicts.awaited


def test_a_full_queue_takes_nothing_back_of_the_silence_before() -> None:
    watched = Watched(INSTANCE)
    watched.lives(a=22.0)
    watched.probed(INSTANCE, ProbeAnswer.SILENT)
    watched.probed(INSTANCE, ProbeAnswer.UNREACHED)
    assert watched.of(INSTANCE) is Verdict.UNREACHABLE
    assert len(watched.verdicts.assessment(INSTANCE, NOW).evidence) == 3
    watched.probed(INSTANCE, ProbeAnswer.ANSWERS)
    watched.probed(INSTANCE, ProbeAnswer.UNREACHED)
    assert watched.of(INSTANCE) is Verdict.UNREACHABLE_FROM_HERE


def test_a_reading_that_says_what_the_one_before_it_said_leaves_nothing_to_judge() -> None:
    one = sixteen_ranks(0x1)
    watched = Watched(*one)
    watched.lives(**{"1": 22.0})
    watched.verdicts.watched(one)

    def heard(target: ProbeTarget, answer: ProbeAnswer, at: float) -> bool:
        watched.verdicts.observe_readings([ProbeResult(target, answer, at, answer.value)])
        is_behind = watched.verdicts.is_behind
        watched.verdicts.update()
        return is_behind

    assert heard(PLANE, ProbeAnswer.ACCEPTS, NOW)
    assert heard(greeting(0), ProbeAnswer.ANSWERS, NOW)
    assert not heard(PLANE, ProbeAnswer.ACCEPTS, NOW + 2)
    assert not heard(greeting(0), ProbeAnswer.ANSWERS, NOW + 2)
    # What is seen of it is as new as the last look all the same.
    assert ("10.0.0.1:5000", ProbeAnswer.ANSWERS) in answers_for(watched, one[2])
    assert watched.verdicts.assessment(one[2], NOW + 2).evidence[0].at == NOW + 2
    # Where anything of a process fails, each moment counts.
    assert heard(greeting(0), ProbeAnswer.SILENT, NOW + 4)
    assert heard(greeting(0), ProbeAnswer.SILENT, NOW + 6)
    assert heard(PLANE, ProbeAnswer.ACCEPTS, NOW + 6)
    assert watched.of(one[0]) is Verdict.UNREACHABLE
    assert heard(greeting(0), ProbeAnswer.ANSWERS, NOW + 8)
    assert not heard(PLANE, ProbeAnswer.ACCEPTS, NOW + 8)
    assert watched.of(one[0]) is Verdict.LIVE


def test_an_old_answer_stops_counting_by_a_reading_elsewhere_that_says_the_same_again() -> None:
    one = sixteen_ranks(0x1)
    watched = Watched(*one)
    watched.lives(**{"1": 22.0})
    watched.verdicts.targets([one[0]])
    channel = one[5]
    told = [
        ProbeResult(PLANE, ProbeAnswer.ACCEPTS, NOW, "accepts"),
        ProbeResult(greeting(0), ProbeAnswer.SILENT, NOW, "is silent"),
        ProbeResult(greeting(1), ProbeAnswer.ANSWERS, NOW, "greets"),
    ]
    watched.verdicts.observe_readings(told)
    watched.verdicts.update()
    assert watched.of(channel) is Verdict.LIVE
    for at in (NOW + 3, NOW + 6):
        watched.verdicts.observe_readings([ProbeResult(PLANE, ProbeAnswer.ACCEPTS, at, "accepts")])
        watched.verdicts.update()
    assert watched.of(channel) is Verdict.UNREACHABLE


def test_a_renewal_that_tells_the_same_of_a_lease_takes_back_what_this_host_refused() -> None:
    watched = Watched(INSTANCE)
    watched.lives(a=22.0)
    (target,) = watched.verdicts.targets([INSTANCE])
    refused = ProbeResult(target, ProbeAnswer.REFUSED, NOW, "refuses connections", local=True)
    watched.verdicts.observe_readings([refused])
    watched.verdicts.update()
    assert watched.verdicts.is_stale(INSTANCE)
    watched.verdicts.observe_ttls({0xA: LeaseTtl(TimeToLive(30.0, 29.0), NOW + 8)})
    watched.verdicts.update()
    assert not watched.verdicts.is_stale(INSTANCE)


def test_a_source_of_another_process_than_its_channel_follows_the_channels_address() -> None:
    channel = record(registered.channel(0x9), lease=0xA)
    source = record(registered.source(0x9, 0xB), lease=0xB)
    watched = Watched(channel, source)
    watched.lives(a=22.0, b=22.0)
    watched.probed(channel, ProbeAnswer.SILENT)
    assert watched.of(channel) is watched.of(source) is Verdict.UNREACHABLE
    watched.discard(channel)
    assert watched.of(source) is Verdict.LIVE


def test_an_address_that_is_asked_for_late_counts_with_what_was_found_there_before() -> None:
    beside = record(registered.instance(0xA, endpoint="embed", address="10.0.0.10:9000"), lease=0xA)
    watched = Watched(INSTANCE, CHANNEL)
    watched.lives(a=22.0)
    (plane, greets) = sorted(watched.verdicts.targets([INSTANCE]))
    watched.verdicts.observe_readings(
        [
            ProbeResult(plane, ProbeAnswer.REFUSED, NOW, "refuses connections"),
            ProbeResult(greets, ProbeAnswer.ANSWERS, NOW, "greets"),
        ]
    )
    watched.put(beside)
    assert watched.of(INSTANCE) is Verdict.UNREACHABLE
    assert watched.of(beside) is Verdict.LIVE
    watched.verdicts.targets([beside])
    assert watched.verdicts.update() == {beside.key}
    assert watched.of(beside) is Verdict.UNREACHABLE


_ANSWERS = st.sampled_from([one for one in ProbeAnswer if one is not ProbeAnswer.UNTRIED])
_READINGS = st.lists(
    st.tuples(
        st.integers(0, 4), _ANSWERS, st.sampled_from([0.0, 1.0, 30.0]), st.booleans(), st.booleans()
    ),
    max_size=9,
)


@given(_READINGS)
def test_addresses_with_the_same_answers_are_weighed_as_each_by_itself(
    readings: list[tuple[int, ProbeAnswer, float, bool, bool]],
) -> None:
    records = [record(registered.instance(0xA, address="10.0.0.1:9000"), lease=0xA)]
    records += [record(registered.channel(n, port=1024 + n), lease=0xA) for n in range(4)]

    def assessed() -> list[Assessment]:
        watched = Watched(*records)
        targets = sorted(watched.verdicts.targets(records), key=str)
        watched.verdicts.observe_readings(
            ProbeResult(targets[one], answer, at, answer.value, deep, local)
            for one, answer, at, deep, local in readings
        )
        watched.verdicts.update()
        return [watched.verdicts.assessment(one, 40.0) for one in records]

    shared = assessed()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(address_readings, "_answers", lambda _: None)
        assert shared == assessed()
