"""The manifest and the commands of the how-to, on a real API server."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from backends.kubernetes import KubernetesConfig, KubernetesStore
from backends.store import LabelOutcome, PodLabel, Removal
from tests.docs.documents import ROOT, blocks
from tests.kubernetes.labelled import in_pod_mode, replica_set
from tests.support.kubernetes.namespace import KubeNamespace, kube_namespace
from tests.support.running import dyntop

MANIFEST = ROOT / "docs" / "kubernetes" / "dyntop.yaml"
ALL_NAMESPACES = ROOT / "docs" / "kubernetes" / "all-namespaces.yaml"
HOW_TO = ROOT / "docs" / "how-to" / "kubernetes.md"
RESOURCES = {
    "ServiceAccount": "serviceaccounts",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "Pod": "pods",
}
ENTRY = {"type": "Endpoint", "namespace": "prod", "component": "backend", "endpoint": "generate"}
KEY = b"v1/instances/prod/backend/generate/1a"
OTHER = b"v1/instances/prod/backend/generate/1b"


def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(MANIFEST.read_text()))


def apply_manifest(kube: KubeNamespace, *left_out: str) -> None:
    """Apply its documents, as `kubectl apply -n` does, but for those of some names."""
    for one in documents():
        name = one["metadata"]["name"]
        if f"{one['kind']} {name}" in left_out:
            continue
        for subject in one.get("subjects", ()):
            subject["namespace"] = kube.name
        kube.admin.apply(RESOURCES[one["kind"]], kube.name, one, name, manager="kubectl")


def kubeconfig_of_the_account(kube: KubeNamespace) -> str:
    asked: dict[str, Any] = {"spec": {"expirationSeconds": 3600}}
    made = kube.admin.create("serviceaccounts", kube.name, asked, "dyntop", "token")
    return str(kube.kubernetes.kubeconfig("dyntop", made["status"]["token"], kube.name))


def put_worker(kube: KubeNamespace) -> None:
    pod = kube.pod("prod-backend-0", labels={"app": "backend"})
    keys = (KEY, OTHER)
    entries = {key.decode().removeprefix("v1/instances/"): ENTRY for key in keys}
    kube.apply_worker(pod, {"endpoints": entries})


async def test_its_roles_are_enough_to_look_remove_and_restore(kube: KubeNamespace) -> None:
    apply_manifest(kube)
    put_worker(kube)
    config = KubernetesConfig(kubeconfig=kubeconfig_of_the_account(kube))
    async with KubernetesStore(config) as store:
        entries = {one.key: one for one in (await store.snapshot([b"v1/"])).entries}
        assert entries.keys() == {KEY, OTHER}
        assert await store.no_puts() == ()
        assert await store.delete([entries[KEY]]) == {KEY: Removal.REMOVED}
        await store.put_back(entries[KEY])
        # With the last ones the object itself goes, and is made anew.
        entries = {one.key: one for one in (await store.snapshot([b"v1/"])).entries}
        assert set((await store.delete(entries.values())).values()) == {Removal.REMOVED}
        for entry in entries.values():
            await store.put_back(entry)
        assert (await store.get([KEY, OTHER])).keys() == {KEY, OTHER}


async def test_its_roles_are_enough_for_a_drain_that_lasts(kube: KubeNamespace) -> None:
    apply_manifest(kube)
    in_pod_mode(kube, replica_set(kube))
    config = KubernetesConfig(kubeconfig=kubeconfig_of_the_account(kube))
    async with KubernetesStore(config) as store:
        assert store.pod_labels is not None
        (entry,) = (await store.snapshot([b"v1/"])).entries
        assert entry.owner is not None
        label = await store.pod_labels.find(entry.owner)
        assert isinstance(label, PodLabel), label
        assert await store.pod_labels.take_off(label) is LabelOutcome.TAKEN_OFF
        assert await store.pod_labels.put_back(label) is LabelOutcome.PUT_BACK


def test_the_rights_in_all_namespaces_are_those_in_one() -> None:
    found = {
        (one["kind"].removeprefix("Cluster"), one["metadata"]["name"]): one.get("rules")
        for one in yaml.safe_load_all(ALL_NAMESPACES.read_text())
    }
    assert found == {
        (one["kind"], one["metadata"]["name"]): one.get("rules")
        for one in documents()
        if one["kind"] in ("Role", "RoleBinding")
    }


@pytest.fixture
def all_namespaces(kube: KubeNamespace) -> Iterator[None]:
    """Its roles and bindings for all namespaces, applied as `kubectl apply` does."""
    made = list(yaml.safe_load_all(ALL_NAMESPACES.read_text()))
    for one in made:
        for subject in one.get("subjects", ()):
            subject["namespace"] = kube.name
        resource, name = f"{one['kind'].lower()}s", one["metadata"]["name"]
        kube.admin.apply(resource, None, one, name, manager="kubectl")
    yield
    for one in made:
        kube.admin.delete(f"{one['kind'].lower()}s", None, one["metadata"]["name"])


@pytest.mark.usefixtures("all_namespaces")
async def test_with_its_cluster_roles_all_namespaces_are_seen_and_acted_in(
    kube: KubeNamespace,
) -> None:
    apply_manifest(kube, "RoleBinding dyntop-look", "RoleBinding dyntop-act")
    put_worker(kube)
    config = KubernetesConfig(kubeconfig=kubeconfig_of_the_account(kube), all_namespaces=True)
    with kube_namespace(kube.kubernetes) as other:
        put_worker(other)
        async with KubernetesStore(config) as store:
            entries = (await store.snapshot([b"v1/"])).entries
            found = {one.owner.namespace: one for one in entries if one.owner is not None}
            assert found.keys() >= {kube.name, other.name}
            assert await store.no_puts() == ()
            there = found[other.name]
            assert await store.delete([there]) == {there.key: Removal.REMOVED}


async def test_without_the_second_binding_it_is_read_only(kube: KubeNamespace) -> None:
    apply_manifest(kube, "RoleBinding dyntop-act")
    put_worker(kube)
    config = KubernetesConfig(kubeconfig=kubeconfig_of_the_account(kube))
    async with KubernetesStore(config) as store:
        assert len((await store.snapshot([b"v1/"])).entries) == 2
        assert await store.no_puts() != ()


def commands() -> list[str]:
    lines = [line for block in blocks(HOW_TO) for line in block.text.splitlines()]
    return [line.partition("  #")[0] for line in lines if line.startswith("dyntop ")]


@pytest.mark.parametrize("command", commands())
def test_its_commands_for_a_laptop_find_the_cluster(
    command: str, kube: KubeNamespace, tmp_path: Path
) -> None:
    put_worker(kube)
    config = yaml.safe_load(Path(kube.kubeconfig()).read_text())
    config["contexts"].append({**config["contexts"][0], "name": "prod-eu"})
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    words = [kube.name if one == "dynamo" else one for one in shlex.split(command)]
    ended = dyntop(*words[1:], "list", "all", "-o", "name", env={"KUBECONFIG": str(path)})
    assert ended.code == 0, ended.err
    assert KEY.decode() in ended.out.decode()
