"""`dyntop unregister` on real stores: only what was named, only in the revision that was seen."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import BODY, CARD, CARD_BODY, INSTANCE, Here
from tests.cli.running import COMMAND, DEADLINE, dyntop, environment, put_file
from tests.servers import EtcdServer

KEY, OTHER = INSTANCE.decode(), CARD.decode()


def test_a_key_named_in_full_is_removed_without_a_question(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    etcd.etcdctl("put", KEY, input=BODY)
    etcd.etcdctl("put", KEY + "0", input=BODY)
    ended = dyntop("unregister", "--yes", KEY, env=in_etcd)
    assert (ended.code, ended.lines, ended.err) == (0, [f"removed {KEY}"], "")
    assert set(etcd.entries()) == {f"{KEY}0".encode()}


def test_what_is_not_there_is_told_and_the_others_are_done(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    etcd.etcdctl("put", KEY, input=BODY)
    etcd.etcdctl("put", "registry/pods/x", "1")
    ended = dyntop("unregister", "-y", OTHER, "registry/pods/x", KEY, "v1/", "", env=in_etcd)
    assert (ended.code, ended.lines) == (1, [f"removed {KEY}"])
    assert f"not found in etcd ({etcd.endpoint}): {OTHER}" in ended.err
    assert "registry/pods/x is not of Dynamo's discovery plane" in ended.err
    assert set(etcd.entries()) == {b"registry/pods/x"}


def test_only_the_revision_named_is_removed(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    etcd.etcdctl("put", KEY, input=b"{}")
    old = str(etcd.entries()[INSTANCE].mod_revision)
    etcd.etcdctl("put", KEY, input=BODY)
    now = str(etcd.entries()[INSTANCE].mod_revision)
    for revision in (old, f"0{now}"):
        ended = dyntop("unregister", "--yes", "--revision", revision, KEY, env=in_etcd)
        assert (ended.code, ended.out) == (1, b"")
        assert "changed" in ended.one_sentence()
    assert INSTANCE in etcd.entries()
    assert dyntop("unregister", "--yes", "--revision", now, KEY, env=in_etcd).code == 0
    assert INSTANCE not in etcd.entries()


def test_a_dry_run_shows_all_and_removes_nothing(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    lease = etcd.etcdctl("lease", "grant", "600").decode().split()[1]
    elsewhere = KEY.replace("prod", "prod2")
    etcd.etcdctl("put", f"--lease={lease}", elsewhere, input=BODY)
    ended = dyntop("unregister", "--dry-run", elsewhere, env=in_etcd)
    assert (ended.code, ended.lines) == (0, [f"would remove {elsewhere}"])
    revision = etcd.entries()[elsewhere.encode()].mod_revision
    for shown in (
        elsewhere,
        f"etcd ({etcd.endpoint})",
        f"revision  {revision}\n",
        f"lease     {lease.lstrip('0')}\n",
        "Clients stop routing to this instance.",
        "Its worker, if it lives, runs on",
        "the body names namespace prod (key: prod2)",
        "removing the key does not unroute that id",
    ):
        assert shown in ended.err, shown
    assert elsewhere.encode() in etcd.entries()


def test_a_body_that_names_another_is_said_also_without_a_question(folder: Path) -> None:
    key = b"v1/instances/prod/backend/generate/1"
    put_file(folder, key, BODY)
    ended = dyntop("unregister", "--yes", "--file-store", str(folder), key)
    assert ended.code == 0
    assert "the body names instance_id 7d7ba1fd23957b1c (key: 1)" in ended.one_sentence()


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_read_only_refuses(how: str, in_folder: dict[str, str], here: Here) -> None:
    flags = ["--read-only"] if how == "flag" else []
    env = in_folder | ({} if flags else {"DYNTOP_READ_ONLY": "1"})
    ended = here(*flags, "unregister", "--yes", KEY, env=env)
    assert (ended.code, ended.out) == (1, b"")
    assert "--read-only" in ended.one_sentence()
    assert here("list", "-o", "name", env=in_folder).lines == [KEY, OTHER]


def test_without_a_terminal_it_asks_for_yes(in_folder: dict[str, str]) -> None:
    ended = dyntop("unregister", KEY, env=in_folder, stdin=b"y\n")
    assert (ended.code, ended.out) == (1, b"")
    assert "--yes" in ended.one_sentence()
    assert KEY in dyntop("list", "-o", "name", env=in_folder).lines


def at_a_terminal(answers: list[bytes], *args: str, env: dict[str, str]) -> tuple[int, str, str]:
    """Run `dyntop unregister` with a terminal; give each answer when it is asked for."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "unregister", *args],
        env=environment(env),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown, answered = b"", 0
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 0.1)[0]:
                continue
            try:
                read = os.read(ours, 65536)
            except OSError:  # its end is closed: it has ended
                break
            shown += read
            if answered < shown.count(b"[y/N]"):
                os.write(ours, answers[answered])
                answered += 1
        assert process.stdout is not None
        out = process.stdout.read().decode()
    os.close(ours)
    return process.returncode, out, shown.decode()


