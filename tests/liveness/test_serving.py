"""Which workers a request can reach, by what is registered and what is dead."""

from __future__ import annotations

import json

import pytest

from backends.dynamo.records import ModelCard
from backends.liveness.evidence_kinds import InstanceAddressUnusable, NoInstance
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
from tests.liveness.watched import Watched, life
from tests.support import registered
from tests.support.registered import record


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
    first = watched.verdicts.assessment(unleased, 0.0).evidence[0]
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
    watched.verdicts.observe_ttls({1: life(5.0)})
    watched.verdicts.update()
    assert watched.of(instance(1)) is Verdict.LATE
    assert routing(watched, one) == ROUTABLE
    watched.verdicts.observe_ttls({1: life(-1.0)})
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
    first = watched.verdicts.assessment(one, 0.0).evidence[0]
    assert first.values == InstanceAddressUnusable("prod/backend/generate")
    assert str(served(watched).figures) == "0/1"
    assert served(watched).reasons == {ServingReason.UNUSABLE: 1}
    assert not served(watched).is_served
    assert watched.verdicts.serving.unserved == {MODEL}
    # It registers anew, and is then dead.
    assert watched.put(instance(1)) >= {one.key}
    assert routing(watched, one) == ROUTABLE
    watched.put(unusable)
    watched.verdicts.observe_ttls({1: life(-1.0)})
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


def test_what_may_be_there_and_is_not_seen_is_not_missed() -> None:
    one = decode(1)
    watched = Watched(one)
    watched.verdicts.set_complete(False)
    watched.verdicts.update()
    assert routing(watched, one) is None
    assert watched.of(one) is Verdict.UNKNOWN
    watched.put(instance(1, "decode"))
    assert routing(watched, one) is None


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
    watched.verdicts.set_complete(False)
    watched.verdicts.update()
    assert (str(served(watched).figures), served(watched).reasons) == ("?/3", {})
    # Some instances may be read, as where only a part of the namespace is.
    watched.put(instance(1))
    assert (str(served(watched).figures), served(watched).reasons) == ("1–3/3", {})
    watched.verdicts.set_complete(True)
    watched.verdicts.update()
    assert str(served(watched).figures) == "1/3"
    watched = Watched(decode(1), prefill(2), instance(1, "decode"))
    watched.verdicts.set_complete(False)
    watched.verdicts.update()
    assert str(served(watched).figures) == "?/2"
    assert served(watched).missing == {}
