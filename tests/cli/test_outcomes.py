"""What is told of each key, and the exit code, whatever the store makes of a removal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backends.connections import MemoryConnection
from backends.demo.cluster import Demo
from backends.demo.probes import DemoProbes
from backends.discovery.discovery import Discovery
from backends.memory import MemoryStore
from backends.removal.audit.audit import Audit
from backends.removal.removal_targets import RemovalTarget
from backends.removal.removals import Removals
from backends.store import (
    Cause,
    Entry,
    Forbidden,
    Lifetime,
    Outcome,
    Refused,
    Removal,
    Unreachable,
)
from tests.support.registered import card, record
from tui.cli.shared import removing
from tui.cli.shared.reading import StoreLabel
from tui.cli.shared.removing import exit_code, remove
from tui.config.settings import Settings
from tui.session import Session
from tui.text.errors import Exit

AT = "http://db:2379"
DENIED = Forbidden(AT, "permission denied")
FULL = Refused(AT, "database space exceeded")
LOST = Unreachable(AT, Cause.LOST)
NOTHING_THERE = Unreachable(AT, Cause.REFUSED)

TARGETS = [RemovalTarget(record(card(worker)), "live", ("it was so",)) for worker in (1, 2)]
KEYS = [target.record.key.decode() for target in TARGETS]


class Answering(MemoryStore):
    """Answers to a removal what it was told to."""

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        super().__init__()
        self._outcomes = list(outcomes)

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        keys = [entry.key for entry in entries]
        return dict(zip(keys, self._outcomes, strict=True))


def removed(
    outcomes: Iterable[Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Exit]:
    """Remove two keys from a store that answers so."""
    audit = Audit(tmp_path / "audit.jsonl", clock=lambda: 0.0, user="me", host="here")

    @asynccontextmanager
    async def open_session(_: Settings) -> AsyncIterator[Session]:
        discovery = Discovery(Answering(outcomes))
        yield Session(discovery, DemoProbes(Demo(), lambda: 0.0), Removals(discovery, audit))

    monkeypatch.setattr(removing, "open_session", open_session)
    settings = Settings(connection=MemoryConnection(), audit=audit.path)
    place = StoreLabel("memory (this process)", Lifetime.LEASED)
    return remove(settings, "unregister", TARGETS, place, asked=False)


@pytest.mark.parametrize(
    ("outcomes", "code", "told"),
    [
        ((Removal.REMOVED, Removal.REMOVED), 0, []),
        (
            (Removal.REMOVED, Removal.CHANGED),
            1,
            [f"{KEYS[1]}: changed meanwhile, so it was not removed"],
        ),
        ((Removal.GONE, Removal.REMOVED), 1, [f"{KEYS[0]}: gone already"]),
        ((DENIED, DENIED), 4, [f"{key}: not removed: etcd at" for key in KEYS]),
        ((DENIED, FULL), 1, ["grant the user a role", "database space exceeded"]),
        ((LOST, LOST), 3, [f"{key}: whether it was removed is not known" for key in KEYS]),
        ((Removal.REMOVED, NOTHING_THERE), 3, [f"{KEYS[1]}: not removed"]),
        ((Removal.CHANGED, NOTHING_THERE), 3, ["nothing listens at http://db:2379"]),
    ],
)
def test_every_outcome_is_told_and_has_its_exit_code(
    outcomes: tuple[Outcome, ...],
    code: int,
    told: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert exit_code(removed(outcomes, tmp_path, monkeypatch)) == code
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"removed {key}"
        for key, outcome in zip(KEYS, outcomes, strict=True)
        if outcome is Removal.REMOVED
    ]
    for sentence in told:
        assert sentence in err
    # What may have been removed can be put back, and only that.
    assert ("undo with: dyntop restore " in err) == any(
        outcome is Removal.REMOVED or outcome is LOST for outcome in outcomes
    )


def test_why_a_store_was_lost_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    removed((LOST, LOST), tmp_path, monkeypatch)
    assert capsys.readouterr().err.count("broke off") == 1


def test_of_several_failures_a_store_that_is_not_there_goes_first() -> None:
    assert exit_code([]) == Exit.DONE
    assert exit_code([Exit.NOT_AUTHORISED, Exit.NOT_AUTHORISED]) == Exit.NOT_AUTHORISED
    assert exit_code([Exit.NOT_AUTHORISED, Exit.REFUSED]) == Exit.REFUSED
    assert exit_code([Exit.REFUSED, Exit.UNREACHABLE]) == Exit.UNREACHABLE
