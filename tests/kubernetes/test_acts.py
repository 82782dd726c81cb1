"""Removing entries and putting them back: conditions, rights, and who owns what."""

from __future__ import annotations

import asyncio
import copy
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from backends.discovery.discovery import Discovery
from backends.kubernetes import KubernetesConfig, KubernetesStore
from backends.kubernetes.own_object import identity
from backends.removal.audit.operation import Item
from backends.removal.outcomes import OutcomeType
from backends.removal.removals import Removals
from backends.store import Entry, Forbidden, Heartbeat, KeyNotAllowed, PutBack, Refused, Removal
from tests.support.auditing import audit_at
from tests.support.kubernetes import shapes
from tests.support.kubernetes.standin import PODS, WORKERS, Object, StandIn
from tests.support.watching import watching

KEY, OTHER = b"v1/instances/ns/c/e/1", b"v1/mdc/ns/c/e/1"
WHERE = (WORKERS, "default", "p")
DATA: dict[str, Any] = {
    "endpoints": {"ns/c/e/1": {"transport": "<&>", "score": 1e-07}},
    "model_cards": {"ns/c/e/1": {"n": 12345678901234567000}},
}
MANAGER = "dynamo-worker"


@pytest.fixture
async def store(config: KubernetesConfig) -> Any:
    async with KubernetesStore(config, heartbeat=0.05, ask_again=0.0) as one:
        yield one


def apply(server: StandIn, data: dict[str, Any], uid: str = "u") -> Object:
    """Write the object of the worker in pod `p`, as that does."""
    made = shapes.worker("p", data, pod_uid=uid)
    del made["metadata"]["uid"], made["metadata"]["creationTimestamp"]
    return server.store.apply(WHERE, made, MANAGER)[0]


@pytest.fixture
def worker(server: StandIn) -> Object:
    server.store.put(PODS, shapes.pod("p", "u"))
    return apply(server, DATA)


async def entries(store: KubernetesStore) -> dict[bytes, Entry]:
    return {one.key: one for one in (await store.snapshot((b"v1/",))).entries}


def data(server: StandIn) -> dict[str, Any]:
    found: dict[str, Any] = server.store.objects[WHERE]["spec"]["data"]
    return found


@pytest.mark.usefixtures("worker")
async def test_one_entry_goes_and_the_object_stays(server: StandIn, store: KubernetesStore) -> None:
    before = await entries(store)
    assert await store.delete([before[KEY]]) == {KEY: Removal.REMOVED}
    assert data(server) == {**shapes.worker("p")["spec"]["data"], **DATA, "endpoints": {}}
    (patch,) = server.requests("patch")
    assert [one["op"] for one in patch.body] == ["test", "test", "remove"]
    assert patch.body[2]["path"] == "/spec/data/endpoints/ns~1c~1e~11"


@pytest.mark.usefixtures("worker")
async def test_with_its_last_entries_the_object_goes(
    server: StandIn, store: KubernetesStore
) -> None:
    before = await entries(store)
    gone = await store.delete(before.values())
    assert gone == {KEY: Removal.REMOVED, OTHER: Removal.REMOVED}
    assert WHERE not in server.store.objects
    (request,) = server.requests("delete")
    assert request.body["preconditions"].keys() == {"uid", "resourceVersion"}


@pytest.mark.usefixtures("worker")
async def test_a_change_in_between_is_looked_at_again(
    server: StandIn, store: KubernetesStore
) -> None:
    before = await entries(store)
    server.fail(409, "patch")
    assert await store.delete([before[KEY]]) == {KEY: Removal.REMOVED}
    server.fail(409, "delete", times=None)
    (outcome,) = (await store.delete([before[OTHER]])).values()
    assert isinstance(outcome, Refused)
    assert server.store.objects[WHERE]["spec"]["data"]["model_cards"] == DATA["model_cards"]


@pytest.mark.usefixtures("worker")
async def test_another_change_of_the_worker_keeps_what_was_seen(
    server: StandIn, store: KubernetesStore
) -> None:
    before = await entries(store)
    changed = copy.deepcopy(DATA)
    changed["endpoints"]["ns/c/e/1"]["transport"] = "elsewhere"
    apply(server, changed)
    assert (await store.delete([before[KEY]]))[KEY] is Removal.CHANGED
    server.store.delete(WHERE, {})
    assert (await store.delete([before[KEY]]))[KEY] is Removal.GONE
    apply(server, DATA)
    # The same bytes in another object.
    assert (await store.delete([before[KEY]]))[KEY] is Removal.CHANGED


