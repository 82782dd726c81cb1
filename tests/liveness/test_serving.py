"""Which workers a request can reach, by what is registered and what is dead."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.dynamo.card_checksum import worker_set_of
from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.evidence_kinds import InstanceAddressUnusable, NeedsNotMet, NoInstance
from backends.liveness.judge import Verdict
from backends.liveness.routing import ModelServing, RoutableCount, Routing, ServingReason
from tests.liveness.watched import SEEN, Watched, assert_same, life
from tests.support import registered
from tests.support.registered import record

NO_INSTANCE = Routing(False, ServingReason.NO_INSTANCE)
IN_CONFLICT = Routing(False, ServingReason.CONFLICT)
ROUTABLE = Routing(True)
MODEL = "acme/tiny-llm"


def instance(
    worker: int,
    component: str = "backend",
    namespace: str = "prod",
    address: str | None = None,
) -> AnyRecord:
    return record(registered.instance(worker, namespace, component, address=address), lease=worker)


def card(
    worker: int,
    component: str = "backend",
    namespace: str = "prod",
    model: str = MODEL,
    **more: Any,
) -> ModelCard:
    """A card with some fields set."""
    key, value = registered.card(worker, model, None, namespace, component)
    body = json.loads(value)
    body["card_json"] |= more
    found = record((key, json.dumps(body).encode()), lease=worker)
    assert isinstance(found, ModelCard)
    return found


def prefill(worker: int, namespace: str = "prod", component: str = "prefill") -> ModelCard:
    needs = [["decode"]]
    return card(worker, component, namespace, worker_type="prefill", needs=needs, model_type="")


def decode(worker: int, namespace: str = "prod", component: str = "decode") -> ModelCard:
    return card(worker, component, namespace, worker_type="decode", needs=[["prefill"]])


def served(watched: Watched, model: str = MODEL) -> ModelServing:
    found = watched.verdicts.serving.model(model)
    assert found is not None
    return found


def routing(watched: Watched, one: ModelCard) -> Routing | None:
    return watched.verdicts.serving.routing(one.key)


def alive(watched: Watched, *workers: int) -> None:
    watched.verdicts.observe_lives({worker: life(22.0) for worker in workers})
    watched.verdicts.update()


def test_a_card_without_an_instance_is_unroutable_until_there_is_one() -> None:
    one = card(1)
    watched = Watched(one)
    alive(watched, 1)
    assert routing(watched, one) == NO_INSTANCE
    assert watched.of(one) is Verdict.DRAINED
    unleased = record(registered.card(9, namespace="left"))
    assert isinstance(unleased, ModelCard)
    watched.put(unleased, record(registered.instance(9, "left", endpoint="other")))
    assert watched.of(unleased) is Verdict.UNROUTABLE
    first = watched.verdicts.judgement(unleased, 0.0).evidence[0]
    assert first.values == NoInstance("left/backend/generate")
    # Another worker's, and one on another endpoint, are none of its own.
    watched.put(instance(2), instance(1, "other"))
    assert routing(watched, one) == NO_INSTANCE
    assert watched.put(instance(1)) >= {one.key}
    assert routing(watched, one) == ROUTABLE
    assert watched.of(one) is Verdict.LIVE


def test_a_worker_whose_instances_are_dead_is_not_routable_and_late_ones_are() -> None:
    one = card(1)
    watched = Watched(one, instance(1))
    watched.verdicts.observe_lives({1: life(5.0)})
    watched.verdicts.update()
    assert watched.of(instance(1)) is Verdict.LATE
    assert routing(watched, one) == ROUTABLE
    watched.verdicts.observe_lives({1: life(-1.0)})
    watched.verdicts.update()
    assert routing(watched, one) == Routing(False, ServingReason.DEAD)
    assert watched.of(one) is Verdict.ORPHANED
    assert served(watched).reasons == {ServingReason.DEAD: 1}
    assert not served(watched).is_served


@pytest.mark.parametrize(
    "transport",
    [
        {"tcp": "0.0.0.0:9/1/prod/backend/generate"},
        {"tcp": "10.0.0.1:0"},
        {"tcp": ""},
        {"http": "http://[::]:9/v1/rpc"},
    ],
)
def test_a_worker_at_an_address_that_no_client_can_use_is_not_routable(
    transport: dict[str, str],
) -> None:
    one = card(1)
    key, value = registered.instance(1)
    body = json.dumps(json.loads(value) | {"transport": transport}).encode()
    unusable = record((key, body), lease=1)
    watched = Watched(one, unusable)
    alive(watched, 1)
    assert routing(watched, one) == Routing(False, ServingReason.UNUSABLE)
    assert watched.of(one) is Verdict.UNROUTABLE
    first = watched.verdicts.judgement(one, 0.0).evidence[0]
    assert first.values == InstanceAddressUnusable("prod/backend/generate")
    assert str(served(watched).figures) == "0/1"
    assert served(watched).reasons == {ServingReason.UNUSABLE: 1}
    assert not served(watched).is_served
    assert watched.verdicts.serving.unserved == {MODEL}
    # It registers anew, and is then dead.
    assert watched.put(instance(1)) >= {one.key}
    assert routing(watched, one) == ROUTABLE
    watched.put(unusable)
    watched.verdicts.observe_lives({1: life(-1.0)})
    watched.verdicts.update()
    assert routing(watched, one) == Routing(False, ServingReason.DEAD)
    assert served(watched).reasons == {ServingReason.DEAD: 1}


@pytest.mark.parametrize(
    "transport", [{"nats_tcp": "0.0.0.0:9"}, {"later": "0.0.0.0:9"}, {"tcp": "worker-7.svc:9"}]
)
def test_an_address_that_some_client_may_use_counts(transport: dict[str, str]) -> None:
    one = card(1)
    key, value = registered.instance(1)
    body = json.dumps(json.loads(value) | {"transport": transport}).encode()
    watched = Watched(one, record((key, body), lease=1))
    alive(watched, 1)
    assert routing(watched, one) == ROUTABLE


def test_prefill_and_decode_need_each_other_in_one_namespace() -> None:
    watched = Watched(decode(1), instance(1, "decode"))
    alive(watched, 1, 2, 3)
    assert routing(watched, decode(1)) == Routing(False, ServingReason.NEEDS, ("prefill",))
    assert watched.of(decode(1)) is Verdict.UNROUTABLE
    first = watched.verdicts.judgement(decode(1), 0.0).evidence[0]
    assert first.values == NeedsNotMet(("prefill",), "prod")
    # Of another namespace it is of no use.
    watched.put(prefill(2, "other"), instance(2, "prefill", "other"))
    assert watched.of(decode(1)) is watched.of(prefill(2, "other")) is Verdict.UNROUTABLE
    assert watched.put(prefill(3), instance(3, "prefill")) >= {decode(1).key}
    alive(watched, 3)
    assert routing(watched, decode(1)) == routing(watched, prefill(3)) == ROUTABLE
    assert served(watched).by_role == {
        "decode": RoutableCount(1, 1, 1),
        "prefill": RoutableCount(1, 1, 2),
    }
    assert served(watched).missing == {"other": ("decode",)}
    assert served(watched).is_served
    # Its card alone, after a drain, is not enough.
    assert watched.discard(instance(3, "prefill")) >= {decode(1).key}
    assert str(served(watched).figures) == "0/3"
    assert not served(watched).is_served


def test_a_prefill_worker_of_an_old_release_needs_any_other() -> None:
    old = card(1, "prefill", model_type="Prefill")
    watched = Watched(old, instance(1, "prefill"))
    assert routing(watched, old) == Routing(False, ServingReason.NEEDS, ("decode",))
    other = card(2, "decode", model_type="Chat | Completions")
    watched.put(other, instance(2, "decode"))
    assert routing(watched, old) == routing(watched, other) == ROUTABLE
    # It serves alone, since it may be aggregated for all that its card says.
    watched.discard(old, instance(1, "prefill"))
    assert routing(watched, other) == ROUTABLE
    watched.put(old, instance(1, "prefill"))
    watched.discard(instance(2, "decode"))
    assert routing(watched, old) == Routing(False, ServingReason.NEEDS, ("decode",))


def test_what_is_missing_follows_cards_that_begin_or_cease_to_tell_their_role() -> None:
    def unsure(**more: Any) -> AnyRecord:
        """A card that no frontend accepts, since its body names another worker."""
        key, value = registered.card(3)
        body = json.loads(value) | {"instance_id": 9}
        body["card_json"] |= more
        return record((key, json.dumps(body).encode()), lease=3)

    alone = card(1, "decode", worker_type="decode")
    missing = Routing(False, ServingReason.NEEDS, ("aggregated",))
    watched = Watched(alone, instance(1, "decode"), unsure())
    assert routing(watched, alone) == ROUTABLE
    watched.put(unsure(worker_type="aggregated"))
    assert routing(watched, alone) == missing
    assert watched.of(alone) is Verdict.UNROUTABLE
    watched.put(unsure())
    assert routing(watched, alone) == ROUTABLE
    # Of two dead workers of one set the one that told no role goes.
    old, new = card(2), card(3, worker_type="aggregated")
    watched.put(old, new)
    watched.verdicts.observe_lives({worker: life(-1.0) for worker in (2, 3)})
    watched.verdicts.update()
    assert (watched.of(old), watched.of(new)) == (Verdict.ORPHANED, Verdict.ORPHANED)
    assert routing(watched, alone) == ROUTABLE
    watched.discard(old)
    assert routing(watched, alone) == missing
    watched.put(old)
    assert routing(watched, alone) == ROUTABLE


def test_one_of_several_needs_is_enough_and_all_of_it() -> None:
    needs = [["prefill", "decode"], ["aggregated"]]
    encode = card(1, "encode", worker_type="encode", needs=needs)
    watched = Watched(encode, instance(1, "encode"))
    missing = ("aggregated", "decode", "prefill")
    assert routing(watched, encode) == Routing(False, ServingReason.NEEDS, missing)
    aggregated = card(2, worker_type="aggregated", needs=[])
    watched.put(aggregated, instance(2))
    assert routing(watched, encode) == routing(watched, aggregated) == ROUTABLE


def test_adapters_are_routable_where_their_base_model_is() -> None:
    adapter = record(registered.card(1, lora="acme/sql", component="decode"), lease=1)
    assert isinstance(adapter, ModelCard)
    watched = Watched(adapter, decode(1), instance(1, "decode"))
    alive(watched, 1, 2)
    assert watched.of(adapter) is Verdict.UNROUTABLE
    assert watched.put(prefill(2), instance(2, "prefill")) >= {adapter.key}
    assert routing(watched, adapter) == ROUTABLE
    assert watched.of(adapter) is Verdict.LIVE
    assert watched.discard(decode(1), prefill(2), instance(2, "prefill")) == set()
    assert watched.discard(instance(1, "decode")) == {adapter.key}
    assert watched.of(adapter) is Verdict.UNROUTABLE


def test_an_adapter_is_judged_anew_when_the_card_of_its_base_model_comes_or_goes() -> None:
    adapter = record(registered.card(1, lora="acme/sql", component="decode"), lease=1)
    assert isinstance(adapter, ModelCard)
    watched = Watched(adapter, instance(1, "decode"))
    alive(watched, 1)
    assert watched.of(adapter) is Verdict.LIVE
    # Alone it misses nothing; its base model here misses a prefill worker.
    assert watched.put(decode(1)) >= {adapter.key}
    assert watched.of(adapter) is Verdict.UNROUTABLE
    assert watched.verdicts.take_rerouted() >= {adapter.key}
    assert watched.discard(decode(1)) == {adapter.key}
    assert watched.of(adapter) is Verdict.LIVE
    assert watched.verdicts.take_rerouted() >= {adapter.key}


def test_an_adapter_without_a_routable_worker_is_not_served_whatever_its_base_model_is() -> None:
    adapters = [record(registered.card(one, MODEL, "acme/sql"), lease=one) for one in (1, 2)]
    watched = Watched(*adapters, *map(card, (1, 2, 3)), *map(instance, (1, 2, 3)))
    alive(watched, 1, 2, 3)
    serving = watched.verdicts.serving
    assert (serving.unserved_adapters, serving.adapters) == (set(), 1)
    watched.discard(instance(1))
    assert serving.unserved_adapters == set()
    watched.discard(instance(2))
    assert (serving.unserved_adapters, serving.unserved) == ({"acme/sql"}, set())
    # What may be there and is not seen is not missed.
    watched.verdicts.sees_all(False)
    assert serving.unserved_adapters == set()
    watched.verdicts.sees_all(True)
    watched.put(instance(1))
    assert serving.unserved_adapters == set()
    watched.discard(instance(1), *adapters)
    assert (serving.unserved_adapters, serving.adapters) == (set(), 0)


def test_in_a_conflict_each_frontend_serves_one_sort_of_card() -> None:
    cards = [card(1, context_length=1), card(2, context_length=1), card(3, context_length=2)]
    watched = Watched(*cards, *map(instance, (1, 2, 3)))
    alive(watched, 1, 2, 3)
    assert routing(watched, cards[0]) == Routing(False, ServingReason.CONFLICT)
    assert str(served(watched).figures) == "1–2/3"
    assert served(watched).is_served
    assert served(watched).reasons == {ServingReason.CONFLICT: 3}
    # Where no instance of one sort is left, a frontend that accepted it serves nothing.
    watched.discard(instance(3))
    assert routing(watched, cards[2]) == NO_INSTANCE
    assert {watched.of(one) for one in cards} == {Verdict.CONFLICT}
    assert str(served(watched).figures) == "0–2/3"
    assert not served(watched).is_served


def test_other_workers_bear_on_a_card_in_a_conflict_and_where_roles_need_each_other() -> None:
    def bearing(one: ModelCard) -> set[bytes]:
        return watched.verdicts.serving.bearing_on([one.key])

    watched = Watched(*map(instance, (1, 2)), card(1), card(2))
    assert bearing(card(1)) == set()
    other = card(3, context_length=7)
    elsewhere = card(4, namespace="other", context_length=7)
    watched.put(instance(3), other, instance(4, namespace="other"), elsewhere)
    assert bearing(card(1)) == bearing(other) == {one.key for one in (card(1), card(2), other)}
    assert bearing(elsewhere) == set()
    # An adapter is served as its worker's base model is.
    adapter = record(registered.card(1, MODEL, "sql"), lease=1)
    assert isinstance(adapter, ModelCard)
    watched.put(adapter)
    assert bearing(adapter) == bearing(card(1))
    watched = Watched(decode(1), instance(1, "decode"))
    assert bearing(decode(1)) == set()
    watched.put(prefill(2))
    assert bearing(decode(1)) == bearing(prefill(2)) == {decode(1).key, prefill(2).key}


def test_what_may_be_there_and_is_not_seen_is_not_missed() -> None:
    one = decode(1)
    watched = Watched(one)
    watched.verdicts.sees_all(False)
    watched.verdicts.update()
    assert routing(watched, one) is None
    assert watched.of(one) is Verdict.UNKNOWN
    watched.put(instance(1, "decode"))
    assert routing(watched, one) is None


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
            followed.verdicts.observe_lives({step[0]: life(step[1])})
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
        fresh.verdicts.observe_lives({lease: life(left) for lease, left in lives.items()})
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
                followed.verdicts.observe_lives({change[0]: life(change[1])})
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
        fresh.verdicts.observe_lives({lease: life(left) for lease, left in lives.items()})
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


def test_a_worker_on_two_endpoints_counts_once_as_its_better_one_does() -> None:
    both = [card(1, "a"), card(1, "b")]
    watched = Watched(*both, card(2, "a"), instance(1, "a"), instance(2, "a"))
    alive(watched, 1, 2)
    assert routing(watched, both[1]) == NO_INSTANCE
    assert str(served(watched).figures) == "2/2"
    assert served(watched).reasons == {}
    assert {role: str(one) for role, one in served(watched).by_role.items()} == {
        "aggregated": "2/2"
    }
    # On the one endpoint where it has no instance it is not routable.
    here = watched.verdicts.serving.model(MODEL, ("prod", "b"))
    assert here is not None
    assert str(here.figures) == "0/1"
    assert here.reasons == {ServingReason.NO_INSTANCE: 1}
    watched.discard(instance(1, "a"))
    assert str(served(watched).figures) == "1/2"
    assert served(watched).reasons == {ServingReason.NO_INSTANCE: 1}
    watched.discard(both[1])
    assert str(served(watched).figures) == "1/2"


def test_of_what_may_not_be_read_it_is_not_known_how_many_are_routable() -> None:
    watched = Watched(card(1), card(2), card(3))
    watched.verdicts.sees_all(False)
    watched.verdicts.update()
    assert (str(served(watched).figures), served(watched).reasons) == ("?/3", {})
    # Some instances may be read, as where only a part of the namespace is.
    watched.put(instance(1))
    assert (str(served(watched).figures), served(watched).reasons) == ("1–3/3", {})
    watched.verdicts.sees_all(True)
    watched.verdicts.update()
    assert str(served(watched).figures) == "1/3"
    watched = Watched(decode(1), prefill(2), instance(1, "decode"))
    watched.verdicts.sees_all(False)
    watched.verdicts.update()
    assert str(served(watched).figures) == "?/2"
    assert served(watched).missing == {}
