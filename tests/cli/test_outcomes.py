"""What is told of each key, and the exit code, whatever the store makes of a removal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backends.acts import Acts, Condemned
from backends.audit import Audit
from backends.connect import MemoryConnection
from backends.demo.cluster import Demo
from backends.demo.probes import DemoProbes
from backends.discovery import Discovery
from backends.memory import MemoryStore
from backends.store import (
    Cause,
    Forbidden,
    Outcome,
    Refused,
    Removal,
    Revision,
    Unreachable,
)
from tests.registered import card, record
from tui.commands import acting
from tui.commands.acting import exit_code, remove
from tui.complaints import Exit
from tui.opening import Plane
from tui.settings import Settings

AT = "http://db:2379"
DENIED = Forbidden(AT, "permission denied")
FULL = Refused(AT, "database space exceeded")
LOST = Unreachable(AT, Cause.LOST)
NOTHING_THERE = Unreachable(AT, Cause.REFUSED)

TARGETS = [Condemned(record(card(worker)), "live", ("it was so",)) for worker in (1, 2)]
KEYS = [target.record.key.decode() for target in TARGETS]


class Answering(MemoryStore):
    """Answers to a removal what it was told to."""

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        super().__init__()
        self._outcomes = list(outcomes)

    async def delete(self, targets: Mapping[bytes, Revision]) -> dict[bytes, Outcome]:
        return dict(zip(targets, self._outcomes, strict=True))


def removed(
    outcomes: Iterable[Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Exit]:
    """Remove two keys from a store that answers so."""
    audit = Audit(tmp_path / "audit.jsonl", clock=lambda: 0.0, user="me", host="here")

    @asynccontextmanager
    async def opened(_: Settings) -> AsyncIterator[Plane]:
        discovery = Discovery(Answering(outcomes))
        yield Plane(discovery, DemoProbes(Demo(), lambda: 0.0), Acts(discovery, audit))

    monkeypatch.setattr(acting, "opened", opened)
    settings = Settings(connection=MemoryConnection(), audit=audit.path)
    return remove(settings, "unregister", TARGETS)


@pytest.mark.parametrize(
    ("outcomes", "code", "told"),
    [
        ((Removal.REMOVED, Removal.REMOVED), 0, []),
        ((Removal.REMOVED, Removal.CHANGED), 1, [f"kept {KEYS[1]}: it changed"]),
        ((Removal.GONE, Removal.REMOVED), 1, [f"{KEYS[0]} was gone already"]),
        ((DENIED, DENIED), 4, [f"kept {KEYS[0]}: etcd", f"kept {KEYS[1]}: etcd"]),
        ((DENIED, FULL), 1, ["grant the user a role", "database space exceeded"]),
        ((LOST, LOST), 3, [f"not known whether {key} was removed" for key in KEYS]),
        ((Removal.REMOVED, NOTHING_THERE), 3, [f"kept {KEYS[1]}: the store was not reached"]),
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
