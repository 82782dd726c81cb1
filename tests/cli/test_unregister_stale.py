"""`dyntop unregister --stale`: what nothing else will remove, and nothing that may live."""

from __future__ import annotations

import os
from pathlib import Path

from tests.cli.conftest import BODY, CARD, INSTANCE, Here
from tests.support.etcd_server import EtcdServer
from tests.support.permissions import bound_by_permissions
from tests.support.registered import MALFORMED, card, instance
from tests.support.registering import LONG_AGO, listening, put, put_old_file, put_worker, refusing
from tests.support.running import AtTerminal, dyntop, put_file

WORKER = 0xA907


def test_nothing_stale_is_0_and_said(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    _, keys = put_worker(etcd)
    ended = dyntop("unregister", "--stale", "--yes", env=in_etcd)
    assert (ended.code, ended.out) == (0, b"")
    assert ended.one_sentence() == f"nothing is stale among 6 records in etcd ({etcd.endpoint})"
    assert sorted(key.decode() for key in etcd.entries()) == keys
    # That is what was asked for. What is named and not there may be a mistake.
    assert dyntop("unregister", "--stale", "--dry-run", env=in_etcd).code == 0
    assert dyntop("unregister", "--yes", "v1/mdc/prod/backend/generate/1", env=in_etcd).code == 1
    assert dyntop("drain", "--yes", "1", env=in_etcd).code == 1


def test_what_is_stale_goes_and_what_may_live_stays(
    etcd: EtcdServer, in_etcd: dict[str, str]
) -> None:
    nobody = refusing()
    with listening() as somebody:
        _, stays = put_worker(etcd, somebody)
        stays.append(put(etcd, instance(1, address=somebody)))
        stays.append(put(etcd, card(1)))
        # This host refuses connections for it: that its lease goes on for minutes changes nothing.
        _, crashed = put_worker(etcd, nobody)
        stale = [
            put(etcd, MALFORMED),
            put(etcd, instance(WORKER, address=nobody)),
            put(etcd, card(WORKER + 1)),
            *crashed,
        ]
        ended = dyntop("unregister", "--stale", "--dry-run", env=in_etcd)
        assert ended.code == 0
        assert sorted(ended.lines) == [f"would remove {key}" for key in sorted(stale)]
        for shown in (
            "  verdict   malformed\n",
            "  verdict   unreachable\n",
            f"  evidence  {nobody} refuses connections\n",
            "  verdict   orphaned\n",
            f"  evidence  its worker {WORKER + 1:x} has no instance and no lease\n",
        ):
            assert shown in ended.err, shown
        assert len(etcd.entries()) == len(stays) + len(stale)

        ended = dyntop("unregister", "--stale", "--yes", env=in_etcd)
    assert ended.code == 0
    assert sorted(ended.lines) == [f"removed {key}" for key in sorted(stale)]
    assert sorted(key.decode() for key in etcd.entries()) == sorted(stays)
    (act,) = dyntop("history", "-o", "json", env=in_etcd).records
    assert (act["id"], act["act"], len(act["keys"])) == (ended.act, "clean up", len(stale))
    verdicts = {item["key"]: item["verdict"] for item in act["keys"]}
    expected = ["malformed", "unreachable", "orphaned", *["unreachable"] * len(crashed)]
    assert [verdicts[key] for key in stale] == expected
    assert all(item["evidence"] for item in act["keys"])


def test_filters_narrow_it(etcd: EtcdServer, in_etcd: dict[str, str]) -> None:
    here_, there = put(etcd, card(1)), put(etcd, card(1, component="other"))
    nested, elsewhere = put(etcd, card(1, namespace="prod.a")), put(etcd, card(1, namespace="dev"))
    ended = dyntop("unregister", "--stale", "-y", "-c", "other", env=in_etcd)
    assert ended.lines == [f"removed {there}"]
    ended = dyntop("unregister", "--stale", "-y", env=in_etcd | {"DYN_NAMESPACE": "prod"})
    assert sorted(ended.lines) == sorted([f"removed {here_}", f"removed {nested}"])
    assert set(etcd.entries()) == {elsewhere.encode()}
    ended = dyntop("unregister", "--stale", "-y", "-e", "other", env=in_etcd)
    assert (ended.code, ended.out) == (0, b"")


def test_each_is_asked_for_with_no_as_the_default(folder: Path, in_folder: dict[str, str]) -> None:
    keys = [put_old_file(folder, card(WORKER)), put_old_file(folder, card(WORKER + 1))]
    with AtTerminal("unregister", "--stale", env=in_folder) as asked:
        asked.answer("[y/N]", b"\n")
        asked.answer("[y/N]", b"y\n")
        assert asked.end() == (1, f"removed {keys[1]}\n")
    assert f"kept {keys[0]}" in asked.shown
    left = dyntop("list", "-o", "name", env=in_folder).lines
    assert left == sorted([INSTANCE.decode(), CARD.decode(), keys[0]])


def test_a_worker_that_comes_back_while_the_person_thinks_is_kept(
    folder: Path, in_folder: dict[str, str]
) -> None:
    """It touches its file, which is no other revision."""
    path = put_file(folder, *card(WORKER))
    os.utime(path, (LONG_AGO, LONG_AGO))
    key = card(WORKER)[0].decode()
    with AtTerminal("unregister", "--stale", env=in_folder) as asked:
        asked.wait_for("[y/N]")
        os.utime(path)
        asked.answer("[y/N]", b"y\n")
        assert asked.end() == (1, "")
    assert f"kept {key}: it is drained now" in asked.shown
    assert path.exists()


def test_without_a_terminal_or_under_read_only_nothing_goes(
    folder: Path, in_folder: dict[str, str], here: Here
) -> None:
    key = put_old_file(folder, card(WORKER))
    ended = dyntop("unregister", "--stale", env=in_folder, stdin=b"y\n")
    assert (ended.code, ended.out) == (1, b"")
    assert "--yes" in ended.one_sentence()
    ended = here("unregister", "--stale", "--yes", "--read-only", env=in_folder)
    assert (ended.code, ended.out) == (1, b"")
    assert "--read-only" in ended.one_sentence()
    # To look is no act.
    ended = here("unregister", "--stale", "--dry-run", "--read-only", env=in_folder)
    assert (ended.code, ended.lines) == (0, [f"would remove {key}"])


def test_a_file_that_this_user_may_not_read_is_unknown_and_never_proposed(
    in_folder: dict[str, str], folder: Path
) -> None:
    file = put_file(folder, INSTANCE, BODY)
    file.chmod(0)
    os.utime(file, (LONG_AGO, LONG_AGO))
    key = INSTANCE.decode()
    with bound_by_permissions():
        ended = dyntop("check", env=in_folder)
        assert (ended.code, ended.out) == (0, b"")
        assert "1 of 2 records is unknown" in ended.err
        (listed, _) = dyntop("list", "all", "-o", "json", "--liveness", env=in_folder).records
        assert (listed["key"], listed["verdict"], listed["malformed"]) == (key, "unknown", None)
        assert (listed["value"], listed["unread"]) == (None, "this user may not read it")
        ended = dyntop("unregister", "--stale", "--yes", env=in_folder)
        assert ended.one_sentence().startswith("nothing is stale among 2 records")
        # Nor from a list, which may be of all that there is.
        names = f"{key}\n".encode()
        ended = dyntop("unregister", "-", "--yes", env=in_folder, stdin=names)
        assert (ended.code, ended.out) == (1, b"")
        assert "could not be put back: name it as KEY" in ended.one_sentence()
        assert file.exists()

        ended = dyntop("unregister", key, "--yes", env=in_folder)
        assert (ended.code, ended.lines) == (0, [f"removed {key}"])
        why = "this cannot be undone: its value is unknown (this user may not read it)"
        assert why in ended.err
        assert "undo with" not in ended.err
        (act,) = dyntop("history", "-o", "json", env=in_folder).records
        assert act["keys"][0]["unread"] == "this user may not read it"
        ended = dyntop("restore", act["id"], env=in_folder)
        assert (ended.code, ended.out) == (1, b"")
        assert (
            "cannot be put back: its value was not known when it was removed, since this user"
            in ended.one_sentence()
        )
    assert not file.exists()
