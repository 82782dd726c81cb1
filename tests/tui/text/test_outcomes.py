"""The dashboard and the commands print the same words for the same outcome."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backends.connections import MemoryConnection
from backends.demo.cluster import Demo
from backends.demo.probes import DemoProbes
from backends.discovery.discovery import Added, Discovery, Resynced
from backends.dynamo.ids import Kind
from backends.dynamo.queries import Query
from backends.memory import Keyspace, MemoryStore
from backends.removal.audit.audit import Audit
from backends.removal.audit.disk import AuditFailed
from backends.removal.outcomes import FAILED, KeyOutcome, OutcomeType
from backends.removal.removal_targets import RemovalTarget
from backends.removal.removals import Removals
from backends.store import (
    Cause,
    Entry,
    Forbidden,
    LabelOutcome,
    Lifetime,
    Outcome,
    PutBack,
    Refused,
    Removal,
    StoreError,
    Unreachable,
)
from tests.support.registered import instance
from tui.cli.commands import restore
from tui.cli.shared import removing
from tui.cli.shared.reading import StoreLabel
from tui.config.settings import Settings
from tui.session import Session
from tui.state.cluster_view import ClusterView
from tui.state.record_states import RecordStates
from tui.state.reported_removals import Notice, ReportedRemovals
from tui.text.errors import Exit
from tui.text.host_clock import HostClock
from tui.text.outcomes import outcome_text

NOW = 1_700_000_000.0
HERE = "this process"
NO_ANSWER = Unreachable(HERE, Cause.TIMEOUT)
CUT_OFF = Unreachable(HERE, Cause.LOST)
NOT_THERE = Unreachable(HERE, Cause.REFUSED)
FULL = Refused(HERE, "no space")
DENIED = Forbidden(HERE, "permission denied")

WHEN_REMOVING: list[tuple[OutcomeType, Outcome]] = [
    (OutcomeType.REMOVED, Removal.REMOVED),
    (OutcomeType.CHANGED, Removal.CHANGED),
    (OutcomeType.GONE, Removal.GONE),
    (OutcomeType.REFUSED, FULL),
    (OutcomeType.REFUSED, DENIED),
    (OutcomeType.NOT_REACHED, NOT_THERE),
    (OutcomeType.LEFT_OPEN, NO_ANSWER),
    (OutcomeType.LEFT_OPEN, CUT_OFF),
]
WHEN_PUTTING_BACK: list[tuple[OutcomeType, PutBack | StoreError]] = [
    (OutcomeType.PUT_BACK, PutBack.DONE),
    (OutcomeType.THERE, PutBack.THERE),
    (OutcomeType.LEASE_GONE, PutBack.LEASE_GONE),
    (OutcomeType.POD_GONE, PutBack.POD_GONE),
    (OutcomeType.UNREAD, PutBack.UNREAD),
    (OutcomeType.REFUSED, FULL),
    (OutcomeType.REFUSED, DENIED),
    (OutcomeType.NOT_REACHED, NOT_THERE),
    (OutcomeType.LEFT_OPEN, NO_ANSWER),
    (OutcomeType.LEFT_OPEN, CUT_OFF),
]


class Answering(MemoryStore):
    """Answers to every removal and put back what it was told to. None: as a store does."""

    removing: Outcome | None = None
    putting: PutBack | StoreError | None = None

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        if self.removing is None:
            return await super().delete(entries)
        return {entry.key: self.removing for entry in entries}

    async def put_back(self, entry: Entry) -> PutBack:
        if self.putting is None:
            return await super().put_back(entry)
        if isinstance(self.putting, StoreError):
            raise self.putting
        return self.putting


class FrontEnds:
    """A dashboard and the commands, each in front of a store of its own that answers alike."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, workers: int = 1) -> None:
        self.audit = folder / "audit.jsonl"
        self._keyspace = Keyspace(lambda: NOW)
        for worker in range(1, workers + 1):
            self._keyspace.put(*instance(worker))
        self.store = Answering(self._keyspace)
        self._discovery = Discovery(self.store)
        audit = Audit(self.audit, clock=lambda: NOW, user="joe", host="node-1")
        self._removals = Removals(self._discovery, audit, at_a_time=1)
        self._settings = Settings(connection=MemoryConnection(), audit=self.audit)
        for command in (removing, restore):
            patch.setattr(command, "open_session", self._opened)
        view = ClusterView(NOW, Lifetime.LEASED)
        self._records = asyncio.run(self._discovery.list(Query(frozenset(Kind))))
        view.take([Resynced((), tuple(map(Added, self._records)), "")], NOW)
        view.take_changes()
        self._dashboard = ReportedRemovals(
            self._removals, RecordStates(view, HostClock(lambda: NOW, lambda: NOW))
        )

    @asynccontextmanager
    async def _opened(self, _: Settings) -> AsyncIterator[Session]:
        yield Session(self._discovery, DemoProbes(Demo(), lambda: 0.0), self._removals)

    def remove_by_dashboard(self) -> list[Notice]:
        return asyncio.run(self._dashboard.remove("clean up", self._records))

    def remove_by_command(self) -> list[Exit]:
        targets = [RemovalTarget(record, "live", ()) for record in self._records]
        place = StoreLabel("memory (this process)", Lifetime.LEASED)
        return removing.remove(self._settings, "clean up", targets, place, asked=False)

    def undo_by_dashboard(self) -> list[Notice]:
        act = self._dashboard.last()
        assert act is not None
        return asyncio.run(self._dashboard.undo(act))

    def restore_by_command(self) -> Exit:
        act = self._removals.last()
        assert act is not None
        return restore.run(self._settings, argparse.Namespace(id=act.id, dry_run=False))


