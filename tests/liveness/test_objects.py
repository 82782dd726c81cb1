"""Verdicts in Kubernetes: by the object, its pod, its container, and what probes found."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from backends.dynamo.object_ids import instance_id_of
from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord
from backends.liveness import evidence_kinds as kinds
from backends.liveness.drain_marks import DrainMark
from backends.liveness.failure import CONFIRMED
from backends.liveness.judge import Verdict
from backends.liveness.owned import CLOCKS
from backends.liveness.routing import Routing, ServingReason
from backends.probe.types import ProbeAnswer, ProbeResult
from backends.store import Entry, Lifetime, Owner, PodExistence, Readiness, Revision
from backends.store.owner import qualify
from tests.liveness.watched import NOW, Watched
from tests.support import registered
from tests.support.owned import (
    GONE,
    IN_CONTAINER,
    LABEL_OFF,
    NOT_READY,
    POD,
    POD_STATE,
    READY,
    TAKEN_OUT,
    UNREAD,
    WORKER,
    owned,
    with_container,
)
from tests.support.registered import KeyAndValue

INSTANCE = registered.instance(WORKER)
CARD = registered.card(WORKER)
ADAPTER = registered.card(WORKER, lora="acme/sql")
CHANNEL = registered.channel(9)
ALL = (INSTANCE, CARD, ADAPTER, CHANNEL)
ENDED = "its process has shut down, which leaves cards behind: its object has no instance on "


def watch(*contents: KeyAndValue, owner: Owner = READY) -> Watched:
    return Watched(*(owned(one, owner) for one in contents), lifetime=Lifetime.OWNED)


def verdicts(watched: Watched) -> set[Verdict]:
    return {watched.of(one) for one in watched.cluster.records.values()}


def record_of(watched: Watched, content: KeyAndValue) -> AnyRecord:
    return watched.cluster.records[content[0]]


def evidence(watched: Watched, content: KeyAndValue) -> list[kinds.Values]:
    """What the evidence on a record shows, what decided first. Its verdict is the tracker's."""
    record = record_of(watched, content)
    assessment = watched.verdicts.assessment(record, NOW)
    assert assessment.verdict is watched.of(record)
    return [one.values for one in assessment.evidence]


def sentences(watched: Watched, content: KeyAndValue) -> list[str]:
    record = record_of(watched, content)
    return [one.text for one in watched.verdicts.assessment(record, NOW).evidence]


def probed(watched: Watched, one: AnyRecord, answer: ProbeAnswer, *, deep: bool = False) -> None:
    """Something was found at the request plane of an instance, twice."""
    assert one.transport is not None
    targets = {target.address: target for target in watched.verdicts.targets([one])}
    target = targets[one.transport.address or ""]
    for at in (NOW - CONFIRMED, NOW):
        watched.verdicts.observe_readings([ProbeResult(target, answer, at, answer.value, deep)])
    watched.verdicts.update()


# --- readiness -----------------------------------------------------------------------------------


def test_what_is_ready_is_live_by_that_alone() -> None:
    watched = watch(*ALL)
    assert verdicts(watched) == {Verdict.LIVE}
    assert evidence(watched, INSTANCE) == [kinds.Ready(f"dynamo/{POD}", POD, None)]
    assert sentences(watched, CARD) == [f"the endpoint of its pod {POD} is ready"]


@pytest.mark.parametrize(
    "readiness",
    [one for one in Readiness if one not in (Readiness.DISCOVERABLE, Readiness.UNKNOWN)],
)
def test_what_clients_do_not_discover_is_not_ready_with_the_reason(readiness: Readiness) -> None:
    watched = watch(*ALL, owner=replace(READY, readiness=readiness))
    assert verdicts(watched) == {Verdict.NOT_READY}
    first = evidence(watched, INSTANCE)[0]
    assert first == kinds.NotReady(f"dynamo/{POD}", POD, None, readiness)
    by_old = readiness.is_by_old_releases_only
    assert sentences(watched, INSTANCE)[0].endswith(
        ": clients of 1.6 do not discover it, those of 0.8 to 1.5 do"
        if by_old
        else ": clients do not discover it"
    )


