"""The dashboard and commands of an operator, beside what the server has and a client routes to."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from backends.kubernetes import KubernetesConfig, KubernetesStore
from backends.store import Readiness
from tests.kubernetes.truth.independent import Said, Truth, read
from tests.support.dynamo import DynamoClient
from tests.support.kubernetes.namespace import KubeNamespace
from tests.support.operating import DEADLINE, Operator, World, dashboard
from tests.support.running import Ended, dyntop

GENERATE = "v1/instances/prod/backend/generate/"
PAUSE = 0.2
"""Seconds between two looks."""


class Commands:
    """Runs commands with a kubeconfig."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self._env = {"KUBECONFIG": str(kubeconfig), "XDG_STATE_HOME": str(folder)}

    def run(self, *arguments: str) -> Ended:
        return dyntop("--backend", "kubernetes", *arguments, env=self._env)

    def listed(self, *arguments: str) -> dict[str, Any]:
        """The records of `list`, by key."""
        ended = self.run("list", "all", "--liveness", "-o", "json", *arguments)
        return {one["key"]: one for one in ended.records}

    def verdicts(self) -> dict[str, str]:
        """The verdicts, by key."""
        return {key: one["verdict"] for key, one in self.listed().items()}

    def verdict_of(self, key: str) -> str | None:
        return self.verdicts().get(key)

    def said(self) -> dict[str, Said]:
        """What `list` says of each entry."""
        return {
            key: Said(
                one["value"],
                one["verdict"],
                f"{of['namespace']}/{of['object']}",
                of["pod_uid"],
                of["readiness"] == "discoverable",
            )
            for key, one in self.listed().items()
            for of in [one["kubernetes"]]
        }


class Beside:
    """The dashboard, what the server has, and what a client of Dynamo routes to."""

    def __init__(self, operator: Operator, place: KubeNamespace, client: DynamoClient) -> None:
        self.operator = operator
        self.place = place
        self.client: DynamoClient | None = client
        """None: none is asked."""

    def said(self) -> dict[str, Said]:
        """What the dashboard knows of each entry."""
        view = self.operator.dashboard.view
        found = {}
        for key, record in view.cluster.records.items():
            owner = record.entry.owner
            assert owner is not None
            found[key.decode()] = Said(
                json.loads(record.entry.value),
                view.verdicts.of(key).value,
                owner.path,
                owner.pod_uid,
                owner.readiness is Readiness.DISCOVERABLE,
            )
        return found

    def rows(self) -> list[tuple[str, str]]:
        """The ids and states on screen, of all instances."""
        states = [cell.partition(" ")[2] for cell in self.operator.rows("state")]
        return sorted(zip(self.operator.rows("id"), states, strict=True))

    async def agree(
        self, routed: set[str], so: Callable[[Truth], bool] = lambda _: True, what: str = ""
    ) -> Truth:
        """Wait until the server's objects are `so` and lead to these ids, the client routes to just
        these, and the dashboard shows just that; return what the server has."""
        deadline = time.monotonic() + DEADLINE
        while True:
            truth, client = await asyncio.to_thread(self._read)
            rows = sorted(
                (key.rpartition("/")[2], said.verdict)
                for key, said in truth.entries.items()
                if key.startswith("v1/instances/")
            )
            differences = [
                line
                for line, differs in (
                    (f"the server has {truth}", truth.routable() != routed or not so(truth)),
                    (f"the client routes to {client}", client not in (routed, None)),
                    (f"the dashboard knows {self.said()}", self.said() != truth.entries),
                    (f"the rows are {self.rows()}", self.rows() != rows),
                )
                if differs
            ]
            if not differences:
                return truth
            if time.monotonic() > deadline:
                raise AssertionError("\n".join([f"never came: {routed} {what}", *differences]))
            await asyncio.sleep(PAUSE)

    def _read(self) -> tuple[Truth, set[str] | None]:
        ids = None if self.client is None else self.client.instance_ids()
        return read(self.place), ids


@asynccontextmanager
async def beside(
    place: KubeNamespace, client: DynamoClient, kubeconfig: Path | None = None
) -> AsyncIterator[Beside]:
    """The running dashboard. It asks often whether the server answers and what its user may do."""
    config = KubernetesConfig(kubeconfig=str(kubeconfig or place.kubeconfig()))
    world = World(objects=True)
    # Times of Kubernetes are of today.
    world.now = time.time()
    async with (
        KubernetesStore(config, heartbeat=0.1, ask_again=0.0) as store,
        dashboard(world, store=store, size=(140, 40), complete=False) as operator,
    ):
        yield Beside(operator, place, client)
