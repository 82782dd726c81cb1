"""How workers bear on each other: adapters on their base model, and cards in conflict."""

from __future__ import annotations

from backends.dynamo.records import ModelCard
from backends.liveness.judge import Verdict
from backends.liveness.routing import Routing, ServingReason
from tests.liveness.serving import (
    MODEL,
    NO_INSTANCE,
    ROUTABLE,
    alive,
    card,
    decode,
    instance,
    prefill,
    routing,
    served,
)
from tests.liveness.watched import Watched
from tests.support import registered
from tests.support.registered import record


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
    watched.verdicts.set_complete(False)
    assert serving.unserved_adapters == set()
    watched.verdicts.set_complete(True)
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