def test_a_pod_that_was_taken_out_by_hand_is_drained_and_not_at_fault() -> None:
    watched = watch(*ALL, owner=TAKEN_OUT)
    assert verdicts(watched) == {Verdict.DRAINED}
    for content in ALL:
        assert evidence(watched, content)[0] == kinds.TakenOut(
            f"dynamo/{POD}", f"dynamo/{POD}", LABEL_OFF.text
        )
    # Nothing is routed to it, and that nobody answers there is no news.
    probed(watched, record_of(watched, INSTANCE), ProbeAnswer.REFUSED)
    assert watched.of(record_of(watched, INSTANCE)) is Verdict.DRAINED
    (routing,) = [watched.verdicts.serving.routing(record_of(watched, CARD).key)]
    assert routing == Routing(False, ServingReason.NOT_READY)
    down = with_container(TAKEN_OUT, state="terminated", started_at=None)
    assert verdicts(watch(INSTANCE, owner=down)) == {Verdict.NOT_READY}


def test_in_container_mode_the_container_is_named() -> None:
    name = f"{POD}-engine-0"
    watched = watch(CHANNEL, owner=IN_CONTAINER)
    assert sentences(watched, CHANNEL) == [f"its container engine-0 is ready, in pod {POD}"]
    watched = watch(CHANNEL, owner=replace(IN_CONTAINER, readiness=Readiness.NOT_READY))
    assert evidence(watched, CHANNEL) == [
        kinds.NotReady(f"dynamo/{name}", POD, "engine-0", Readiness.NOT_READY)
    ]


def test_without_the_right_to_know_it_is_unknown_and_the_right_is_named() -> None:
    watched = watch(*ALL, owner=UNREAD)
    assert verdicts(watched) == {Verdict.UNKNOWN}
    assert evidence(watched, INSTANCE) == [kinds.RightMissing(("list pods",))]
    assert "this user may not list pods" in sentences(watched, INSTANCE)[0]
    probed(watched, record_of(watched, INSTANCE), ProbeAnswer.ANSWERS, deep=True)
    assert watched.of(record_of(watched, INSTANCE)) is Verdict.LIVE


def test_a_worker_that_is_not_ready_is_never_proposed_for_clean_up() -> None:
    watched = watch(*ALL, owner=NOT_READY)
    probed(watched, record_of(watched, INSTANCE), ProbeAnswer.REFUSED)
    for record in watched.cluster.records.values():
        assert watched.of(record) is Verdict.NOT_READY
        assert not watched.verdicts.is_stale(record)
        assert watched.verdicts.may_live(record)


def test_readiness_that_changes_is_judged_again() -> None:
    watched = watch(*ALL)
    keys = set(watched.cluster.records)
    assert watched.put(*(owned(one, NOT_READY) for one in ALL)) == keys
    assert verdicts(watched) == {Verdict.NOT_READY}
    assert watched.put(*(owned(one, READY) for one in ALL)) == keys
    assert verdicts(watched) == {Verdict.LIVE}


# --- probes --------------------------------------------------------------------------------------


def test_a_hung_worker_is_unreachable_long_before_its_readiness_notices() -> None:
    watched = watch(*ALL)
    probed(watched, record_of(watched, INSTANCE), ProbeAnswer.SILENT, deep=True)
    assert watched.of(record_of(watched, INSTANCE)) is Verdict.UNREACHABLE
    # Kubernetes starts it again in ten minutes, or somebody restarts its pod.
    assert not watched.verdicts.is_stale(record_of(watched, INSTANCE))
    assert watched.verdicts.may_live(record_of(watched, INSTANCE))
    address, ready = evidence(watched, INSTANCE)
    assert isinstance(address, kinds.AddressProbed)
    assert isinstance(ready, kinds.Ready)


def test_another_host_may_refuse_in_place_of_a_worker_that_is_ready() -> None:
    watched = watch(*ALL)
    probed(watched, record_of(watched, INSTANCE), ProbeAnswer.REFUSED)
    assert watched.of(record_of(watched, INSTANCE)) is Verdict.UNREACHABLE_FROM_HERE


@pytest.mark.parametrize(
    "readiness", [Readiness.UNKNOWN, Readiness.NO_UID, Readiness.OTHER_UID, Readiness.TWO_UIDS]
)
def test_where_nothing_vouches_for_it_a_refusal_counts(readiness: Readiness) -> None:
    watched = watch(INSTANCE, owner=replace(READY, readiness=readiness))
    probed(watched, record_of(watched, INSTANCE), ProbeAnswer.REFUSED)
    assert watched.of(record_of(watched, INSTANCE)) is Verdict.UNREACHABLE
    assert not watched.verdicts.is_stale(record_of(watched, INSTANCE))


