"""The keys of the dashboard for a drain that lasts: `d`, the choice, the id, and `u`."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.dynamo.object_ids import instance_id_of
from backends.kubernetes import KubernetesConfig, KubernetesStore
from tests.support.kubernetes import shapes
from tests.support.kubernetes.standin import PODS, WORKERS, StandIn
from tests.support.operating import Operator, dashboard
from tui.dialogs.label_back import LabelBackDialog

POD = "prod-backend-0"
ENABLED = "nvidia.com/dynamo-discovery-enabled"
IDS = [f"{instance_id_of(name):x}" for name in (POD, f"{POD}-engine-0")]


def data(worker: str) -> dict[str, object]:
    instance = {
        "type": "Endpoint",
        "namespace": "prod",
        "component": "backend",
        "endpoint": "generate",
        "instance_id": int(worker, 16),
        "transport": {"tcp": f"10.0.0.7:9000/{worker}/prod/backend/generate"},
    }
    card = {
        "type": "Model",
        "namespace": "prod",
        "component": "backend",
        "endpoint": "generate",
        "instance_id": int(worker, 16),
        "card_json": {"display_name": "acme/tiny-llm", "slug": "tiny-llm"},
    }
    at = f"prod/backend/generate/{worker}"
    return {"endpoints": {at: instance}, "model_cards": {at: card}}


@pytest.fixture(autouse=True)
def pod(server: StandIn) -> None:
    """Two processes in the containers of one pod."""
    server.store.put(PODS, shapes.pod(POD, "u", containers={"main": True, "engine-0": True}))
    for name, worker in zip((POD, f"{POD}-engine-0"), IDS, strict=True):
        made = shapes.worker(name, data(worker), pod=POD, pod_uid="u", container_mode=True)
        server.store.put(WORKERS, made)


def labels(server: StandIn) -> dict[str, str]:
    found: dict[str, str] = server.store.objects[(PODS, "default", POD)]["metadata"]["labels"]
    return found


async def ask(operator: Operator) -> None:
    await operator.go_to("id", IDS[0])
    await operator.unregister()


async def test_a_pod_is_taken_out_and_put_back(
    server: StandIn, config: KubernetesConfig, tmp_path: Path
) -> None:
    audit = tmp_path / "audit" / "audit.jsonl"
    async with (
        KubernetesStore(config, heartbeat=0.05) as store,
        dashboard(store=store, audit=audit, size=(120, 40)) as operator,
    ):
        await ask(operator)
        await operator.until_shown(
            "(•) Drain 1 instance (until the worker's own next change)",
            f"( ) Lasting drain: take a label off pod {POD} (until undone)",
        )
        await operator.until_shown(f"kubectl delete pod {POD} -n default")
        await operator.press("f2")
        await operator.until_shown(
            f"Take pod {POD} out of discovery?",
            "No key is removed.",
            "containers engine-0 and main all go out",
            "Type drain 2 to drain",
        )
        await operator.type("drain 2")
        await operator.press("enter")
        await operator.until(lambda: ENABLED not in labels(server), "the label is off")
        told = f"Pod {POD} is taken out of discovery. u puts it back."
        await operator.until(lambda: told in operator.told(), told)
        await operator.until_shown("▽ drained")
        await operator.until(
            lambda: "taken out of discovery by hand" in operator.detail().get("evidence", ""),
            "the evidence says so",
        )
        assert operator.detail()["undo"] == "u puts the label of its pod back"
        await operator.press("u")
        await operator.until_asked(LabelBackDialog)
        await operator.until_shown(f"Put pod {POD} back into discovery?", f"Label {ENABLED}=true")
        await operator.press("Y")
        await operator.until(lambda: labels(server).get(ENABLED) == "true", "the label is back")
        told = f"Put label {ENABLED}=true back on pod {POD}."
        await operator.until(lambda: told in operator.told(), told)
        await operator.until_shown("● live")
        await operator.open("events")
        reasons = set(operator.rows("why"))
        assert "again: clients discover it" in reasons
        off = f"label {ENABLED}=true of pod {POD} is off"
        assert f"taken out of discovery by hand: {off}" in reasons


async def test_u_on_a_pod_that_another_machine_took_out_puts_it_back(
    server: StandIn, config: KubernetesConfig
) -> None:
    kept = {"dyntop/label-off": f"{ENABLED}=true"}
    containers = {"main": True, "engine-0": True}
    out = shapes.pod(POD, "u", containers=containers, enabled=False, annotations=kept)
    server.store.put(PODS, out)
    async with KubernetesStore(config) as store, dashboard(store=store) as operator:
        await operator.go_to("id", IDS[0])
        await operator.press("u")
        await operator.until_asked(LabelBackDialog)
        await operator.press("enter")
        await operator.until(lambda: operator.on_main, "no is the default")
        assert labels(server) == {}
        await operator.press("u")
        await operator.until_asked(LabelBackDialog)
        await operator.press("Y")
        await operator.until(lambda: labels(server) == {ENABLED: "true"}, "the label is back")


async def test_without_the_right_the_question_names_it(
    server: StandIn, config: KubernetesConfig
) -> None:
    server.forbidden = {("patch", PODS)}
    async with KubernetesStore(config) as store, dashboard(store=store, size=(120, 40)) as operator:
        await ask(operator)
        await operator.until_shown(
            "A drain that lasts is not offered: this user may not patch pods."
        )
        assert "Lasting drain" not in operator.text()
