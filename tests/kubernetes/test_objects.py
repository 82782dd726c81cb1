"""Whatever an object holds, reading it gives values and never raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.kubernetes import objects
from backends.kubernetes.decode import parsed
from backends.store import Mode
from tests.support.kubernetes import shapes

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
FIELDS = st.sampled_from(
    [
        *("metadata", "name", "namespace", "uid", "ownerReferences", "managedFields", "manager"),
        *("time", "spec", "data", "endpoints", "model_cards", "status", "containerStatuses"),
        *("state", "running", "startedAt", "conditions", "type", "targetRef", "kind", "labels"),
        *("creationTimestamp", "controller", "deletionTimestamp", "resourceVersion", "podIP"),
    ]
)
ODD_OBJECTS = st.recursive(
    JSON | st.sampled_from(["Pod", "Ready", "dynamo-worker", "2026-11-21T10:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=6),
    max_leaves=30,
)


def entries(data: Any) -> list[objects.StoredEntry]:
    made = shapes.worker("a")
    made["spec"] = {"data": data}
    found = objects.worker_object(made)
    assert found is not None
    return list(found.entries)


@given(st.dictionaries(FIELDS, ODD_OBJECTS, max_size=6))
def test_no_object_of_any_shape_raises(raw: dict[str, Any]) -> None:
    named = {"metadata": {"name": "a"}, **raw}
    for one in (raw, named):
        objects.worker_object(one)
        objects.endpoint_slice(one)
        objects.pod(one)


@given(st.dictionaries(st.text(), JSON | st.dictionaries(st.text(), JSON), max_size=4))
def test_each_entry_has_a_key_of_its_own_and_its_whole_value(data: dict[str, Any]) -> None:
    found = entries(data)
    assert len({one.key for one in found if not one.problem}) == len(
        [one for one in found if not one.problem]
    )
    for one in found:
        value = data
        for part in one.place:
            value = value[part]
        assert json.loads(one.value) == value


def test_an_object_without_a_name_is_none() -> None:
    assert objects.worker_object({}) is None
    assert objects.worker_object({"metadata": None}) is None
    assert objects.endpoint_slice({"metadata": {"name": 3}}) is None
    assert objects.pod({"metadata": []}) is None


def test_an_object_without_anything_but_a_name_has_what_is_known() -> None:
    found = objects.worker_object({"metadata": {"name": "a"}})
    assert found is not None
    assert (found.path, found.uid, found.created_at, found.applied_at) == (
        ("", "a"),
        "",
        None,
        None,
    )
    (entry,) = found.entries
    assert entry.problem == "spec.data is not an object"


@pytest.mark.parametrize("data", [None, [], "text", 3, True])
def test_data_that_is_no_object_is_one_entry_with_a_problem(data: Any) -> None:
    (entry,) = entries(data)
    assert entry.problem == "spec.data is not an object"
    assert (entry.place, json.loads(entry.value)) == ((), data)


def test_a_map_that_is_null_is_empty() -> None:
    (card,) = entries({"endpoints": None, "model_cards": {"a/b/c/1": {}}, "event_sources": None})
    assert (card.key, card.problem) == (b"v1/mdc/a/b/c/1", "")


@pytest.mark.parametrize("held", [[1], "text", 3])
def test_a_map_that_is_none_is_one_entry_with_a_problem_beside_the_others(held: Any) -> None:
    broken, whole = entries({"endpoints": held, "model_cards": {"a/b/c/1": {}}})
    assert (broken.problem, broken.place) == (
        "spec.data.endpoints is not an object",
        ("endpoints",),
    )
    assert (whole.key, whole.problem) == (b"v1/mdc/a/b/c/1", "")


def test_an_entry_that_is_no_object_keeps_its_value() -> None:
    (entry,) = entries({"endpoints": {"a/b/c/1": "text"}})
    assert (entry.key, entry.value, entry.problem) == (b"v1/instances/a/b/c/1", b'"text"', "")


def test_maps_that_no_release_writes_have_buckets_of_their_own() -> None:
    found = entries(
        {
            "endpoints": {"a": 1},
            "instances": {"a": 2},
            "instances/a": {"": 3},
            "": {"a": 4},
            "later": {"a": 5},
        }
    )
    assert [(one.key, one.value) for one in found] == [
        (b"v1/instances/a", b"1"),
        (b"v1/instances%/a", b"2"),
        (b"v1/instances%2Fa/", b"3"),
        (b"v1/%/a", b"4"),
        (b"v1/later/a", b"5"),
    ]


def test_keys_may_hold_any_text() -> None:
    keys = ["a\x00b", "größe/日本", "\x1b[31m", "~/~1", "", "@ns/name"]
    found = entries({"endpoints": {key: {} for key in keys}})
    assert [one.key for one in found] == [b"v1/instances/" + key.encode() for key in keys]


@pytest.mark.parametrize(
    "number",
    [
        *("0", "-1", "9007199254740993", "18446744073709551615", "1e+21", "1e300", "0.1", "-0.0"),
        "123456789012345678901234567890",
    ],
)
def test_numbers_keep_their_values(number: str) -> None:
    raw = parsed(b'{"spec":{"data":{"endpoints":{"k":%s}}}}' % number.encode())
    (entry,) = entries(raw["spec"]["data"])
    assert json.loads(entry.value) == json.loads(number)


def test_what_is_nested_deeper_than_parsers_like_hides_no_other_object() -> None:
    deep = b'{"a":' * 400 + b"1" + b"}" * 400
    found = parsed(b'{"items":[{"spec":{"data":{"endpoints":{"k":%s}}}},{}]}' % deep)
    (entry,) = entries(found["items"][0]["spec"]["data"])
    assert entry.value == deep


def test_five_thousand_entries_are_read() -> None:
    data = {"endpoints": {f"a/b/c/{number:x}": {"n": number} for number in range(5000)}}
    assert len(entries(data)) == 5000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-21T10:00:00Z", 1795255200.0),
        ("2026-11-21T10:00:00.5Z", 1795255200.5),
        ("2026-11-21T12:00:00+02:00", 1795255200.0),
        ("0001-01-01T00:00:00Z", -62135596800.0),
        ("2026-11-21T10:00:00", None),
        ("2026-02-30T10:00:00Z", None),
        ("yesterday", None),
        ("", None),
        (3, None),
        (None, None),
    ],
)
def test_times_that_are_none_are_none(text: object, seconds: float | None) -> None:
    assert objects.timestamp(text) == seconds


def test_who_applied_it_and_when_is_read_of_the_managed_fields() -> None:
    made = shapes.worker("a")
    made["metadata"]["managedFields"] = [
        {"manager": "dynamo-worker", "time": "2026-11-21T10:00:00Z"},
        {"manager": "kubectl", "time": "2026-11-21T11:00:00Z"},
        {"manager": "dynamo-worker", "time": None},
        "text",
    ]
    found = objects.worker_object(made)
    assert found is not None
    assert found.applied_at == 1795255200.0


def test_container_mode_is_told_by_the_owner_that_is_no_controller() -> None:
    in_pod = objects.worker_object(shapes.worker("a", pod_uid="u"))
    in_container = objects.worker_object(shapes.worker("a", pod_uid="u", container_mode=True))
    assert in_pod is not None
    assert in_container is not None
    assert (in_pod.mode, in_container.mode) == (Mode.POD, Mode.CONTAINER)


def test_a_revision_stands_for_object_time_of_the_last_apply_and_value() -> None:
    def revision(value: Any, uid: str = "u", time: str = "2026-11-21T10:00:00Z") -> str:
        made = shapes.worker("a", {"endpoints": {"k": value}}, uid=uid)
        made["metadata"]["managedFields"] = [{"manager": "dynamo-worker", "time": time}]
        found = objects.worker_object(made)
        assert found is not None
        return objects.revision(found.last_write, found.entries[0])

    assert revision(1) == revision(1)
    others = {revision(2), revision(1, uid="v"), revision(1, time="2026-11-21T10:00:01Z")}
    assert len(others | {revision(1)}) == 4