def test_what_cannot_be_reached_from_here_may_be_ready_all_the_same() -> None:
    watched = watch(*ALL)
    probed(watched, record_of(watched, INSTANCE), ProbeAnswer.UNREACHED)
    assert watched.of(record_of(watched, INSTANCE)) is Verdict.UNREACHABLE_FROM_HERE


# --- pods and containers -------------------------------------------------------------------------


def test_all_of_a_pod_that_is_gone_is_orphaned_instances_too() -> None:
    watched = watch(*ALL, owner=GONE)
    assert verdicts(watched) == {Verdict.ORPHANED}
    assert watched.verdicts.left_behind == {WORKER}
    assert watched.verdicts.count_workers() == 0
    assert watched.verdicts.is_stale(record_of(watched, INSTANCE))
    assert sentences(watched, INSTANCE)[0] == (
        f"its pod {POD} does not exist any more: Kubernetes removes its object dynamo/{POD} by "
        "itself, as a rule within seconds"
    )


def test_an_object_without_an_owner_is_said_to_stay_for_ever() -> None:
    watched = watch(INSTANCE, owner=replace(GONE, pod_name="", pod_uid=""))
    assert watched.of(record_of(watched, INSTANCE)) is Verdict.ORPHANED
    assert sentences(watched, INSTANCE)[0].endswith("Kubernetes will never remove it")
    there = replace(READY, pod_name="", pod_uid="", readiness=Readiness.NO_OWNER)
    assert sentences(watch(INSTANCE, owner=there), INSTANCE)[0] == (
        "its object has no owner reference: clients of 1.6 do not discover it, those of 0.8 to 1.5 "
        "do; Kubernetes will never remove it"
    )


def test_what_the_pod_before_of_the_same_name_registered_is_orphaned() -> None:
    replaced = replace(READY, existence=PodExistence.REPLACED, readiness=Readiness.OTHER_UID)
    watched = watch(*ALL, owner=replaced)
    assert verdicts(watched) == {Verdict.ORPHANED}
    assert isinstance(evidence(watched, CARD)[0], kinds.PodReplaced)
    assert watched.verdicts.is_stale(record_of(watched, CARD))


def test_what_the_process_before_registered_is_orphaned_until_the_next_one_registers() -> None:
    after = 130.0 + CLOCKS + 20
    restarted = with_container(NOT_READY, started_at=after, restarts=2)
    watched = watch(*ALL, owner=restarted)
    assert verdicts(watched) == {Verdict.ORPHANED}
    assert evidence(watched, INSTANCE)[0] == kinds.PreviousProcess("main", CLOCKS + 20, 2)
    # It is replaced by itself.
    assert not watched.verdicts.is_stale(record_of(watched, INSTANCE))
    watched.put(*(owned(one, replace(restarted, applied_at=after + 60)) for one in ALL))
    assert verdicts(watched) == {Verdict.NOT_READY}


def test_clocks_of_node_and_server_may_differ_by_a_few_seconds() -> None:
    watched = watch(*ALL, owner=with_container(started_at=130.0 + CLOCKS))
    assert verdicts(watched) == {Verdict.LIVE}


def test_an_address_that_answers_is_no_previous_process_s() -> None:
    watched = watch(*ALL, owner=with_container(started_at=130.0 + CLOCKS + 20))
    probed(watched, record_of(watched, INSTANCE), ProbeAnswer.ANSWERS, deep=True)
    assert watched.of(record_of(watched, INSTANCE)) is Verdict.LIVE
    assert any(isinstance(one, kinds.PreviousProcess) for one in evidence(watched, INSTANCE))


def test_a_container_that_is_down_and_a_pod_that_ends_are_told() -> None:
    down = with_container(
        NOT_READY, state="waiting", reason="CrashLoopBackOff", started_at=None, restarts=7
    )
    watched = watch(INSTANCE, owner=down)
    assert sentences(watched, INSTANCE)[1:] == [
        "its container main does not run (CrashLoopBackOff, restarts: 7)"
    ]
    ended = with_container(
        NOT_READY, state="terminated", reason="OOMKilled", exit_code=137, started_at=None
    )
    assert sentences(watch(INSTANCE, owner=ended), INSTANCE)[1:] == [
        "its container main has ended (OOMKilled, exit code 137)"
    ]
    # Before the slices say so, and where they may not be read.
    for owner in (READY, replace(READY, readiness=Readiness.UNKNOWN)):
        before = watch(INSTANCE, owner=with_container(owner, state="terminated", started_at=None))
        assert before.of(record_of(before, INSTANCE)) is Verdict.NOT_READY
        assert isinstance(evidence(before, INSTANCE)[0], kinds.ContainerDown)
    ending = replace(READY, pod=replace(POD_STATE, deleted_at=NOW + 30))
    watched = watch(INSTANCE, owner=ending)
    # Clients go on routing to it while its endpoint, or its container, is ready.
    assert watched.of(record_of(watched, INSTANCE)) is Verdict.LIVE
    assert f"its pod {POD} is being deleted" in sentences(watched, INSTANCE)


