"""Rights that go, a slow API server, one that restarts or loses its data: what dyntop shows then,
beside what the server has and a real client routes to."""

from __future__ import annotations

import asyncio
from pathlib import Path

from backends.kubernetes import KubernetesConfig, KubernetesStore
from tests.kubernetes.truth.conftest import STARTED
from tests.kubernetes.truth.independent import read
from tests.kubernetes.truth.looking import Beside, Commands, beside
from tests.support.dynamo import DynamoClient, DynamoWorker
from tests.support.forwarders import Forwarder, SlowForwarder
from tests.support.kubernetes.api import WORKERS, Api, Refused
from tests.support.kubernetes.cluster import Kubernetes
from tests.support.kubernetes.dynamo import DynamoPod, selector_of
from tests.support.kubernetes.namespace import LOOKING, KubeNamespace
from tests.support.kubernetes.servers import write_kubeconfig
from tests.support.operating import dashboard
from tests.support.ports import LOOPBACK
from tests.support.seeing import held, lists, shows_loss
from tests.support.waiting import wait_for

KUBERNETES = ("--backend", "kubernetes")
DELAY = 1.0
"""Seconds between a question and its answer."""
TOKEN_LASTS = 40.0
"""Seconds, in which the dashboard comes to be complete on a busy machine, too."""


async def test_rights_that_are_taken_away_are_named_and_what_is_given_back_is_shown(
    pod: DynamoPod, worker: DynamoWorker, client: DynamoClient, tmp_path: Path
) -> None:
    account = pod.place.account("looks", *LOOKING)
    kubeconfig = account.kubeconfig()
    routed = {worker.instance_id}
    async with beside(pod.place, client, kubeconfig) as both:
        screen = both.operator
        await both.agree(routed)
        account.set_rules(LOOKING[0])
        await screen.until(lambda: {one.verdict for one in both.said().values()} == {"unknown"})
        await screen.until_shown("this user may not list and watch")
        await screen.until(lambda: set(screen.rows("state")) == {"? unknown"})
        assert await asyncio.to_thread(client.instance_ids) == routed
        account.set_rules(*LOOKING)
        await both.agree(routed, what="all may be read again")
        before = both.said()
        account.forbid()
        await shows_loss(
            screen, "denies this user the request", leading_to(kubeconfig), *KUBERNETES, code=4
        )
        await asyncio.to_thread(worker.load_lora, "acme/sql")
        # The last that was known stays, and is said to be of then.
        assert both.said() == before
        account.allow()
        await both.agree(routed, lambda it: len(it.entries) == len(before) + 1, "all is back")
        assert await asyncio.to_thread(Commands(kubeconfig, tmp_path).said) == both.said()


async def test_a_slow_server_is_loading_then_connected_and_never_lost(
    kube: KubeNamespace, tmp_path: Path
) -> None:
    made = kube.pod("prod-backend-0")
    entry = {"type": "Endpoint", "namespace": "prod", "component": "backend"}
    kube.apply_worker(made, {"endpoints": {"prod/backend/generate/1": entry}})
    slow = SlowForwarder(kube.kubernetes.server.ports[0], DELAY)
    await slow.open()
    through = kubeconfig_through(slow, kube, tmp_path)
    links: list[str] = []
    async with (
        KubernetesStore(KubernetesConfig(kubeconfig=str(through))) as store,
        dashboard(store=store, size=(120, 40), complete=False) as operator,
    ):

        def shows(number: int) -> bool:
            links.append(operator.dashboard.view.store.link.value)
            return links[-1] == "connected" and len(held(operator)) == number

        await operator.until(lambda: shows(1), "the first entry")
        two = {"endpoints": {f"prod/backend/generate/{one}": entry for one in (1, 2)}}
        await asyncio.to_thread(kube.apply_worker, made, two)
        await operator.until(lambda: shows(2), "the second entry")
        assert {key.decode() for key in held(operator)} == {*read(kube).entries}
    assert "loading" in links
    assert "disconnected" not in links
    ended = await lists(leading_to(through), *KUBERNETES)
    assert {one["key"] for one in ended.records} == {*read(kube).entries}
    await slow.cut()


