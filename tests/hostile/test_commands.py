"""What commands print of what others wrote: plain text, each record by its exact key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.dynamo import keys
from tests.cli.conftest import Here
from tests.hostile.corpus import everything
from tests.hostile.places import files_by_key, files_in, fill_folder, put_into_etcd, short_records
from tests.hostile.plainness import assert_plain, assert_plain_ascii
from tests.support.etcd_server import EtcdServer
from tests.support.running import Watching, dyntop


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file store with all of the corpus that one can hold, to look at."""
    root = tmp_path_factory.mktemp("hostile") / "kv"
    fill_folder(root, everything().values())
    return root


@pytest.fixture
def in_folder(folder: Path, state: dict[str, str]) -> dict[str, str]:
    return state | {"DYN_DISCOVERY_BACKEND": "file", "DYN_FILE_KV": str(folder)}


def printed_keys(lines: list[str]) -> Iterator[bytes]:
    for line in lines:
        assert_plain(line)
        yield keys.unspell(line)


def test_all_of_an_etcd_is_listed_by_its_exact_keys(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    there = put_into_etcd(etcd, everything().values())
    assert set(etcd.entries()) == there
    listed = dyntop("list", "all", "-o", "name", env=in_etcd)
    assert (listed.code, listed.err) == (0, "")
    assert sorted(printed_keys(listed.lines)) == sorted(there)


def test_all_of_a_folder_is_listed_by_its_exact_keys(
    here: Here, in_folder: dict[str, str], folder: Path
) -> None:
    listed = here("list", "all", "-o", "name", env=in_folder)
    assert (listed.code, listed.err) == (0, "")
    found = list(printed_keys(listed.lines))
    assert len(found) == len(set(found))
    assert set(found) == files_by_key(folder).keys()


@pytest.mark.parametrize(
    "command",
    [
        ("list", "all", "-o", "json"),
        ("list", "all", "-o", "json", "--liveness"),
        ("list", "workers", "-o", "json"),
        ("check", "-o", "json"),
    ],
    ids=" ".join,
)
def test_json_of_anything_is_ascii_and_can_be_read(
    here: Here, in_folder: dict[str, str], command: tuple[str, ...]
) -> None:
    ended = here(*command, env=in_folder)
    assert ended.code in (0, 1)
    assert_plain_ascii(ended.out)
    assert ended.records
    assert_plain(ended.err)


@pytest.mark.parametrize(
    "command",
    [
        *(("list", what) for what in ("all", "endpoints", "models", "channels", "sources")),
        ("list", "workers"),
        ("list", "workers", "-o", "name"),
        ("list", "all", "--liveness"),
        ("check",),
        ("unregister", "--stale", "--dry-run"),
    ],
    ids=" ".join,
)
def test_tables_of_anything_are_plain_and_not_too_wide(
    here: Here, in_folder: dict[str, str], command: tuple[str, ...]
) -> None:
    ended = here(*command, env=in_folder)
    assert ended.code in (0, 1)
    assert ended.lines
    assert_plain("\n".join(ended.lines))
    assert_plain(ended.err)


def test_filters_may_be_anything(here: Here, state: dict[str, str], tmp_path: Path) -> None:
    fill_folder(tmp_path / "kv", short_records())
    in_folder = state | {"DYN_DISCOVERY_BACKEND": "file", "DYN_FILE_KV": str(tmp_path / "kv")}
    for name in ("\x1b[2J", "[@click=app.quit]x[", "\u202egnp.exe", "../..", "-", "%", "\udcff"):
        for option in ("-n", "-c", "-e", "-t"):
            ended = here("list", "all", f"{option}{name}", env=in_folder)
            assert ended.code == 0
            assert_plain("\n".join(ended.lines))
            assert_plain(ended.err)


def test_a_removal_by_keys_as_they_are_printed_takes_these_and_no_other(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    there = put_into_etcd(etcd, short_records())
    with Watching("all", env=in_etcd) as watching:
        events = watching.until_resync()
        assert watching.process.poll() is None
    added = [event["record"]["key"] for event in events if event["event"] == "added"]
    assert {keys.unspell(key) for key in added} == there
    listed = sorted(dyntop("list", "all", "-o", "name", env=in_etcd).lines)
    # Next to each other in order are those that are easily taken for one another.
    named, kept = listed[::2], listed[1::2]
    ended = dyntop("unregister", "--yes", "--", *named, env=in_etcd)
    assert ended.code == 0, ended.err
    assert sorted(ended.lines) == [f"removed {key}" for key in named]
    assert_plain(ended.err)
    left = {keys.unspell(key) for key in kept}
    assert set(etcd.entries()) == left
    assert {keys.unspell(key) for key in named} == there - left
    assert_audit_is_plain(in_etcd)
    told = dyntop("history", env=in_etcd)
    assert_plain("\n".join(told.lines))
    assert len(told.lines) == len(named) + 1
    assert_plain_ascii(dyntop("history", "-o", "json", env=in_etcd).out)
    restored = dyntop("restore", ended.act, env=in_etcd)
    assert restored.code == 0, restored.err
    assert_plain("\n".join(restored.lines) + restored.err)
    assert set(etcd.entries()) == there


def test_each_file_is_removed_by_its_key_and_no_other(
    here: Here, state: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "kv"
    fill_folder(folder, everything().values())
    in_folder = state | {"DYN_DISCOVERY_BACKEND": "file", "DYN_FILE_KV": str(folder)}

    def listed() -> list[str]:
        return here("list", "all", "-o", "name", env=in_folder).lines

    def remove(some: list[str]) -> None:
        # A file whose namesake went is known by another key than before.
        before = files_by_key(folder)
        ended = here("unregister", "--yes", "--", *some, env=in_folder)
        assert (ended.code, sorted(ended.lines)) == (0, sorted(f"removed {key}" for key in some))
        gone = {before[keys.unspell(key)] for key in some}
        assert set(before.values()) - files_in(folder) == gone

    remove(listed()[::3])
    remove(listed()[1::2])
    for key in listed()[:4]:
        remove([key])
    # Files of one key among them.
    everywhere = listed()
    assert any("/./" in key for key in everywhere)
    remove(everywhere)
    assert files_in(folder) == set()
    assert_audit_is_plain(in_folder)


def assert_audit_is_plain(env: dict[str, str]) -> None:
    """Each line JSON in ASCII."""
    written = Path(env["XDG_STATE_HOME"], "dyntop", "audit.jsonl").read_bytes()
    assert written
    assert_plain_ascii(written)
    for line in written.splitlines():
        json.loads(line)
