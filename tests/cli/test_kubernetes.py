"""Commands on Kubernetes that name one process, where two namespaces have pods of one name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backends.dynamo.object_ids import instance_id_of
from tests.support.completing import offered
from tests.support.kubernetes import shapes
from tests.support.kubernetes.standin import StandIn
from tests.support.running import Ended, dyntop_meanwhile

POD = "prod-backend-0"
WORKER = f"{instance_id_of(POD):x}"
NAMESPACES = ("blue", "green")
ENTRY = {
    "type": "Endpoint",
    "namespace": "prod",
    "component": "backend",
    "endpoint": "generate",
    "instance_id": instance_id_of(POD),
    "transport": {"tcp": f"10.0.0.7:9000/{WORKER}/prod/backend/generate"},
}


@pytest.fixture
async def server() -> AsyncIterator[StandIn]:
    async with StandIn() as one:
        for namespace in NAMESPACES:
            uid = f"pod-{namespace}"
            data = {"endpoints": {f"prod/backend/generate/{WORKER}": ENTRY}}
            made = shapes.worker(
                POD, data, uid=f"object-{namespace}", pod_uid=uid, namespace=namespace
            )
            one.store.put("dynamoworkermetadatas", made)
            one.store.put("pods", shapes.pod(POD, uid, namespace=namespace))
            endpoint = shapes.endpoint(POD, uid, namespace=namespace)
            slices = shapes.endpoint_slice("backend", endpoint, namespace=namespace)
            one.store.put("endpointslices", slices)
        yield one


async def drain(server: StandIn, folder: Path, name: str) -> Ended:
    path = server.kubeconfig(folder / "kubeconfig")
    env = {"KUBECONFIG": str(path), "XDG_STATE_HOME": str(folder)}
    command = ("--kube-namespace", "*", "drain", "--yes", "--probe", "never", name)
    return await dyntop_meanwhile(*command, env=env)


def holding(server: StandIn) -> set[str]:
    """The namespaces whose object still has its endpoint."""
    found = server.store.all_of("dynamoworkermetadatas", "")
    return {one["metadata"]["namespace"] for one in found if one["spec"]["data"].get("endpoints")}


async def test_an_id_of_two_processes_drains_neither_and_names_both(
    server: StandIn, tmp_path: Path
) -> None:
    ended = await drain(server, tmp_path, WORKER)
    assert ended.code == 1
    assert f"blue/{POD}" in ended.err
    assert f"green/{POD}" in ended.err
    assert holding(server) == {*NAMESPACES}


async def test_the_object_of_one_of_them_drains_that_one(server: StandIn, tmp_path: Path) -> None:
    ended = await drain(server, tmp_path, f"green/{POD}")
    assert ended.code == 0, ended.err
    assert holding(server) == {"blue"}


async def test_show_prints_the_events_of_the_pod_as_text_and_as_json(
    server: StandIn, tmp_path: Path
) -> None:
    what = "Readiness probe failed"
    seen = shapes.event("e", "pod-green", "Unhealthy", what, count=3, namespace="green")
    server.store.put("events", seen)
    env = {"KUBECONFIG": str(server.kubeconfig(tmp_path / "kubeconfig", "green"))}
    command = ("--backend", "kubernetes", "show", WORKER)
    ended = await dyntop_meanwhile(*command, env=env)
    assert "Unhealthy ×3" in ended.out.decode()
    assert what.encode() in ended.out
    ended = await dyntop_meanwhile(*command, "-o", "json", env=env)
    (event,) = json.loads(ended.out)["pod_events"]
    assert (event["reason"], event["count"], event["message"]) == ("Unhealthy", 3, what)
    server.forbidden.add(("list", "events"))
    ended = await dyntop_meanwhile(*command, "-o", "json", env=env)
    assert json.loads(ended.out)["pod_events"] is None


async def test_a_node_and_a_pod_are_hosts_to_check(server: StandIn, tmp_path: Path) -> None:
    env = {"KUBECONFIG": str(server.kubeconfig(tmp_path / "kubeconfig", "green"))}
    for host in ("node-1", POD, "10.0.0.7"):
        command = ("--backend", "kubernetes", "check", "--host", host)
        ended = await dyntop_meanwhile(*command, env=env)
        assert ended.code == 0, ended.err
        assert f"the one record is live at host {host} in kubernetes" in ended.err
    command = ("--backend", "kubernetes", "check", "--host", "node-2")
    ended = await dyntop_meanwhile(*command, env=env)
    assert ended.code == 1
    assert "nothing found at host node-2" in ended.err
    columns = ("--columns", "node,pod,host,readiness", "--no-headers")
    listing = ("--backend", "kubernetes", "list", "endpoints", *columns)
    ended = await dyntop_meanwhile(*listing, env=env)
    assert [line.split() for line in ended.lines] == [["node-1", POD, "10.0.0.7", "discoverable"]]


async def test_a_restore_and_its_dry_run_say_alike_that_the_pod_is_gone(
    server: StandIn, tmp_path: Path
) -> None:
    ended = await drain(server, tmp_path, f"green/{POD}")
    act = ended.err.split("dyntop restore ")[1].split()[0]
    server.store.delete(("pods", "green", POD), {})
    env = {
        "KUBECONFIG": str(server.kubeconfig(tmp_path / "kubeconfig")),
        "XDG_STATE_HOME": str(tmp_path),
    }
    for options in (["--dry-run"], []):
        command = ("--kube-namespace", "*", "restore", act, *options)
        ended = await dyntop_meanwhile(*command, env=env)
        assert ended.code == 1
        assert "not put back: the pod is gone" in ended.err


async def test_a_tab_offers_hosts_and_only_the_pods_that_a_lasting_drain_took_out(
    server: StandIn, tmp_path: Path
) -> None:
    for namespace in NAMESPACES:
        for name in (POD, "prod-backend-1"):
            uid = f"{name}-{namespace}"
            containers = {"main": True}
            pod = shapes.pod(name, uid, namespace=namespace, containers=containers)
            server.store.put("pods", pod)
            at = {"pod": name, "pod_uid": uid, "uid": f"object-{uid}", "namespace": namespace}
            entry = {**ENTRY, "instance_id": instance_id_of(name)}
            data = {"endpoints": {f"prod/backend/generate/{instance_id_of(name):x}": entry}}
            made = shapes.worker(name, data, container_mode=True, **at)
            server.store.put("dynamoworkermetadatas", made)
    env = {
        "KUBECONFIG": str(server.kubeconfig(tmp_path / "kubeconfig", "green")),
        "XDG_STATE_HOME": str(tmp_path),
    }

    async def tab(line: str) -> list[str]:
        return await asyncio.to_thread(offered, f"dyntop --backend kubernetes {line}", env)

    assert await tab("check --host prod-") == [POD, "prod-backend-1"]
    assert await tab("check --host no") == ["node-1"]
    assert await tab("restore ") == []
    for namespace in NAMESPACES:
        for name in (POD, "prod-backend-1")[: 2 if namespace == "green" else 1]:
            command = ("--kube-namespace", namespace, "drain", "--lasting", "--yes", "--no-audit")
            worker = f"{instance_id_of(name):x}"
            ended = await dyntop_meanwhile(*command, "--probe", "never", worker, env=env)
            assert ended.code == 0, ended.err
    assert await tab("restore ") == [POD, "prod-backend-1"]
    assert await tab("restore --kube-namespace \\* ") == [
        *(f"blue/{POD}", f"green/{POD}", "prod-backend-1"),
    ]
