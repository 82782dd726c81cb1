"""What a frontend of each release lists as its models, and which dyntop says are served."""

from __future__ import annotations

import asyncio

import pytest

from backends.discovery.discovery import Discovery
from backends.dynamo.records import ModelCard
from backends.kubernetes import KubernetesConfig, KubernetesStore
from backends.liveness.survey import survey
from tests.kubernetes.truth.conftest import STARTED
from tests.kubernetes.truth.looking import PAUSE, Commands
from tests.real.released import NEWEST, environment_of
from tests.support.dynamo import DynamoWorker, models_of
from tests.support.kubernetes.dynamo import DynamoPod
from tests.support.nats_server import NatsServer
from tests.support.operating import DEADLINE
from tests.support.waiting import wait_for
from tests.truth.cluster import Frontend, installed

MODEL, ADAPTER = "acme/tiny-llm", "acme/sql"
EVENTS = ("--event-plane", "nats")
"""Publishers over ZMQ would listen on all addresses of the machine."""

pytestmark = pytest.mark.skipif(
    not installed(), reason="the package ai-dynamo is not installed here: run `make cluster`"
)


AFTER_ITS_END: dict[str, tuple[str, ...]] = {"1.0.2": (MODEL,), "1.4.2": (), NEWEST: ()}
"""The models still listed once a worker ended in order, until its pod is not ready, by release."""


@pytest.mark.parametrize("release", AFTER_ITS_END)
async def test_the_models_that_a_frontend_lists_are_those_that_are_routable(
    pod: DynamoPod, operator: Commands, release: str
) -> None:
    env = environment_of(release)
    front = DynamoPod(pod.place, "prod-frontend-0", component="frontend")
    config = KubernetesConfig(kubeconfig=str(pod.place.kubeconfig()))
    with (
        NatsServer() as nats,
        DynamoWorker(pod, publishers=False, env=env) as worker,
        Frontend(front, env={"NATS_SERVER": nats.url, **env}, options=EVENTS) as it,
    ):
        pod.set_ready(started=STARTED)

        async def both_say(*models: str) -> None:
            wait_for(lambda: models_of(it.url) == {*models}, f"{models} at the frontend")
            async with KubernetesStore(config) as store, asyncio.timeout(DEADLINE):
                while True:
                    if await routable(store) == {*models}:
                        return
                    await asyncio.sleep(PAUSE)

        await both_say(MODEL)
        worker.load_lora(ADAPTER)
        await both_say(MODEL, ADAPTER)
        worker.unload_lora(ADAPTER)
        await both_say(MODEL)
        pod.set_ready(False, started=STARTED)
        await both_say()
        pod.set_ready(started=STARTED)
        await both_say(MODEL)
        drained = operator.run("drain", "--yes", worker.instance_id)
        await both_say()
        assert operator.run("check", "--model", MODEL).code == 1
        assert operator.run("restore", drained.act).code == 0
        await both_say(MODEL)
        # Nothing is amiss, by what the frontend itself lists, too.
        assert operator.run("check", "--metrics", it.url).code == 0
        worker.terminate()
        await asyncio.to_thread(worker.wait_for_end)
        await both_say(*AFTER_ITS_END[release])
        pod.set_ready(False, started=STARTED)
        await both_say()


async def routable(store: KubernetesStore) -> set[str | None]:
    """The names of the cards by which requests are routed."""
    found = await survey(Discovery(store))
    cards = [one for one in found.cluster.records.values() if isinstance(one, ModelCard)]
    routings = {card.model_name: found.assessment(card).routing for card in cards}
    return {name for name, routing in routings.items() if routing and routing.routable}
