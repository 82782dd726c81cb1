"""Which workers a request can reach follows from what is there, and not from the way there."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from backends.dynamo.card_checksum import worker_set_of
from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.judge import Verdict
from backends.liveness.routing import ModelServing, Routing, ServingReason
from tests.liveness.serving import IN_CONFLICT, MODEL, ROUTABLE, card, instance, routing
from tests.liveness.watched import SEEN, Watched, assert_same, life
from tests.support import registered
from tests.support.registered import record

_ROLES: dict[str, dict[str, Any]] = {
    "aggregated": {"worker_type": "aggregated", "needs": []},
    "prefill": {"worker_type": "prefill", "needs": [["decode"]]},
    "decode": {"worker_type": "decode", "needs": [["prefill"]]},
    "old": {},
    "old prefill": {"model_type": "Prefill"},
}

_worker = st.integers(1, 5)
_component = st.sampled_from(["a", "b"])
_namespace = st.sampled_from(["m", "n"])
_some = st.one_of(
    st.builds(instance, _worker, _component, _namespace, st.sampled_from([None, None, "[::]:9"])),
    st.builds(
        lambda worker, component, namespace, role, length: card(
            worker, component, namespace, **_ROLES[role], context_length=length
        ),
        _worker,
        _component,
        _namespace,
        st.sampled_from(list(_ROLES)),
        st.sampled_from([1, 1, 2]),
    ),
    st.builds(
        lambda worker, component, namespace: record(
            registered.card(worker, MODEL, "acme/sql", namespace, component), lease=worker
        ),
        _worker,
        _component,
        _namespace,
    ),
)
_steps = st.lists(
    st.one_of(
        st.lists(_some, min_size=1, max_size=6),
        st.integers(0, 30),
        st.tuples(_worker, st.sampled_from([22.0, 5.0, -1.0])),
    ),
    max_size=20,
)


@settings(deadline=None, max_examples=150)
@given(_steps)
def test_it_follows_from_what_is_there_now_and_not_from_the_way_there(
    steps: list[list[AnyRecord] | int | tuple[int, float]],
) -> None:
    followed = Watched()
    lives: dict[int, float] = {}
    for step in steps:
        before = {key: followed.verdicts.serving.routing(key) for key in followed.cluster.records}
        if isinstance(step, list):
            followed.put(*step)
        elif isinstance(step, int):
            there = sorted(followed.cluster.records)
            if there:
                followed.discard(followed.cluster.records[there[step % len(there)]])
        else:
            followed.verdicts.observe_ttls({step[0]: life(step[1])})
            followed.verdicts.update()
            if any(one.lease == step[0] for one in followed.cluster.records.values()):
                lives[step[0]] = step[1]
        leases = {one.lease for one in followed.cluster.records.values()}
        lives = {lease: left for lease, left in lives.items() if lease in leases}
        # What is routed otherwise is told, but for what was put itself.
        rerouted = followed.verdicts.take_rerouted()
        for key, was in before.items():
            now = followed.verdicts.serving.routing(key)
            if now != was and key in followed.cluster.records and not isinstance(step, list):
                assert key in rerouted
        fresh = Watched()
        fresh.put(*followed.cluster.records.values())
        fresh.verdicts.observe_ttls({lease: life(left) for lease, left in lives.items()})
        fresh.verdicts.update()
        loras: dict[bytes, bool] = {}
        for key, one in followed.cluster.records.items():
            assert followed.verdicts.of(key) is fresh.verdicts.of(key)
            assert followed.verdicts.serving.routing(key) == fresh.verdicts.serving.routing(key)
            if isinstance(one, ModelCard) and one.is_lora and one.key not in loras:
                loras[one.key] = routing(followed, one) == ROUTABLE
            if isinstance(one, ModelCard) and routing(followed, one) == IN_CONFLICT:
                assert followed.verdicts.of(key) is Verdict.CONFLICT
        not_served = {"acme/sql"} if loras and not any(loras.values()) else set()
        assert followed.verdicts.serving.unserved_adapters == not_served
        assert fresh.verdicts.serving.unserved_adapters == not_served
        for within in ((), ("m",), ("m", "a")):
            mine = followed.verdicts.serving.model(MODEL, within)
            assert mine == fresh.verdicts.serving.model(MODEL, within)
            check_figures(followed, mine, within)


_broken = st.builds(
    lambda worker, component, namespace: record(
        (registered.instance(worker, namespace, component)[0], b"{"), lease=worker
    ),
    _worker,
    _component,
    _namespace,
)


def _without_lease(one: ModelCard) -> AnyRecord:
    return record((one.key, one.entry.value))


_unleased = st.builds(
    lambda worker, component, namespace, length: _without_lease(
        card(worker, component, namespace, context_length=length)
    ),
    _worker,
    _component,
    _namespace,
    st.sampled_from([1, 2]),
)
_batches = st.lists(
    st.lists(
        st.one_of(
            _some,
            _broken,
            _unleased,
            st.integers(0, 30),
            st.tuples(_worker, st.sampled_from([22.0, 5.0, -1.0])),
        ),
        min_size=1,
        max_size=8,
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=150)
@given(_batches)
def test_what_comes_changes_and_goes_between_two_updates_is_followed_as_a_whole(
    batches: list[list[AnyRecord | int | tuple[int, float]]],
) -> None:
    followed = Watched()
    lives: dict[int, float] = {}
    for batch in batches:
        before = {key: followed.verdicts.serving.routing(key) for key in followed.cluster.records}
        for change in batch:
            there = sorted(followed.cluster.records)
            if isinstance(change, tuple):
                followed.verdicts.observe_ttls({change[0]: life(change[1])})
                if followed.verdicts.record_on(change[0]) is not None:
                    lives[change[0]] = change[1]
            elif not isinstance(change, int):
                followed.cluster.put(change, SEEN)
            elif there:
                followed.cluster.discard(there[change % len(there)])
        changed = followed.cluster.take_changes().keys
        followed.verdicts.update(changed)
        assert not followed.verdicts.is_behind
        leases = {one.lease for one in followed.cluster.records.values()}
        lives = {lease: left for lease, left in lives.items() if lease in leases}
        rerouted = followed.verdicts.take_rerouted()
        for key in followed.cluster.records.keys() - changed:
            assert followed.verdicts.serving.routing(key) == before[key] or key in rerouted
        fresh = Watched(*followed.cluster.records.values())
        fresh.verdicts.observe_ttls({lease: life(left) for lease, left in lives.items()})
        fresh.verdicts.update()
        assert_same(followed, fresh)


def check_figures(watched: Watched, found: ModelServing | None, within: tuple[str, ...]) -> None:
    """The figures of a model are those that its cards' routings make."""
    cards = [
        one
        for one in watched.cluster.records.values()
        if isinstance(one, ModelCard)
        and not one.is_lora
        and (one.id.namespace, one.id.component)[: len(within)] == within
    ]
    if found is None:
        assert not cards
        return
    best: dict[int | None, tuple[int, bytes]] = {}
    for one in cards:
        rank = (BEST_FIRST.index(routing_kind(routing(watched, one))), one.key)
        worker = one.id.instance_id
        best[worker] = min(best.get(worker, rank), rank)
    chosen = {key for _, key in best.values()}
    routings = [(one, routing(watched, one)) for one in cards if one.key in chosen]
    least = sum(found_one is not None and found_one.routable for _, found_one in routings)
    sorts: dict[object, Counter[str | None]] = defaultdict(Counter)
    for one, its_routing in routings:
        if its_routing == Routing(False, ServingReason.CONFLICT):
            sorts[worker_set_of(one)][one.fingerprint] += 1
    if not within:
        assert (MODEL in watched.verdicts.serving.unserved) is not found.is_served
    figures, reasons = watched.verdicts.serving.figures(one.key for one in cards)
    assert figures == found.figures
    assert reasons == found.reasons
    assert figures.total == len(best)
    assert least + sum(max(one.values()) for one in sorts.values()) == figures.most
    assert least <= figures.least <= figures.most


BEST_FIRST = (
    None,
    ServingReason.CONFLICT,
    ServingReason.NEEDS,
    ServingReason.UNUSABLE,
    ServingReason.DEAD,
    ServingReason.NO_INSTANCE,
)
"""Why a card's worker is not routable: of a worker with several cards the first one counts."""


def routing_kind(one: Routing | None) -> ServingReason | None:
    assert one is not None
    return one.reason
