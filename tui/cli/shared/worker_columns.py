"""The columns of `dyntop list workers`: one row for each process."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from backends.dynamo.records import AnyRecord
from backends.dynamo.roles import Role
from backends.liveness.evidence import Assessment
from backends.liveness.survey import Survey
from backends.liveness.workers import SEVERITY, Worker, worst
from backends.store import Owner, TimeToLive
from tui.cli.columns import TableColumn
from tui.cli.output import ttl_cell
from tui.text.format import LEFT_BEHIND


class LookedAtWorkers:
    """What a command read, and what it knows of each process."""

    def __init__(self, seen: Survey, *, asked: bool) -> None:
        """`asked`: whether leases were checked."""
        self._seen = seen
        self.asked = asked

    def is_left_behind(self, one: Worker) -> bool:
        """Return whether only orphaned keys of it are there: it is no process."""
        return one.id in self._seen.verdicts.left_behind

    def worst(self, one: Worker) -> Assessment | None:
        """Return the assessment of the record with the worst verdict. None: leases were not
        checked."""
        if not self.asked:
            return None
        verdict = worst(self._seen.verdict(record) for record in one.records)
        record = next(record for record in one.records if self._seen.verdict(record) is verdict)
        return self._seen.assessment(record)

    def shortest(self, one: Worker) -> TimeToLive | None:
        """Return the TTL of its lease; without leases, of the key that expires first."""
        ttls = [ttl for record in one.records if (ttl := self._seen.time_to_live(record))]
        return min(ttls, key=lambda ttl: ttl.remaining, default=None)


def _hex(numbers: Iterable[int]) -> str:
    return ", ".join(f"{number:x}" for number in numbers)


def _role(look: LookedAtWorkers, one: Worker) -> str:
    """Return what kind of process it is, or that it is left behind."""
    left = LEFT_BEHIND if look.is_left_behind(one) else ""
    return ", ".join(filter(None, (left, one.role.value)))


def _other_role(look: LookedAtWorkers, one: Worker) -> str:
    """Most processes are workers."""
    left = LEFT_BEHIND if look.is_left_behind(one) else ""
    return ", ".join(filter(None, (left, "" if one.role is Role.WORKER else one.role.value)))


def _other_leases(_: LookedAtWorkers, one: Worker) -> str:
    """Most often it is the id."""
    return "" if one.leases == one.instance_ids else _hex(one.leases)


def _ttl(look: LookedAtWorkers, one: Worker) -> str:
    return ttl_cell(look.shortest(one)) if look.asked else ""


def _left(look: LookedAtWorkers, one: Worker) -> float:
    ttl = look.shortest(one)
    return float("inf") if ttl is None else ttl.remaining


def _state(look: LookedAtWorkers, one: Worker) -> str:
    return "" if (assessment := look.worst(one)) is None else assessment.verdict.value


def _worst_first(look: LookedAtWorkers, one: Worker) -> int:
    assessment = look.worst(one)
    return 0 if assessment is None else -SEVERITY.index(assessment.verdict)


def _evidence(look: LookedAtWorkers, one: Worker) -> str:
    return "" if (assessment := look.worst(one)) is None else assessment.evidence[0].text


def _each(of: Callable[[AnyRecord], str | None]) -> Callable[[LookedAtWorkers, Worker], str]:
    """Return the cell of what its records say, each text once."""

    def text(_: LookedAtWorkers, one: Worker) -> str:
        return ", ".join(dict.fromkeys(found for record in one.records if (found := of(record))))

    return text


def _of_owner(of: Callable[[Owner], str]) -> Callable[[AnyRecord], str | None]:
    return lambda record: None if record.entry.owner is None else of(record.entry.owner)


COLUMNS: tuple[TableColumn[LookedAtWorkers, Worker], ...] = (
    TableColumn(
        "WORKER", lambda _, one: _hex(one.instance_ids or [one.id]), order=lambda _, one: one.id
    ),
    TableColumn("ROLE", _role, _other_role),
    TableColumn(
        "LEASE",
        lambda _, one: _hex(one.leases),
        _other_leases,
        order=lambda _, one: one.leases,
    ),
    TableColumn("COMPONENTS", lambda _, one: ", ".join(one.components)),
    TableColumn("MODELS", lambda _, one: ", ".join(one.models)),
    TableColumn("ENDPOINTS", lambda _, one: str(len(one.served))),
    TableColumn("CARDS", lambda _, one: str(len(one.cards))),
    TableColumn("LORA", lambda _, one: str(len(one.adapters))),
    TableColumn("CHANNELS", lambda _, one: str(len(one.channels))),
    TableColumn("SOURCES", lambda _, one: str(len(one.sources))),
    TableColumn("OTHERS", lambda _, one: str(len(one.others))),
    TableColumn(
        "RANKS", lambda _, one: str(one.ranks), lambda _, one: str(one.ranks) * (one.ranks > 1)
    ),
    TableColumn("HOST", lambda _, one: ", ".join(one.hosts), wide=True),
    TableColumn("NODE", _each(_of_owner(lambda owner: owner.node)), wide=True),
    TableColumn("POD", _each(_of_owner(lambda owner: owner.pod_name)), wide=True),
    TableColumn("READINESS", _each(_of_owner(lambda owner: owner.readiness.value)), wide=True),
    TableColumn("RELEASE", _each(lambda record: record.dialect.value), wide=True),
    TableColumn("TTL", _ttl, order=_left, evidence=True),
    TableColumn("STATE", _state, order=_worst_first, evidence=True),
    TableColumn("EVIDENCE", _evidence, wide=True, evidence=True),
)
"""In the order of the table."""
