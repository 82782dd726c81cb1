"""`dyntop unregister` on real stores: only what was named, only in the revision that was seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.conftest import BODY, CARD, CARD_BODY, INSTANCE, Here
from tests.support.etcd_server import EtcdServer
from tests.support.registered import card
from tests.support.registering import put
from tests.support.running import AtTerminal, dyntop, put_file

KEY, OTHER = INSTANCE.decode(), CARD.decode()


def test_a_key_named_in_full_is_removed_without_a_question(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    etcd.etcdctl("put", KEY, input=BODY)
    etcd.etcdctl("put", KEY + "0", input=BODY)
    ended = dyntop("unregister", "--yes", KEY, env=in_etcd)
    assert (ended.code, ended.lines) == (0, [f"removed {KEY}"])
    assert ended.one_sentence() == f"undo with: dyntop restore {ended.act}"
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
        "The worker, if it is alive, keeps running",
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
    assert "the body names instance_id 7d7ba1fd23957b1c (key: 1)" in ended.err


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_read_only_refuses(how: str, in_folder: dict[str, str], here: Here) -> None:
    flags = ["--read-only"] if how == "flag" else []
    env = in_folder | ({} if flags else {"DYNTOP_READ_ONLY": "1"})
    ended = here(*flags, "unregister", "--yes", KEY, env=env)
    assert (ended.code, ended.out) == (1, b"")
    assert "--read-only" in ended.one_sentence()
    assert here("list", "-o", "name", env=in_folder).lines == [KEY, OTHER]


@pytest.fixture
def no_audit_possible(state: dict[str, str]) -> Path:
    """Something stands where the audit's folder would be."""
    in_the_way = Path(state["XDG_STATE_HOME"])
    in_the_way.write_text("")
    return in_the_way


def test_what_cannot_be_written_down_is_not_removed(
    no_audit_possible: Path, in_folder: dict[str, str]
) -> None:
    for command in (
        ["unregister", "--yes", KEY],
        ["drain", "--yes", KEY.rpartition("/")[2]],
    ):
        ended = dyntop(*command, env=in_folder)
        assert (ended.code, ended.out) == (1, b"")
        sentence = ended.one_sentence()
        assert sentence.startswith("removals cannot be written down")
        for remedy in (str(no_audit_possible), "XDG_STATE_HOME", "--no-audit"):
            assert remedy in sentence
    # Who only looks does not mind.
    assert dyntop("list", "-o", "name", env=in_folder).lines == [KEY, OTHER]


def test_without_an_audit_there_is_no_way_back(
    no_audit_possible: Path, in_folder: dict[str, str]
) -> None:
    warning = "this cannot be undone: under --no-audit nothing is written down"
    ended = dyntop("unregister", "--yes", "--no-audit", KEY, env=in_folder)
    assert (ended.code, ended.lines, ended.one_sentence()) == (0, [f"removed {KEY}"], warning)
    ended = dyntop("--no-audit", "unregister", "--yes", OTHER, env=in_folder)
    assert (ended.code, ended.lines, ended.one_sentence()) == (0, [f"removed {OTHER}"], warning)
    assert no_audit_possible.read_text() == ""


