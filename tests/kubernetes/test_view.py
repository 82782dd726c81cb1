"""Entries follow from the objects, slices and pods that are there, however they came to be."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from backends.kubernetes import objects
from backends.kubernetes.view import ObjectView
from backends.store import Delete, Entry, Put
from tests.support.kubernetes import shapes

KEY = b"v1/instances/ns/c/e/1"
PODS = ("p", "q")
UIDS = ("u", "v")
NAMES = ("p", "q", "p-engine")


def read(*args: Any, **kwargs: Any) -> objects.WorkerObject:
    found = objects.worker_object(shapes.worker(*args, **kwargs))
    assert found is not None
    return found


def entries(view: ObjectView) -> dict[bytes, Entry]:
    listed = list(view.entries())
    by_key = {one.key: one for one in listed}
    assert len(by_key) == len(listed)
    return by_key


def follow(state: dict[bytes, Entry], events: list[Put | Delete]) -> None:
    """Change a consumer's state as a consumer must."""
    for event in events:
        match event:
            case Put(entry=entry):
                assert state.get(entry.key) != entry, "nothing is told twice"
                state[entry.key] = entry
            case Delete(key=key):
                del state[key]  # what goes was there


# Few of each, so that objects meet.
few = st.sampled_from([{}, {"k": 0}, {"k": 1}, {"k": 0, "l": 0}])
data = st.fixed_dictionaries({"endpoints": few | st.none()}, optional={"instances": few})
workers = st.builds(
    read,
    st.sampled_from(NAMES),
    data,
    uid=st.sampled_from(["1", "2"]),
    pod=st.sampled_from(PODS),
    pod_uid=st.sampled_from(["", *UIDS]),
    container_mode=st.booleans(),
    created=st.sampled_from(["2026-11-21T10:00:00Z", "2026-11-21T10:00:01Z", ""]),
)
endpoints = st.builds(
    shapes.endpoint,
    st.sampled_from(PODS),
    st.sampled_from([None, *UIDS]),
    st.sampled_from([None, True, False]),
)
slices = st.builds(
    lambda name, given: objects.endpoint_slice(shapes.endpoint_slice(name, *given)),
    st.sampled_from(["s", "t"]),
    st.lists(endpoints, max_size=3),
)
pods = st.builds(
    lambda *args, **kwargs: objects.pod(shapes.pod(*args, **kwargs)),
    st.sampled_from(PODS),
    st.sampled_from(UIDS),
    enabled=st.booleans(),
    ready=st.booleans(),
)
kinds = st.one_of(workers, workers, slices, pods)
changes = st.lists(st.tuples(kinds, st.sampled_from([False, False, True])), max_size=20)


@settings(max_examples=100)
@given(changes, st.integers(0, 5))
def test_a_view_after_any_changes_equals_one_of_the_final_contents(
    steps: list[tuple[Any, bool]], listed: int
) -> None:
    """And who follows its events has the same entries at each step."""
    there: dict[type, dict[Any, Any]] = {
        objects.WorkerObject: {},
        objects.Slice: {},
        objects.Pod: {},
    }

    def anew() -> ObjectView:
        return ObjectView(
            there[objects.WorkerObject].values(),
            there[objects.Slice].values(),
            there[objects.Pod].values(),
        )

    for one, _ in steps[:listed]:
        there[type(one)][one.path] = one
    view = anew()
    state = entries(view)
    for one, gone in steps[listed:]:
        if gone:
            there[type(one)].pop(one.path, None)
        else:
            there[type(one)][one.path] = one
        match one:
            case objects.WorkerObject():
                follow(state, view.change_worker(one, gone=gone))
            case objects.Slice():
                follow(state, view.change_slice(one, gone=gone))
            case objects.Pod():
                follow(state, view.change_pod(one, gone=gone))
        assert state == entries(view)
        assert state == entries(anew())


DATA: dict[str, Any] = {"endpoints": {"ns/c/e/1": {}}}
OLD = read("a", DATA, created="2026-11-21T10:00:00Z")
NEW = read("b", DATA, created="2026-11-21T10:00:05Z")


def test_the_oldest_object_keeps_the_plain_key_and_others_have_it_with_their_path() -> None:
    for order in ([OLD, NEW], [NEW, OLD]):
        view = ObjectView(order)
        assert entries(view).keys() == {KEY, KEY + b"@default/b"}
        assert {one.plain_key for one in view.entries()} == {KEY}


def test_the_next_object_has_the_plain_key_once_the_oldest_is_gone() -> None:
    view = ObjectView([OLD, NEW])
    state = entries(view)
    follow(state, view.change_worker(OLD, gone=True))
    assert state.keys() == {KEY}
    owner = state[KEY].owner
    assert owner is not None
    assert owner.name == "b"


def test_an_older_object_that_comes_later_takes_the_plain_key() -> None:
    view = ObjectView([NEW])
    state = entries(view)
    follow(state, view.change_worker(OLD, gone=False))
    owners = {key: one.owner.name for key, one in state.items() if one.owner}
    assert owners == {KEY: "a", KEY + b"@default/b": "b"}


def test_a_map_that_is_none_has_the_objects_path_in_its_key() -> None:
    view = ObjectView([read("a", {"endpoints": [1]}), read("b", {"endpoints": 3})])
    assert entries(view).keys() == {b"v1/instances/@default/a", b"v1/instances/@default/b"}


def test_a_change_of_readiness_puts_every_entry_of_the_process_again() -> None:
    worker = read("p", {"endpoints": {"k": 1}, "model_cards": {"k": 1}}, pod_uid="u")
    view = ObjectView([worker])
    ready = objects.endpoint_slice(shapes.endpoint_slice("s", shapes.endpoint("p", "u")))
    assert ready is not None
    assert [type(one) for one in view.change_slice(ready, gone=False)] == [Put, Put]
    assert view.change_slice(ready, gone=False) == []