async def test_of_two_objects_with_one_key_the_meant_one_loses_it(
    server: StandIn, store: KubernetesStore
) -> None:
    old, new = "2026-11-21T10:00:00Z", "2026-11-21T10:00:05Z"
    server.store.put(WORKERS, shapes.worker("p", DATA, created=old))
    server.store.put(WORKERS, shapes.worker("q", DATA, created=new))
    second = KEY + b"@default/q"
    before = await entries(store)
    assert await store.delete([before[second]]) == {second: Removal.REMOVED}
    assert data(server) == {**shapes.worker("p")["spec"]["data"], **DATA}
    assert await store.put_back(before[second]) is PutBack.DONE
    assert (await entries(store)).keys() == before.keys()


async def test_what_is_no_map_can_be_removed(server: StandIn, store: KubernetesStore) -> None:
    server.store.put(WORKERS, shapes.worker("p", {"endpoints": 3, "model_cards": {"a": 1}}))
    before = await entries(store)
    broken = b"v1/instances/@default/p"
    assert before[broken].problem == "spec.data.endpoints is not an object"
    assert await store.delete([before[broken]]) == {broken: Removal.REMOVED}
    assert (await entries(store)).keys() == {b"v1/mdc/a"}


@pytest.mark.usefixtures("worker")
async def test_what_is_put_back_is_the_workers_again_and_goes_when_it_unregisters(
    server: StandIn, store: KubernetesStore
) -> None:
    before = await entries(store)
    await store.delete([before[KEY]])
    assert await store.put_back(before[KEY]) is PutBack.DONE
    assert (await entries(store))[KEY].value == before[KEY].value
    assert await store.put_back(before[KEY]) is PutBack.THERE
    managers = server.store.objects[WHERE]["metadata"]["managedFields"]
    assert [one["manager"] for one in managers if "f:spec" in one["fieldsV1"]] == [MANAGER]
    apply(server, {"model_cards": DATA["model_cards"]})
    assert (await entries(store)).keys() == {OTHER}


@pytest.mark.usefixtures("worker")
async def test_a_whole_object_comes_back_with_its_owner(
    server: StandIn, store: KubernetesStore
) -> None:
    before = await entries(store)
    owners = server.store.objects[WHERE]["metadata"]["ownerReferences"]
    await store.delete(before.values())
    for entry in before.values():
        assert await store.put_back(entry) is PutBack.DONE
    assert server.store.objects[WHERE]["metadata"]["ownerReferences"] == owners
    assert {key: one.value for key, one in (await entries(store)).items()} == {
        key: one.value for key, one in before.items()
    }


@pytest.mark.usefixtures("worker")
async def test_nothing_is_put_back_for_a_pod_that_is_gone(
    server: StandIn, store: KubernetesStore
) -> None:
    before = await entries(store)
    await store.delete([before[KEY]])
    server.store.objects.pop((PODS, "default", "p"))
    # Its object is collected in a moment.
    assert await store.put_back(before[KEY]) is PutBack.POD_GONE
    server.store.put(PODS, shapes.pod("p", "another"))
    assert await store.put_back(before[KEY]) is PutBack.POD_GONE
    assert data(server)["endpoints"] == {}


async def test_an_entry_without_an_object_cannot_be_put_back(store: KubernetesStore) -> None:
    entry = Entry(KEY, b"{}", (await _revision(store)))
    with pytest.raises(KeyNotAllowed, match=r"it is not known which object held it"):
        await store.put_back(entry)
    assert await store.delete([entry]) == {KEY: Removal.GONE}


