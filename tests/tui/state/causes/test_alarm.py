"""A person is called once for each worker that is not well any more, and not at every moment."""

from __future__ import annotations

from collections.abc import Hashable

from backends.dynamo.records import AnyRecord
from backends.liveness.judge import Verdict
from tests.support.registered import card, instance, record
from tui.state.causes.alarm import (
    GATHERING,
    LEAST_BETWEEN,
    SETTLING,
    TOLD_AGAIN,
    FindingAlarm,
)


class Ward:
    """An alarm, and the verdicts that it goes by."""

    def __init__(self) -> None:
        self.alarm = FindingAlarm()
        self.now = 100.0
        self.alarm.start(self.now - GATHERING)
        self.verdicts: dict[bytes, Verdict] = {}

    def worsen(self, verdict: Verdict, *workers: int) -> None:
        records = [record(made(one)) for one in workers for made in (instance, card)]
        self.verdicts |= dict.fromkeys([one.key for one in records], verdict)
        self.alarm.note(records, name_of, self.now)

    def said(self, after: float = SETTLING) -> str:
        self.now += after
        return self.alarm.due(lambda key: self.verdicts.get(key, Verdict.UNKNOWN), self.now)


def name_of(one: AnyRecord) -> tuple[Hashable, str]:
    return one.id.instance_id, f"worker {one.id.instance_id:x}"


def test_a_worker_is_told_of_once_whatever_it_has_registered() -> None:
    ward = Ward()
    ward.worsen(Verdict.LATE, 1)
    assert ward.said(after=0) == ""
    # As it stands by then.
    ward.verdicts = dict.fromkeys(ward.verdicts, Verdict.EXPIRED)
    assert ward.said() == "worker 1 expired"
    ward.worsen(Verdict.UNREACHABLE, 1)
    assert ward.said(LEAST_BETWEEN) == ""
    # What comes and goes is no news, however long.
    ward.now += TOLD_AGAIN - LEAST_BETWEEN
    ward.worsen(Verdict.UNREACHABLE, 1)
    assert ward.said(LEAST_BETWEEN) == ""
    ward.now += TOLD_AGAIN
    assert ward.said() == ""
    ward.worsen(Verdict.UNREACHABLE, 1)
    assert ward.said() == "worker 1 unreachable"


def test_several_are_told_of_together_and_later_ones_after_a_while() -> None:
    ward = Ward()
    ward.worsen(Verdict.LATE, 1, 2, 3, 4)
    assert ward.said() == "worker 1 late, worker 2 late and 2 more"
    ward.worsen(Verdict.LATE, 5)
    assert ward.said() == ""
    ward.worsen(Verdict.LATE, 6)
    assert ward.said(LEAST_BETWEEN) == "worker 5 late, worker 6 late"


def test_what_is_well_again_or_was_meant_is_not_told() -> None:
    ward = Ward()
    ward.worsen(Verdict.LATE, 1)
    ward.verdicts = dict.fromkeys(ward.verdicts, Verdict.LIVE)
    ward.worsen(Verdict.DRAINED, 2)
    ward.worsen(Verdict.LATE, 3)
    ward.verdicts.pop(record(instance(3)).key)
    assert ward.said() == ""


def test_nothing_is_told_before_a_first_look_at_everything() -> None:
    ward = Ward()
    ward.alarm = FindingAlarm()
    ward.worsen(Verdict.UNREACHABLE, 1)
    ward.alarm.start(ward.now)
    ward.now += GATHERING - 1
    ward.worsen(Verdict.UNREACHABLE, 2)
    assert ward.said() == ""
    ward.worsen(Verdict.LATE, 3)
    assert ward.said() == "worker 3 late"
    ward.worsen(Verdict.UNREACHABLE, 2)
    assert ward.said(LEAST_BETWEEN) == ""
