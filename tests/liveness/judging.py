"""Facts that a verdict follows from."""

from __future__ import annotations

from backends.liveness import evidence_kinds as kinds
from backends.liveness import judge as judging
from backends.liveness.drain_marks import DrainMark
from backends.liveness.evidence import Evidence
from backends.liveness.explain import assess
from backends.liveness.judge import JudgeInput, LeaseTtl, is_proved, judge
from backends.probe.types import ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget
from backends.store import Lifetime, TimeToLive
from tests.support import registered
from tests.support.registered import record

NOW = 1000.0
INSTANCE = record(registered.instance(0x1A), lease=0x1A)
ALONE = record(registered.instance(0x1A))
CARD = record(registered.card(0x1A), lease=0x1A)
UNLEASED_CARD = record(registered.card(0x1A))
GREETING = ProbeTarget(ProbeMethod.ZMTP, "10.0.0.1:5557")
OTHER_GREETING = ProbeTarget(ProbeMethod.ZMTP, "10.0.0.1:5558")
DIFFERS = kinds.CardsDiffer(0, ())
DRAINED = DrainMark(NOW, kinds.DrainedOrDeleted(has_leases=True))
TRANSPORT = ProbeTarget(ProbeMethod.TCP, "10.0.0.26:9000")


def life(remaining: float, granted: float | None = 30.0) -> LeaseTtl:
    return LeaseTtl(TimeToLive(granted, remaining), NOW)


def reading(
    target: ProbeTarget, answer: ProbeAnswer, at: float = NOW, *, deep: bool = False
) -> ProbeResult:
    return ProbeResult(target, answer, at, answer.value, deep)


def is_stale(facts: JudgeInput) -> bool:
    """Whether a record with these facts is proposed for cleaning up."""
    failure = facts.probed.failure
    proved = failure is not None and is_proved(failure, facts)
    return judging.is_stale(facts.record, judge(facts), is_proved=proved)


def explain(facts: JudgeInput) -> tuple[Evidence, ...]:
    return assess(facts).evidence


def shown(facts: JudgeInput) -> list[kinds.Values]:
    """What the evidence shows, what decided first."""
    return [one.values for one in explain(facts)]


def asked(address: ProbeTarget, answer: ProbeAnswer, detail: str) -> kinds.AddressProbed:
    return kinds.AddressProbed(address.method, answer, address.address, 1, detail)


HEALTHY = JudgeInput(INSTANCE, Lifetime.LEASED, NOW, lease_ttl=life(22.0), worker=0x1A)
ACCEPTS = reading(TRANSPORT, ProbeAnswer.ACCEPTS)
