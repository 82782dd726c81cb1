from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backends.kubernetes import KubernetesConfig, KubernetesStore
from backends.kubernetes.client import KubeClient
from tests.support.kubernetes.standin import StandIn


@pytest.fixture
async def server() -> AsyncIterator[StandIn]:
    async with StandIn() as one:
        yield one


@pytest.fixture
def config(server: StandIn, tmp_path: Path) -> KubernetesConfig:
    return KubernetesConfig(kubeconfig=str(server.kubeconfig(tmp_path / "kubeconfig")))


@pytest.fixture
async def client(config: KubernetesConfig) -> AsyncIterator[KubeClient]:
    one = KubeClient(config)
    yield one
    await one.aclose()


@pytest.fixture
async def store(config: KubernetesConfig) -> AsyncIterator[KubernetesStore]:
    async with KubernetesStore(config) as one:
        yield one