async def _revision(store: KubernetesStore) -> Any:
    return "made up"


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("forbidden", "of_one", "of_all", "read_only"),
    [
        ({"delete"}, Removal.REMOVED, Removal.REMOVED, False),
        ({"patch"}, Forbidden, Forbidden, False),
        ({"patch", "delete"}, Forbidden, Forbidden, True),
    ],
    ids=["delete", "patch", "both"],
)
async def test_without_rights_that_is_the_outcome_and_is_known_before(
    server: StandIn,
    store: KubernetesStore,
    forbidden: set[str],
    of_one: Any,
    of_all: Any,
    read_only: bool,
) -> None:
    before = await entries(store)
    server.forbidden = {(verb, WORKERS) for verb in forbidden}
    reason = "this user may neither patch nor delete dynamoworkermetadatas.nvidia.com"
    assert await store.read_only() == (reason if read_only else "")
    assert len(await store.no_puts()) == ("patch" in forbidden)
    async with watching(store) as view:
        heartbeat: Heartbeat = await view.until_event(Heartbeat)
        assert heartbeat.read_only == (reason if read_only else "")
        assert len(heartbeat.no_puts) == ("patch" in forbidden)
    (outcome,) = (await store.delete([before[KEY]])).values()
    assert outcome is of_one or isinstance(outcome, Forbidden)
    assert (outcome is Removal.REMOVED) is (of_one is Removal.REMOVED)
    if of_one is Removal.REMOVED:
        assert (await store.delete([before[OTHER]]))[OTHER] is of_all
        assert data(server)["model_cards"] == {}
        return
    with pytest.raises(Forbidden):
        await store.put_back(
            Entry(KEY + b"2", b"{}", before[KEY].revision, owner=before[KEY].owner)
        )


@pytest.mark.usefixtures("worker")
async def test_what_was_removed_is_put_back_after_a_restart_from_the_audit(
    server: StandIn, store: KubernetesStore, tmp_path: Path
) -> None:
    before = await entries(store)
    audit = audit_at(tmp_path / "audit" / "audit.jsonl")
    await store.no_puts()  # its address is known by then
    items = [Item(n, one, "live", ()) for n, one in enumerate(before.values(), 1)]
    act = audit.begin("drain", store.name, store.address, items)
    await store.delete(before.values())
    later = Removals(Discovery(store), audit_at(tmp_path / "audit" / "audit.jsonl"))
    foreseen = await later.preview(act.id)
    result = await later.restore(act.id)
    for one in (foreseen, result):
        assert [outcome.type for outcome in one.outcomes.values()] == [OutcomeType.PUT_BACK] * 2
    assert {key: one.value for key, one in (await entries(store)).items()} == {
        key: one.value for key, one in before.items()
    }


@pytest.mark.usefixtures("worker")
async def test_commands_say_that_nothing_can_be_removed(
    server: StandIn, config: KubernetesConfig, tmp_path: Path
) -> None:
    server.forbidden = {("patch", WORKERS), ("delete", WORKERS)}
    assert config.kubeconfig is not None
    env = {**os.environ, "KUBECONFIG": config.kubeconfig, "XDG_STATE_HOME": str(tmp_path)}
    ended = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tui", "unregister", "--backend", "kubernetes", "--yes"),
        KEY.decode(),
        env=env,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await ended.communicate()
    assert ended.returncode == 1
    assert "nothing can be removed: this user may neither patch nor delete" in said.decode()
    assert server.requests("patch") + server.requests("delete") == []


async def test_what_a_process_registers_goes_with_it_unless_another_wrote_it_since(
    server: StandIn, config: KubernetesConfig
) -> None:
    async with KubernetesStore(config) as store:
        await store.put(KEY, b'{"a":1}')
        (name,) = [key[2] for key in server.store.objects]
        assert name.startswith("dyntop-")
    assert server.store.objects == {}


async def test_many_puts_at_once_are_all_there(server: StandIn, store: KubernetesStore) -> None:
    keys = [b"v1/instances/ns/c/e/%x" % number for number in range(20)]
    server.fail(500, "patch", times=3)
    done = await asyncio.gather(*(store.put(key, b"{}") for key in keys), return_exceptions=True)
    failed = {key for key, one in zip(keys, done, strict=True) if isinstance(one, Exception)}
    assert len(failed) == 3
    assert (await entries(store)).keys() == set(keys) - failed


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, ""),
        ({"POD_NAME": "p"}, ""),
        ({"POD_NAME": "p", "POD_UID": "u"}, "p"),
        ({"POD_NAME": "p", "POD_UID": "u", "CONTAINER_NAME": "engine"}, "p"),
        (
            {
                "POD_NAME": "p",
                "POD_UID": "u",
                "CONTAINER_NAME": "engine",
                "DYN_KUBE_DISCOVERY_MODE": "container",
            },
            "p-engine",
        ),
        (
            {
                "POD_NAME": "p",
                "POD_UID": "u",
                "CONTAINER_NAME": "main",
                "DYN_KUBE_DISCOVERY_MODE": "container",
            },
            "p",
        ),
    ],
)
def test_an_object_is_named_as_dynamo_names_it(environ: dict[str, str], name: str) -> None:
    assert identity(environ).object_name == name