# --- what a worker leaves behind -----------------------------------------------------------------


@pytest.mark.parametrize(
    "owner",
    [
        NOT_READY,
        with_container(state="terminated", exit_code=0, started_at=None),
        with_container(UNREAD, state="waiting", started_at=None),
        with_container(started_at=130.0 + CLOCKS + 20),
        replace(IN_CONTAINER, readiness=Readiness.NO_POD),
    ],
)
def test_a_card_without_an_instance_whose_process_ended_is_leftover(owner: Owner) -> None:
    watched = watch(CARD, ADAPTER, owner=owner)
    assert verdicts(watched) == {Verdict.LEFTOVER}
    assert evidence(watched, ADAPTER)[0] == kinds.LeftByShutdown("prod/backend/generate")
    assert sentences(watched, CARD)[0] == f"{ENDED}prod/backend/generate"
    assert not watched.verdicts.is_stale(record_of(watched, CARD))


def test_with_its_instance_there_it_is_not_ready() -> None:
    watched = watch(*ALL, owner=NOT_READY)
    assert verdicts(watched) == {Verdict.NOT_READY}


def test_an_entry_removed_by_hand_from_a_ready_worker_leaves_an_unroutable_card() -> None:
    watched = watch(CARD, ADAPTER, CHANNEL)
    for card in (CARD, ADAPTER):
        assert watched.of(record_of(watched, card)) is Verdict.UNROUTABLE
    assert evidence(watched, CARD)[0] == kinds.NoInstance("prod/backend/generate")
    assert watched.of(record_of(watched, CHANNEL)) is Verdict.LIVE


@pytest.mark.parametrize("readiness", [Readiness.NO_LABEL, Readiness.NO_ENDPOINT])
def test_a_pod_without_the_label_may_run_all_the_same(readiness: Readiness) -> None:
    watched = watch(CARD, owner=replace(READY, readiness=readiness))
    assert watched.of(record_of(watched, CARD)) is Verdict.NOT_READY


def test_a_card_of_a_drained_worker_is_drained_while_its_process_runs() -> None:
    mark = DrainMark(NOW, kinds.Drained("joe", "node-1", "act-1"))
    watched = watch(CARD, CHANNEL)
    watched.verdicts.drained({WORKER: mark})
    watched.verdicts.update()
    assert verdicts(watched) == {Verdict.DRAINED}
    watched.put(owned(CARD, NOT_READY))
    assert watched.of(record_of(watched, CARD)) is Verdict.LEFTOVER


# --- records -------------------------------------------------------------------------------------


def test_an_id_that_is_not_the_objects_is_a_conflict_that_names_both() -> None:
    watched = watch(registered.instance(5), registered.card(5), CHANNEL)
    for content in (registered.instance(5), registered.card(5)):
        assert watched.of(record_of(watched, content)) is Verdict.CONFLICT
        assert evidence(watched, content)[0] == kinds.IdNotOfObject(f"dynamo/{POD}", WORKER, 5)
    # A publisher's id may be any.
    assert watched.of(record_of(watched, CHANNEL)) is Verdict.LIVE


def test_a_body_that_differs_from_its_key_is_a_conflict_as_in_every_store() -> None:
    content = (INSTANCE[0], registered.instance(5)[1])
    watched = watch(content)
    assert watched.of(record_of(watched, content)) is Verdict.CONFLICT
    assert isinstance(evidence(watched, content)[0], kinds.NamesAnother)


def test_a_rounded_publisher_id_is_explained_and_not_blamed() -> None:
    large = 0xF0123456789ABCDE
    key, value = registered.channel(large)
    rounded = int(float(large))
    content = (key, value.replace(str(large).encode(), str(rounded).encode()))
    watched = watch(content)
    assert watched.of(record_of(watched, content)) is Verdict.LIVE
    assert kinds.IdRounded(large, rounded) in evidence(watched, content)


