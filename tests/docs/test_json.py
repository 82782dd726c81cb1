"""The JSON that commands print is what the schemas in the documents say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry, Resource

from backends.dynamo.roles import Role
from backends.liveness.evidence import Evidence
from backends.liveness.evidence_kinds import CardSort, EvidenceKind, Values, WorkerGone
from backends.liveness.frontends import ModelStatus
from backends.liveness.judge import Verdict
from backends.liveness.routing import ServingReason
from backends.probe.types import ProbeAnswer, ProbeMethod
from tests.docs.documents import REFERENCE, ROOT, in_code, section, table
from tests.recording.histories import a_history
from tests.support.etcd_server import EtcdServer
from tests.support.evidence import SENTENCES, VALUES_OF
from tests.support.frontends import frontend
from tests.support.registered import MALFORMED, UNKNOWN, card, instance
from tests.support.registering import grant, put, put_worker
from tests.support.running import Watching, dyntop
from tui.text.evidence import exported_evidence

SCHEMAS = {path.name: json.loads(path.read_text()) for path in REFERENCE.glob("*.schema.json")}
REGISTRY: Registry[Any] = Registry().with_resources(
    (name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)
GONE = 0xDEAD


def validate(found: object, schema: str) -> None:
    """Raises `ValidationError`."""
    Draft202012Validator(SCHEMAS[schema], registry=REGISTRY).validate(found)


@pytest.fixture
def filled(etcd: EtcdServer) -> dict[str, str]:
    """The environment that leads to an etcd with records of every kind."""
    put_worker(etcd)
    for registered in (card(GONE), MALFORMED, UNKNOWN):
        put(etcd, registered)
    return {"ETCD_ENDPOINTS": etcd.endpoint}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("command", [("list", "all"), ("list", "--liveness"), ("check",)])
@pytest.mark.parametrize("place", ["demo", "etcd"])
def test_records_are_as_their_schema_says(
    command: tuple[str, ...], place: str, filled: dict[str, str]
) -> None:
    on_demo = ("--demo",) if place == "demo" else ()
    ended = dyntop(*on_demo, *command, "-o", "json", env=filled)
    assert ended.records
    validate(ended.records, "records.schema.json")
    judged = [record for record in ended.records if record["verdict"] is not None]
    assert bool(judged) is (command != ("list", "all"))
    for record in judged:
        assert record["evidence"] == [one["text"] for one in record["evidence_data"]]
        assert record["evidence_data"]


def validate_evidence(found: object) -> None:
    """Raises `ValidationError`."""
    schema = {"$ref": "records.schema.json#/$defs/evidence_data"}
    Draft202012Validator(schema, registry=REGISTRY).validate(found)


@pytest.mark.parametrize("values", SENTENCES, ids=lambda values: values.kind.value)
def test_evidence_of_each_kind_is_as_its_schema_says_and_the_sentence_is_last(
    values: Values,
) -> None:
    (found,) = exported_evidence([Evidence(values, 1.25)])
    names = [*values.__struct_fields__]
    assert list(found) == ["evidence_kind", "at", *names, "text"]
    assert (found["evidence_kind"], found["at"]) == (values.kind, "1970-01-01T00:00:01.250Z")
    assert found["text"] == SENTENCES[values]
    in_a_script = json.loads(json.dumps(found))
    validate_evidence([in_a_script])
    for name in (*found, "new"):
        other = {key: value for key, value in in_a_script.items() if key != name}
        with pytest.raises(ValidationError):
            validate_evidence([other if name in found else in_a_script | {"new": 1}])


def test_an_id_in_evidence_is_hex_and_a_time_that_no_calendar_has_is_null() -> None:
    worker = 2**64 - 1
    (found,) = exported_evidence([Evidence(WorkerGone(worker, has_leases=True), 1e300)])
    assert (found["worker"], found["at"]) == (f"{worker:x}", None)
    validate_evidence([found])


def test_every_kind_of_evidence_is_listed_with_its_values() -> None:
    rows = table(ROOT / "docs" / "verdicts.md", "Kinds of evidence")
    assert [in_code(kind) for kind, *_ in rows] == [[kind.value] for kind in EvidenceKind]
    listed: dict[str, set[str]] = {}
    for (kind, _, values), one in zip(rows, EvidenceKind, strict=True):
        names = set(in_code(values))
        # What is said to be as another has its values, too.
        also = set().union(*(listed[name] for name in names & listed.keys()))
        listed[in_code(kind)[0]] = names = names - listed.keys() | also
        of_sorts = CardSort.__struct_fields__ if one is EvidenceKind.CARDS_DIFFER else ()
        wanted = {*VALUES_OF[one].__struct_fields__, *of_sorts}
        assert names - {"dyntop restore"} == wanted, one


def test_a_model_that_a_frontend_does_not_serve_is_as_the_schema_says(
    etcd: EtcdServer, filled: dict[str, str]
) -> None:
    listed, model = "acme/tiny-llm", "acme/new"
    worker = grant(etcd)
    for registered in (instance(worker), card(worker, model)):
        put(etcd, registered, worker)
    with frontend(listed) as url:
        records = dyntop("check", "--metrics", url, "-o", "json", env=filled).records
    validate(records, "records.schema.json")
    (found,) = (one for one in records if one["key"] is None and one["model_name"] == model)
    (said,) = found["evidence_data"]
    assert (said["evidence_kind"], said["frontend"], said["says"]) == (
        "frontend",
        url,
        "not listed",
    )
    assert found["evidence"] == [said["text"]]


def test_every_kind_and_verdict_and_reason_is_in_the_schema() -> None:
    defined = SCHEMAS["records.schema.json"]["$defs"]
    says = defined["at_frontend"]["properties"]["says"]["enum"]
    assert set(says) == {one.value for one in ModelStatus}
    assert set(defined["verdict"]["enum"]) == {one.value for one in Verdict} | {None}
    reasons = defined["record"]["properties"]["not_routable"]["enum"]
    assert set(reasons) == {one.value for one in ServingReason} | {None}
    worker = SCHEMAS["workers.schema.json"]["items"]["properties"]
    assert set(worker["verdict"]["enum"]) == set(defined["verdict"]["enum"])
    assert set(worker["role"]["enum"]) == {one.value for one in Role}
    assert set(defined["probe_method"]["enum"]) == {one.value for one in ProbeMethod}
    assert set(defined["probe_answer"]["enum"]) == {one.value for one in ProbeAnswer}


@pytest.mark.parametrize("more", [(), ("--liveness",)])
@pytest.mark.parametrize("place", ["demo", "etcd"])
def test_workers_are_as_their_schema_says(
    more: tuple[str, ...], place: str, filled: dict[str, str]
) -> None:
    on_demo = ("--demo",) if place == "demo" else ()
    ended = dyntop(*on_demo, "list", "workers", *more, "-o", "json", env=filled)
    assert ended.records
    validate(ended.records, "workers.schema.json")


@pytest.mark.parametrize("steps", [(), ("--events",)])
def test_differences_are_as_their_schema_says(
    steps: tuple[str, ...], etcd: EtcdServer, filled: dict[str, str]
) -> None:
    key = put(etcd, instance(GONE))
    put(etcd, instance(GONE, address="10.0.0.9:9000"))
    etcd.etcdctl("del", key)
    ended = dyntop("diff", "--from", "oldest", *steps, "-o", "json", env=filled)
    assert ended.code == 1
    validate(ended.records, "diff.schema.json")
    kinds = {change["change"] for change in ended.records}
    assert kinds == ({"added", "changed", "removed"} if steps else {"added"})
    assert {change["revision"] is None for change in ended.records} == {not steps}


@pytest.mark.parametrize("causes", [(), ("--causes",)], ids=["events", "causes"])
def test_events_are_as_their_schema_says(causes: tuple[str, ...], tmp_path: Path) -> None:
    ended = dyntop("events", a_history(tmp_path / "it"), *causes, "-o", "json")
    assert ended.code == 0
    validate(ended.records, "events.schema.json")
    assert len(ended.records) > 4
    assert any(one["reason"] is None for one in ended.records)


def test_lines_of_watch_are_as_their_schema_says(etcd: EtcdServer, filled: dict[str, str]) -> None:
    with Watching(env=filled) as watching:
        events = watching.until_resync()
        etcd.etcdctl("del", MALFORMED[0].decode())
        events += watching.until(lambda event: event["event"] == "removed")
    assert {event["event"] for event in events} == {"added", "removed", "resync"}
    for event in events:
        validate(event, "watch.schema.json")


def test_a_field_that_no_schema_has_is_refused(filled: dict[str, str]) -> None:
    records = dyntop("list", "-o", "json", env=filled).records
    records[0]["new"] = 1
    with pytest.raises(ValidationError, match="new"):
        validate(records, "records.schema.json")


def test_every_field_is_described() -> None:
    for heading, schema in (
        ("Records", "records"),
        ("Workers", "workers"),
        ("Diff", "diff"),
        ("Events", "events"),
    ):
        described = set(in_code(section(REFERENCE / "json.md", heading)))
        whole = SCHEMAS[f"{schema}.schema.json"]
        if schema == "records":
            ids, record = whole["$defs"]["id"], whole["$defs"]["record"]
            fields = {*ids["properties"], *record["properties"]}
        elif schema == "events":
            fields = {
                name for one in ("event", "cause") for name in whole["$defs"][one]["properties"]
            }
        else:
            fields = set(whole["items"]["properties"])
        assert fields <= described