def test_all_keys_of_one_command_are_one_act_with_what_was_known_of_them(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    lease = etcd.etcdctl("lease", "grant", "600").decode().split()[1]
    etcd.etcdctl("put", f"--lease={lease}", KEY, input=BODY)
    left = put(etcd, card(1))
    ended = dyntop("unregister", "--yes", KEY, left, env=in_etcd)
    (act,) = dyntop("history", "-o", "json", env=in_etcd).records
    assert (act["id"], act["act"]) == (ended.act, "drain")
    leased, unleased = act["keys"]
    assert (leased["key"], unleased["key"]) == (KEY, left)
    assert leased["evidence"][0].startswith("its lease has ")
    # Its worker was looked for, as `check` does.
    assert (unleased["verdict"], unleased["evidence"]) == (
        "orphaned",
        [
            "its worker 1 has no instance and no lease",
            "it has no lease: it will never expire",
        ],
    )


def test_a_user_who_may_not_remove_is_4_and_nothing_can_be_undone(
    in_etcd: dict[str, str],
) -> None:
    # Its own server: authentication is for all of it. Its passwords need not be hard to guess.
    with EtcdServer("--bcrypt-cost=4") as etcd:
        etcd.etcdctl("put", KEY, input=BODY)
        for command in (
            ["user", "add", "root:s3cret"],
            ["user", "grant-role", "root", "root"],
            ["user", "add", "reader:s3cret"],
            ["role", "add", "reading"],
            ["role", "grant-permission", "--prefix=true", "reading", "read", "v1/"],
            ["user", "grant-role", "reader", "reading"],
            ["auth", "enable"],
        ):
            etcd.etcdctl(*command)
        env = in_etcd | {
            "ETCD_ENDPOINTS": etcd.endpoint,
            "ETCD_AUTH_USERNAME": "reader",
            "ETCD_AUTH_PASSWORD": "s3cret",
        }
        ended = dyntop("unregister", "--yes", KEY, env=env)
        assert (ended.code, ended.out) == (4, b"")
        unread, kept = ended.err.splitlines()
        # Its worker may have more in the buckets of other releases.
        old = "what Dynamo up to 0.5 registers (instances/, mdc/, models/)"
        missing = f"no permission to read {old}"
        assert unread.endswith(f"records of its worker are known: {missing}")
        assert f"{KEY}: not removed: etcd at" in kept
        # One of another sort is among them.
        ended = dyntop("unregister", "--yes", KEY, OTHER, env=env)
        assert ended.code == 1
    (item,) = dyntop("history", "-o", "json", "-N", "1", env=in_etcd).records[0]["keys"]
    assert item["outcome"] == "not done"


def test_what_does_not_go_together_is_usage(here: Here) -> None:
    for wrong in (
        ["--stale", KEY],
        ["--stale", "--revision", "1"],
        ["--component", "backend", KEY],
        ["--topic", "", KEY],
        [],
    ):
        ended = here("unregister", "--yes", *wrong)
        assert (ended.code, ended.out) == (2, b"")
        ended.one_sentence()


def test_without_a_terminal_it_asks_for_yes(in_folder: dict[str, str]) -> None:
    ended = dyntop("unregister", KEY, env=in_folder, stdin=b"y\n")
    assert (ended.code, ended.out) == (1, b"")
    assert "--yes" in ended.one_sentence()
    assert KEY in dyntop("list", "-o", "name", env=in_folder).lines


def test_at_a_terminal_it_asks_for_each_and_no_is_the_default(in_folder: dict[str, str]) -> None:
    with AtTerminal("unregister", OTHER, KEY, env=in_folder) as asked:
        asked.answer("[y/N]", b"\n")
        asked.answer("[y/N]", b"y\n")
        assert asked.end() == (1, f"removed {KEY}\n")
    assert f"kept {OTHER}" in asked.shown
    assert dyntop("list", "-o", "name", env=in_folder).lines == [OTHER]

    # The end of the input is a no, too.
    for answer, end in ((b"\x04", (1, "")), (b"yes\n", (0, f"removed {OTHER}\n"))):
        with AtTerminal("unregister", OTHER, env=in_folder) as asked:
            asked.answer("[y/N]", answer)
            assert asked.end() == end


def test_what_changes_while_the_person_thinks_is_kept(
    folder: Path, in_folder: dict[str, str]
) -> None:
    with AtTerminal("unregister", KEY, env=in_folder) as asked:
        asked.wait_for("[y/N]")
        put_file(folder, INSTANCE, CARD_BODY)
        asked.answer("[y/N]", b"y\n")
        assert asked.end() == (1, "")
    assert f"{KEY}: changed meanwhile, so it was not removed" in asked.shown
    assert "undo with" not in asked.shown
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


async def fill(etcd: EtcdServer, keys: Sequence[bytes] = tuple(ODD_KEYS)) -> None:
    """Keys that no command line could name."""
    from backends.etcd import EtcdConfig, EtcdStore

    store = EtcdStore(EtcdConfig(endpoints=[etcd.endpoint]))
    for key in keys:
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
    from tui.text.sanitize import plain_key

    return [plain_key(key) for key in sorted(keys)]


def test_nothing_can_be_unregistered_from_a_demo(here: Here) -> None:
    ended = here("unregister", "--demo", "--yes", KEY)
    assert ended.code == 1
    ended.one_sentence()


# --- keys from standard input -------------------------------------------------------------------


async def test_what_list_prints_unregister_takes_from_standard_input(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    await fill(etcd)
    printed = dyntop("list", "-o", "name", env=in_etcd)
    ended = dyntop("unregister", "--yes", "-", env=in_etcd, stdin=printed.out)
    assert (ended.code, ended.lines) == (0, [f"removed {name}" for name in printed.lines])
    assert etcd.entries() == {}


async def test_a_key_that_no_argument_can_hold_is_taken_from_standard_input(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    await fill(etcd, [b"v1/claims/" + b"\xff" * 100_000])
    (name,) = dyntop("list", "-o", "name", env=in_etcd).lines
    assert len(name) > 131_072
    ended = dyntop("unregister", "--yes", "-", env=in_etcd, stdin=name.encode())
    assert (ended.code, ended.lines) == (0, [f"removed {name}"])
    assert etcd.entries() == {}


def test_keys_from_standard_input_are_each_a_line_spelled_as_arguments_are(
    here: Here, in_folder: dict[str, str]
) -> None:
    escaped = KEY.replace("prod", r"\x70rod")
    for given, lines in (
        (f"{escaped}\n\n{OTHER}\n{KEY}\n".encode(), [f"removed {KEY}", f"removed {OTHER}"]),
        (b"", []),
    ):
        ended = dyntop("unregister", "--yes", "-", env=in_folder, stdin=given)
        assert (ended.code, ended.lines) == (0 if lines else 1, lines)
    assert ended.one_sentence().startswith("no key came on standard input")
    assert here("list", "-o", "name", env=in_folder).lines == []


def test_keys_from_standard_input_go_with_named_ones_and_with_a_dry_run(
    in_folder: dict[str, str],
) -> None:
    ended = dyntop("unregister", "--dry-run", OTHER, "-", env=in_folder, stdin=KEY.encode())
    assert (ended.code, ended.lines) == (0, [f"would remove {OTHER}", f"would remove {KEY}"])


def test_with_keys_from_standard_input_nobody_can_be_asked(in_folder: dict[str, str]) -> None:
    ended = dyntop("unregister", "-", env=in_folder, stdin=KEY.encode())
    assert (ended.code, ended.out) == (2, b"")
    sentence = ended.one_sentence()
    assert "--dry-run" in sentence
    assert "--yes" in sentence
    with AtTerminal("unregister", "-", env=in_folder) as person:
        assert person.end() == (2, "")
    assert dyntop("list", "-o", "name", env=in_folder).lines == [KEY, OTHER]
