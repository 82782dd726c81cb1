"""Verdicts on objects equal those made from scratch, and rest on the evidence that comes first."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.discovery.cluster import Cluster
from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord
from backends.liveness.evidence_kinds import EvidenceKind as Kind
from backends.liveness.judge import Verdict
from backends.probe.types import ProbeAnswer, ProbeResult
from backends.store import Entry, Lifetime, Owner, PodExistence, Readiness, Revision
from backends.store.owner import qualify
from tests.liveness.watched import NOW, SEEN, Watched, assert_same
from tests.support import registered
from tests.support.owned import POD, READY, TAKEN_OUT, WORKER, with_container
from tests.support.registered import KeyAndValue

DECIDES: dict[Verdict, set[Kind]] = {
    Verdict.LIVE: {Kind.READY, Kind.PROBED},
    Verdict.UNKNOWN: {Kind.RIGHT_MISSING, Kind.UNREAD},
    Verdict.MALFORMED: {Kind.MALFORMED},
    Verdict.ORPHANED: {Kind.POD_GONE, Kind.POD_REPLACED, Kind.PREVIOUS_PROCESS},
    Verdict.NOT_READY: {Kind.NOT_READY, Kind.CONTAINER_DOWN},
    Verdict.DRAINED: {Kind.TAKEN_OUT},
    Verdict.LEFTOVER: {Kind.LEFT_BY_SHUTDOWN},
    Verdict.UNREACHABLE: {Kind.PROBED},
    Verdict.UNREACHABLE_FROM_HERE: {Kind.PROBED_FROM_HERE},
    Verdict.CONFLICT: {Kind.ID_NOT_OF_OBJECT, Kind.NAMES_ANOTHER, Kind.CARDS_DIFFER},
    Verdict.UNROUTABLE: {Kind.NO_INSTANCE, Kind.INSTANCE_DEAD, Kind.INSTANCE_ADDRESS_UNUSABLE},
}

IDS = (WORKER, 5)
"""That of the object's name, and another, as in a copied object."""
PATHS = (("dynamo", POD), ("staging", POD), ("dynamo", "copy"))

_contents: st.SearchStrategy[KeyAndValue] = st.one_of(
    st.builds(registered.instance, st.sampled_from(IDS)),
    st.builds(registered.instance, st.just(WORKER), endpoint=st.just("clear_kv_blocks")),
    st.builds(registered.card, st.sampled_from(IDS)),
    st.builds(registered.card, st.just(WORKER), lora=st.just("acme/sql")),
    st.just(registered.channel(9)),
    st.just((registered.card(WORKER)[0], b'{"type": "Model"}')),
)
_states = st.sampled_from(
    [
        with_container(),
        with_container(state="terminated", started_at=None),
        with_container(started_at=200.0),
        replace(READY, pod=None, unread=("list pods",)),
        TAKEN_OUT,
    ]
)


@st.composite
def _owners(draw: st.DrawFn) -> Owner:
    namespace, name = draw(st.sampled_from(PATHS))
    return replace(
        draw(_states),
        namespace=namespace,
        name=name,
        readiness=draw(st.sampled_from([*Readiness, Readiness.DISCOVERABLE])),
        existence=draw(st.sampled_from([*PodExistence, PodExistence.EXISTS])),
    )


def _record(owner: Owner, content: KeyAndValue) -> AnyRecord:
    key, value = content
    # The first object keeps the plain key, as in the store.
    if (owner.namespace, owner.name) != PATHS[0]:
        key = qualify(key, owner)
    return read(Entry(key, value, Revision("1"), owner=owner))


_answers = st.sampled_from([None, *(one for one in ProbeAnswer if one is not ProbeAnswer.AWAY)])
"""That a server is away is an answer of NATS alone."""

_objects = st.builds(
    lambda owner, contents: [_record(owner, one) for one in contents],
    _owners(),
    st.lists(_contents, max_size=5),
)


def _put_object(cluster: Cluster, records: list[AnyRecord], path: tuple[str, str]) -> None:
    """The object has exactly these entries now."""
    for one in list(cluster.records.values()):
        owner = one.entry.owner
        if owner is not None and (owner.namespace, owner.name) == path:
            cluster.discard(one.key)
    for one in records:
        cluster.put(one, SEEN)


@settings(deadline=None, max_examples=150)
@given(st.lists(_objects, max_size=5), st.data())
def test_verdicts_follow_from_what_is_there_now_and_rest_on_what_is_shown_first(
    told: list[list[AnyRecord]], data: st.DataObject
) -> None:
    followed = Watched(lifetime=Lifetime.OWNED)
    readings: list[ProbeResult] = []
    for records in told:
        for owner in [one.entry.owner for one in records][:1]:
            assert owner is not None
            _put_object(followed.cluster, records, (owner.namespace, owner.name))
        followed.verdicts.update(followed.cluster.take_changes().keys)
        for one in list(followed.cluster.records.values())[:1]:
            targets = sorted(followed.verdicts.targets([one]), key=str)
            answers = [data.draw(_answers) for _ in targets]
            readings += [
                ProbeResult(target, answer, NOW, answer.value)
                for target, answer in zip(targets, answers, strict=True)
                if answer is not None
            ]
        followed.verdicts.observe_readings(readings)
        followed.verdicts.update()
    fresh = Watched(*followed.cluster.records.values(), lifetime=Lifetime.OWNED)
    for one in followed.cluster.records.values():
        fresh.verdicts.targets([one])
        followed.verdicts.targets([one])
    for watched in (followed, fresh):
        watched.verdicts.observe_readings(readings)
        watched.verdicts.update()
    assert_same(followed, fresh)
    for one in followed.cluster.records.values():
        found = followed.verdicts.assessment(one, NOW)
        assert found.verdict is followed.of(one)
        assert found.evidence[0].kind in DECIDES[found.verdict]