async def test_after_a_restart_with_its_data_and_without_all_is_shown_as_it_is(
    stoppable_kubernetes: Kubernetes, tmp_path: Path
) -> None:
    kubernetes = stoppable_kubernetes
    place = KubeNamespace(kubernetes)
    operator = place.account("operator", *LOOKING)
    forwarder = Forwarder(kubernetes.server.ports[0])
    await forwarder.open()
    token = operator.token_for(TOKEN_LASTS)
    kubeconfig = kubeconfig_through(forwarder, place, tmp_path, token)
    pod = pod_in(place)
    front = DynamoPod(place, "prod-frontend-0", component="frontend")
    with DynamoWorker(pod, publishers=False) as worker, DynamoClient(front) as client:
        pod.set_ready(started=STARTED)
        async with beside(place, client, kubeconfig) as both:
            routed = {worker.instance_id}
            before = (await both.agree(routed)).entries
            await forwarder.cut()
            await loses_contact(both)
            worker.load_lora("acme/sql")
            # What dyntop saw last is forgotten, and its token ran out.
            kubernetes.compact()
            kubernetes.restart()
            with_token = kubernetes.server.api(token)
            wait_for(lambda: is_refused(with_token, place), "the token ran out", TOKEN_LASTS * 2)
            await forwarder.open()
            await both.operator.until_shown("does not accept this user")
            assert both.said() == before
            kubeconfig_through(forwarder, place, tmp_path)
            await both.agree(routed, lambda it: len(it.entries) == len(before) + 1, "as it is now")
            # This client would go on routing to what it knew: a watch from a version that is to
            # come is silent.
            both.client = None
            worker.kill()
            client.kill()
            # As long as it takes, dyntop would stand still in this process, and see no outage.
            await forwarder.cut()
            await loses_contact(both)
            kubernetes.wipe()
            await forwarder.open()
            await both.agree(set(), lambda it: not it.entries, "empty")
            # Where there is such a namespace again, a new pod has the name and another uid.
            again = KubeNamespace(kubernetes, place.name)
            pod, front = pod_in(again), DynamoPod(again, front.name, component="frontend")
            with DynamoWorker(pod, publishers=False) as worker, DynamoClient(front) as both.client:
                pod.set_ready(started=STARTED)
                await both.agree(routed, lambda it: it.entries != before, "registered anew")
                assert await asyncio.to_thread(Commands(kubeconfig, tmp_path).said) == both.said()
    await forwarder.cut()


def is_refused(api: Api, place: KubeNamespace) -> bool:
    try:
        api.list(WORKERS, place.name, limit=1)
    except Refused as refused:
        if refused.status != 401:
            raise
        return True
    return False


async def loses_contact(both: Beside) -> None:
    screen = both.operator
    await screen.until(lambda: screen.dashboard.view.store.link.value == "disconnected")
    await screen.until_shown("✗ disconnected since")


def pod_in(place: KubeNamespace) -> DynamoPod:
    place.service("prod-backend", selector_of("backend"))
    return DynamoPod(place, "prod-backend-0")


def kubeconfig_through(
    forwarder: Forwarder, place: KubeNamespace, folder: Path, token: str = ""
) -> Path:
    """Write a kubeconfig that leads through a forwarder, of the user who may do everything unless
    another's `token` is given."""
    server = place.kubernetes.server
    url = f"https://{LOOPBACK}:{forwarder.port}"
    user = {"token": token or server.admin.token}
    return write_kubeconfig(folder / "through", url, server.tls.ca, user, place.name)


def leading_to(kubeconfig: Path) -> dict[str, str]:
    return {"KUBECONFIG": str(kubeconfig)}
