"""The store as a whole, over faults: what a watch tells, and what it spares."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from backends.kubernetes import KubernetesConfig, KubernetesStore
from backends.kubernetes.readiness import LIST_PODS, LIST_SLICES
from backends.kubernetes.watch import STOOD_STILL
from backends.store import (
    Cause,
    Entry,
    Forbidden,
    Heartbeat,
    KeyNotAllowed,
    Loading,
    Lost,
    Misconfigured,
    NotAuthorised,
    Owner,
    Put,
    Readiness,
    Resync,
)
from tests.support.kubernetes import shapes
from tests.support.kubernetes.standin import PODS, SLICES, WORKERS, StandIn
from tests.support.watching import View, watching

KEY = b"v1/instances/ns/c/e/1"
DATA = {"endpoints": {"ns/c/e/1": {"a": 1}}}


@pytest.fixture
async def store(config: KubernetesConfig) -> AsyncIterator[KubernetesStore]:
    """One that asks every moment what others ask every few seconds."""
    async with KubernetesStore(config, heartbeat=0.05, ask_again=0.0) as one:
        yield one


@pytest.fixture
async def view(server: StandIn, store: KubernetesStore) -> AsyncIterator[View]:
    """A watch of one ready worker, after its first heartbeat."""
    server.store.put(WORKERS, shapes.worker("p", DATA, pod_uid="u"))
    server.store.put(SLICES, shapes.endpoint_slice("s", shapes.endpoint("p", "u")))
    server.store.put(PODS, shapes.pod("p", "u"))
    async with watching(store) as one:
        await one.until_event(Heartbeat)
        for resource in (WORKERS, SLICES, PODS):
            await server.until_watched(resource)
        yield one


def owner(view: View, key: bytes = KEY) -> Owner:
    found = view.entries[key].owner
    assert found is not None
    return found


def ready(view: View) -> Callable[[], bool]:
    return lambda: KEY in view.entries and owner(view).readiness is Readiness.DISCOVERABLE


async def test_a_watch_joins_objects_slices_and_pods(view: View, server: StandIn) -> None:
    assert (view.values, view.losses) == ({KEY: b'{"a":1}'}, [])
    assert ready(view)()
    server.store.put(SLICES, shapes.endpoint_slice("s", shapes.endpoint("p", "u", False)))
    await view.until(lambda: owner(view).readiness is Readiness.NOT_READY)
    server.store.put(PODS, shapes.pod("p", "u", node="far"))
    await view.until(lambda: owner(view).node == "far")
    server.store.delete((PODS, "default", "p"), {})
    await view.until(lambda: KEY not in view.entries)
    assert (view.resyncs, view.losses) == (1, [])


@pytest.mark.parametrize("resource", [WORKERS, SLICES, PODS])
async def test_a_cut_is_neither_a_loss_nor_a_resync(
    view: View, server: StandIn, resource: str
) -> None:
    await server.cut(b'{"type":"ADD', resource)
    server.store.put(WORKERS, shapes.worker("q", {"endpoints": {"ns/c/e/2": {}}}))
    server.store.put(PODS, shapes.pod("p", "u", node="far"))
    server.store.put(SLICES, shapes.endpoint_slice("s", shapes.endpoint("p", "u", False)))
    await view.until(
        lambda: (
            len(view.entries) == 2
            and owner(view).node == "far"
            and owner(view).readiness is Readiness.NOT_READY
        )
    )
    assert (view.resyncs, view.losses) == (1, [])


@pytest.mark.parametrize("resource", [WORKERS, SLICES, PODS])
async def test_a_forgotten_version_is_one_resync_at_once_and_no_loss(
    view: View, server: StandIn, resource: str
) -> None:
    server.store.put(WORKERS, shapes.worker("q", {"endpoints": {"ns/c/e/2": {}}}))
    await view.until(lambda: len(view.entries) == 2)
    server.fail(410, "watch", resource)
    server.end_watches(resource)
    await view.until(lambda: view.resyncs == 2)
    await view.until_event(Heartbeat)
    assert (len(view.entries), view.resyncs, view.losses) == (2, 2, [])


async def test_a_server_that_was_away_is_one_loss_and_one_resync(
    view: View, server: StandIn
) -> None:
    await server.stop()
    await view.until_event(Lost)
    server.store.put(WORKERS, shapes.worker("q", {"endpoints": {"ns/c/e/2": {}}}))
    await server.start()
    await view.until(lambda: view.connected and len(view.entries) == 2)
    assert view.resyncs == 2
    assert set(view.causes) <= {Cause.REFUSED, Cause.LOST}


async def test_a_server_that_lost_its_data_is_shown_as_it_is(view: View, server: StandIn) -> None:
    await server.stop()
    server.wipe()
    await server.start()
    await view.until(lambda: view.resyncs == 2)
    assert view.entries == {}
    server.store.put(WORKERS, shapes.worker("q", DATA))
    await view.until(lambda: KEY in view.entries)


async def test_after_this_process_stood_still_all_is_read_again(
    server: StandIn, config: KubernetesConfig
) -> None:
    """Its watches would go on from versions that a server without its data has given to others."""
    now = [1000.0]
    server.store.put(WORKERS, shapes.worker("p", DATA))
    async with (
        KubernetesStore(config, heartbeat=0.05, clock=lambda: now[0]) as store,
        watching(store) as view,
    ):
        await view.until_event(Heartbeat)
        server.wipe()
        now[0] += STOOD_STILL
        await view.until_event(Heartbeat)
        assert (view.resyncs, {*view.entries}) == (1, {KEY})
        now[0] += STOOD_STILL + 1.0
        await view.until(lambda: view.resyncs == 2)
        assert view.entries == {}
        assert view.causes == []


async def test_a_busy_server_does_not_stop_a_watch(view: View, server: StandIn) -> None:
    fault = server.fail(429, resource="version", times=None, retry_after="0")
    await server.until_seen("list", "version", len(server.requests("list", "version")) + 5)
    server.store.put(PODS, shapes.pod("p", "u", node="far"))
    await view.until(lambda: owner(view).node == "far")
    fault.times = 0
    await view.until_event(Heartbeat)
    assert (view.resyncs, view.losses) == (1, [])


async def test_a_server_that_fails_is_a_loss_with_its_words(view: View, server: StandIn) -> None:
    server.fail(500, resource="version")
    await view.until_event(Lost)
    await view.until(lambda: view.connected)
    assert view.causes == [Cause.NO_LEADER]


async def test_credentials_that_are_refused_are_said_until_there_are_others(
    view: View, server: StandIn, tmp_path: Path
) -> None:
    server.tokens = {"Bearer new"}
    await view.until_event(Lost)
    assert [type(error) for error in view.losses] == [NotAuthorised]
    server.kubeconfig(tmp_path / "kubeconfig", token="new")
    await view.until(lambda: view.connected)
    assert view.resyncs == 2


@pytest.mark.parametrize(
    ("resource", "right"), [(SLICES, LIST_SLICES), (PODS, LIST_PODS)], ids=["slices", "pods"]
)
@pytest.mark.parametrize("verb", ["list", "watch"])
@pytest.mark.parametrize("reviews", [True, False])
async def test_a_right_that_is_taken_away_is_named_and_found_again(
    view: View, server: StandIn, resource: str, right: str, verb: str, reviews: bool
) -> None:
    server.reviews = reviews
    server.forbidden = {(verb, resource)}
    if reviews or verb == "watch":
        # Else it is noticed at the next list.
        server.end_watches(resource)
    else:
        server.fail(410, "watch", WORKERS)
        server.end_watches(WORKERS)
    await view.until(lambda: right in owner(view).unread)
    heartbeat: Heartbeat = await view.until_event(Heartbeat)
    assert [right in one for one in heartbeat.warnings] == [True]
    resyncs = view.resyncs
    for _ in range(3):
        await view.until_event(Heartbeat)
    if reviews or verb == "list":
        assert view.resyncs == resyncs
    server.forbidden = set()
    await view.until(ready(view))
    await view.until(lambda: view.seen[-1] == Heartbeat())
    assert view.losses == []


async def test_without_the_right_to_list_objects_that_is_the_loss(
    server: StandIn, store: KubernetesStore
) -> None:
    server.forbidden = {("list", WORKERS)}
    async with watching(store) as view:
        await view.until_event(Lost)
        assert [type(error) for error in view.losses] == [Forbidden]
        server.forbidden = set()
        await view.until(lambda: view.connected)


async def test_a_cluster_without_dynamo_says_so(server: StandIn, store: KubernetesStore) -> None:
    server.fail(404, "list", WORKERS)
    async with watching(store) as view:
        await view.until_event(Lost)
    assert "Dynamo's custom resources are not installed" in str(view.losses[0])


async def test_a_configuration_that_cannot_be_used_is_said_and_read_again(
    server: StandIn, store: KubernetesStore, tmp_path: Path
) -> None:
    (tmp_path / "kubeconfig").write_text("[]")
    async with watching(store) as view:
        await view.until_event(Lost)
        assert [type(error) for error in view.losses] == [Misconfigured]
        server.kubeconfig(tmp_path / "kubeconfig")
        await view.until(lambda: view.connected)


async def test_what_is_read_so_far_is_told_while_it_is_read(
    server: StandIn, store: KubernetesStore
) -> None:
    for number in range(501):
        server.store.put(WORKERS, shapes.worker(f"w{number:04}", DATA))
    hang = server.hang("list", SLICES)
    async with watching(store) as view:
        await view.until(lambda: Loading(501, None) in view.seen)
        assert view.resyncs == 0
        hang.times = 0
    assert len((await store.snapshot((b"v1/",))).entries) == 501


async def test_all_namespaces_are_one_list_and_each_object_keeps_its_own(
    server: StandIn, config: KubernetesConfig
) -> None:
    for namespace in ("default", "far"):
        server.store.put(WORKERS, shapes.worker("p", DATA, namespace=namespace))
    everywhere = KubernetesConfig(kubeconfig=config.kubeconfig, all_namespaces=True)
    async with KubernetesStore(everywhere) as store:
        found = await store.snapshot((b"v1/",))
        assert [one.key for one in found.entries] == [KEY, KEY + b"@far/p"]
        with pytest.raises(KeyNotAllowed, match=r"which namespace"):
            await store.put(KEY, b"{}")
    assert {one.path for one in server.requests("list")} == {
        "/apis/nvidia.com/v1alpha1/dynamoworkermetadatas"
    }


async def test_nothing_is_written_by_looking(view: View, server: StandIn) -> None:
    await view.until_event(Heartbeat)
    assert {one.verb for one in server.seen} == {"list", "watch", "create"}
    created = {one.resource for one in server.requests("create", "selfsubjectaccessreviews")}
    assert created == {"selfsubjectaccessreviews"}
    assert server.requests("create") == []


def test_choosing_another_store_imports_nothing_of_this_one() -> None:
    program = (
        "import sys, backends, backends.connections, backends.etcd; "
        "print([one for one in sys.modules if 'kubernetes' in one or one == 'yaml'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


async def test_two_watches_end_on_their_own(server: StandIn, store: KubernetesStore) -> None:
    async with watching(store) as one:
        await one.until_event(Heartbeat)
        async with watching(store) as other:
            await other.until_event(Heartbeat)
        server.store.put(WORKERS, shapes.worker("p", DATA))
        await one.until(lambda: KEY in one.entries)


async def test_put_events_name_the_entry_and_nothing_is_told_twice(
    view: View, server: StandIn
) -> None:
    server.store.put(PODS, shapes.pod("p", "u"))
    server.store.put(WORKERS, shapes.worker("q", {"endpoints": {"ns/c/e/2": {}}}))
    await view.until(lambda: len(view.entries) == 2)
    puts: list[Entry] = [one.entry for one in view.seen if isinstance(one, Put)]
    assert [one.key for one in puts] == [b"v1/instances/ns/c/e/2"]
    assert isinstance(view.seen[0], Resync | Loading)
