"""Every error of a store becomes one sentence that says what to do, and an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.removal.audit.disk import AuditFailed
from backends.removal.errors import NotFound, WrongStore
from backends.store import (
    Cause,
    Compacted,
    Forbidden,
    KeyNotAllowed,
    Misconfigured,
    NoPast,
    NotAuthorised,
    NotYet,
    Refused,
    StoreError,
    Unreachable,
)
from tui.text.errors import Exit, explain, not_written_down
from tui.text.timestamps import day_and_time

AT = "http://db:2379"


@pytest.mark.parametrize("store", ["etcd", "file", "nats", "memory"])
@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_sentence_of_its_own_store(cause: Cause, store: str) -> None:
    complaint = explain(Unreachable("/kv {0}", cause, "because {1}"), store)
    assert complaint.exit_code == Exit.UNREACHABLE
    assert "/kv {0}" in complaint.sentence
    assert "(because {1})" in complaint.sentence
    of_etcd = "ETCD" in complaint.sentence or "etcd" in complaint.sentence
    assert of_etcd == (store not in ("file", "nats"))


@pytest.mark.parametrize(
    ("cause", "advice"),
    [
        (Cause.REFUSED, "is etcd running there? Set --endpoints or ETCD_ENDPOINTS"),
        (Cause.TLS_EXPECTED, "write https://"),
        (Cause.PLAIN_EXPECTED, "write http://"),
        (Cause.CERTIFICATE, "ETCD_AUTH_CA"),
        (Cause.NO_LEADER, "etcdctl endpoint status"),
    ],
)
def test_each_cause_has_its_own_remedy(cause: Cause, advice: str) -> None:
    assert advice in explain(Unreachable(AT, cause)).sentence


@pytest.mark.parametrize(
    ("error", "store", "code", "said"),
    [
        (Unreachable("/kv", Cause.MISSING), "file", 3, "--file-store or DYN_FILE_KV"),
        (NotAuthorised(AT, "invalid user ID or password"), "etcd", 4, "ETCD_AUTH_PASSWORD"),
        (Forbidden(AT, "permission denied"), "etcd", 4, "grant the user a role"),
        (Forbidden("/kv", "permission denied"), "file", 4, "as a user with that permission"),
        (Misconfigured("ETCD_ENDPOINTS", "names no endpoint"), "", 2, "--endpoints or ETCD_ENDP"),
        (Misconfigured("ETCD_AUTH_CA", "is no PEM"), "", 2, "ETCD_AUTH_CA: is no PEM"),
        (KeyNotAllowed(b"v1/\xff\x1b", "too long"), "file", 1, "v1/\\xff\\x1b: too long"),
        (Refused(AT, "database space exceeded"), "etcd", 1, "database space exceeded"),
        (Compacted(AT, 5, 7), "etcd", 2, f"the oldest that etcd at {AT} still has is 7"),
        (NotYet(AT, 9, 7), "etcd", 2, f"etcd at {AT} is at 7"),
        (NoPast("file"), "file", 2, "times tell when each was touched last"),
        (NoPast("kubernetes"), "kubernetes", 2, "--show-managed-fields"),
        (NoPast("nats", "keys of the bucket b run out"), "nats", 2, "b run out; dyntop record"),
        (
            Compacted(AT, 5, 7_000_000, 7.0, "the bucket b was made then"),
            "nats",
            2,
            f"of which nats at {AT} has everything is 7000000 ({day_and_time(7.0)}); the bucket b",
        ),
        (NoPast("memory"), "memory", 2, "dyntop record writes what comes into a file, from now on"),
        (StoreError("of a kind to come"), "etcd", 1, "of a kind to come"),
    ],
)
def test_every_kind_of_error_has_its_exit_code(
    error: StoreError, store: str, code: int, said: str
) -> None:
    complaint = explain(error, store)
    assert complaint.exit_code == code
    assert said in complaint.sentence


@pytest.mark.parametrize(("store", "remedy"), [("etcd", "grant the user"), ("nats", "$JS.API.>")])
def test_who_is_known_and_may_not_is_told_from_who_is_not_known_whatever_the_server_says(
    store: str, remedy: str
) -> None:
    said = "no permissions, or no such user"
    assert remedy in explain(Forbidden(AT, said), store).sentence
    assert remedy not in explain(NotAuthorised(AT, said), store).sentence


def test_what_a_server_says_cannot_reach_the_terminal_as_more_than_text() -> None:
    sentence = explain(Refused(AT, "\x1b]0;owned\x07\n\u202e")).sentence
    assert sentence.isprintable()
    assert "\\x1b]0;owned\\x07\\x0a\\u202e" in sentence


def test_what_cannot_be_put_back_is_said_with_where_to_look() -> None:
    complaint = explain(NotFound("20261121-1\x1b"))
    assert complaint.exit_code == Exit.REFUSED
    assert "no act 20261121-1\\x1b: `dyntop history`" in complaint.sentence
    complaint = explain(WrongStore(("file", "/kv"), ("etcd", AT)))
    assert complaint.exit_code == Exit.REFUSED
    assert f"removed from file (/kv), and this is etcd ({AT})" in complaint.sentence
    assert "--file-store or DYN_FILE_KV" in complaint.sentence
    assert "ETCD_ENDPOINTS" in explain(WrongStore(("etcd", AT), ("file", "/kv"))).sentence


def test_an_audit_that_fails_is_said_with_the_remedies() -> None:
    error = AuditFailed(Path("/state/a\x1b"), "no space left on device")
    for sentence in (explain(error).sentence, not_written_down(error)):
        assert sentence.isprintable()
        assert "/state/a\\x1b: no space left on device" in sentence
        assert "XDG_STATE_HOME" in sentence
    assert explain(error).exit_code == Exit.REFUSED
    assert not_written_down(error).startswith("nothing was removed")
    assert "--no-audit" in not_written_down(error)


def test_who_is_not_let_into_nats_is_told_which_names_say_who_we_are() -> None:
    unknown = explain(NotAuthorised("nats://n:4222", "authorization violation"), "nats")
    assert "NATS_AUTH_TOKEN" in unknown.sentence
    may_not = explain(Forbidden("nats://n:4222", "permissions violation for x"), "nats")
    for subject in ("$JS.API.>", "$JS.FC.>", "$KV.>", "_INBOX.>"):
        assert subject in may_not.sentence
    assert unknown.exit_code == may_not.exit_code == Exit.NOT_AUTHORISED
