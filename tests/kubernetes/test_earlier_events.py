"""An API server's objects tell by themselves when what they hold came."""

from __future__ import annotations

import time

from backends.discovery.discovery import Discovery
from backends.discovery.earlier_events import RECENT, events_of_objects
from backends.dynamo.queries import EVERYTHING
from backends.kubernetes import KubernetesConfig, KubernetesStore
from tests.support.kubernetes.namespace import KubeNamespace

DATA = {"endpoints": {"ns/c/e/1": {"a": 1}, "ns/c/f/1": {"a": 1}}}


async def test_what_an_object_holds_came_between_its_creation_and_its_last_write(
    kube: KubeNamespace,
) -> None:
    before = time.time()
    kube.apply_worker(kube.pod("once"), DATA)
    config = KubernetesConfig(kubeconfig=str(kube.kubeconfig()))
    async with KubernetesStore(config) as store:
        records = await Discovery(store).list(EVERYTHING)
    now = time.time()
    first, second = events_of_objects(records, now + 1)
    assert [(one.number, one.is_first, one.is_untimed) for one in (first, second)] == [
        (-1, True, False),
        (0, False, False),
    ]
    # It tells whole seconds.
    assert int(before) <= first.at <= now
    assert events_of_objects(records, now + RECENT + 60) == []
