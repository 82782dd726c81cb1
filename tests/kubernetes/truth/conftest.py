"""A pod with a real worker, a real client, and an operator with commands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.kubernetes.truth.looking import Commands
from tests.support.dynamo import DynamoClient, DynamoWorker
from tests.support.kubernetes.dynamo import DynamoPod, selector_of
from tests.support.kubernetes.namespace import KubeNamespace

STARTED = datetime.now(UTC) - timedelta(minutes=1)
"""When the containers started: before their processes wrote anything."""


@pytest.fixture
def pod(kube: KubeNamespace) -> DynamoPod:
    kube.service("prod-backend", selector_of("backend"))
    return DynamoPod(kube, "prod-backend-0")


@pytest.fixture
def worker(pod: DynamoPod) -> Iterator[DynamoWorker]:
    with DynamoWorker(pod, publishers=False) as worker:
        pod.set_ready(started=STARTED)
        pod.wait_until_ready()
        yield worker


@pytest.fixture
def client(kube: KubeNamespace) -> Iterator[DynamoClient]:
    with DynamoClient(DynamoPod(kube, "prod-frontend-0", component="frontend")) as client:
        yield client


@pytest.fixture
def operator(kube: KubeNamespace, tmp_path: Path) -> Commands:
    return Commands(kube.kubeconfig(), tmp_path)
