"""`dyntop list --columns --sort --reverse --no-headers`: the table as it is asked for."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.cli.conftest import Here
from tests.support.etcd_server import EtcdServer
from tests.support.registered import card, instance
from tests.support.registering import grant, put, put_worker
from tests.support.running import dyntop, put_file
from tui.cli.columns import NONE, in_natural_order

HOSTS = ["gpu-1", "gpu-2", "gpu-9", "gpu-10", "gpu-010", "gpu-100"]


@pytest.fixture
def hosts(tmp_path: Path) -> tuple[str, ...]:
    """A file store with an instance at each host, of which the ids are in the opposite order, and a
    card, which names no host."""
    for number, host in enumerate(reversed(HOSTS), start=14):
        put_file(tmp_path, *instance(number, address=f"{host}:9000"))
    put_file(tmp_path, *card(14))
    return ("--file-store", str(tmp_path))


def first_cells(lines: list[str]) -> list[str]:
    return [line.split()[0] for line in lines]


def test_columns_are_chosen_and_ordered_in_any_case(hosts: tuple[str, ...], here: Here) -> None:
    ended = here("list", "endpoints", "--columns", "Host,ID, lora", *hosts)
    header, *rows = ended.lines
    assert header.split() == ["HOST", "ID", "LORA"]
    assert sorted(row.split() for row in rows) == sorted(
        [host, f"{number:x}", NONE] for number, host in enumerate(reversed(HOSTS), start=14)
    )
    # All of a column, also what the usual table leaves out since another has it.
    twice = here("list", "endpoints", "--columns", "id,id,worker", *hosts).lines
    assert ["e", "e", "e"] in [row.split() for row in twice]


def test_rows_are_sorted_by_the_size_of_their_numbers(hosts: tuple[str, ...], here: Here) -> None:
    def sorted_by(*args: str) -> list[str]:
        return first_cells(here("list", "--columns", "host", "--no-headers", *args, *hosts).lines)

    ordered = sorted_by("--sort", "HOST")
    # What names no host is last, either way.
    assert ordered.pop() == NONE
    assert [host.replace("010", "10") for host in ordered] == sorted(
        (host.replace("010", "10") for host in HOSTS), key=lambda host: int(host[4:])
    )
    assert sorted_by("--sort", "host", "--reverse")[-1] == NONE
    assert sorted_by("--sort", "host", "--reverse")[0] == "gpu-100"
    # Ids are numbers in hex: e before 10.
    assert sorted_by("endpoints", "--sort", "id") == HOSTS[::-1]
    assert sorted_by("endpoints", "--sort", "id", "--reverse") == HOSTS


def test_the_order_is_that_of_every_output(hosts: tuple[str, ...], here: Here) -> None:
    sort = ("endpoints", "--sort", "id", "--reverse", *hosts)
    expected = [f"{number:x}" for number in range(13 + len(HOSTS), 13, -1)]
    assert [one["instance_id"] for one in here("list", "-o", "json", *sort).records] == expected
    assert [line.rpartition("/")[2] for line in here("list", "-o", "name", *sort).lines] == expected
    keys = here("list", "-o", "name", *hosts).lines
    assert here("list", "-o", "name", "--reverse", *hosts).lines == keys[::-1]


def test_without_headers_the_rows_are_the_same(hosts: tuple[str, ...], here: Here) -> None:
    for what in ("all", "workers"):
        _, *rows = here("list", what, *hosts).lines
        bare = here("list", what, "--no-headers", *hosts).lines
        assert [row.split() for row in bare] == [row.split() for row in rows]


def test_an_unknown_column_is_answered_with_those_there_are(here: Here) -> None:
    ended = here("list", "--demo", "--sort", "modle")
    assert (ended.code, ended.out) == (2, b"")
    sentence = ended.one_sentence()
    assert "--sort: there is no column 'modle' (did you mean model?)" in sentence
    for name in ("kind", "namespace", "host", "revision", "evidence"):
        assert name in sentence.rpartition("the columns are ")[2].split(", ")
    ended = here("list", "workers", "--demo", "--columns", "worker,cradz")
    assert ended.code == 2
    assert "(did you mean cards?)" in ended.one_sentence()
    assert "topic" not in ended.err


def test_a_column_of_verdicts_is_filled_without_being_asked_for_otherwise(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    put_worker(etcd)
    put(etcd, card(0xDEAD))
    worst = dyntop("list", "--sort", "state", "--columns", "state,id,ttl", env=in_etcd).lines[1]
    assert worst.split() == ["orphaned", "dead", "none"]
    rows = dyntop("list", "workers", "--sort", "state", "--columns", "state,evidence", env=in_etcd)
    assert first_cells(rows.lines) == ["STATE", "orphaned", "live"]


def test_workers_are_sorted_by_the_size_of_their_counts(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    many, few = grant(etcd), grant(etcd)
    for number in range(11):
        put(etcd, instance(many, endpoint=f"e{number}"), many)
    for number in range(2):
        put(etcd, instance(few, endpoint=f"e{number}"), few)
    shown = ("--columns", "worker,endpoints", "--no-headers")
    rows = dyntop("list", "workers", "--sort", "endpoints", *shown, env=in_etcd).lines
    assert [row.split() for row in rows] == [[f"{few:x}", "2"], [f"{many:x}", "11"]]


def test_natural_order_reads_digits_and_nothing_else() -> None:
    texts = ["", "a", "A1", "a2", "a10", "a10b2", "a10b10", "b", "1" * 5000, "1" * 5001, "٣"]
    mixed = random.Random(7).sample(texts, len(texts))
    assert sorted(mixed, key=in_natural_order) == sorted(texts, key=in_natural_order)
    ordered = sorted(mixed, key=in_natural_order)
    assert [text for text in ordered if text.startswith(("a", "A"))] == texts[1:7]
    assert ordered.index("1" * 5000) < ordered.index("1" * 5001)