KEY = instance(1)[0].decode()


def told_by_dashboard(notices: list[Notice]) -> str:
    """The one sentence about a key, as a command prints it: in lower case, after the key."""
    (notice,) = notices
    text, _, key = notice.text.rpartition(": ")
    assert key == KEY
    return f"{key}: {text[0].lower()}{text[1:]}"


def told_by_command(err: str) -> str:
    """What standard error has about a key; the store's reason is on a line of its own."""
    lines = [line.removeprefix("dyntop: ") for line in err.splitlines()]
    lines = [line for line in lines if not line.startswith("undo with: ")]
    assert lines[0].startswith(f"{KEY}: ")
    return ": ".join(lines)


@pytest.mark.parametrize(("came_of", "answer"), WHEN_REMOVING)
def test_of_a_removal_dashboard_and_command_print_the_same(
    came_of: OutcomeType,
    answer: Outcome,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ends = FrontEnds(tmp_path, monkeypatch)
    ends.store.removing = answer
    notices = ends.remove_by_dashboard()
    codes = ends.remove_by_command()
    out, err = capsys.readouterr()
    if came_of is OutcomeType.REMOVED:
        assert [notice.text for notice in notices] == ["Cleaned up 1 instance. u puts it back."]
        assert (codes, out) == ([], f"removed {KEY}\n")
        return
    assert told_by_dashboard(notices) == told_by_command(err)
    assert (len(codes), out) == (1, "")
    assert ("undo with: " in err) is (came_of is OutcomeType.LEFT_OPEN)


@pytest.mark.parametrize(("came_of", "answer"), WHEN_PUTTING_BACK)
def test_of_a_put_back_dashboard_and_command_print_the_same(
    came_of: OutcomeType,
    answer: PutBack | StoreError,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = {}
    for by in ("dashboard", "command"):
        folder = tmp_path / by
        folder.mkdir()
        ends = FrontEnds(folder, monkeypatch)
        ends.remove_by_dashboard()
        ends.store.putting = answer
        if by == "command":
            code = ends.restore_by_command()
            out, err = capsys.readouterr()
            if came_of is OutcomeType.PUT_BACK:
                assert (code, out, err) == (Exit.DONE, f"put back {KEY}\n", "")
                return
            assert (code is Exit.DONE, out) == (False, "")
            told[by] = told_by_command(err)
        else:
            notices = ends.undo_by_dashboard()
            if came_of is OutcomeType.PUT_BACK:
                assert [notice.text for notice in notices] == ["Put back 1 instance."]
                continue
            told[by] = told_by_dashboard(notices)
    assert told["dashboard"] == told["command"]


def test_where_nothing_can_be_written_down_both_print_why_and_nothing_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = FrontEnds(tmp_path, monkeypatch)
    ends.audit.mkdir()
    (notice,) = ends.remove_by_dashboard()
    assert ends.remove_by_command() == [Exit.REFUSED]
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"dyntop: {notice.text[0].lower()}{notice.text[1:]}\n")
    assert "nothing was removed, since it could not be written down first" in err


def test_what_came_of_it_and_could_not_be_written_down_is_printed_by_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = FrontEnds(tmp_path, monkeypatch)

    def fails(self: Audit, *_: object) -> None:
        raise AuditFailed(self.path, "no space left on device")

    monkeypatch.setattr(Audit, "finish", fails)
    ends.store.removing = Removal.REMOVED
    removed, missing = ends.remove_by_dashboard()
    assert ends.remove_by_command() == []
    first, undo = capsys.readouterr().err.splitlines()
    assert removed.text.startswith("Cleaned up")
    assert first == f"dyntop: {missing.text[0].lower()}{missing.text[1:-1]}"
    assert first.endswith(
        f"could not be written to the audit ({ends.audit}: no space left on device)"
    )
    assert "undo with: " in undo


def test_keys_that_the_store_was_not_asked_for_are_told_from_those_that_it_did_not_answer_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = FrontEnds(tmp_path, monkeypatch, workers=3)
    ends.remove_by_dashboard()
    ends.store.putting = NO_ANSWER
    (notice,) = ends.undo_by_dashboard()
    assert notice.report is not None
    assert ends.restore_by_command() is Exit.UNREACHABLE
    *keys, reason = capsys.readouterr().err.splitlines()
    report = [(one.key.decode(), one.text.what) for one in notice.report.outcomes]
    assert keys == [f"dyntop: {key}: {what}" for key, what in report]
    assert [what.startswith("whether") for _, what in report] == [True, False, False]
    # The reason is the store's, and printed once.
    assert {one.text.reason for one in notice.report.outcomes} == {reason.removeprefix("dyntop: ")}


def test_every_type_of_outcome_is_held_against_the_other_front_end() -> None:
    of_both = {came_of for came_of, _ in [*WHEN_REMOVING, *WHEN_PUTTING_BACK]}
    of_labels = {OutcomeType(one.value) for one in LabelOutcome}
    rest = {OutcomeType.NOT_WRITTEN_DOWN, OutcomeType.NOT_TRIED}
    assert of_both | of_labels | rest == set(OutcomeType)


@pytest.mark.parametrize("came_of", OutcomeType)
def test_every_type_has_words_a_tone_and_an_exit_code(came_of: OutcomeType) -> None:
    error = NO_ANSWER if came_of in FAILED else None
    text = outcome_text(KeyOutcome(came_of, error), "put back", "etcd")
    assert text.what
    assert "{" not in text.sentence
    assert (text.tone == "good") is (text.exit_code is Exit.DONE)


def test_why_a_value_was_not_known_is_printed_and_harmless() -> None:
    outcome = KeyOutcome(OutcomeType.UNREAD, unread="too \x1b[31m large")
    assert outcome_text(outcome, "put back", "etcd").sentence == (
        "cannot be put back: its value was not known when it was removed, since too \\x1b[31m large"
    )
