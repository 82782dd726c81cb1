"""The life of a worker of each release: what dyntop shows of it, what the API server has, and what
a client of that release routes to."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from datetime import UTC, datetime, timedelta

import pytest

from backends.discovery.discovery import Discovery
from backends.kubernetes import KubernetesConfig, KubernetesStore
from backends.liveness.judge import Verdict
from backends.liveness.survey import survey
from backends.probe.prober import Prober
from tests.kubernetes.truth.conftest import STARTED
from tests.kubernetes.truth.independent import Truth
from tests.kubernetes.truth.looking import GENERATE, Beside, Commands, beside
from tests.real.released import NEWEST, environment_of
from tests.support.dynamo import DynamoClient, DynamoWorker
from tests.support.kubernetes.api import WORKERS
from tests.support.kubernetes.dynamo import DynamoPod
from tests.support.kubernetes.namespace import Container

CARDS, INSTANCES = "v1/mdc", "v1/instances"
LEFT = {"1.0.2": {CARDS, INSTANCES}, "1.4.2": {CARDS}, NEWEST: {CARDS}}
"""What stays in the object of a worker that was ended in order, by release."""
ADAPTER = "acme/sql"


@pytest.mark.parametrize("release", LEFT)
async def test_a_worker_of_each_release_is_shown_as_the_server_has_it_all_its_life(
    pod: DynamoPod, operator: Commands, release: str
) -> None:
    env = environment_of(release)
    front = DynamoPod(pod.place, "prod-frontend-0", component="frontend")
    with (
        DynamoWorker(pod, publishers=False, env=env) as worker,
        DynamoClient(front, env=env) as client,
    ):
        async with beside(pod.place, client) as both:
            await registers_and_loads(both, pod, worker)
            assert await asyncio.to_thread(operator.said) == both.said()
            await hangs(both, worker)
            await is_drained_and_restored(both, worker, operator)
            await loses_its_object_until_its_next_change(both, pod, worker)
            await is_killed_and_started_again(both, pod, worker)
            await is_ended(both, pod, worker, LEFT[release])


async def registers_and_loads(both: Beside, pod: DynamoPod, worker: DynamoWorker) -> None:
    await both.agree(set(), lambda it: has(it, worker), "registered, not ready")
    pod.set_ready(started=STARTED)
    await both.agree({worker.instance_id}, what="ready")
    await asyncio.to_thread(worker.load_lora, ADAPTER)
    await both.agree({worker.instance_id}, lambda it: len(adapters(it)) == 1, "an adapter")
    await asyncio.to_thread(worker.unload_lora, ADAPTER)
    await both.agree({worker.instance_id}, lambda it: not adapters(it), "no adapter")
    pod.set_ready(False, started=STARTED)
    await both.agree(set(), lambda it: verdicts(it) == {"not ready"}, "not ready")
    pod.set_ready(started=STARTED)
    await both.agree({worker.instance_id}, lambda it: verdicts(it) == {"live"}, "ready again")


async def hangs(both: Beside, worker: DynamoWorker) -> None:
    """It is unreachable while its pod is still ready, and clients still route to it."""
    config = KubernetesConfig(kubeconfig=str(both.place.kubeconfig()))
    # The worker of a test listens on loopback, where no pod of a cluster could be reached.
    prober = Prober(nats=None, clock=time.time, random=random.random, here=True)
    key = f"{GENERATE}{worker.instance_id}".encode()

    async def verdict(store: KubernetesStore) -> Verdict:
        found = await survey(Discovery(store), probes=prober, deep=True)
        return found.assessment(found.cluster.records[key]).verdict

    async with KubernetesStore(config) as store:
        assert await verdict(store) is Verdict.LIVE
        worker.process.send_signal(signal.SIGSTOP)
        try:
            assert await verdict(store) is Verdict.UNREACHABLE
            await both.agree({worker.instance_id})
        finally:
            worker.process.send_signal(signal.SIGCONT)
            await prober.aclose()


async def is_drained_and_restored(both: Beside, worker: DynamoWorker, operator: Commands) -> None:
    routed = {worker.instance_id}
    drained = await asyncio.to_thread(operator.run, "drain", "--yes", worker.instance_id)
    assert drained.code == 0, drained.err
    await both.agree(set(), lambda it: verdicts(it) == {"unroutable"}, "drained")
    restored = await asyncio.to_thread(operator.run, "restore", drained.act)
    assert restored.code == 0, restored.err
    await both.agree(routed, lambda it: verdicts(it) == {"live"}, "restored")
    # What was put back is the worker's own again.
    await asyncio.to_thread(worker.unregister_endpoint)
    await both.agree(set(), lambda it: not has(it, worker), "unregistered by itself")
    await asyncio.to_thread(worker.register_endpoint)
    await both.agree(routed, lambda it: has(it, worker), "registered again")


async def loses_its_object_until_its_next_change(
    both: Beside, pod: DynamoPod, worker: DynamoWorker
) -> None:
    await asyncio.to_thread(pod.place.admin.delete, WORKERS, pod.place.name, pod.name)
    await both.agree(set(), lambda it: not it.entries, "its object was deleted")
    await asyncio.to_thread(worker.load_lora, ADAPTER)
    await both.agree({worker.instance_id}, lambda it: len(adapters(it)) == 1, "all is back")


async def is_killed_and_started_again(both: Beside, pod: DynamoPod, worker: DynamoWorker) -> None:
    place, before = pod.place, both.said()
    worker.kill()
    # Nobody has noticed: the object is as it was, and requests are routed to it.
    assert (await both.agree({worker.instance_id})).entries == before
    place.set_status(pod.name, Container(ready=False, restarts=1), ready=False)
    await both.agree(set(), lambda it: verdicts(it) == {"not ready"}, "its container waits")
    # Until the new process registers, what is there is of the one before.
    started = datetime.now(UTC) + timedelta(seconds=11)
    pod.set_ready(False, restarts=1, started=started)
    await both.agree(set(), lambda it: verdicts(it) == {"orphaned"}, "started again")
    worker.start()
    pod.set_ready(restarts=1, started=started)
    key = f"{GENERATE}{worker.instance_id}"
    truth = await both.agree(
        {worker.instance_id},
        lambda it: has(it, worker) and it.entries[key].value != before[key].value,
        "registered again",
    )
    # Adapters come back only as they are loaded again.
    assert truth.entries.keys() == before.keys() - adapters(Truth(before))


async def is_ended(both: Beside, pod: DynamoPod, worker: DynamoWorker, left: set[str]) -> None:
    worker.terminate()
    await asyncio.to_thread(worker.wait_for_end)
    pod.set_ready(False, restarts=1, started=STARTED)
    await both.agree(set(), lambda it: it.kinds() == left, f"{left} are left")
    await asyncio.to_thread(pod.place.delete_pod, pod.name)
    await both.agree(set(), lambda it: not it.entries, "gone with its pod")


def has(truth: Truth, worker: DynamoWorker) -> bool:
    """Whether its endpoint is registered, and its model."""
    return f"{GENERATE}{worker.instance_id}" in truth.entries and CARDS in truth.kinds()


def adapters(truth: Truth) -> set[str]:
    """The keys of adapters."""
    return {key for key in truth.entries if key.startswith(CARDS) and key.count("/") > 5}


def verdicts(truth: Truth) -> set[str]:
    return {said.verdict for said in truth.entries.values()}
