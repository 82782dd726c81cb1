"""Reading only what is needed of a page or an event gives what reading all of it gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backends.kubernetes import objects
from backends.kubernetes.decode import Projection, parsed
from backends.kubernetes.resources import LABEL_OFF, PODS, SERVICE_NAME, SLICES, WORKERS, Resource
from tests.support.kubernetes import shapes

RECORDED = Path(__file__).parents[1] / "corpus" / "kubernetes"
KINDS = {"DynamoWorkerMetadata": WORKERS, "EndpointSlice": SLICES, "Pod": PODS}
READ: dict[Resource, Callable[[dict[str, Any]], object]] = {
    WORKERS: objects.worker_object,
    SLICES: objects.endpoint_slice,
    PODS: objects.pod,
}
WROTE = [
    {"manager": "dynamo-worker", "time": "2026-11-21T10:00:00Z", "fieldsV1": {"f:spec": {}}},
    {"manager": "kubectl", "time": None},
]
CARD = {"card_json": {"name": "a", "ratio": 0.5}, "component": "backend", "ids": [1, 2**64]}
EXAMPLES: list[dict[str, Any]] = [
    shapes.worker("a", {"endpoints": {"a/b/c/1": {"x": "é\n"}, "d": 1}, "model_cards": {"k": CARD}})
    | {"status": {"more": [1.5, None]}},
    shapes.worker("b", {"event_channels": None}, pod_uid="u", container_mode=True),
    shapes.endpoint_slice("s", shapes.endpoint("a", "u"), shapes.endpoint("b", None, None)),
    shapes.pod("a", "u", containers={"main": True, "b": False}, deletionTimestamp=None),
]
EXAMPLES[0]["metadata"] |= {"managedFields": WROTE, "labels": None}
EXAMPLES[2]["metadata"]["labels"][SERVICE_NAME] = "backend"
EXAMPLES[3]["metadata"]["annotations"] = {LABEL_OFF: "a=b", "another": ""}
ODD = [
    *("null", "true", "1", "1.0", "-0", "1e16", "1e-5", "1e400", "NaN", "18446744073709551616"),
    *('"text"', '"Pod"', '"true"', '"\\u0041"', '"\\ud800"', '"\udcff"', '"\x7f"', '"\\x"', "01"),
    *("[]", "{}", "[1]", '[{"type":"Ready"}]', '{"a":1,"a":2}', '{"name":"b","kind":"Pod"}'),
    *('{"a":' * 300 + "1e-5" + "}" * 300, "[" * 3000 + "]" * 3000, ' { "a" : 1 } ', "[1,]", ""),
]


def spelled(value: Any, chance: Random, oddness: float) -> str:
    """Return JSON of a value in which some members are odd, missing, or there twice."""
    if chance.random() < oddness:
        return chance.choice(ODD)
    if isinstance(value, list):
        return "[" + ",".join(spelled(one, chance, oddness) for one in value) + "]"
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=chance.random() < 0.5)
    members = []
    for name, within in value.items():
        if chance.random() < oddness:
            continue
        text = json.dumps(name)
        if chance.random() < oddness:
            members.append(f"{text}:{chance.choice(ODD)}")
        if chance.random() < oddness:
            text = '"' + "".join(rf"\u{ord(char):04x}" for char in name) + '"'
        members.append(f"{text}:{spelled(within, chance, oddness)}")
    return "{" + ",".join(members) + "}"


def used(page: Any, resource: Resource) -> str:
    """Return what is read of a page."""
    if not isinstance(page, dict) or not isinstance(page.get("items"), list):
        return "no list"
    metadata = page.get("metadata")
    if isinstance(metadata, dict):
        metadata = [metadata.get("continue"), metadata.get("resourceVersion")]
    read = [READ[resource](one) if isinstance(one, dict) else None for one in page["items"]]
    return repr((metadata, read))


@given(st.integers(), st.sampled_from([0.0, 0.01, 0.05]))
def test_a_page_of_any_shape_is_read_as_the_whole_is(seed: int, oddness: float) -> None:
    chance = Random(seed)
    one = chance.choice(EXAMPLES)
    page = {"items": [one, one], "metadata": {"continue": "next", "resourceVersion": "7"}}
    raw = spelled(page, chance, oddness).encode("utf-8", "surrogateescape")
    resource = KINDS[one["kind"]]
    assert used(Projection(resource).page(raw), resource) == used(parsed(raw), resource)


@given(st.integers(), st.sampled_from([0.0, 0.05]))
def test_an_event_of_any_shape_is_read_as_the_whole_is(seed: int, oddness: float) -> None:
    chance = Random(seed)
    one = chance.choice(EXAMPLES)
    line = spelled({"type": "ADDED", "object": one}, chance, oddness)
    raw, resource = line.encode("utf-8", "surrogateescape"), KINDS[one["kind"]]

    def read(event: Any) -> str:
        if not isinstance(event, dict) or not isinstance(event.get("object"), dict):
            return "no event"
        return repr((event.get("type"), READ[resource](event["object"])))

    assert read(Projection(resource).event(raw)) == read(parsed(raw))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
@example(1e16)
@example(-1e22)
@example(1e-5)
@example(2**64)
@example('\x00\x1f\x7f\u2028é"\\/\b\f\n\r\t')
def test_a_value_is_spelled_as_of_the_whole(value: Any) -> None:
    page = {"items": [shapes.worker("a", {"endpoints": {"k": value}})]}
    for ascii_only in (True, False):
        raw = json.dumps(page, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        assert used(Projection(WORKERS).page(raw), WORKERS) == used(parsed(raw), WORKERS)


@pytest.mark.parametrize("file", sorted(RECORDED.glob("*.jsonl")), ids=lambda file: file.stem)
def test_of_recorded_objects_nothing_is_made_that_is_not_read(file: Path) -> None:
    for line in file.read_bytes().splitlines():
        resource = KINDS[json.loads(line)["kind"]]
        page = b'{"items":[%s]}' % line
        found = Projection(resource).page(page)
        assert used(found, resource) == used(parsed(page), resource)
        assert "kind" not in found["items"][0]


def test_an_error_is_read_whole() -> None:
    event = {"type": "ERROR", "object": {"kind": "Status", "metadata": {}, "code": 410}}
    assert Projection(WORKERS).event(json.dumps(event).encode()) == event


@pytest.mark.parametrize("value", [b"7" * 5_000, b'{"a":%s}' % (b"7" * 5_000), b"null"])
def test_a_value_that_no_parser_takes_is_kept_as_it_is(value: bytes) -> None:
    raw = b'{"items":[{"metadata":{"name":"a"},"spec":{"data":{"endpoints":{"k":%s}}}}]}' % value
    (one,) = Projection(WORKERS).page(raw)["items"]
    worker = objects.worker_object(one)
    assert worker is not None
    assert [entry.value for entry in worker.entries] == [value]
