"""What is told of removing and putting back; what is written down of it; who counts as drained."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from backends.discovery.discovery import Added, Discovery, Removed, Resynced
from backends.discovery.history import Event, EventType
from backends.discovery.reasons import (
    ObservedRemoval,
    ReasonKind,
)
from backends.dynamo.ids import Kind
from backends.dynamo.queries import Query
from backends.dynamo.records import AnyRecord
from backends.liveness.evidence_kinds import DrainedOrDeleted
from backends.liveness.judge import LeaseTtl, Verdict
from backends.memory import Keyspace, MemoryStore
from backends.probe.types import ProbeAnswer, ProbeResult
from backends.removal.audit.audit import Audit
from backends.removal.audit.operation import Operation, OperationKind
from backends.removal.removal_targets import RemovalTarget
from backends.removal.removals import Removals
from backends.store import (
    Cause,
    Entry,
    Heartbeat,
    Lifetime,
    NoPuts,
    Outcome,
    PutBack,
    Refused,
    Unreachable,
)
from tests.support.registered import MALFORMED, KeyAndValue, card, instance
from tui.state.cluster_view import ClusterView
from tui.state.record_states import RecordStates
from tui.state.reported_removals import (
    Notice,
    ReportedRemovals,
    proposals,
)
from tui.text.host_clock import HostClock

NOW = 1_700_000_000.0
NO_ANSWER = Unreachable("this process", Cause.TIMEOUT)


class Place:
    """A keyspace, what a dashboard shows of it, and removals in it."""

    def __init__(self, store: type[MemoryStore] = MemoryStore, audit: Path | None = None) -> None:
        self.keyspace = Keyspace(lambda: NOW)
        self.discovery = Discovery(store(self.keyspace))
        self.view = ClusterView(NOW, Lifetime.LEASED)
        self.states = RecordStates(self.view, HostClock(lambda: NOW, lambda: NOW))
        written = audit and Audit(audit, clock=lambda: NOW, user="joe", host="node-1")
        self.removals = ReportedRemovals(
            Removals(self.discovery, written or None, clock=lambda: NOW), self.states
        )

    async def registered(self, *contents: KeyAndValue, lease: int | None = None) -> list[AnyRecord]:
        """Register it, and let the view know; what is registered then."""
        if lease is not None:
            self.keyspace.grant(lease, 30.0)
        for key, value in contents:
            self.keyspace.put(key, value, lease)
        return await self.seen()

    async def seen(self) -> list[AnyRecord]:
        """Let the view know what there is."""
        view = self.view
        found = await self.discovery.list(Query(frozenset(Kind)))
        known = view.cluster.records
        gone = known.keys() - {record.key for record in found}
        removed = tuple(Removed(known[key]) for key in gone)
        view.take([Resynced(removed, tuple(map(Added, found)), "")], NOW)
        view.take_changes()
        return found

    def heard(self, lease: int) -> None:
        """The store said that a lease lives."""
        verdicts = self.view.verdicts
        verdicts.observe_ttls({lease: LeaseTtl(self.keyspace.time_to_live(lease), NOW)})
        verdicts.update()

    def verdict(self, key: bytes) -> Verdict:
        self.view.verdicts.update()
        return self.view.verdicts.of(key)

    def last(self) -> Operation:
        act = self.removals.last()
        assert act is not None
        return act

    def keys(self) -> set[bytes]:
        return {entry.key for entry in self.keyspace.read([b""]).entries}


def _went(record: AnyRecord, number: int = 1) -> Event:
    return Event(number, NOW, EventType.REMOVED, record, removal=ObservedRemoval(record, NOW, NOW))


def texts(told: list[Notice]) -> list[str]:
    return [one.text for one in told]


# Removing.


@pytest.mark.parametrize(
    ("kind", "content", "text", "written"),
    [
        ("unregister", MALFORMED, "Unregistered 1 instance. u puts it back.", "unregister"),
        ("clean up", MALFORMED, "Cleaned up 1 instance. u puts it back.", "clean up"),
        ("drain", instance(1), "Drained 1 instance. u puts it back.", "drain"),
        ("unregister", instance(1), "Drained 1 instance. u puts it back.", "drain"),
    ],
)
async def test_what_was_removed_is_told_and_what_may_live_counts_as_drained(
    kind: OperationKind, content: KeyAndValue, text: str, written: OperationKind
) -> None:
    place = Place()
    records = await place.registered(content)
    assert texts(await place.removals.remove(kind, records)) == [text]
    assert place.last().kind == written
    assert place.keys() == set()


async def test_the_verdict_and_its_evidence_are_written_down_before(tmp_path: Path) -> None:
    place = Place(audit=tmp_path / "audit.jsonl")
    records = await place.registered(MALFORMED)
    await place.removals.remove("unregister", records)
    (act,) = Audit(tmp_path / "audit.jsonl", clock=lambda: NOW, user="", host="").acts()
    (item,) = act.items
    assert item.verdict == "malformed"
    assert item.evidence[0].startswith("Dynamo skips it")
    assert item.outcome == "removed"


@pytest.mark.parametrize("kind", ["unregister", "clean up"])
async def test_of_what_went_while_a_question_stood_the_verdict_that_it_showed_is_written_down(
    kind: OperationKind, tmp_path: Path
) -> None:
    place = Place(audit=tmp_path / "audit.jsonl")
    await place.registered(instance(1), card(1), lease=1)
    records = await place.registered(MALFORMED)
    verdicts = place.view.verdicts
    (target,) = verdicts.targets([records[0]]) | verdicts.targets([records[1]])
    refused = [
        ProbeResult(target, ProbeAnswer.REFUSED, at, "refuses", local=True) for at in (NOW - 9, NOW)
    ]
    verdicts.observe_readings(refused)
    verdicts.update()
    shown: dict[bytes, RemovalTarget] = {}
    await place.removals.judge(records, shown)
    assert {one.verdict for one in shown.values()} == {"unreachable", "malformed"}
    # Its lease runs out.
    for key, _ in (instance(1), card(1)):
        place.keyspace.delete(key)
    await place.seen()
    await place.removals.remove(kind, records, shown)
    (act,) = Audit(tmp_path / "audit.jsonl", clock=lambda: NOW, user="", host="").acts()
    assert act.kind == kind
    written = {item.entry.key: (item.verdict, tuple(item.evidence)) for item in act.items}
    assert written == {key: (one.verdict, one.evidence) for key, one in shown.items()}


async def test_where_it_cannot_be_written_down_nothing_is_removed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    place = Place(audit=tmp_path / "file" / "audit.jsonl")
    records = await place.registered(instance(1))
    (told,) = await place.removals.remove("drain", records)
    assert told.text.startswith("Nothing was removed, since it could not be written down first")
    assert "--no-audit" in told.text
    assert told.severity == "error"
    assert place.keys() == {instance(1)[0]}
    assert place.removals.last() is None
    # What goes by another hand later is not this dyntop's doing.
    event = Event(1, NOW, EventType.REMOVED, records[0])
    assert place.removals.without_reason([event]) == [event]


async def test_each_key_has_its_outcome_and_the_report_has_all_with_failures_first() -> None:
    place = Place()
    first, second, third = await place.registered(instance(1), instance(2), instance(3))
    place.keyspace.put(second.key, b"{}")
    place.keyspace.delete(third.key)
    told = await place.removals.remove("drain", [first, second, third])
    assert texts(told) == [
        "Drained 1 instance. u puts it back.",
        "Drained 1 of 3 keys: 1 changed meanwhile, so it was not removed; 1 gone already.",
    ]
    assert place.keys() == {second.key}
    report = told[-1].report
    assert report is not None
    assert [(one.key, one.text.tone) for one in report.outcomes] == [
        (second.key, "warn"),
        (third.key, "warn"),
        (first.key, "good"),
    ]


async def test_of_a_hundred_that_were_gone_one_sentence_has_the_number() -> None:
    place = Place()
    records = await place.registered(*(instance(worker) for worker in range(1, 101)))
    for record in records:
        place.keyspace.delete(record.key)
    (told,) = await place.removals.remove("drain", records)
    assert (told.text, told.severity) == ("Drained 0 of 100 keys: 100 gone already.", "warning")
    assert told.report is not None
    assert len(told.report.outcomes) == 100


async def test_a_single_key_needs_no_report() -> None:
    place = Place()
    (record,) = await place.registered(instance(1))
    place.keyspace.delete(record.key)
    (told,) = await place.removals.remove("drain", [record])
    assert (told.text, told.report) == (f"Gone already: {record.key.decode()}", None)


class Unanswered(MemoryStore):
    """Does not say what came of removing."""

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        return {entry.key: NO_ANSWER for entry in entries}


class Refusing(MemoryStore):
    """Removes nothing, puts nothing back."""

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        return {entry.key: Refused("this process", "no space") for entry in entries}


@pytest.mark.parametrize(
    ("store", "text", "why"),
    [
        (Unanswered, "Whether it was removed is not known: ", ReasonKind.PERHAPS_THIS_DYNTOP),
        (Refusing, "Not removed: memory at this process refused: no space: ", None),
    ],
)
async def test_an_error_is_told_and_only_what_was_not_answered_may_be_our_doing(
    store: type[MemoryStore], text: str, why: ReasonKind | None
) -> None:
    place = Place(store)
    (record,) = await place.registered(instance(1))
    (told,) = await place.removals.remove("drain", [record])
    assert told.text.startswith(text)
    assert told.severity == "error"
    event = _went(record)
    place.removals.without_reason([event])
    assert (None if event.why is None else event.why.kind) is why


async def test_an_error_of_several_keys_is_told_once_with_its_reason() -> None:
    place = Place(Refusing)
    records = await place.registered(instance(1), instance(2))
    (told,) = await place.removals.remove("drain", records)
    assert (told.text, told.severity) == (
        "Drained 0 of 2 keys: 2 not removed (memory at this process refused: no space).",
        "error",
    )


async def test_what_was_removed_needs_no_other_reason() -> None:
    place = Place()
    (record,) = await place.registered(instance(1))
    await place.removals.remove("drain", [record])
    event = _went(record)
    assert place.removals.without_reason([event]) == []
    assert event.why is not None
    assert (event.why.kind, event.why.act_kind) == (ReasonKind.THIS_DYNTOP, "drain")


class Late(MemoryStore):
    """Tells watchers before it answers, as etcd may. `answer`: in place of its own."""

    def __init__(self, keyspace: Keyspace) -> None:
        super().__init__(keyspace)
        self.told: Callable[[], None] = lambda: None
        self.answer: Outcome | None = None

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        outcomes = await super().delete(entries)
        self.told()
        return outcomes if self.answer is None else dict.fromkeys(outcomes, self.answer)


@pytest.mark.parametrize(
    ("by_another", "answer", "why"),
    [
        (False, None, ReasonKind.THIS_DYNTOP),
        (True, None, ReasonKind.NO_LEASE),
        (False, NO_ANSWER, ReasonKind.PERHAPS_THIS_DYNTOP),
    ],
    ids=["by this dyntop", "by another", "not known"],
)
async def test_what_is_gone_before_the_store_answers_is_told_as_the_answer_has_it(
    by_another: bool, answer: Outcome | None, why: ReasonKind
) -> None:
    place = Place(Late)
    store = place.discovery.store
    assert isinstance(store, Late)
    (record,) = await place.registered(instance(1))
    event = _went(record)
    waiting: list[Event] = []
    store.told = lambda: waiting.extend(place.removals.without_reason([event]))
    store.answer = answer
    if by_another:
        place.keyspace.delete(record.key)
    await place.removals.remove("drain", [record])
    # While it was not known, nothing was said, and nothing was asked for.
    assert waiting == []
    unexplained = place.removals.without_reason(())
    assert unexplained == ([event] if by_another else [])
    await place.removals.find_reasons(unexplained)
    assert (None if event.why is None else event.why.kind) is why
    # What has the same key and goes later has a reason of its own.
    (again,) = await place.registered(instance(1))
    later = _went(again, 2)
    assert place.removals.without_reason([later]) == [later]


async def test_what_was_not_removed_since_it_could_not_be_written_down_is_not_our_doing(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    place = Place(audit=tmp_path / "file" / "audit.jsonl")
    (record,) = await place.registered(instance(1))
    await place.removals.remove("drain", [record])
    event = _went(record)
    assert place.removals.without_reason([event]) == [event]


async def test_what_is_put_back_only_later_is_told_so() -> None:
    place = Place()
    (record,) = await place.registered(instance(1))
    full = NoPuts("it is out of space")
    place.keyspace.forbid_puts(full)
    place.view.take([Heartbeat(no_puts=(full,))], NOW)
    (told,) = await place.removals.remove("drain", [record])
    assert told.text == "Drained 1 instance. u puts it back, once the store takes puts again."


async def test_no_text_of_a_store_is_told_raw() -> None:
    place = Place()
    (record,) = await place.registered((b"v1/instances/\x1b[31m\xff", b"{}"))
    place.keyspace.delete(record.key)
    (told,) = await place.removals.remove("unregister", [record])
    assert "\x1b" not in told.text
    assert "\\x1b[31m\\xff" in told.text


# Who counts as drained.


async def test_the_cards_of_a_drained_worker_are_drained_until_it_is_put_back() -> None:
    place = Place()
    records = await place.registered(instance(1), card(1), lease=1)
    place.heard(1)
    await place.removals.remove("drain", records[:1])
    await place.seen()
    place.heard(1)
    assert place.verdict(card(1)[0]) is Verdict.DRAINED
    await place.removals.undo(place.last())
    await place.seen()
    place.heard(1)
    assert place.verdict(card(1)[0]) is Verdict.LIVE


async def test_only_an_instance_that_may_have_lived_drains_its_worker() -> None:
    place = Place()
    await place.registered((instance(1)[0], b"{"), lease=1)
    bad, one = await place.registered(card(1), lease=1)
    place.heard(1)
    await place.removals.remove("drain", [bad])
    await place.removals.remove("drain", [one])
    place.keyspace.put(one.key, card(1)[1], 1)
    await place.seen()
    place.heard(1)
    assert place.verdict(one.key) is Verdict.DRAINED
    # The store alone tells that.
    judged = place.states.assess(place.view.cluster.records[one.key])
    assert judged.evidence[0].values == DrainedOrDeleted(has_leases=True)


# Putting back.


async def test_the_same_bytes_come_back_under_the_same_lease() -> None:
    place = Place()
    records = await place.registered(instance(1), lease=1)
    await place.removals.remove("drain", records)
    (told,) = await place.removals.undo(place.last())
    assert told.text == "Put back 1 instance."
    entry = place.keyspace.find(instance(1)[0])
    assert entry is not None
    assert (entry.value, entry.lease) == (instance(1)[1], 1)
    assert place.removals.last() is None


async def test_a_key_that_came_back_is_never_overwritten() -> None:
    place = Place()
    records = await place.registered(instance(1))
    await place.removals.remove("drain", records)
    place.keyspace.put(records[0].key, b"another")
    (told,) = await place.removals.undo(place.last())
    assert told.text.startswith("Not put back: the key exists again")
    entry = place.keyspace.find(records[0].key)
    assert entry is not None
    assert entry.value == b"another"


async def test_where_the_lease_has_ended_it_is_said_that_it_cannot_be_put_back() -> None:
    place = Place()
    records = await place.registered(instance(1), instance(2), lease=1)
    await place.removals.remove("drain", records)
    place.keyspace.end_lease(1)
    (told,) = await place.removals.undo(place.last())
    assert told.text == (
        "Put back 0 of 2 keys: 2 cannot be put back (its lease has ended, so its worker is gone)."
    )
    assert told.report is not None
    assert place.keys() == set()


class Stubborn(MemoryStore):
    """Removes, and does not answer to putting back."""

    async def put_back(self, entry: Entry) -> PutBack:
        raise NO_ANSWER


async def test_what_was_not_answered_can_be_undone_again() -> None:
    place = Place(Stubborn)
    records = await place.registered(instance(1))
    await place.removals.remove("drain", records)
    (told,) = await place.removals.undo(place.last())
    assert told.text.startswith("Whether it was put back is not known: ")
    assert place.removals.last() is not None


# What is proposed.


async def test_all_that_is_stale_is_proposed_the_worst_first_whatever_the_filter() -> None:
    place = Place()
    await place.registered(MALFORMED, card(2), card(1), instance(3))
    place.view.narrow("nothing has this name")
    found = [record.key for record in proposals(place.view)]
    assert found == [card(1)[0], card(2)[0], MALFORMED[0]]


async def test_what_may_live_is_not_proposed() -> None:
    place = Place()
    await place.registered(instance(1), card(1), lease=1)
    place.heard(1)
    await place.registered(instance(2))
    assert proposals(place.view) == []