def test_one_malformed_entry_hides_the_whole_worker() -> None:
    bad = (registered.card(WORKER, lora="bad")[0], b'{"type": "Model"}')
    watched = watch(INSTANCE, CARD, bad)
    assert watched.of(record_of(watched, bad)) is Verdict.MALFORMED
    hides = kinds.HidesWorker(f"dynamo/{POD}", bad[0].decode())
    first, *others = evidence(watched, bad)
    assert isinstance(first, kinds.Malformed)
    assert hides in others
    # Clients that run keep their last view of the rest.
    assert watched.of(record_of(watched, INSTANCE)) is Verdict.LIVE
    assert hides in evidence(watched, INSTANCE)
    assert "hides all of object" in sentences(watched, bad)[-1]


# --- several objects -----------------------------------------------------------------------------

STAGING = replace(READY, namespace="staging", uid="object-2")


def in_staging(content: KeyAndValue, owner: Owner = STAGING) -> AnyRecord:
    """The same key in an object of another Kubernetes namespace."""
    key, value = content
    return read(Entry(qualify(key, owner), value, Revision("1"), owner=owner))


def test_objects_of_one_name_are_judged_each_for_itself() -> None:
    staged = [in_staging(one, replace(GONE, namespace="staging")) for one in ALL]
    watched = watch(*ALL)
    watched.put(*staged)
    assert {watched.of(one) for one in staged} == {Verdict.ORPHANED}
    assert {watched.of(record_of(watched, one)) for one in ALL} == {Verdict.LIVE}
    assert not watched.verdicts.left_behind


def test_a_hung_process_says_nothing_of_one_of_its_name_elsewhere() -> None:
    other = in_staging(registered.instance(WORKER, address="10.9.9.9:9000"))
    watched = watch(*ALL)
    watched.put(other)
    probed(watched, other, ProbeAnswer.SILENT, deep=True)
    assert watched.of(other) is Verdict.UNREACHABLE
    assert {watched.of(record_of(watched, one)) for one in ALL} == {Verdict.LIVE}


def test_an_instance_elsewhere_does_not_stand_for_the_one_that_is_missing() -> None:
    left = in_staging(CARD, replace(NOT_READY, namespace="staging"))
    watched = watch(INSTANCE, CARD)
    watched.put(left)
    assert watched.of(left) is Verdict.LEFTOVER
    assert watched.verdicts.assessment(left, NOW).verdict is Verdict.LEFTOVER


# --- models --------------------------------------------------------------------------------------


def second(content: Callable[..., KeyAndValue], owner: Owner, **more: str) -> AnyRecord:
    """A record of another worker."""
    other = replace(owner, name="prod-backend-worker-1", pod_name="prod-backend-worker-1")
    return owned(content(instance_id_of(other.name), **more), other)


def test_a_model_of_workers_that_are_not_ready_is_not_served_with_that_reason() -> None:
    watched = watch(*ALL, owner=NOT_READY)
    serving = watched.verdicts.serving
    assert serving.routing(CARD[0]) == Routing(False, ServingReason.NOT_READY)
    model = serving.model("acme/tiny-llm")
    assert model is not None
    assert (model.is_served, dict(model.reasons)) == (False, {ServingReason.NOT_READY: 1})
    assert serving.unserved == {"acme/tiny-llm"}
    assert serving.unserved_adapters == {"acme/sql"}
    watched.put(*(owned(one) for one in ALL))
    assert serving.unserved == set()


def test_one_ready_worker_serves_the_model_beside_one_that_is_not() -> None:
    watched = watch(*ALL, owner=NOT_READY)
    watched.put(second(registered.instance, READY), second(registered.card, READY))
    model = watched.verdicts.serving.model("acme/tiny-llm")
    assert model is not None
    assert model.is_served
    assert str(model.figures) == "1/2"


def test_a_worker_that_clients_do_not_discover_is_in_no_conflict_of_cards() -> None:
    differs = second(registered.card, READY)
    key, value = CARD
    other = (key, value.replace(b'"source_path":"acme/tiny-llm"', b'"source_path":"elsewhere"'))
    assert other[1] != value
    watched = watch(INSTANCE, other)
    watched.put(second(registered.instance, READY), differs)
    assert watched.of(differs) is Verdict.CONFLICT
    watched.put(*(owned(one, NOT_READY) for one in (INSTANCE, other)))
    assert watched.of(differs) is Verdict.LIVE
    assert watched.of(record_of(watched, other)) is Verdict.NOT_READY
