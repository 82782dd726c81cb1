"""`dyntop list --watch`: the table, then a line for each change."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from backends.discovery.discovery import Added, Resynced
from backends.dynamo.queries import EVERYTHING
from tests.cli.conftest import BODY, CARD, CARD_BODY, INSTANCE, Here
from tests.support.etcd_server import EtcdServer
from tests.support.owned import NOT_READY, READY, owned
from tests.support.registered import card, channel, instance
from tests.support.registering import grant, put
from tests.support.running import COMMAND, DEADLINE, Watching, dyntop, environment, put_file
from tui.cli.arguments.commands import build_parser
from tui.cli.columns import Layout
from tui.cli.commands.list_watch import TableLines
from tui.cli.shared.record_columns import COLUMNS
from tui.cli.tables import GrowingTable


def listing(*args: str, env: dict[str, str]) -> Watching:
    return Watching("--watch", *args, env=env, command="list")


def test_first_the_table_then_each_change_with_its_mark(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    etcd.etcdctl("put", INSTANCE.decode(), input=BODY)
    with listing("--columns", "kind,model,state", env=in_etcd) as watching:
        assert watching.line().split() == ["EVENT", "KIND", "MODEL", "STATE", "WHY"]
        assert watching.line().split() == ["endpoint", "<none>", "listed"]
        etcd.etcdctl("put", CARD.decode(), input=CARD_BODY)
        assert watching.line().split() == ["added", "model", "Qwen/Qwen3-32B", "listed"]
        etcd.etcdctl("put", CARD.decode(), input=CARD_BODY.replace(b"32B", b"8B"))
        assert watching.line().split() == ["changed", "model", "Qwen/Qwen3-8B", "listed"]
        etcd.etcdctl("del", INSTANCE.decode())
        went = watching.line()
        assert went.split()[:3] == ["removed", "endpoint", "<none>"]
        assert went.endswith("  deleted; it had no lease")
        assert watching.interrupt() == 130
        assert watching.rest_of_complaints() == []


def test_columns_are_those_of_the_table_and_aligned(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put(etcd, instance(0xA907))
    put(etcd, instance(0xA908, component="b"))
    header, *rows = dyntop("list", env=in_etcd).lines
    with listing(env=in_etcd) as watching:
        first = watching.line()
        assert first.split() == ["EVENT", *header.split(), "WHY"]
        start = first.index("KIND")
        assert [watching.line()[start:] for _ in rows] == rows
        put(etcd, instance(0xA909))
        line = watching.line()
        assert line.startswith("added")
        assert line.index("endpoint") == start
        # A kind that has other columns: they come with a header of their own.
        put(etcd, card(0xA909))
        again = watching.line()
        assert again.split()[0] == "EVENT"
        assert "MODEL" in again.split()
        assert "acme/tiny-llm" in watching.line()


def test_rows_are_sorted_and_names_and_filters_are_those_of_list(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    for number, host in enumerate(("gpu-10", "gpu-9", "other"), start=1):
        put(etcd, instance(number, address=f"{host}:9000"))
    put(etcd, channel(9, host="gpu-9"))
    args = ("endpoints", "gpu-9", "gpu-10", "--sort", "host", "--columns", "host", "--no-headers")
    with listing(*args, env=in_etcd) as watching:
        assert [watching.line().split() for _ in range(2)] == [["gpu-9"], ["gpu-10"]]
        put(etcd, instance(3, address="gpu-11:9000"))
        put(etcd, instance(4, address="gpu-9:9001"))
        assert watching.line().split() == ["added", "gpu-9"]
        key = instance(1)[0].decode()
        etcd.etcdctl("del", instance(3)[0].decode())
        etcd.etcdctl("del", key)
        assert watching.line().split()[:2] == ["removed", "gpu-10"]


def test_json_lines_are_those_of_watch(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    lease = grant(etcd)
    put(etcd, instance(0xA907, address="gpu-1:9000"), lease)
    put(etcd, instance(0xA908, address="gpu-2:9000"), lease)
    with (
        Watching("endpoints", env=in_etcd) as watch,
        listing("endpoints", "-o", "ndjson", env=in_etcd) as ours,
        listing("endpoints", "gpu-2", "-o", "ndjson", env=in_etcd) as named,
    ):
        all_of_them = [ours.until_resync(), watch.until_resync(), named.until_resync()]
        for events in all_of_them:
            for event in events:
                event.pop("time")
        assert all_of_them[0] == all_of_them[1]
        assert all_of_them[2] == all_of_them[0][1:]
        etcd.etcdctl("del", instance(0xA908)[0].decode())
        removed = [one.event() for one in (ours, watch, named)]
        assert {event["event"] for event in removed} == {"removed"}
        assert len({event["id"]["key"] for event in removed}) == 1


def test_after_a_gap_the_changes_in_it_are_printed_and_it_is_said(in_etcd: dict[str, str]) -> None:
    # Its own server: it is killed.
    with EtcdServer() as etcd:
        etcd.etcdctl("put", INSTANCE.decode(), input=BODY)
        env = in_etcd | {"ETCD_ENDPOINTS": etcd.endpoint}
        with listing("--columns", "kind", env=env) as watching:
            assert watching.line().split() == ["EVENT", "KIND", "WHY"]
            assert watching.line().split() == ["endpoint"]
            etcd.kill()
            assert "still watching" in watching.complaint()
            etcd.wipe()
            etcd.etcdctl("put", CARD.decode(), input=CARD_BODY)
            printed = {tuple(watching.line().split()[:2])}
            while not {("removed", "endpoint"), ("added", "model")} <= printed:
                printed.add(tuple(watching.line().split()[:2]))
            watching.until_complaint("after a gap")
            assert watching.process.poll() is None


def test_nothing_is_said_to_be_nothing_and_the_header_comes_with_the_first_row(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    with listing("models", env=in_etcd) as watching:
        assert watching.complaint() == "dyntop: nothing found: watching\n"
        put(etcd, card(0xA907))
        assert watching.line().startswith("EVENT")
        assert watching.line().startswith("added")


def test_it_ends_when_nobody_reads_though_nothing_happens(in_folder: dict[str, str]) -> None:
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [*COMMAND, "list", "-w"],
        env=environment(in_folder),
        stdout=writer,
        stderr=subprocess.PIPE,
    )
    os.close(writer)
    with os.fdopen(reader, "rb") as lines:
        assert lines.readline().startswith(b"EVENT")
    _, complaints = process.communicate(timeout=DEADLINE)
    assert (process.returncode, complaints) == (141, b"")


def test_a_record_that_expires_is_a_change(folder: Path, in_folder: dict[str, str]) -> None:
    with listing("models", "--columns", "id,state", env=in_folder) as watching:
        assert watching.line().split()[0] == "EVENT"
        assert watching.line().split() == ["7d7ba1fd23957b1c", "listed"]
        os.utime(put_file(folder, CARD, CARD_BODY), (1_000_000_000, 1_000_000_000))
        line = watching.line()
        while "expired" not in line.split():
            line = watching.line()
        assert line.split()[:2] == ["changed", "7d7ba1fd23957b1c"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-o", "json"), "goes with -o table, wide, ndjson only"),
        (("-o", "name"), "goes with -o table, wide, ndjson only"),
        (("workers",), "name endpoints instead of workers"),
        (("--liveness",), "checks no leases, as --liveness does"),
        (("--probe",), "checks no leases, as --liveness does"),
        (("--columns", "id,ttl"), "checks no leases, as ttl does"),
        (("--sort", "routable"), "checks no leases, as routable does"),
        (("-o", "ndjson", "--sort", "id"), "it sorts the table alone"),
        (("-o", "ndjson", "--reverse"), "it sorts the table alone"),
    ],
)
def test_what_it_cannot_keep_is_refused_in_a_sentence(
    options: tuple[str, ...], said: str, here: Here
) -> None:
    ended = here("--demo", "list", "--watch", *options)
    assert (ended.code, ended.out) == (2, b"")
    assert said in ended.one_sentence()


@pytest.mark.parametrize(("columns", "shown"), [("id,readiness", True), ("id", False)])
def test_on_kubernetes_a_readiness_that_is_shown_is_a_change(columns: str, shown: bool) -> None:
    asked = build_parser().parse_args(["list", "--columns", columns])
    lines = TableLines(EVERYTHING, Layout(COLUMNS, asked))
    ready, not_ready = (owned(instance(0xA907), owner) for owner in (READY, NOT_READY))
    first = list(lines.resync(Resynced((), (Added(ready),), "1"), []))
    assert [line.split()[0] for line in first] == ["EVENT", "a907"]
    changed = list(lines.added(Added(not_ready, ready)))
    again = list(lines.added(Added(not_ready, not_ready)))
    assert [line.split() for line in changed] == [["changed", "a907", "not", "ready"]] * shown
    assert again == []


def test_a_table_that_grows_becomes_wider_and_never_narrower() -> None:
    table = GrowingTable(("A", "B", "C"), always={"A", "C"})
    assert list(table.lines([])) == []
    assert list(table.lines([("a", "", "c")])) == ["A  C", "a  c"]
    assert list(table.lines([("aaa", "", "c")])) == ["aaa  c"]
    assert list(table.lines([("a", "", "c")])) == ["a    c"]
    assert list(table.lines([("a", "b", "c")])) == ["A    B  C", "a    b  c"]
    assert list(table.lines([("a", "", "")])) == ["a"]
    bare = GrowingTable(("LONG", "B"), headers=False)
    assert list(bare.lines([("a", "b")])) == ["a  b"]
