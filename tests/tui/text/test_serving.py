"""How a model is served, in a clause."""

from __future__ import annotations

import json

from backends.discovery.cluster import Cluster, FirstSeen
from backends.liveness.tracker import LivenessTracker
from backends.store import Lifetime
from tests.support.registered import record
from tui.text.serving import is_well_served, standing_of


def test_of_a_model_of_0_5_it_is_not_claimed_that_it_is_an_adapter_or_not_served() -> None:
    at = {"namespace": "prod", "component": "backend", "name": "generate"}
    entry = {"name": "acme/tiny", "endpoint": at, "model_type": "Chat"}
    card = record((b"models/5ecfbbe8", json.dumps(entry).encode()), lease=0x1A)
    cluster = Cluster()
    cluster.put(card, FirstSeen(0.0, was_there=True))
    tracker = LivenessTracker(cluster, Lifetime.LEASED)
    tracker.update(cluster.records)
    text = standing_of("acme/tiny", tracker.serving, [card])
    assert text.startswith("model acme/tiny may or may not be served")
    assert "0.5" in text
    # Not certain is not good enough for a script.
    assert not is_well_served("acme/tiny", tracker.serving, [card])
