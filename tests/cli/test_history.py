"""`dyntop history`: what was removed and put back; it needs no store."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.conftest import CARD, INSTANCE, Here
from tests.support.running import dyntop, put_file

KEY, OTHER = INSTANCE.decode(), CARD.decode()


def test_acts_come_in_order_with_what_came_of_them(
    folder: Path, in_folder: dict[str, str], state: dict[str, str]
) -> None:
    first = dyntop("unregister", "--yes", KEY, OTHER, env=in_folder).act
    assert dyntop("restore", f"{first}.1", env=in_folder).code == 0
    second = dyntop("drain", "--yes", KEY.rpartition("/")[2], env=in_folder).act

    # No store is named, and one that cannot be used does not matter.
    ended = dyntop("history", "-o", "json", env=state | {"DYN_DISCOVERY_BACKEND": "kubernetes"})
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.isascii()
    acts = ended.records
    assert [act["id"] for act in acts] == [first, second]
    assert [act["act"] for act in acts] == ["drain", "drain"]
    assert list(acts[0]) == ["id", "time", "act", "user", "host", "store", "address", "keys"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", acts[0]["time"])
    assert (acts[0]["store"], acts[0]["address"]) == ("file", str(folder))
    instance, card = acts[0]["keys"]
    assert (instance["number"], instance["key"], instance["outcome"]) == (1, KEY, "removed")
    assert (instance["restored"], card["restored"]) == ("put back", None)
    assert instance["evidence"]
    assert dyntop("history", "--last", "1", "-o", "json", env=state).records == acts[1:]

    header, *rows = dyntop("history", env=state).lines
    assert header.split()[:3] == ["ID", "TIME", "ACT"]
    assert [row.split()[0] for row in rows] == [f"{first}.1", f"{first}.2", f"{second}.1"]
    assert "put back" in rows[0]
    assert rows[1].endswith(OTHER)
    assert len(dyntop("history", "-N", "1", env=state).lines) == 2


def test_nothing_removed_yet_is_said(state: dict[str, str], here: Here) -> None:
    ended = here("history", env=state)
    assert (ended.code, ended.out) == (0, b"")
    assert state["XDG_STATE_HOME"] in ended.one_sentence()
    ended = here("history", "-o", "json", env=state)
    assert (ended.code, ended.records, ended.err) == (0, [], "")


def test_lines_that_cannot_be_read_are_counted(
    in_folder: dict[str, str], state: dict[str, str]
) -> None:
    act = dyntop("unregister", "--yes", KEY, env=in_folder).act
    with Path(state["XDG_STATE_HOME"], "dyntop", "audit.jsonl").open("ab") as audit:
        audit.write(b'{"line": "remo\n\xff\n')
    ended = dyntop("history", "-o", "json", env=state)
    assert ended.code == 0
    assert [one["id"] for one in ended.records] == [act]
    assert ended.one_sentence().startswith("2 lines of ")


def test_what_was_in_a_store_cannot_reach_the_terminal_as_more_than_text(
    folder: Path, in_folder: dict[str, str], state: dict[str, str]
) -> None:
    put_file(folder, b"v1/claims/\x1b]0;owned\x07\xe2\x80\xae\xff", b"{}")
    (name,) = (one for one in dyntop("list", "-o", "name", env=in_folder).lines if "claims" in one)
    assert dyntop("unregister", "--yes", name, env=in_folder).code == 0
    for output in ("table", "json"):
        lines = dyntop("history", "-o", output, env=state).lines
        assert all(line.isprintable() for line in lines)
    assert lines[0].isascii()
    assert dyntop("history", env=state).lines[1].endswith(name)


def test_an_audit_that_cannot_be_read_is_said(state: dict[str, str], here: Here) -> None:
    folder = Path(state["XDG_STATE_HOME"], "dyntop")
    (folder / "audit.jsonl").mkdir(parents=True)
    ended = here("history", env=state)
    assert (ended.code, ended.out) == (1, b"")
    assert "the audit cannot be used" in ended.one_sentence()