def test_at_a_terminal_it_asks_for_each_and_no_is_the_default(in_folder: dict[str, str]) -> None:
    code, out, shown = at_a_terminal([b"\n", b"y\n"], OTHER, KEY, env=in_folder)
    assert (code, out) == (1, f"removed {KEY}\n")
    assert f"kept {OTHER}" in shown
    assert dyntop("list", "-o", "name", env=in_folder).lines == [OTHER]

    # The end of the input is a no, too.
    code, out, _ = at_a_terminal([b"\x04"], OTHER, env=in_folder)
    assert (code, out) == (1, "")
    assert at_a_terminal([b"yes\n"], OTHER, env=in_folder)[:2] == (0, f"removed {OTHER}\n")


def test_what_changes_while_the_person_thinks_is_kept(
    folder: Path, in_folder: dict[str, str]
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "unregister", KEY],
        env=environment(in_folder),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    os.close(theirs)
    assert process.stderr is not None
    shown = b""
    while b"[y/N]" not in shown:
        shown += process.stderr.read1()  # type: ignore[attr-defined]
    put_file(folder, INSTANCE, CARD_BODY)
    os.write(ours, b"y\n")
    out, err = process.communicate(timeout=DEADLINE)
    os.close(ours)
    assert (process.returncode, out) == (1, b"")
    assert b"it changed since it was looked at" in err
    assert KEY in dyntop("list", "-o", "name", env=in_folder).lines


ODD_NAMES = [
    "a b'\"$(reboot)`;",
    "back\\slash\\x41",
    "\x1b[31m\x9b",
    "line\nend\r\t",
    "\u202e\u200b\ufeff\u2028",
    "é漢🐧",
    "%2F%",
    "-rf",
    "..",
]
ODD_KEYS = [
    *(f"v1/claims/{name}".encode() for name in ODD_NAMES),
    b"v1/claims/\xff\xfe",
    b"v1/claims/\xc3\x28\xed\xa0\x80",
    b"v1/claims/nul\x00nul",
    b"v1/claims/",
]


async def fill(etcd: EtcdServer) -> None:
    """Keys that no command line could name."""
    from backends.etcd import EtcdConfig, EtcdStore

    store = EtcdStore(EtcdConfig(endpoints=[etcd.endpoint]))
    for key in ODD_KEYS:
        await store.put(key, b"{}")
    await store.aclose()


async def test_what_list_prints_unregister_takes_for_any_key(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    await fill(etcd)
    names = dyntop("list", "-o", "name", env=in_etcd).lines
    assert len(names) == len(ODD_KEYS)
    assert all(name.isprintable() for name in names)
    # One after the other: only the one that was named goes.
    left = set(ODD_KEYS)
    for name in names[:1]:
        assert dyntop("unregister", "--yes", name, env=in_etcd).lines == [f"removed {name}"]
        (gone,) = left - set(etcd.entries())
        left.remove(gone)
    ended = dyntop("unregister", "--yes", *names[1:], env=in_etcd)
    assert (ended.code, ended.lines) == (0, [f"removed {name}" for name in names[1:]])
    assert etcd.entries() == {}


async def test_the_spelling_in_json_is_taken_too(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    await fill(etcd)
    spelled = [record["key"] for record in dyntop("list", "-o", "json", env=in_etcd).records]
    # No argument of a process can hold a NUL, however it is spelled otherwise.
    assert dyntop(
        "unregister", "--yes", *(key.replace("\0", "\\x00") for key in spelled), env=in_etcd
    ).lines == [f"removed {name}" for name in dyntop_names(ODD_KEYS)]
    assert etcd.entries() == {}


def dyntop_names(keys: list[bytes]) -> list[str]:
    from tui.plain import plain_key

    return [plain_key(key) for key in sorted(keys)]


def test_nothing_can_be_unregistered_from_a_demo(here: Here) -> None:
    ended = here("unregister", "--demo", "--yes", KEY)
    assert ended.code == 1
    ended.one_sentence()
