"""Workers of one model, and which of them a request can reach."""

from __future__ import annotations

import json
from typing import Any

from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.routing import ModelServing, Routing, ServingReason
from tests.liveness.watched import Watched, life
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
    watched.verdicts.observe_ttls({worker: life(22.0) for worker in workers})
    watched.verdicts.update()
