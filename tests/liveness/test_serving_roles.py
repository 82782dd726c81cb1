"""Which workers a request can reach where roles need each other, as prefill and decode do."""

from __future__ import annotations

import json
from typing import Any

from backends.dynamo.records import AnyRecord
from backends.liveness.evidence_kinds import NeedsNotMet
from backends.liveness.judge import Verdict
from backends.liveness.routing import RoutableCount, Routing, ServingReason
from tests.liveness.serving import ROUTABLE, alive, card, decode, instance, prefill, routing, served
from tests.liveness.watched import Watched, life
from tests.support import registered
from tests.support.registered import record


def test_prefill_and_decode_need_each_other_in_one_namespace() -> None:
    watched = Watched(decode(1), instance(1, "decode"))
    alive(watched, 1, 2, 3)
    assert routing(watched, decode(1)) == Routing(False, ServingReason.NEEDS, ("prefill",))
    assert watched.of(decode(1)) is Verdict.UNROUTABLE
    first = watched.verdicts.assessment(decode(1), 0.0).evidence[0]
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
    watched.verdicts.observe_ttls({worker: life(-1.0) for worker in (2, 3)})
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
