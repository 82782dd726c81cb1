"""How a model is served, in a clause."""

from __future__ import annotations

import json

from backends.discovery.cluster import Cluster, FirstSeen
from backends.liveness.frontends import ModelReport, ModelReports, ModelStatus
from backends.liveness.tracker import LivenessTracker
from backends.store import Lifetime
from tests.support.registered import record
from tui.text.serving import is_well_served, standing_of, with_denial


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


def test_what_no_request_reaches_is_explained_by_its_workers_before_its_frontends() -> None:
    """A frontend reports it as not ready because no worker is there: that says less."""
    frontend = ModelReport("http://f0:8000", ModelStatus.NOT_READY)
    reports = ModelReports("acme/tiny", (frontend,), is_denied=True)
    why, words = "no decode worker", ("no decode", "lacks role")
    assert with_denial(why, words, reports, is_unserved=True) == (
        "no decode worker, not ready at f0:8000",
        words,
    )
    # By what is registered it is served: then a frontend is the news.
    assert with_denial("1 dead", ("1 dead",), reports, is_unserved=False) == (
        "not ready at f0:8000, 1 dead",
        ("not ready",),
    )
    assert with_denial("", (), None, is_unserved=False) == ("", ())
