"""A lasting drain is planned for one pod, written down before it happens, and undone by anybody."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.discovery.cluster import Cluster
from backends.discovery.discovery import Added, Discovery
from backends.memory import Keyspace, MemoryStore
from backends.removal.audit.audit import Audit
from backends.removal.lasting_drain import (
    LastingDrain,
    NoLastingDrain,
    plan_lasting_drain,
    pods_taken_out,
)
from backends.removal.outcomes import KeyOutcome, OutcomeType
from backends.removal.removal_targets import RemovalTarget
from backends.removal.removals import Removals
from backends.store import LabelOutcome, Mode, NoLabel, Owner, PodLabel, PodLabels
from tests.support import registered
from tests.support.owned import IN_CONTAINER, LABEL_OFF, POD, READY, TAKEN_OUT, WORKER, owned


class Labels:
    """The labels of pods, as a test says."""

    def __init__(self) -> None:
        self.found: PodLabel | NoLabel = LABEL_OFF
        self.off: set[PodLabel] = set()
        self.written: list[int] = []
        """How many acts the audit had at each change."""
        self.audit: Audit | None = None

    async def find(self, owner: Owner) -> PodLabel | NoLabel:
        return self.found

    async def take_off(self, label: PodLabel) -> LabelOutcome:
        self._note()
        self.off.add(label)
        return LabelOutcome.TAKEN_OFF

    async def put_back(self, label: PodLabel, *, dry_run: bool = False) -> LabelOutcome:
        if label not in self.off:
            return LabelOutcome.THERE
        if not dry_run:
            self._note()
            self.off.remove(label)
        return LabelOutcome.PUT_BACK

    def _note(self) -> None:
        if self.audit is not None:
            self.written.append(len(self.audit.acts()))


class StoreWithPods(MemoryStore):
    """Has pods, whose labels a test says."""

    def __init__(self, keyspace: Keyspace, labels: Labels) -> None:
        super().__init__(keyspace)
        self.pod_labels: PodLabels | None = labels


@pytest.fixture
def labels(audit: Audit) -> Labels:
    labels = Labels()
    labels.audit = audit
    return labels


@pytest.fixture
def store(keyspace: Keyspace, labels: Labels) -> StoreWithPods:
    return StoreWithPods(keyspace, labels)


INSTANCE = owned(registered.instance(WORKER))
TARGET = RemovalTarget(INSTANCE, "live", ("ready",), may_live=True)
OFF = {INSTANCE.key: KeyOutcome(OutcomeType.LABEL_OFF)}
BACK = {INSTANCE.key: KeyOutcome(OutcomeType.PUT_BACK)}


def cluster_of(*owners: Owner) -> Cluster:
    cluster = Cluster()
    for number, owner in enumerate(owners, WORKER):
        cluster.apply(Added(owned(registered.instance(number), owner)), 0.0)
    return cluster


async def test_it_takes_all_processes_of_the_pod_and_names_their_containers(
    store: StoreWithPods,
) -> None:
    main = replace(IN_CONTAINER, name=POD, uid="object-2")
    elsewhere = replace(main, pod_name="other", pod_uid="uid-2", name="other")
    in_pod_mode = replace(READY, mode=Mode.POD)
    cluster = cluster_of(IN_CONTAINER, main, elsewhere, in_pod_mode)
    first, second, *_ = cluster.records.values()
    plan = await plan_lasting_drain(store, cluster, [second])
    assert isinstance(plan, LastingDrain)
    assert [one.key for one in plan.instances] == sorted((first.key, second.key))
    assert plan.containers == ("engine-0", "main")


@pytest.mark.parametrize(
    ("owners", "reason"),
    [
        ([READY, replace(READY, pod_uid="uid-2")], "one pod at a time, and these are 2"),
        ([TAKEN_OUT], f"is out of discovery already: its label {LABEL_OFF.text} is off"),
    ],
)
async def test_it_is_not_planned_for_several_pods_nor_twice(
    store: StoreWithPods, owners: list[Owner], reason: str
) -> None:
    cluster = cluster_of(*owners)
    plan = await plan_lasting_drain(store, cluster, list(cluster.records.values()))
    assert isinstance(plan, NoLastingDrain)
    assert reason in plan.reason


async def test_what_the_store_says_against_it_is_the_reason(
    store: StoreWithPods, labels: Labels, keyspace: Keyspace
) -> None:
    cluster = cluster_of(READY)
    records = list(cluster.records.values())
    labels.found = NoLabel("this user may not patch pods")
    assert await plan_lasting_drain(store, cluster, records) == NoLastingDrain(labels.found.reason)
    plan = await plan_lasting_drain(MemoryStore(keyspace), cluster, records)
    assert isinstance(plan, NoLastingDrain)
    assert plan.reason.startswith("memory has no such act")


async def test_it_is_written_down_first_and_undone_as_the_last_act(
    store: StoreWithPods, labels: Labels, audit: Audit
) -> None:
    acts = Removals(Discovery(store), audit)
    result = await acts.take_out(TARGET, LABEL_OFF)
    assert (result.kind, result.outcomes, result.can_be_undone) == ("lasting drain", OFF, True)
    assert labels.written == [1]
    (written,) = audit.acts()
    (item,) = written.items
    assert (item.label, item.outcome, written.kind) == (LABEL_OFF, "label off", "lasting drain")
    # Its key stayed, so nothing marks it as drained, nor counts as its removal.
    assert acts.drained == {}
    assert await acts.in_audit([INSTANCE.entry]) == {}
    undone = await acts.undo()
    assert undone is not None
    assert undone.outcomes == BACK
    assert labels.off == set()
    assert acts.last() is None


async def test_a_later_run_restores_it_by_its_id_and_foresees_that(
    store: StoreWithPods, labels: Labels, audit: Audit
) -> None:
    act_id = (await Removals(Discovery(store), audit).take_out(TARGET, LABEL_OFF)).id
    assert act_id is not None
    later = Removals(Discovery(store), audit)
    assert (await later.preview(act_id)).outcomes == BACK
    assert labels.off == {LABEL_OFF}
    assert (await later.restore(act_id)).outcomes == BACK
    assert labels.off == set()


async def test_a_label_that_another_machine_took_off_is_put_back_in_an_act_of_its_own(
    store: StoreWithPods, labels: Labels, audit: Audit
) -> None:
    labels.off.add(LABEL_OFF)
    acts = Removals(Discovery(store), audit)
    assert (await acts.preview_label(LABEL_OFF)).type is OutcomeType.PUT_BACK
    assert (await acts.put_label_back(TARGET, LABEL_OFF)).outcomes == BACK
    assert labels.written == [1]
    (written,) = audit.acts()
    assert (written.kind, written.items[0].outcome) == ("put back", "put back")
    assert acts.last() is None


async def test_a_label_that_this_machine_took_off_is_put_back_as_that_act(
    store: StoreWithPods, labels: Labels, audit: Audit
) -> None:
    await Removals(Discovery(store), audit).take_out(TARGET, LABEL_OFF)
    later = Removals(Discovery(store), audit)
    assert (await later.put_label_back(TARGET, LABEL_OFF)).outcomes == BACK
    (written,) = audit.acts()
    assert (written.kind, written.items[0].restored) == ("lasting drain", "put back")


def test_the_pods_that_are_out_are_found_by_their_own_annotation() -> None:
    records = [
        owned(registered.instance(1), TAKEN_OUT),
        owned(registered.card(1), TAKEN_OUT),
        owned(registered.instance(2), READY),
        owned(registered.instance(3), replace(TAKEN_OUT, pod=None)),
    ]
    assert pods_taken_out(records) == {LABEL_OFF: records[:2]}
